"""``docs/permissions.md``, written from the tables: ``python -m tests.permissions.page``."""

from infra.environment import ROOT
from tests.permissions.reach import GOALS, REACH, WHO, Goal
from tests.permissions.row import Row
from tests.permissions.table import ROWS

PAGE = ROOT / "docs" / "permissions.md"

_HEAD = """\
# Who may do what

Each function has a role of its own. `make permissions` puts each row below to an IAM simulator,
with the policies as CloudFormation renders them from `infra/templates/bootstrap.yaml`. `make
permissions-page` writes this page from the tables in `tests/permissions`.

The same tests run each function on the emulated AWS, record its calls, and compare them with its
role. Every call must be allowed. Every action, attribute and purpose that a role names must be
needed by a call. So a permission can be neither dropped nor added unnoticed.

IAM cannot express three things:

- An administrator who may change roles, functions or the key's policy can give themselves what they
  do not have. CloudTrail records it. Keep these powers to few people, and watch `PutKeyPolicy`,
  `UpdateFunctionCode`, `PutRolePolicy`, `UpdateAssumeRolePolicy` and `ScheduleKeyDeletion`.
- IAM does not distinguish an attribute that is set from one that is removed or compared. The code,
  not IAM, makes an unbinding or an invitation remove the sealed secret instead of replacing it.
  Support's functions have no key to seal another one with.
- A write whose condition fails can return the item, and IAM has no condition for that. The support
  functions do not ask for it. They would get a sealed secret, and no key.
"""

_REACH = """
## Who can reach what

For each line the tests try **every action that IAM knows** of a service on these resources, with
every condition that a policy asks for satisfied. A cell has all actions that are allowed; *reading*
stands for all that only get or list.

"""

_HANDED_ON = """
A deployer, a person or CI, holds the policy `totp-binding-<stage>-deployer-<region>` and nothing
else. Neither the deployer nor CloudFormation's role can change a role or its trust, become the
API's role, decrypt, touch another key, stop the trail or empty the record of invocations: the table
has no such action in their columns. `PassRole` hands a role on without changing it. The deployer
can pass one role, CloudFormation's, to CloudFormation alone. CloudFormation can pass the functions'
roles to Lambda and CodeDeploy's role to CodeDeploy. `CreateServiceLinkedRole` is for the one role
that API Gateway creates for the first domain name of an account.

**Whoever deploys code has the code's power.** The API's function opens secrets and signs passes,
and `unbind` ends bindings. A deployer can replace the code of either, and that code can do all that
its role can: sign passes for anybody, or send secrets elsewhere. No policy prevents this, since it
is what a deployment does. So guard a deployer's credentials like the money, have each change
reviewed by a second person, and let CI deploy from a protected branch. Code of `record_events` can
write false audit rows. Out of reach even then are the roles themselves, the key's policy, the
tables' protection, the trail and the record of invocations. CloudTrail's event history shows each
change set and each change of a function for 90 days.

A change set can also alter or delete what is the service's own: functions, API, alarms, topics,
logs, and every other REST API of the account in this region, since REST APIs have ids and no names.
An account of the service's own keeps that small. A deployer reads the functions' logs, which name
accounts and addresses.

Within the limits of its boundary, `totp-binding-<stage>-boundary-<region>`, the role of a function
cannot gain more even if somebody attaches another policy to it.

An administrator runs `make bootstrap` and `make destroy`, since both touch roles or delete stacks.
"""

_TAIL = """
## Beyond the roles

The bucket of CloudTrail's record accepts objects from the stage's own trail alone, refuses calls
without TLS, and keeps every version.

The witness of the audit trail is under Object Lock: an administrator may change its bucket's policy,
and S3 still refuses to delete or change an object before its term.

The broker decides who holds the policy for support staff, `totp-binding-<stage>-support-<region>`,
and the one for auditors, `totp-binding-<stage>-audit-<region>`. Either lets its holders assume a
role, `totp-binding-<stage>-support-<region>` or `totp-binding-<stage>-auditor-<region>`. The role's
trust requires MFA, because AWS says of a user's own session if there was MFA, and does not say it
of a role's. The session of the support role must have the user's name. So CloudTrail's record of an
invocation names a person, and nobody approves their own request under a second name. Support staff
can invoke the functions in this role alone. Nobody needs a permission on the tables to do support.
"""


def page() -> str:
    """Return the page."""
    sections = "".join(_section(title, rows) for title, rows in ROWS)
    return _HEAD + _REACH + _reach_table() + _HANDED_ON + sections + _TAIL


def _reach_table() -> str:
    lines = [_line(["on", *WHO]), _line(["---"] * (1 + len(WHO)))]
    lines += [_line([goal.title, *(_cell(who, goal) for who in WHO)]) for goal in GOALS]
    return "".join(lines)


def _cell(who: str, goal: Goal) -> str:
    actions = REACH.get((who, goal), ())
    return ", ".join(one if one == "reading" else f"`{one}`" for one in actions) or "nothing"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _section(title: str, rows: tuple[Row, ...]) -> str:
    lines = [
        f"\n## {title}\n\n",
        _line(["who", "may", "action", "on", "the call"]),
        _line(["---"] * 5),
    ]
    lines += [
        _line([row.who, "yes" if row.may else "**no**", f"`{row.action}`", row.on, row.said()])
        for row in rows
    ]
    return "".join(lines)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
