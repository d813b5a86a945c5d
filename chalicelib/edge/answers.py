"""What the HTTP API answers when all is well, field by field."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.core import totp
from chalicelib.core.binding import Binding, State
from chalicelib.core.channel import Channel
from chalicelib.edge.passes import Pass
from chalicelib.edge.times import rfc3339


@dataclass(frozen=True, slots=True)
class QrCode:
    """A binding that was begun, with its secret in the clear for this one answer."""

    account: str
    issuer: str
    secret: bytes = field(repr=False)
    expires_at: int
    superseded: bool


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A code that was accepted, and the pass for it."""

    issued: Pass
    channel: Channel
    channel_first_use: bool


def binding(shown: Binding) -> dict[str, Any]:
    """``GET /binding``, and what support sees of the same."""
    return {
        "account": shown.account,
        "state": shown.state.value,
        "channels": {channel.value: rfc3339(shown.channels.get(channel)) for channel in Channel},
        "bound_at": rfc3339(shown.bound_at),
        "locked_until": rfc3339(shown.locked_until),
        "suspended": shown.suspended,
    }


def qr_code(shown: QrCode) -> dict[str, Any]:
    """``POST /bind``: all that a terminal shows."""
    # Imported here, because a verification has no use for the drawing library.
    from chalicelib.edge.qr import png_data_uri

    uri = totp.otpauth_uri(shown.secret, shown.issuer, shown.account)
    return {
        "account": shown.account,
        "issuer": shown.issuer,
        "secret": totp.base32(shown.secret),
        "otpauth_uri": uri,
        "qr_png": png_data_uri(uri),
        "expires_at": rfc3339(shown.expires_at),
        "superseded": shown.superseded,
    }


def logged_in(login: LoggedIn) -> dict[str, Any]:
    """``POST /verify``: the pass for the trading gateway."""
    return {
        "pass": login.issued.token,
        "pass_expires_at": rfc3339(login.issued.expires_at),
        "channel": login.channel.value,
        "channel_first_use": login.channel_first_use,
    }


def bound(login: LoggedIn) -> dict[str, Any]:
    """``POST /bind/confirm``: the binding stands, and its first code was a login too."""
    return {"state": State.BOUND.value, **logged_in(login)}
