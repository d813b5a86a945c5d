"""Who may do what: the table that the policies are held against, row by row."""

from dataclasses import dataclass

from tests.permissions.simulator import Request

ALL_OF_A_BINDING = (
    *("account", "version", "event", "state", "binding", "expires_at", "bound_at", "last_step"),
    *("locked_until", "unbound_at", "desktop_at", "mobile_at", "accepted_from", "failures", "suspended"),
)
SECRET = ("secret", "secret_key")


@dataclass(frozen=True)
class Row:
    """One line: who, whether they may, what, on what, and what the call says of itself.

    ``names`` are the attributes that a call names, ``whole`` says that it asks for whole items,
    ``leading`` is the partition key, ``purpose`` what a sealed key is for, ``mfa`` whether the
    caller signed in with a second factor (None: by a long-term access key).
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

    def request(self, resources: dict[str, str]) -> Request:
        context: dict[str, str | tuple[str, ...]] = {}
        if self.names:
            context["dynamodb:Attributes"] = self.names
        if self.action in ("dynamodb:GetItem", "dynamodb:Scan") and self.on == "bindings":
            context["dynamodb:Select"] = "ALL_ATTRIBUTES" if self.whole else "SPECIFIC_ATTRIBUTES"
        if self.leading is not None:
            context["dynamodb:LeadingKeys"] = (self.leading,)
        if self.purpose is not None:
            context["kms:EncryptionContext:purpose"] = self.purpose
        if self.mfa is not None:
            context["aws:MultiFactorAuthPresent"] = str(self.mfa).lower()
        if self.returns is not None:
            context["dynamodb:ReturnValues"] = self.returns
        return Request(self.action, resources[self.on], context)

    def said(self) -> str:
        """What the call says of itself, in words."""
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
        if self.action == "lambda:InvokeFunction" or self.who == "auditor":
            parts.append({True: "with MFA", False: "without MFA", None: "by access key"}[self.mfa])
        return ", ".join(parts)


def may(who: str, action: str, on: str, **said: object) -> Row:
    """A row that says yes."""
    return Row(who, action, on, may=True, **said)  # type: ignore[arg-type]


def may_not(who: str, action: str, on: str, **said: object) -> Row:
    """A row that says no."""
    return Row(who, action, on, may=False, **said)  # type: ignore[arg-type]


VERIFIES = ("account", "version", "binding", "event", "last_step", "failures", "locked_until")
CLEARS = ("account", "version", "binding", "event", "failures", "locked_until", "suspended")
LAST_EVENT = ("account", "version", "event")
UNBINDS = ("account", "version", "binding", "event", "state", *SECRET, "unbound_at")

ROWS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "The API reads and writes bindings, and opens the keys of secrets and passes",
        (
            may("api_handler", "dynamodb:GetItem", "bindings", whole=True),
            may("api_handler", "dynamodb:UpdateItem", "bindings", names=VERIFIES),
            may("api_handler", "dynamodb:UpdateItem", "bindings", names=("account", *SECRET)),
            may_not("api_handler", "dynamodb:UpdateItem", "bindings", names=("account", "unbound_at")),
            may_not("api_handler", "dynamodb:UpdateItem", "bindings"),
            may_not(
                "api_handler", "dynamodb:UpdateItem", "bindings", names=("account",), returns="ALL_OLD"
            ),
            may_not("api_handler", "dynamodb:DeleteItem", "bindings"),
            may_not("api_handler", "dynamodb:PutItem", "bindings", names=("account", "version")),
            may_not("api_handler", "dynamodb:Scan", "bindings"),
            may("api_handler", "dynamodb:Query", "keys", leading="secret"),
            may("api_handler", "dynamodb:Query", "keys", leading="pass"),
            may_not("api_handler", "dynamodb:Query", "keys", leading="trail"),
            may_not("api_handler", "dynamodb:Query", "keys"),
            may_not("api_handler", "dynamodb:PutItem", "keys", leading="secret"),
            may_not("api_handler", "dynamodb:DeleteItem", "keys", leading="pass"),
            may("api_handler", "kms:Decrypt", "key", purpose="secret"),
            may("api_handler", "kms:Decrypt", "key", purpose="pass"),
            may_not("api_handler", "kms:Decrypt", "key", purpose="trail"),
            may_not("api_handler", "kms:Decrypt", "key"),
            may_not("api_handler", "kms:Encrypt", "key", purpose="pass"),
            may_not("api_handler", "dynamodb:Query", "audit", leading="88000001"),
            may_not("api_handler", "dynamodb:PutItem", "audit", leading="88000001"),
            may_not("api_handler", "sns:Publish", "events"),
            may_not("api_handler", "lambda:InvokeFunction", "function unbind"),
        ),
    ),
    (
        "Unbinding removes the secret without being able to read it",
        (
            may("unbind", "dynamodb:GetItem", "bindings", names=ALL_OF_A_BINDING),
            may_not("unbind", "dynamodb:GetItem", "bindings", names=("account", "secret")),
            may_not("unbind", "dynamodb:GetItem", "bindings", names=("account",), whole=True),
            may_not("unbind", "dynamodb:GetItem", "bindings"),
            may("unbind", "dynamodb:UpdateItem", "bindings", names=UNBINDS),
            may_not("unbind", "dynamodb:UpdateItem", "bindings", names=UNBINDS, returns="UPDATED_OLD"),
            may_not("unbind", "dynamodb:UpdateItem", "bindings", names=("account", "note")),
            may_not("unbind", "dynamodb:UpdateItem", "bindings"),
            may_not("unbind", "dynamodb:DeleteItem", "bindings"),
            may_not("unbind", "dynamodb:PutItem", "audit", leading="88000001"),
            may_not("unbind", "dynamodb:Query", "keys", leading="secret"),
            may_not("unbind", "kms:Decrypt", "key", purpose="secret"),
        ),
    ),
    (
        "Unlocking clears the count, the lock and the suspension, and changes nothing else",
        (
            may("unlock", "dynamodb:GetItem", "bindings", names=ALL_OF_A_BINDING),
            may_not("unlock", "dynamodb:GetItem", "bindings", names=("account", "secret_key")),
            may_not("unlock", "dynamodb:GetItem", "bindings", names=("account",), whole=True),
            may_not("unlock", "dynamodb:GetItem", "bindings"),
            may("unlock", "dynamodb:UpdateItem", "bindings", names=CLEARS),
            may_not("unlock", "dynamodb:UpdateItem", "bindings", names=(*CLEARS, "state")),
            may_not("unlock", "dynamodb:UpdateItem", "bindings", names=(*CLEARS, "last_step")),
            may_not("unlock", "dynamodb:UpdateItem", "bindings", names=(*CLEARS, "secret")),
            may_not("unlock", "dynamodb:UpdateItem", "bindings", names=CLEARS, returns="ALL_OLD"),
            may_not("unlock", "dynamodb:UpdateItem", "bindings"),
            may_not("unlock", "kms:Decrypt", "key", purpose="secret"),
        ),
    ),
    (
        "Looking up writes nothing",
        (
            may("lookup", "dynamodb:GetItem", "bindings", names=ALL_OF_A_BINDING),
            may_not("lookup", "dynamodb:GetItem", "bindings", names=("account", "secret")),
            may_not("lookup", "dynamodb:GetItem", "bindings", names=("account",), whole=True),
            may_not("lookup", "dynamodb:GetItem", "bindings"),
            may("lookup", "dynamodb:Query", "audit", leading="88000001"),
            may_not("lookup", "dynamodb:Scan", "audit"),
            may_not("lookup", "dynamodb:PutItem", "audit", leading="88000001"),
            may_not("lookup", "dynamodb:UpdateItem", "bindings", names=CLEARS),
            may_not("lookup", "kms:Decrypt", "key", purpose="secret"),
        ),
    ),
    (
        "Rotation makes keys, opens them to see that they are whole, and removes none but signing keys",
        (
            may("rotate_keys", "dynamodb:Query", "keys", leading="secret"),
            may("rotate_keys", "dynamodb:Query", "keys", leading="trail"),
            may("rotate_keys", "dynamodb:PutItem", "keys", leading="trail"),
            may_not("rotate_keys", "dynamodb:PutItem", "keys", leading="other"),
            may_not("rotate_keys", "dynamodb:Query", "keys"),
            may("rotate_keys", "dynamodb:DeleteItem", "keys", leading="pass"),
            may_not("rotate_keys", "dynamodb:DeleteItem", "keys", leading="secret"),
            may_not("rotate_keys", "dynamodb:DeleteItem", "keys", leading="trail"),
            may_not("rotate_keys", "dynamodb:DeleteItem", "keys"),
            may_not("rotate_keys", "dynamodb:UpdateItem", "keys", leading="pass"),
            may("rotate_keys", "kms:Encrypt", "key", purpose="secret"),
            may("rotate_keys", "kms:Encrypt", "key", purpose="trail"),
            may_not("rotate_keys", "kms:Encrypt", "key", purpose="other"),
            may_not("rotate_keys", "kms:Encrypt", "key"),
            may("rotate_keys", "kms:Decrypt", "key", purpose="secret"),
            may("rotate_keys", "kms:Decrypt", "key", purpose="pass"),
            may("rotate_keys", "kms:Decrypt", "key", purpose="trail"),
            may_not("rotate_keys", "kms:Decrypt", "key", purpose="other"),
            may_not("rotate_keys", "kms:GenerateDataKey", "key", purpose="secret"),
            may_not("rotate_keys", "dynamodb:GetItem", "bindings", whole=True),
        ),
    ),
    (
        "Recording reads the stream, appends audit rows and tells of them",
        (
            may("record_events", "dynamodb:GetRecords", "stream"),
            may("record_events", "dynamodb:GetRecords", "stream after a restore"),
            may("record_events", "dynamodb:Query", "audit", leading="88000001"),
            may("record_events", "dynamodb:GetItem", "audit", leading="88000001"),
            may("record_events", "dynamodb:PutItem", "audit", leading="88000001"),
            may_not("record_events", "dynamodb:UpdateItem", "audit", leading="88000001"),
            may_not("record_events", "dynamodb:DeleteItem", "audit", leading="88000001"),
            may("record_events", "dynamodb:Query", "keys", leading="trail"),
            may_not("record_events", "dynamodb:Query", "keys", leading="pass"),
            may_not("record_events", "dynamodb:Query", "keys"),
            may("record_events", "kms:Decrypt", "key", purpose="trail"),
            may_not("record_events", "kms:Decrypt", "key", purpose="secret"),
            may_not("record_events", "kms:Decrypt", "key"),
            may("record_events", "sns:Publish", "events"),
            may_not("record_events", "sns:Publish", "operations"),
            may_not("record_events", "dynamodb:GetItem", "bindings", whole=True),
            may_not("record_events", "dynamodb:UpdateItem", "bindings", names=("account", "event")),
        ),
    ),
    (
        "Support staff invoke three functions, with MFA; the tables are not theirs",
        (
            may("support", "lambda:InvokeFunction", "function unbind", mfa=True),
            may("support", "lambda:InvokeFunction", "function unlock", mfa=True),
            may("support", "lambda:InvokeFunction", "function lookup", mfa=True),
            may_not("support", "lambda:InvokeFunction", "function unbind", mfa=False),
            may_not("support", "lambda:InvokeFunction", "function unbind"),
            may_not("support", "lambda:InvokeFunction", "function rotate_keys", mfa=True),
            may_not("support", "lambda:InvokeFunction", "function api_handler", mfa=True),
            may_not("support", "lambda:UpdateFunctionCode", "function unbind", mfa=True),
            may_not("support", "dynamodb:GetItem", "bindings", names=("account",), mfa=True),
            may_not("support", "dynamodb:Query", "audit", mfa=True),
        ),
    ),
    (
        "Auditors read the trail and check its seals, with MFA",
        (
            may("auditor", "dynamodb:Query", "audit", mfa=True),
            may("auditor", "dynamodb:Scan", "audit", mfa=True),
            may_not("auditor", "dynamodb:Scan", "audit", mfa=False),
            may_not("auditor", "dynamodb:PutItem", "audit", mfa=True),
            may_not("auditor", "dynamodb:DeleteItem", "audit", mfa=True),
            may("auditor", "dynamodb:GetItem", "bindings", names=LAST_EVENT, mfa=True),
            may("auditor", "dynamodb:Scan", "bindings", names=("account",), mfa=True),
            may_not("auditor", "dynamodb:GetItem", "bindings", names=LAST_EVENT, mfa=False),
            may_not("auditor", "dynamodb:GetItem", "bindings", names=("account", "secret"), mfa=True),
            may_not("auditor", "dynamodb:GetItem", "bindings", names=("account",), whole=True, mfa=True),
            may_not("auditor", "dynamodb:Scan", "bindings", mfa=True),
            may("auditor", "dynamodb:Query", "keys", leading="trail", mfa=True),
            may_not("auditor", "dynamodb:Query", "keys", leading="trail", mfa=False),
            may_not("auditor", "dynamodb:Query", "keys", leading="secret", mfa=True),
            may_not("auditor", "dynamodb:Query", "keys", mfa=True),
            may("auditor", "kms:Decrypt", "key", purpose="trail", mfa=True),
            may_not("auditor", "kms:Decrypt", "key", purpose="trail", mfa=False),
            may_not("auditor", "kms:Decrypt", "key", purpose="secret", mfa=True),
            may("auditor", "s3:ListBucket", "invocations", mfa=True),
            may_not("auditor", "s3:ListBucket", "invocations"),
            may("auditor", "s3:GetObject", "an invocation", mfa=True),
            may_not("auditor", "s3:GetObject", "an invocation", mfa=False),
            may_not("auditor", "s3:DeleteObject", "an invocation", mfa=True),
            may_not("auditor", "lambda:InvokeFunction", "function lookup", mfa=True),
        ),
    ),
    (
        "The KMS key is managed by administrators and used by nobody but the functions",
        (
            may("administrator", "kms:DisableKey", "key"),
            may("administrator", "kms:EnableKey", "key"),
            may("administrator", "kms:PutKeyPolicy", "key"),
            may("administrator", "kms:ScheduleKeyDeletion", "key"),
            may_not("administrator", "kms:Decrypt", "key", purpose="secret"),
            may_not("administrator", "kms:Encrypt", "key", purpose="pass"),
            may_not("administrator", "kms:ReEncryptFrom", "key", purpose="secret"),
            may_not("administrator", "kms:GenerateDataKey", "key", purpose="secret"),
            may_not("administrator", "kms:CreateGrant", "key"),
            may_not("another role", "kms:Decrypt", "key", purpose="secret"),
            may_not("another role", "kms:Decrypt", "key", purpose="trail"),
            may_not("another role", "kms:Encrypt", "key", purpose="pass"),
        ),
    ),
)
