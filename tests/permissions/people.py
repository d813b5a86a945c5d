"""The rows of support staff, auditors and administrators."""

from tests.permissions.row import FUNCTIONS, SUPPORT_FUNCTIONS, Row, may, may_not

LAST_EVENT = ("account", "version", "event")

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
        "Auditors read the trail and check its seals, in a role that takes MFA to become",
        (
            may("auditors", "sts:AssumeRole", "auditor role", session="any", mfa=True),
            may_not("auditors", "sts:AssumeRole", "auditor role", session="any", mfa=False),
            may_not("auditors", "sts:AssumeRole", "auditor role", session="any"),
            may_not("auditors", "sts:AssumeRole", "support role", session="auditors", mfa=True),
            may_not("auditors", "dynamodb:Scan", "audit", mfa=True),
            may_not("auditors", "kms:Decrypt", "key", purpose="trail", mfa=True),
            may("auditor role", "dynamodb:Query", "audit"),
            may("auditor role", "dynamodb:Scan", "audit"),
            may_not("auditor role", "dynamodb:PutItem", "audit"),
            may_not("auditor role", "dynamodb:DeleteItem", "audit"),
            may("auditor role", "dynamodb:GetItem", "bindings", names=LAST_EVENT),
            may("auditor role", "dynamodb:Scan", "bindings", names=("account",)),
            may_not("auditor role", "dynamodb:GetItem", "bindings", names=("account", "secret")),
            may_not("auditor role", "dynamodb:GetItem", "bindings", names=("account",), whole=True),
            may_not("auditor role", "dynamodb:Scan", "bindings"),
            may("auditor role", "dynamodb:Query", "keys", leading="trail"),
            may_not("auditor role", "dynamodb:Query", "keys", leading="secret"),
            may_not("auditor role", "dynamodb:Query", "keys"),
            may("auditor role", "kms:Decrypt", "key", purpose="trail"),
            may_not("auditor role", "kms:Decrypt", "key", purpose="secret"),
            may_not("auditor role", "kms:Decrypt", "key"),
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
        "The KMS key is managed by administrators and used by nobody but the functions and auditors",
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
