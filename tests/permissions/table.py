"""Who may do what: the table that the policies are held against, row by row."""

from dataclasses import dataclass

from tests.permissions.simulator import Request

ALL_OF_A_BINDING = (
    *("account", "version", "event", "state", "binding", "expires_at", "bound_at", "last_step"),
    *("locked_until", "unbound_at", "desktop_at", "mobile_at", "accepted_from", "failures", "suspended"),
)
SECRET = ("secret", "secret_key")
PEOPLE = ("support staff", "auditors")
"""Users, by the policy that they hold."""


@dataclass(frozen=True)
class Row:
    """One line: who, whether they may, what, on what, and what the call says of itself.

    ``names`` are the attributes that a call names, ``whole`` says that it asks for whole items,
    ``leading`` is the partition key, ``purpose`` what a sealed key is for, ``mfa`` whether a
    user signed in with a second factor (None: by a long-term access key), ``session`` what a user
    names the session of the role they become, ``new`` that an object is put only if there is none.
    A role's session knows nothing of MFA.
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
    new: bool = False

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
        if self.new:
            context["s3:if-none-match"] = "*"
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
        if self.session is not None:
            parts.append(f"as `{self.session}`")
        if self.new:
            parts.append("`If-None-Match: *`")
        if self.who in PEOPLE:
            parts.append({True: "with MFA", False: "without MFA", None: "by access key"}[self.mfa])
        return ", ".join(parts)


def may(who: str, action: str, on: str, **said: object) -> Row:
    """A row that says yes."""
    return Row(who, action, on, may=True, **said)  # type: ignore[arg-type]


def may_not(who: str, action: str, on: str, **said: object) -> Row:
    """A row that says no."""
    return Row(who, action, on, may=False, **said)  # type: ignore[arg-type]


VERIFIES = ("account", "version", "binding", "event", "last_step", "failures", "locked_until")
CLEARS = (
    *("account", "version", "binding", "event", "failures", "locked_until", "suspended"),
    "unlocked_version",
)
UNBINDS = ("account", "version", "binding", "event", "state", *SECRET, "unbound_at", "unbound_version")
AUDITED = (
    *("account", "version", "event", "state", "binding", "expires_at", "bound_at", "last_step"),
    *("locked_until", "desktop_at", "mobile_at", "suspended"),
)

ROWS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "The API reads and writes bindings, and opens the keys of secrets and passes",
        (
            may("api_handler", "dynamodb:GetItem", "bindings", whole=True),
            may("api_handler", "dynamodb:UpdateItem", "bindings", names=VERIFIES),
            may("api_handler", "dynamodb:UpdateItem", "bindings", names=("account", *SECRET)),
            may_not("api_handler", "dynamodb:UpdateItem", "bindings", names=("account", "unbound_at")),
            may_not(
                "api_handler", "dynamodb:UpdateItem", "bindings", names=("account", "unbound_version")
            ),
            may_not(
                "api_handler", "dynamodb:UpdateItem", "bindings", names=("account", "unlocked_version")
            ),
            may_not("api_handler", "dynamodb:UpdateItem", "bindings"),
            may_not(
                "api_handler", "dynamodb:UpdateItem", "bindings", names=("account",), returns="ALL_OLD"
            ),
            may_not("api_handler", "dynamodb:DeleteItem", "bindings"),
            may_not("api_handler", "dynamodb:PutItem", "bindings", names=("account", "version")),
            may_not("api_handler", "dynamodb:Scan", "bindings"),
            may("api_handler", "dynamodb:Query", "keys", leading="secret"),
            may("api_handler", "dynamodb:Query", "keys", leading="pass"),
            may_not("api_handler", "dynamodb:Query", "keys", leading="other"),
            may_not("api_handler", "dynamodb:Query", "keys"),
            may_not("api_handler", "dynamodb:PutItem", "keys", leading="secret"),
            may_not("api_handler", "dynamodb:DeleteItem", "keys", leading="pass"),
            may("api_handler", "kms:Decrypt", "key", purpose="secret"),
            may("api_handler", "kms:Decrypt", "key", purpose="pass"),
            may_not("api_handler", "kms:Decrypt", "key", purpose="other"),
            may_not("api_handler", "kms:Decrypt", "key"),
            may_not("api_handler", "kms:Encrypt", "key", purpose="pass"),
            may_not("api_handler", "dynamodb:Query", "audit", leading="88000001"),
            may_not("api_handler", "dynamodb:PutItem", "audit", leading="88000001"),
            may_not("api_handler", "dynamodb:PartiQLInsert", "audit"),
            may_not("api_handler", "s3:PutObject", "a witness", new=True),
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
            may_not("unbind", "dynamodb:UpdateItem", "bindings", names=("account", "unlocked_version")),
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
            may_not("unlock", "dynamodb:UpdateItem", "bindings", names=(*CLEARS, "unbound_version")),
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
            may("rotate_keys", "dynamodb:PutItem", "keys", leading="secret"),
            may_not("rotate_keys", "dynamodb:PutItem", "keys", leading="other"),
            may_not("rotate_keys", "dynamodb:Query", "keys"),
            may("rotate_keys", "dynamodb:DeleteItem", "keys", leading="pass"),
            may_not("rotate_keys", "dynamodb:DeleteItem", "keys", leading="secret"),
            may_not("rotate_keys", "dynamodb:DeleteItem", "keys"),
            may_not("rotate_keys", "dynamodb:UpdateItem", "keys", leading="pass"),
            may("rotate_keys", "kms:Encrypt", "key", purpose="secret"),
            may_not("rotate_keys", "kms:Encrypt", "key", purpose="other"),
            may_not("rotate_keys", "kms:Encrypt", "key"),
            may("rotate_keys", "kms:Decrypt", "key", purpose="secret"),
            may("rotate_keys", "kms:Decrypt", "key", purpose="pass"),
            may_not("rotate_keys", "kms:Decrypt", "key", purpose="other"),
            may_not("rotate_keys", "kms:GenerateDataKey", "key", purpose="secret"),
            may_not("rotate_keys", "dynamodb:GetItem", "bindings", whole=True),
        ),
    ),
    (
        "Recording reads the stream, witnesses and inserts audit rows and tells of them",
        (
            may("record_events", "dynamodb:GetRecords", "stream"),
            may("record_events", "dynamodb:GetRecords", "stream after a restore"),
            may("record_events", "dynamodb:PartiQLInsert", "audit"),
            may_not("record_events", "dynamodb:PartiQLUpdate", "audit"),
            may_not("record_events", "dynamodb:PartiQLDelete", "audit"),
            may_not("record_events", "dynamodb:PartiQLInsert", "bindings"),
            may_not("record_events", "dynamodb:BatchWriteItem", "audit", leading="88000001"),
            may_not("record_events", "dynamodb:PutItem", "audit", leading="88000001"),
            may_not("record_events", "dynamodb:UpdateItem", "audit", leading="88000001"),
            may_not("record_events", "dynamodb:DeleteItem", "audit", leading="88000001"),
            may("record_events", "s3:PutObject", "a witness", new=True),
            may_not("record_events", "s3:PutObjectRetention", "a witness"),
            may_not("record_events", "s3:DeleteObject", "a witness"),
            may_not("record_events", "s3:DeleteObjectVersion", "a witness"),
            may_not("record_events", "s3:GetObject", "a witness"),
            may_not("record_events", "dynamodb:Query", "keys", leading="pass"),
            may_not("record_events", "kms:Decrypt", "key", purpose="secret"),
            may("record_events", "sns:Publish", "events"),
            may_not("record_events", "sns:Publish", "operations"),
            may_not("record_events", "dynamodb:GetItem", "bindings", whole=True),
            may_not("record_events", "dynamodb:UpdateItem", "bindings", names=("account", "event")),
        ),
    ),
    (
        "Support staff open and invoke three functions, with MFA, themselves or in a role, and no more",
        (
            may("support staff", "lambda:InvokeFunction", "function unbind", mfa=True),
            may("support staff", "lambda:InvokeFunction", "function unlock", mfa=True),
            may("support staff", "lambda:InvokeFunction", "function lookup", mfa=True),
            may("support staff", "lambda:GetFunction", "function unbind", mfa=True),
            may("support staff", "lambda:GetFunction", "function unlock", mfa=True),
            may("support staff", "lambda:GetFunction", "function lookup", mfa=True),
            may_not("support staff", "lambda:GetFunction", "function lookup"),
            may_not("support staff", "lambda:GetFunction", "function rotate_keys", mfa=True),
            may_not("support staff", "lambda:InvokeFunction", "function unbind", mfa=False),
            may_not("support staff", "lambda:InvokeFunction", "function unbind"),
            may_not("support staff", "lambda:InvokeFunction", "function rotate_keys", mfa=True),
            may_not("support staff", "lambda:InvokeFunction", "function api_handler", mfa=True),
            may_not("support staff", "lambda:UpdateFunctionCode", "function unbind", mfa=True),
            may_not("support staff", "dynamodb:GetItem", "bindings", names=("account",), mfa=True),
            may_not("support staff", "dynamodb:Query", "audit", mfa=True),
            may("support staff", "sts:AssumeRole", "support role", session="support.staff", mfa=True),
            may_not("support staff", "sts:AssumeRole", "support role", session="other", mfa=True),
            may_not(
                "support staff", "sts:AssumeRole", "support role", session="support.staff", mfa=False
            ),
            may_not("support staff", "sts:AssumeRole", "support role", session="support.staff"),
            may_not("support staff", "sts:AssumeRole", "auditor role", session="any", mfa=True),
            may("support role", "lambda:InvokeFunction", "function unbind"),
            may("support role", "lambda:InvokeFunction", "function unlock"),
            may("support role", "lambda:InvokeFunction", "function lookup"),
            may("support role", "lambda:GetFunction", "function unbind"),
            may("support role", "lambda:GetFunction", "function unlock"),
            may("support role", "lambda:GetFunction", "function lookup"),
            may_not("support role", "lambda:GetFunction", "function api_handler"),
            may_not("support role", "lambda:InvokeFunction", "function rotate_keys"),
            may_not("support role", "lambda:InvokeFunction", "function api_handler"),
            may_not("support role", "lambda:UpdateFunctionCode", "function unbind"),
            may_not("support role", "dynamodb:GetItem", "bindings", names=("account",)),
            may_not("support role", "dynamodb:Query", "audit"),
            may_not("support role", "kms:Decrypt", "key", purpose="secret"),
        ),
    ),
    (
        "Auditors read the trail, its witness and the bindings, in a role that takes MFA to become",
        (
            may("auditors", "sts:AssumeRole", "auditor role", session="any", mfa=True),
            may_not("auditors", "sts:AssumeRole", "auditor role", session="any", mfa=False),
            may_not("auditors", "sts:AssumeRole", "auditor role", session="any"),
            may_not("auditors", "sts:AssumeRole", "support role", session="auditors", mfa=True),
            may_not("auditors", "dynamodb:Scan", "audit", mfa=True),
            may("auditor role", "dynamodb:Query", "audit"),
            may("auditor role", "dynamodb:Scan", "audit"),
            may_not("auditor role", "dynamodb:PutItem", "audit"),
            may_not("auditor role", "dynamodb:DeleteItem", "audit"),
            may("auditor role", "dynamodb:Query", "bindings", names=AUDITED),
            may("auditor role", "dynamodb:Scan", "bindings", names=AUDITED),
            may_not("auditor role", "dynamodb:Query", "bindings", names=("account", "secret")),
            may_not("auditor role", "dynamodb:Scan", "bindings", names=("account", "accepted_from")),
            may_not("auditor role", "dynamodb:Query", "bindings", names=("account",), whole=True),
            may_not("auditor role", "dynamodb:Scan", "bindings"),
            may_not("auditor role", "dynamodb:Query", "keys", leading="secret"),
            may_not("auditor role", "kms:Decrypt", "key", purpose="secret"),
            may("auditor role", "s3:ListBucketVersions", "witness"),
            may("auditor role", "s3:GetObjectVersion", "a witness"),
            may_not("auditor role", "s3:PutObject", "a witness", new=True),
            may_not("auditor role", "s3:DeleteObjectVersion", "a witness"),
            may("auditor role", "s3:ListBucket", "invocations"),
            may("auditor role", "s3:GetObject", "an invocation"),
            may_not("auditor role", "s3:DeleteObject", "an invocation"),
            may_not("auditor role", "lambda:InvokeFunction", "function lookup"),
        ),
    ),
    (
        "Nobody becomes a function's role but Lambda",
        (
            may_not("administrator", "sts:AssumeRole", "role of api_handler", session="any"),
            may_not("administrator", "sts:AssumeRole", "role of rotate_keys", session="any"),
            may_not("administrator", "sts:AssumeRole", "support role", session="any"),
            may_not("administrator", "sts:AssumeRole", "auditor role", session="any"),
        ),
    ),
    (
        "Nobody writes to the witness but recording, and nobody deletes, whatever their rights",
        (
            may_not("administrator", "s3:PutObject", "a witness", new=True),
            may_not("administrator", "s3:DeleteObject", "a witness"),
            may_not("administrator", "s3:DeleteObjectVersion", "a witness"),
            may_not("administrator", "s3:PutObjectRetention", "a witness"),
            may_not("administrator", "s3:PutObjectLegalHold", "a witness"),
            may_not("administrator", "s3:BypassGovernanceRetention", "a witness"),
            may_not("another role", "s3:PutObject", "a witness", new=True),
            may_not("record_events", "s3:PutObject", "a witness"),
            may("administrator", "s3:GetObjectVersion", "a witness"),
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
            may_not("another role", "kms:Encrypt", "key", purpose="pass"),
        ),
    ),
)
