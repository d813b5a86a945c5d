"""One run at a time: whoever deploys, goes back or takes down holds a lock in Parameter Store.

Two first deployments at once would each find no API, and make one.
"""

import contextlib
import hashlib
import json
import os
import secrets
import socket
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploying.console import Stop, line
from infra.deploying.stage import Stage

LONGEST = timedelta(hours=1)
"""How long a lock holds. A run takes some minutes, half an hour where AWS is slow with a new name; what
is older was left behind by one that was killed where nobody can see it, such as on a CI runner."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. ``machine`` tells apart where ``pid`` means something, ``token`` runs."""

    who: str
    host: str = field(default_factory=socket.gethostname)
    machine: str = field(default_factory=lambda: _machine())
    pid: int = field(default_factory=os.getpid)
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def is_gone(self) -> bool:
        """Whether the process is seen not to run any more; only from its own machine that can be."""
        if self.machine != _machine() or os.name == "nt":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False


@dataclass(frozen=True, slots=True)
class _Found:
    holder: Holder
    since: datetime
    version: int


@contextlib.contextmanager
def held(session: Any, stage: Stage, who: str) -> Iterator[None]:
    """Hold the stage's lock. Stop where somebody else does, whose run may still be under way."""
    ssm, name, ours = session.client("ssm"), stage.parameter("lock"), Holder(who)
    _acquire(ssm, name, ours, stage)
    try:
        yield
    finally:
        _release(ssm, name, ours)


def _acquire(ssm: Any, name: str, ours: Holder, stage: Stage) -> None:
    for _ in range(_ATTEMPTS):
        try:
            _put(ssm, name, ours, overwrite=False)
            return
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterAlreadyExists":
                raise
        found = _find(ssm, name)
        if found is None:
            continue
        if found.holder == ours:
            # Written by a call whose answer was lost, so that the SDK called again.
            return
        if not found.holder.is_gone() and datetime.now(UTC) - found.since < LONGEST:
            raise _taken(found.holder, found.since, name, stage)
        _take_over(ssm, name, ours, found, stage)
        return
    raise _busy(stage)


def _take_over(ssm: Any, name: str, ours: Holder, found: _Found, stage: Stage) -> None:
    """Put our name in the place of one that was left behind.

    Parameter Store overwrites without a condition, but keeps every version: of those who do so at
    once, the first one gets the lock back from the others. So does who took it anew, where the one
    left behind was let go of in between.
    """
    first = _Found(ours, datetime.now(UTC), _put(ssm, name, ours, overwrite=True))
    while first.version > 1:
        before = _find(ssm, f"{name}:{first.version - 1}")
        if before is None:
            raise _busy(stage)
        if before.holder == found.holder:
            break
        first = before
    if first.holder == ours:
        line(f"lock         taken over from {found.holder.who}, whose run ended without a word")
        return
    _put(ssm, name, first.holder, overwrite=True)
    raise _taken(first.holder, first.since, name, stage)


def _taken(holder: Holder, since: datetime, name: str, stage: Stage) -> Stop:
    return Stop(
        f"{holder.who} on {holder.host} has been at {stage.name} since {since:%Y-%m-%dT%H:%M:%SZ}: run "
        f"the same again once that is done; where it was killed, an hour after that time, or after "
        f"`aws ssm delete-parameter --region {stage.region} --name {name}`."
    )


def _busy(stage: Stage) -> Stop:
    return Stop(f"others are starting and ending runs of {stage.name}: run the same again in a minute.")


def _release(ssm: Any, name: str, ours: Holder) -> None:
    """Let go of what is still ours; a run that got through is not failed by this."""
    try:
        found = _find(ssm, name)
        if found is not None and found.holder == ours:
            ssm.delete_parameter(Name=name)
    except (ClientError, BotoCoreError, Stop) as error:
        line(f"note         the lock {name} is still there: {error}")


def _put(ssm: Any, name: str, holder: Holder, *, overwrite: bool) -> int:
    """Write a holder down; the version that this became."""
    answer = ssm.put_parameter(
        Name=name, Value=json.dumps(asdict(holder)), Type="String", Overwrite=overwrite
    )
    version: int = answer["Version"]
    return version


def _find(ssm: Any, name: str) -> _Found | None:
    try:
        found = ssm.get_parameter(Name=name)["Parameter"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ParameterNotFound", "ParameterVersionNotFound"):
            return None
        raise
    try:
        holder = Holder(**json.loads(found["Value"]))
    except (TypeError, ValueError) as error:
        raise Stop(
            f"the parameter {name} is not a lock that this version has written: once nobody is at it, "
            f"`aws ssm delete-parameter --name {name}`, and run the same again."
        ) from error
    return _Found(holder, found["LastModifiedDate"].astimezone(UTC), found["Version"])


def _machine() -> str:
    """What tells this machine's processes from another's: its boot and, in a container, whose they are.

    Names are no help, since CI runners share them; where the system has no such words, its network
    card's number.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        known = f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        known = f"{uuid.getnode():x}"
    return hashlib.sha256(f"{socket.gethostname()} {known}".encode()).hexdigest()[:16]
