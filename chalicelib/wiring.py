"""Puts the parts together, once per process, from the environment."""

import os
import threading
import time
from dataclasses import dataclass

from chalicelib.aws import clients
from chalicelib.aws.audit_table import AuditTable, Topic
from chalicelib.aws.keyring import Keyring
from chalicelib.aws.store import BindingTable
from chalicelib.aws.vault import Vault
from chalicelib.desk import Desk
from chalicelib.edge.login import KeySet, LoginCheck, fetcher
from chalicelib.edge.passes import Passes
from chalicelib.rotation import Rotation
from chalicelib.service import Service
from chalicelib.settings import Settings, read_settings
from chalicelib.settling import Settling
from chalicelib.trail import Trail

_lock = threading.Lock()
_parts: "Parts | None" = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What the entry points hand on to."""

    settings: Settings
    login: LoginCheck
    service: Service
    desk: Desk
    passes: Passes
    rotation: Rotation
    trail: Trail


def clock() -> float:
    """The one clock of a process, in Unix seconds."""
    return time.time()


def parts() -> Parts:
    """The parts of this process. WrongSetting, each time anew, where the environment is wrong."""
    global _parts
    with _lock:
        if _parts is None:
            _parts = _put_together(read_settings(os.environ))
        return _parts


def forget() -> None:
    """Put everything together anew at the next call, as a new process would."""
    global _parts
    _parts = None


def _put_together(settings: Settings) -> Parts:
    def now() -> float:
        return clock()

    reads, writes = clients.dynamodb_for_reads(), clients.dynamodb_for_writes()
    keyring = Keyring(reads, clients.kms(), settings.keys_table, settings.kms_key, now)
    passes = Passes(keyring, settings.pass_issuer, settings.pass_audience)
    url = settings.login_key_set_url
    key_set = KeySet(fetcher(url) if url else None, settings.login_key_set, now)
    for_clients = BindingTable(reads, writes, settings.bindings_table, secrets=True)
    audit_table = AuditTable(reads, settings.audit_table)
    topic = Topic(clients.sns(), settings.events_topic)
    for_support = BindingTable(reads, writes, settings.bindings_table, secrets=False)
    return Parts(
        settings=settings,
        login=LoginCheck(settings.login, key_set, now),
        service=Service(Settling(for_clients, now), Vault(keyring), passes, settings.otp_issuer),
        desk=Desk(Settling(for_support, now), audit_table),
        passes=passes,
        rotation=Rotation(keyring, now),
        trail=Trail(audit_table, topic, keyring, now, settings.trail_kept_years),
    )
