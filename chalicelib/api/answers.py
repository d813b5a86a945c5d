"""The successful answers of the HTTP API, field by field."""

from typing import Any

from chalicelib.api.service import LoggedIn, NewSecret, Standing
from chalicelib.core import totp
from chalicelib.core.binding import State
from chalicelib.documents import rfc3339, standing


def binding(shown: Standing) -> dict[str, Any]:
    """Return the answer of ``GET /binding``."""
    return {**standing(shown.binding), "bind_code_required": shown.bind_code_required}


def qr_code(shown: NewSecret) -> dict[str, Any]:
    """Return the answer of ``POST /bind``: all that a terminal shows."""
    # Imported here, because a verification does not need the drawing library.
    from chalicelib.api.qr import draw

    uri = totp.otpauth_uri(shown.secret, shown.issuer, shown.account)
    drawn = draw(uri)
    return {
        "account": shown.account,
        "issuer": shown.issuer,
        "secret": totp.base32(shown.secret),
        "otpauth_uri": uri,
        "qr_png": drawn.png,
        "qr_modules": drawn.modules,
        "expires_at": rfc3339(shown.expires_at),
        "superseded": shown.superseded,
    }


def logged_in(login: LoggedIn) -> dict[str, Any]:
    """Return the answer of ``POST /verify``: the pass for the trading gateway."""
    return {
        "pass": login.issued.token,
        "pass_expires_at": rfc3339(login.issued.expires_at),
        "channel": login.channel.value,
        "channel_first_use": login.channel_first_use,
    }


def bound(login: LoggedIn) -> dict[str, Any]:
    """Return the answer of ``POST /bind/confirm``: the account is bound, and logged in too."""
    return {"state": State.BOUND.value, **logged_in(login)}
