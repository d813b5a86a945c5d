"""The rows of support staff, auditors and administrators."""

from tests.permissions.row import FUNCTIONS, NEW, SUPPORT_FUNCTIONS, Row, may, may_not

AUDITED = (
    *("account", "version", "event", "state", "binding", "expires_at", "bound_at", "last_step"),
    *("locked_until", "desktop_at", "mobile_at", "suspended", "held"),
)

ROWS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "Support staff become support, with MFA and under their own name, and can do nothing else",
        (
            may("support staff", "sts:AssumeRole", "support role", session="support.staff", mfa=True),
            may_not("support staff", "sts:AssumeRole", "support role", session="other", mfa=True),
            may_not(
                "support staff", "sts:AssumeRole", "support role", session="support.staff", mfa=False
            ),
            may_not("support staff", "sts:AssumeRole", "support role", session="support.staff"),
            may_not("support staff", "sts:AssumeRole", "auditor role", session="any", mfa=True),
            *(
                may_not("support staff", "lambda:InvokeFunction", f"function {name}", mfa=True)
                for name in FUNCTIONS
            ),
            may_not("support staff", "lambda:GetFunction", "function lookup", mfa=True),
            may_not("support staff", "lambda:UpdateFunctionCode", "function unbind", mfa=True),
            may_not("support staff", "dynamodb:GetItem", "bindings", names=("account",), mfa=True),
            may_not("support staff", "dynamodb:Query", "audit", mfa=True),
        ),
    ),
    (
        "Support opens and invokes five functions, and can do nothing else",
        (
            *(
                may("support role", f"lambda:{action}", f"function {name}")
                for action in ("InvokeFunction", "GetFunction")
                for name in SUPPORT_FUNCTIONS
            ),
            *(
                may_not("support role", f"lambda:{action}", f"function {name}")
                for action in ("InvokeFunction", "GetFunction")
                for name in FUNCTIONS
                if name not in SUPPORT_FUNCTIONS
            ),
            # A second session would be a second name.
            may_not("support role", "sts:AssumeRole", "support role", session="other"),
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
            may_not("auditor role", "s3:PutObject", "a witness", more=NEW),
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
            may_not("administrator", "s3:PutObject", "a witness", more=NEW),
            may_not("administrator", "s3:DeleteObject", "a witness"),
            may_not("administrator", "s3:DeleteObjectVersion", "a witness"),
            may_not("administrator", "s3:PutObjectRetention", "a witness"),
            may_not("administrator", "s3:PutObjectLegalHold", "a witness"),
            may_not("administrator", "s3:BypassGovernanceRetention", "a witness"),
            may_not("another role", "s3:PutObject", "a witness", more=NEW),
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
