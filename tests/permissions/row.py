"""One row of the table that the policies are held against."""

from dataclasses import dataclass

from tests.permissions.simulator import Request

SUPPORT_FUNCTIONS = ("unbind", "invite", "approve", "unlock", "lookup")
FUNCTIONS = ("api_handler", *SUPPORT_FUNCTIONS, "rotate_keys", "record_events")

READ_ONLY = ("cutoff", "bind_code", "held", "unbindings", "waiting")
"""Attributes that support alone sets: the API's role may read it and may not write it."""

WITHHELD = (*READ_ONLY, "unbound_version", "unlocked_version")
"""Attributes that the API's role may not write."""

ALL_OF_A_BINDING = (
    *("account", "version", "event", "state", "binding", "expires_at", "bound_at", "last_step"),
    *("accepted_from", "repeatable", "failures", "month_failures", "month_began_at", "locked_until"),
    *("suspended", "bind_code_failures", "desktop_at", "mobile_at", *READ_ONLY),
)
SECRET = ("secret", "secret_key")
NEW = (("s3:if-none-match", "*"),)
"""An object that is put only if there is none of its name."""

PEOPLE = ("support staff", "auditors")
"""Users, by the policy that they hold."""


@dataclass(frozen=True)
class Row:
    """One line: who may or may not do what, on what, and the details of the call.

    ``names`` are the attributes that a call names, ``whole`` is true if it asks for whole items,
    ``leading`` is the partition key, ``purpose`` the purpose of a sealed key, ``mfa`` true if a
    user logged in with a second factor (None: by a long-term access key), ``session`` the name of
    the session of an assumed role, ``more`` other condition keys with their values. The session of
    a role has no condition key for MFA.
    """

    who: str
    action: str
    on: str
    may: bool
    names: tuple[str, ...] = ()
    whole: bool = False
    leading: str | None = None
    purpose: str | None = None
    mfa: bool | None = None
    returns: str | None = None
    session: str | None = None
    more: tuple[tuple[str, str], ...] = ()

    def request(self, resources: dict[str, str]) -> Request:
        context: dict[str, str | tuple[str, ...]] = {}
        if self.names:
            context["dynamodb:Attributes"] = self.names
        reads = ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan")
        if self.action in reads and self.on == "bindings":
            context["dynamodb:Select"] = "ALL_ATTRIBUTES" if self.whole else "SPECIFIC_ATTRIBUTES"
        if self.leading is not None:
            context["dynamodb:LeadingKeys"] = (self.leading,)
        if self.purpose is not None:
            context["kms:EncryptionContext:purpose"] = self.purpose
        if self.mfa is not None:
            context["aws:MultiFactorAuthPresent"] = str(self.mfa).lower()
        if self.returns is not None:
            context["dynamodb:ReturnValues"] = self.returns
        if self.session is not None:
            context["sts:RoleSessionName"] = self.session
        context |= {key: resources.get(value, value) for key, value in self.more}
        return Request(self.action, resources[self.on], context)

    def said(self) -> str:
        """Return the details of the call in words."""
        parts = []
        if self.names:
            parts.append("naming " + ", ".join(f"`{name}`" for name in self.names))
        if self.whole:
            parts.append("whole items")
        if self.leading is not None:
            parts.append(f"partition `{self.leading}`")
        if self.purpose is not None:
            parts.append(f"purpose `{self.purpose}`")
        if self.returns is not None:
            parts.append(f"returning `{self.returns}`")
        if self.session is not None:
            parts.append(f"as `{self.session}`")
        parts += [f"{key.partition(':')[2]} `{value}`" for key, value in self.more]
        if self.who in PEOPLE:
            parts.append({True: "with MFA", False: "without MFA", None: "by access key"}[self.mfa])
        return ", ".join(parts)


def may(who: str, action: str, on: str, **said: object) -> Row:
    """Return a row that says yes."""
    return Row(who, action, on, may=True, **said)  # type: ignore[arg-type]


def may_not(who: str, action: str, on: str, **said: object) -> Row:
    """Return a row that says no."""
    return Row(who, action, on, may=False, **said)  # type: ignore[arg-type]
