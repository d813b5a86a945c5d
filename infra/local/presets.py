"""Creates the preset accounts 88000089 to 88000099, one for each state that a client can meet.

The service's own rules and writes produce each state, with earlier times. So an account continues
from its state as it would in production.
"""

import base64
from collections.abc import Callable
from uuid import uuid4

import boto3
import jwt
import pyotp
from moto.utilities.utils import load_resource

from chalicelib import wiring
from chalicelib.aws import clients
from chalicelib.aws.bindings import BindingTable
from chalicelib.aws.keyring import Keyring
from chalicelib.aws.secret_box import SecretBox
from chalicelib.core import bind_code, lockout, rules, totp, unbinding
from chalicelib.core.bind_code import BindCode, Policy
from chalicelib.core.binding import (
    Accepted,
    Attempt,
    Begun,
    Binding,
    BindRequest,
    Decision,
    Denied,
    Draft,
    OpenedSecret,
)
from chalicelib.core.channel import Channel
from chalicelib.core.events import Source
from chalicelib.core.unbinding import COMPROMISE, Request
from infra.local.http_server import LOOPBACK

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""The TOTP secret of every preset account, which is public: it is the one of RFC 6238 appendix B."""

BIND_CODE = "12345678"
"""The bind code of the preset accounts that need one. It is no secret either."""

BIND_CODE_OVER = "88000089"
BIND_CODE_NEEDED = "88000090"
BOUND = "88000091"
PENDING = "88000092"
PAST_TERM = "88000093"
LOCKED = "88000094"
SUSPENDED = "88000095"
CODE_USED = "88000096"
UNAVAILABLE = "88000097"
LOGIN_TOO_OLD = "88000098"
DESKTOP_ONLY = "88000099"

_HOUR = 3_600
_DAY = 24 * _HOUR
_PASSWORD_TYPED_AGO = _HOUR
"""Age of the password of the account whose login is too old, in seconds: more than any call allows."""

_LOCKING_CODES = 11
"""Wrong codes of the locked account. They cause the longest lock, so that it outlasts a session."""

_MOTO_SIGNING_KEY = "cognitoidp/resources/jwks-private.json"
"""The key that moto's Cognito signs its tokens with. It is part of moto's package and no secret."""


class Presets:
    """Creates the states of the accounts, and renews at each login those that time would end."""

    def __init__(self) -> None:
        settings = wiring.components().settings
        reads, writes = clients.dynamodb_for_reads(), clients.dynamodb_for_writes()
        self._secret_box = SecretBox(
            Keyring(reads, clients.kms(), settings.keys_table, settings.kms_key, wiring.clock)
        )
        self._at = 0
        self._table = BindingTable(
            reads, writes, settings.bindings_table, lambda: self._at, secrets=True
        )
        self._table_name = settings.bindings_table
        self._secret = base64.b32decode(SECRET)

    def create(self) -> None:
        """Create the state of every preset account."""
        now = int(wiring.clock())
        then = now - 30 * _DAY
        unbound = (BIND_CODE_OVER, BIND_CODE_NEEDED)
        for account in (*unbound, BOUND, DESKTOP_ONLY, LOGIN_TOO_OLD, CODE_USED, LOCKED, SUSPENDED):
            self._begin(account, then)
            self._confirm(account, then + 45)
        for account in (BOUND, LOGIN_TOO_OLD, CODE_USED):
            self._verify(account, Channel.MOBILE, then + _HOUR)
        self._unbind(BIND_CODE_OVER, now - 2 * _DAY)
        self._unbind(BIND_CODE_NEEDED, now - _HOUR)
        self._begin(PENDING, now)
        self._begin(PAST_TERM, now - _HOUR)
        self._wrong_codes(LOCKED, _LOCKING_CODES, now)
        self._wrong_codes(SUSPENDED, lockout.SUSPEND_AT_IN_A_MONTH, now)
        self._damage(UNAVAILABLE)

    def at_login(self, account: str, token: str) -> str:
        """Return the token that the login issues, which is an aged one for one account.

        Time ends two states, so they are renewed: the QR code that waits for its first code, and
        the code of this step that another login has just used.
        """
        now = int(wiring.clock())
        if account == PENDING and self._table.load(account).binding.expired_at(now):
            self._begin(account, now)
        if account == CODE_USED:
            # The next step's code is already valid: using it uses up this step's too, and lasts longer.
            self._verify(account, Channel.DESKTOP, now, steps_ahead=totp.WINDOW)
        return aged(token, _PASSWORD_TYPED_AGO) if account == LOGIN_TOO_OLD else token

    def _begin(self, account: str, at: int) -> None:
        def draft() -> Draft:
            binding_id = uuid4().hex
            return Draft(binding_id, self._secret_box.seal(account, binding_id, self._secret))

        request = BindRequest(
            typed_at=at, always=False, bind_code=lambda: None, hashed=lambda salt: b"", draft=draft
        )
        self._step(account, Channel.DESKTOP, at, lambda binding, now: rules.begin(binding, request, now))

    def _confirm(self, account: str, at: int) -> None:
        attempt = self._attempt(self._code(at), Channel.DESKTOP)
        self._step(
            account, Channel.DESKTOP, at, lambda binding, now: rules.confirm(binding, attempt, now)
        )

    def _verify(self, account: str, channel: Channel, at: int, steps_ahead: int = 0) -> None:
        attempt = self._attempt(self._code(at + steps_ahead * totp.STEP_SECONDS), channel)
        self._step(account, channel, at, lambda binding, now: rules.verify(binding, attempt, now))

    def _unbind(self, account: str, at: int) -> None:
        """Unbind for a suspected compromise, with a bind code that everybody knows."""
        ticket = operator = "preset"

        def new_code(expires_at: int) -> BindCode:
            salt = bytes(bind_code.SALT_BYTES)
            return BindCode(bind_code.digest(BIND_CODE, salt), salt, expires_at)

        request = Request(ticket, operator, new_code, COMPROMISE)
        self._at = at
        source = Source(request_id=str(uuid4()), operator=operator, ticket=ticket, reason=COMPROMISE)
        self._table.change(
            account,
            source,
            lambda binding, now: unbinding.unbind(binding, request, Policy.COMPROMISE, now),
        )

    def _wrong_codes(self, account: str, count: int, until: int) -> None:
        """Write ``count`` wrong codes in a row, the last at ``until``, in a single change."""
        waits = [lockout.lock_seconds(failures) or 1 for failures in range(1, count)]

        def guess_all(binding: Binding, code: str) -> Decision[Accepted | Denied]:
            attempt = self._attempt(code, Channel.MOBILE)
            at = until - sum(waits)
            decision = rules.verify(binding, attempt, at)
            for wait in waits:
                at += wait
                decision = rules.verify(decision.binding, attempt, at)
            return decision

        def guess(binding: Binding, _: int) -> Decision[Accepted | Denied]:
            decisions = (guess_all(binding, f"{number:06}") for number in range(10))
            return next(decision for decision in decisions if decision.binding.failures == count)

        self._step(account, Channel.MOBILE, until, guess)

    def _step(
        self,
        account: str,
        channel: Channel,
        at: int,
        decide: Callable[[Binding, int], Decision[Begun | Accepted | Denied]],
    ) -> None:
        """Make one change as the service makes it, at the time ``at``."""
        self._at = at
        source = Source(request_id=str(uuid4()), address=LOOPBACK, channel=channel)
        self._table.change(account, source, decide)

    def _attempt(self, code: str, channel: Channel) -> Attempt:
        def unseal(binding: Binding) -> OpenedSecret:
            assert binding.sealed is not None
            return OpenedSecret(self._secret, binding.sealed)

        return Attempt(
            code=code,
            typed_at=self._at,
            channel=channel,
            address=LOOPBACK,
            jti=uuid4().hex,
            unseal=unseal,
        )

    def _code(self, at: int) -> str:
        return pyotp.HOTP(SECRET).at(totp.step_at(at))

    def _damage(self, account: str) -> None:
        """Write an item that cannot be read: the service is then unavailable for this account."""
        boto3.client("dynamodb").put_item(
            TableName=self._table_name,
            Item={"account": {"S": account}, "version": {"N": "1"}, "state": {"S": "unreadable"}},
        )


def aged(token: str, seconds: int) -> str:
    """Return the login token as if its password had been typed earlier, signed by the same key."""
    key = jwt.PyJWK(load_resource(_MOTO_SIGNING_KEY), "RS256")
    claims = jwt.decode(token, options={"verify_signature": False})
    claims |= {name: claims[name] - seconds for name in ("iat", "auth_time")}
    headers = {"kid": jwt.get_unverified_header(token)["kid"]}
    return jwt.encode(claims, key.key, "RS256", headers=headers)
