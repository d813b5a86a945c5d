"""The reach of each principal: every action of a service that IAM knows, tried on what matters."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.permissions.rendered import (
    DEPLOYING_ROLES,
    FUNCTIONS,
    POLICIES,
    STAFF_ROLES,
    Rendered,
    listed,
)
from tests.permissions.row import SUPPORT_FUNCTIONS
from tests.permissions.simulator import Policy, Request, actions_on, judge

ROLES = (
    *(f"role of {name}" for name in FUNCTIONS),
    *(f"{name} role" for name in STAFF_ROLES + DEPLOYING_ROLES),
)


@dataclass(frozen=True)
class Goal:
    """Things that matter, by the short names of their ARNs, and the service whose actions touch them."""

    title: str
    service: str
    on: tuple[str, ...]


IAM = Goal(
    "roles, their trust and their policies",
    "iam",
    (
        *ROLES,
        "a new role",
        "role of API Gateway's own",
        "policy Boundary",
        *(f"policy {name}" for name in POLICIES),
        "*",
    ),
)
BECOMING = Goal("the roles themselves, to become one", "sts", ROLES)
KEY = Goal("the KMS key, another one, or keys in general", "kms", ("key", "another key", "*"))
TABLES = Goal("tables and stream", "dynamodb", ("bindings", "audit", "keys", "stream", "*"))
TRAIL = Goal("the trail", "cloudtrail", ("trail", "*"))
RECORD = Goal("the record of invocations", "s3", ("invocations", "an invocation", "*"))
ARTEFACTS = Goal("artefacts", "s3", ("artefacts", "an artefact"))
SUPPORT = Goal(
    "support's functions",
    "lambda",
    tuple(f"function {name}" for name in SUPPORT_FUNCTIONS),
)
API = Goal("the API's function and its alias", "lambda", ("function api_handler", "alias live"))
KEPT_STACKS = Goal(
    "the stacks of the bootstrap and of the data", "cloudformation", ("bootstrap stack", "data stack")
)
STACKS = Goal(
    "the stacks of the service and its edge", "cloudformation", ("service stack", "edge stack")
)

GOALS = (IAM, BECOMING, KEY, TABLES, TRAIL, RECORD, ARTEFACTS, SUPPORT, API, KEPT_STACKS, STACKS)
WHO = (
    *("deployer", "cloudformation role", "codedeploy role", "alias mover"),
    *("support staff", "support role", "auditors"),
)

_READING_STACKS = (
    *("DescribeChangeSet", "DescribeStackEvents", "DescribeStacks", "GetTemplate", "ListChangeSets"),
    "ListStackResources",
)
_CARRYING = (
    *("CreateAlias", "CreateFunction", "DeleteAlias", "DeleteFunction", "DeleteFunctionConcurrency"),
    *("PublishVersion", "PutFunctionConcurrency", "PutFunctionRecursionConfig"),
    *("PutRuntimeManagementConfig", "RemovePermission", "TagResource", "UntagResource", "UpdateAlias"),
    *("UpdateFunctionCode", "UpdateFunctionConfiguration"),
)

REACH: dict[tuple[str, Goal], tuple[str, ...]] = {
    ("deployer", IAM): ("PassRole",),
    ("deployer", TABLES): ("DescribeTable",),
    ("deployer", ARTEFACTS): ("AbortMultipartUpload", "GetObject", "ListBucket", "PutObject"),
    ("deployer", KEPT_STACKS): _READING_STACKS,
    ("deployer", STACKS): (
        *("CreateChangeSet", "DeleteChangeSet", "ExecuteChangeSet"),
        *_READING_STACKS,
    ),
    ("cloudformation role", IAM): ("CreateServiceLinkedRole", "PassRole"),
    ("cloudformation role", ARTEFACTS): ("GetObject",),
    ("cloudformation role", SUPPORT): (*_CARRYING, "reading"),
    ("cloudformation role", API): (*_CARRYING, "AddPermission", "reading"),
    ("codedeploy role", API): ("GetAlias", "GetProvisionedConcurrencyConfig", "UpdateAlias"),
    ("alias mover", API): ("GetAlias", "ListAliases", "ListVersionsByFunction", "UpdateAlias"),
    ("support staff", BECOMING): ("AssumeRole",),
    ("support role", SUPPORT): ("GetFunction", "InvokeFunction"),
    ("auditors", BECOMING): ("AssumeRole",),
}
"""All that each can do there; nothing where there is no entry."""


def reached(rendered: Rendered, who: str, goals: Iterable[Goal] = GOALS) -> dict[Goal, set[str]]:
    """Return the actions by which somebody reaches each goal, ``reading`` for all that only read.

    Every action is tried with no condition keys, and with those that each policy asks for.
    """
    tries = [
        (goal, Request(action, rendered.resources[name], context))
        for goal in goals
        for name in goal.on
        for action in actions_on(goal.service, rendered.resources[name])
        for context in contexts(rendered, who, rendered.resources[name])
    ]
    judged = judge((rendered.question(who, request) for _, request in tries), strict=False)
    found: dict[Goal, set[str]] = {goal: set() for goal in goals}
    for (goal, request), allowed in zip(tries, judged, strict=True):
        if allowed:
            found[goal].add(request.action.partition(":")[2])
    tried = {goal: {one.action.partition(":")[2] for g, one in tries if g == goal} for goal in goals}
    return {goal: _shortened(found[goal], tried[goal]) for goal in goals}


def _shortened(found: set[str], tried: set[str]) -> set[str]:
    """Return ``reading`` instead of all the actions that get or list something."""
    reading = {action for action in tried if action.startswith(("Get", "List"))}
    return found - reading | {"reading"} if reading and reading <= found else found


def handed_on(rendered: Rendered, who: str) -> list[tuple[str, str]]:
    """Return the services to which somebody can pass a role that they accept, each with the role."""
    offers = [
        (service, role)
        for role in ROLES
        for service in trusted_services(rendered.resource_policies[rendered.resources[role]])
    ]
    judged = judge(
        rendered.question(
            who,
            Request("iam:PassRole", rendered.resources[role], {"iam:PassedToService": service}),
        )
        for service, role in offers
    )
    return [offer for offer, allowed in zip(offers, judged, strict=True) if allowed]


def trusted_services(trust: Policy) -> Iterator[str]:
    """Yield the services that may assume a role."""
    for statement in trust["Statement"]:
        yield from listed(statement["Principal"].get("Service", []))


def contexts(rendered: Rendered, who: str, resource: str) -> list[Mapping[str, str | tuple[str, ...]]]:
    """Return condition keys that satisfy each statement of somebody's policies and of the resource's."""
    own = [context for policy in rendered.policies[who] for context in _satisfying(policy, who)]
    of_resource = rendered.resource_policies.get(resource)
    its = list(_satisfying(of_resource, who)) if of_resource else []
    return [{}, *own, *its, *({**mine, **one} for mine in own for one in its)]


def _satisfying(policy: Policy, who: str) -> Iterator[dict[str, str | tuple[str, ...]]]:
    for statement in policy["Statement"]:
        context: dict[str, str | tuple[str, ...]] = {}
        for operator, keys in statement.get("Condition", {}).items():
            for key, values in keys.items():
                # Nobody chooses who they are, and Null asks only that a key is there.
                if operator == "Null" or key == "aws:PrincipalArn":
                    continue
                several = tuple(
                    value.replace("${aws:username}", who.replace(" ", ".")) for value in listed(values)
                )
                context[key] = several if operator.startswith("ForAllValues") else several[0]
        if context:
            yield context
