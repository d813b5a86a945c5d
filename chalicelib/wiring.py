"""Builds the components from the environment, once per process."""

import os
import threading
import time
from dataclasses import dataclass

from chalicelib.api.service import Service
from chalicelib.audit.recorder import Recorder
from chalicelib.aws import clients
from chalicelib.aws.audit_table import AuditTable
from chalicelib.aws.bindings import BindingTable
from chalicelib.aws.keyring import Keyring
from chalicelib.aws.secret_box import SecretBox
from chalicelib.aws.sts import SecurityTokenService
from chalicelib.aws.topic import EventsTopic
from chalicelib.aws.witness import Witness
from chalicelib.rotation import Rotation
from chalicelib.settings import Settings, read_settings
from chalicelib.support.desk import Desk
from chalicelib.support.proof import OperatorProof
from chalicelib.tokens.login import LoginCheck
from chalicelib.tokens.login_keys import login_keys
from chalicelib.tokens.passes import Passes

_lock = threading.Lock()
_components: "Components | None" = None


@dataclass(frozen=True, slots=True)
class Components:
    """The components that the entry points call."""

    settings: Settings
    login: LoginCheck
    service: Service
    desk: Desk
    passes: Passes
    rotation: Rotation
    recorder: Recorder


def clock() -> float:
    """Return the time in Unix seconds, by the one clock of the process."""
    return time.time()


def components() -> Components:
    """Return the components, built on first use. Raises InvalidSetting if the environment is invalid."""
    global _components
    with _lock:
        if _components is None:
            _components = _build(read_settings(os.environ))
        return _components


def reset() -> None:
    """Forget the components. The next call builds them anew, as a new process would."""
    global _components
    _components = None


def _build(settings: Settings) -> Components:
    def now() -> float:
        return clock()

    reads, writes = clients.dynamodb_for_reads(), clients.dynamodb_for_writes()
    keyring = Keyring(
        reads,
        clients.kms(),
        settings.keys_table,
        settings.kms_key,
        now,
        revoked=settings.revoked_keys,
    )
    passes = Passes(keyring, settings.pass_issuer, settings.pass_audience)
    for_clients = BindingTable(reads, writes, settings.bindings_table, now, secrets=True)
    for_support = BindingTable(reads, writes, settings.bindings_table, now, secrets=False)
    audit_table = AuditTable(reads, settings.audit_table)
    sts = SecurityTokenService(settings.sts_stand_in)
    topic = EventsTopic(clients.sns(), settings.events_topic)
    witness = Witness(clients.s3, settings.witness_bucket)
    return Components(
        settings=settings,
        login=LoginCheck(settings.login, login_keys(settings, now), now),
        service=Service(
            for_clients, SecretBox(keyring), passes, settings.otp_issuer, settings.bind_code
        ),
        desk=Desk(
            for_support,
            audit_table,
            OperatorProof(sts, now, required=settings.operator_proof_required),
            settings.bind_code,
            settings.login.account_case,
            two_operators=settings.two_operators,
        ),
        passes=passes,
        rotation=Rotation(keyring, now),
        recorder=Recorder(witness, audit_table, topic, settings.trail_kept_years),
    )
