"""``docs/permissions.md``, written from the table: ``python -m tests.permissions.page``."""

from infra.environment import ROOT
from tests.permissions.table import ROWS, Row

PAGE = ROOT / "docs" / "permissions.md"

_HEAD = """\
# Who may do what

Each function has a role of its own, and each row below is put to an IAM simulator against the
policies as CloudFormation renders them: `make permissions`. The table is written from
`tests/permissions/table.py` by `make permissions-page`.

The same tests run each function on the emulated AWS, record what it calls, and hold that against
its role: every call must be allowed, and every action, every attribute and every purpose that the
role names must be needed by one. So a permission can be neither dropped nor added unnoticed.

Three things that IAM cannot say:

- An administrator who may change roles, functions or the key's policy can give themselves what they
  do not have. They leave traces in CloudTrail; keep these powers to few, and watch `PutKeyPolicy`,
  `UpdateFunctionCode`, `PutRolePolicy`, `UpdateAssumeRolePolicy` and `ScheduleKeyDeletion`.
- IAM does not tell an attribute that is set from one that is removed, or from one that a condition
  looks at. That an unbinding removes the sealed secret, rather than putting another in its place, is
  the code's doing; it has no key to seal one with.
- A write that fails its condition can ask for the item that was there, and IAM has no condition on
  that. The support functions do not ask. What they could get is a sealed secret, and no key.
"""

_TAIL = """
## Beyond the roles

The bucket of CloudTrail's record takes objects from the stage's own trail alone, refuses whatever
comes without TLS, and is versioned.

The witness of the audit trail is under Object Lock: an administrator may change its bucket's policy,
and S3 still refuses to delete or change an object before its term.

Who holds the policy for support staff, `totp-binding-<stage>-support-<region>`, and the one for
auditors, `totp-binding-<stage>-audit-<region>`, is the broker's to say. Either lets its holders
become a role, `totp-binding-<stage>-support-<region>` or `totp-binding-<stage>-auditor-<region>`,
and the role's trust asks for MFA: AWS tells of a user's own session whether there was MFA, and no
longer tells it of a role's. The session of the support role must have the user's name, so that
CloudTrail's record of an invocation names a person. Nobody needs a permission on the tables to do
support.
"""


def page() -> str:
    """The page."""
    return _HEAD + "".join(_section(title, rows) for title, rows in ROWS) + _TAIL


def _section(title: str, rows: tuple[Row, ...]) -> str:
    lines = [
        f"\n## {title}\n",
        "| who | may | action | on | the call |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.who} | {'yes' if row.may else '**no**'} | `{row.action}` | {row.on} | {row.said()} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
