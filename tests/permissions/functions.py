"""The rows of the functions' roles."""

from tests.permissions.row import ALL_OF_A_BINDING, NEW, SECRET, WITHHELD, Row, may, may_not

WRITE = ("account", "version", "binding", "event")
"""The attributes that every write names: the key, what it is conditional on, and its event."""

VERIFIES = (*WRITE, "last_step", "repeatable", "failures", "locked_until")
COUNTS = (*WRITE, "failures", "month_failures", "month_began_at", "locked_until", "suspended")
CLEARS = (*COUNTS, "held", "unlocked_version")
UNBINDS = (
    *(*WRITE, "state", *SECRET, "cutoff", "unbindings", "bind_code", "bind_code_failures"),
    "unbound_version",
)
INVITES = (*WRITE, "state", *SECRET, "expires_at", "bind_code", "bind_code_failures", "waiting")
READS = "dynamodb:GetItem"
WRITES = "dynamodb:UpdateItem"


def reads_no_secret(function: str) -> tuple[Row, ...]:
    """Return the rows of a support function that reads bindings but for their secrets."""
    return (
        may(function, READS, "bindings", names=ALL_OF_A_BINDING),
        *(may_not(function, READS, "bindings", names=("account", name)) for name in SECRET),
        may_not(function, READS, "bindings", names=("account",), whole=True),
        may_not(function, READS, "bindings"),
        may_not(function, "dynamodb:Query", "keys", leading="secret"),
        may_not(function, "kms:Decrypt", "key", purpose="secret"),
    )


def writes_no_more(function: str, names: tuple[str, ...]) -> tuple[Row, ...]:
    """Return the rows of a support function that writes some attributes, in one way."""
    return (
        may(function, WRITES, "bindings", names=names),
        may_not(function, WRITES, "bindings", names=names, returns="UPDATED_OLD"),
        may_not(function, WRITES, "bindings", names=(*names, "note")),
        may_not(function, WRITES, "bindings"),
        may_not(function, "dynamodb:DeleteItem", "bindings"),
        may_not(function, "dynamodb:PutItem", "bindings", names=names),
        may_not(function, "dynamodb:PutItem", "audit", leading="88000001"),
    )


ROWS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "The API reads and writes bindings, and opens the keys of secrets and passes",
        (
            may("api_handler", READS, "bindings", whole=True),
            may("api_handler", WRITES, "bindings", names=VERIFIES),
            may("api_handler", WRITES, "bindings", names=COUNTS),
            may("api_handler", WRITES, "bindings", names=(*WRITE, "bind_code_failures")),
            may("api_handler", WRITES, "bindings", names=("account", *SECRET)),
            *(may_not("api_handler", WRITES, "bindings", names=(*WRITE, name)) for name in WITHHELD),
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
            may_not("api_handler", "s3:PutObject", "a witness", more=NEW),
            may_not("api_handler", "sns:Publish", "events"),
            may_not("api_handler", "lambda:InvokeFunction", "function unbind"),
        ),
    ),
    (
        "Unbinding removes the secret without reading it, and sets what is withheld from the API",
        (
            *reads_no_secret("unbind"),
            *writes_no_more("unbind", UNBINDS),
            may("unbind", WRITES, "bindings", names=("account", *ALL_OF_A_BINDING, *SECRET)),
            may_not("unbind", WRITES, "bindings", names=(*UNBINDS, "unlocked_version")),
        ),
    ),
    (
        "Inviting drops a binding that nobody confirmed, and issues a bind code",
        (
            *reads_no_secret("invite"),
            *writes_no_more("invite", INVITES),
            *(
                may_not("invite", WRITES, "bindings", names=(*INVITES, name))
                for name in (
                    *("cutoff", "held", "unbindings", "bound_at", "last_step", "suspended"),
                    *("unbound_version", "unlocked_version"),
                )
            ),
        ),
    ),
    (
        "Approving carries out what unbinding or inviting would",
        (
            *reads_no_secret("approve"),
            *writes_no_more("approve", UNBINDS),
            may("approve", WRITES, "bindings", names=INVITES),
            may_not("approve", WRITES, "bindings", names=(*UNBINDS, "unlocked_version")),
            may_not("approve", "lambda:InvokeFunction", "function unbind"),
        ),
    ),
    (
        "Unlocking clears the counts, the lock and the suspension, and changes nothing else",
        (
            *reads_no_secret("unlock"),
            *writes_no_more("unlock", CLEARS),
            *(
                may_not("unlock", WRITES, "bindings", names=(*CLEARS, name))
                for name in (
                    *("state", "last_step", "cutoff", "bind_code", "bind_code_failures", "unbindings"),
                    *("waiting", "unbound_version", *SECRET),
                )
            ),
        ),
    ),
    (
        "Looking up writes nothing",
        (
            *reads_no_secret("lookup"),
            may("lookup", "dynamodb:Query", "audit", leading="88000001"),
            may_not("lookup", "dynamodb:Scan", "audit"),
            may_not("lookup", "dynamodb:PutItem", "audit", leading="88000001"),
            may_not("lookup", WRITES, "bindings", names=CLEARS),
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
            may("record_events", "s3:PutObject", "a witness", more=NEW),
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
)
