"""The deployed service and desk above the explorer's table, and the operations that meet there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.api.service import Service, TypedCode
from chalicelib.aws.bindings import BindingTable
from chalicelib.core import totp
from chalicelib.core.account import AccountCase
from chalicelib.core.bind_code import Policy
from chalicelib.core.binding import Accepted, Binding, OpenedSecret, SealedSecret
from chalicelib.core.channel import Channel
from chalicelib.core.errors import Refused
from chalicelib.core.events import Source
from chalicelib.support.desk import Desk
from chalicelib.support.requests import SupportRequest
from chalicelib.tokens.login import Caller
from chalicelib.tokens.passes import Pass
from tests.explorer.store import Table
from tests.kit.phone import code_at, wrong_code

NOW = 1_800_000_000
ACCOUNT = "88000001"
SOURCE = Source(request_id="r", address="192.0.2.1")


class Box:
    """A secret box whose seal is the secret itself; ``key_id`` names the newest data key."""

    def __init__(self, key_id: str = "key-1") -> None:
        self.key_id = key_id

    def seal(self, account: str, binding_id: str, secret: bytes) -> SealedSecret:
        return SealedSecret(self.key_id, secret)

    def open(self, binding: Binding) -> OpenedSecret:
        assert binding.sealed is not None
        return OpenedSecret(binding.sealed.blob, SealedSecret(self.key_id, binding.sealed.blob))


@dataclass
class Signer:
    """Notes each pass that is signed."""

    signed: list[Accepted] = field(default_factory=list)

    def signer(self) -> "Signer":
        return self

    def sign(self, account: str, channel: Channel, accepted: Accepted) -> Pass:
        self.signed.append(accepted)
        return Pass(accepted.jti, accepted.at + 60)


class World:
    """One account, its owner and its support staff."""

    def __init__(self, policy: Policy = Policy.COMPROMISE, *, two_operators: bool = False) -> None:
        self.now = NOW
        self.table = Table()
        self.passes = Signer()
        self.box = Box()
        clients: Any = self.table
        for_clients = BindingTable(
            clients, clients, "t", lambda: self.now, secrets=True, sleep=lambda _: None
        )
        for_support = BindingTable(
            clients, clients, "t", lambda: self.now, secrets=False, sleep=lambda _: None
        )
        box: Any = self.box
        passes: Any = self.passes
        # The desk asks neither for what the explorer does: the audit table and the proof.
        unasked: Any = None
        self.service = Service(for_clients, box, passes, "issuer", policy)
        self.desk = Desk(
            for_support, unasked, unasked, policy, AccountCase.EXACT, two_operators=two_operators
        )
        self.secret = ""

    def caller(self, channel: Channel = Channel.DESKTOP) -> Caller:
        token = f"token-{channel}"
        return Caller(ACCOUNT, channel, may_bind=True, typed_at=self.now, token=token)

    def bind(self, bind_code: str | None = None) -> Any:
        """Get a QR code; an error's code if it is refused."""
        return told(lambda: self.service.begin(self.caller(), lambda: bind_code, SOURCE))

    def confirm(self, code: str, key: str | None = None) -> Any:
        return told(lambda: self.service.confirm(self.caller(), TypedCode(code, key), SOURCE))

    def verify(self, code: str, key: str | None = None, channel: Channel = Channel.DESKTOP) -> Any:
        return told(lambda: self.service.verify(self.caller(channel), TypedCode(code, key), SOURCE))

    def support(
        self, act: str, ticket: str = "T-1", operator: str = "amy", reason: str | None = None
    ) -> Any:
        request = SupportRequest(ACCOUNT, operator, ticket, reason)
        return told(lambda: getattr(self.desk, act)(request, "r"))

    def pending(self) -> "World":
        self.secret = totp.base32(self.bind().secret)
        return self

    def bound(self) -> "World":
        """Bind, and let a minute pass."""
        self.pending()
        self.confirm(self.code())
        self.now += 60
        return self

    def code(self, steps: int = 0) -> str:
        return code_at(self.secret, self.now + 30 * steps)

    def wrong(self) -> str:
        return wrong_code(self.secret, self.now)

    def ready(self) -> "World":
        """Forget what led here: what follows is judged."""
        self.table.writes.clear()
        self.passes.signed.clear()
        return self


def told(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Refused as refused:
        return refused.code.value
