"""An authenticator, and the codes it shows."""

from dataclasses import dataclass

import pyotp

from tests.kit.clock import Clock


def code_at(secret: str, at: float) -> str:
    """The code that an authenticator shows at a time."""
    return pyotp.HOTP(secret).at(int(at) // 30)


def wrong_code(secret: str, at: float) -> str:
    """A code that the secret yields at no step near a time."""
    near = {pyotp.HOTP(secret).at(int(at) // 30 + step) for step in range(-40, 41)}
    return next(
        code for code in (f"{number:06}" for number in range(500_000, 501_000)) if code not in near
    )


@dataclass
class Phone:
    """An authenticator that has scanned a QR code."""

    secret: str
    clock: Clock

    def code(self, steps: int = 0) -> str:
        """The code of now, or of a number of steps later."""
        return code_at(self.secret, self.clock() + 30 * steps)

    def wrong(self) -> str:
        return wrong_code(self.secret, self.clock())
