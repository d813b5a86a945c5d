"""The administrator's part of a stage: data, roles and policies, and the login server if it has one."""

from typing import Any

from botocore.exceptions import ClientError

from infra.deploy import templates
from infra.deploy.console import Stop, heading, line
from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage
from infra.deploy.templates import as_json, parameters_of

ORDER = ("data", "bootstrap")
"""The roles name the key, so the data comes first."""


class Bootstrap:
    """The stacks that an administrator deploys, and a deployer only reads."""

    def __init__(self, session: Any, stage: Stage) -> None:
        self._stage = stage
        self._stacks = Stacks(session.client("cloudformation"))
        self._gateway = session.client("apigateway")

    def outputs(self) -> dict[str, str] | None:
        """Return the outputs of all the stacks together, or None if one of them is not there."""
        found: dict[str, str] = {}
        for name in self._names():
            outputs = self._stacks.outputs(self._stage.stack_of(name))
            if outputs is None:
                return None
            found |= outputs
        return found

    def run(self) -> dict[str, str]:
        """Create or update the stacks; their outputs.

        Raises Stop if an update would replace or delete what is kept.
        """
        heading(f"Bootstrap of {self._stage.name}")
        values: dict[str, object] = {**self._stage.parameters, "Stage": self._stage.name}
        values["ApiGatewayLogs"] = self._lets_gateway_log()
        for name in self._names():
            stack = self._stage.stack_of(name)
            template = templates.read(name)
            change_set = self._stacks.plan(
                stack, parameters_of(template, values), body=as_json(template)
            )
            if change_set is not None:
                lost = [change for change in change_set.changes if change.destroys]
                if name == "data" and lost:
                    self._stacks.discard(change_set)
                    raise Stop(f"{stack} keeps the bindings, and this would destroy: {lost[0]}.")
                self._stacks.execute(change_set)
            self._stacks.protect(stack, protected=True)
            values |= self._stacks.outputs(stack) or {}
        line(f"policies     {values['DeployerPolicyArn']} is what a deployer needs")
        return self.outputs() or {}

    def outdated(self) -> list[str]:
        """Return the stacks whose template or parameters are not those of this clone."""
        values: dict[str, object] = {**self._stage.parameters, "Stage": self._stage.name}
        values |= self.outputs() or {}
        values["ApiGatewayLogs"] = self._lets_gateway_log()
        found = []
        for name in self._names():
            template = templates.read(name)
            stack = self._stage.stack_of(name)
            if not self._stacks.has(stack, template, parameters_of(template, values)):
                found.append(stack)
        return found

    def _names(self) -> tuple[str, ...]:
        return (*ORDER, "userpool") if self._stage.userpool else ORDER

    def _lets_gateway_log(self) -> str:
        """Return "no" if another role than the stage's lets API Gateway write logs in this region."""
        role = self._gateway.get_account().get("cloudwatchRoleArn") or ""
        return "no" if role and f":role/{self._stage.stack}-" not in role else "yes"


def ensure(session: Any, stage: Stage) -> dict[str, str]:
    """Return the outputs of a stage's bootstrap, after a first run if there was none.

    Raises Stop if it is outdated, or missing and the caller is no administrator.
    """
    bootstrap = Bootstrap(session, stage)
    command = f"make bootstrap STAGE={stage.name}"
    outputs = bootstrap.outputs()
    if outputs is None:
        try:
            return bootstrap.run()
        except ClientError as error:
            if not denied(error):
                raise
            raise Stop(
                f"{stage.name} has no bootstrap: an administrator runs {command} first."
            ) from error
    outdated = bootstrap.outdated()
    if outdated:
        raise Stop(
            f"{', '.join(outdated)} is not as this clone has it: an administrator runs {command} first."
        )
    line(f"bootstrap    {', '.join(map(stage.stack_of, ORDER))} are up to date")
    return outputs


def denied(error: ClientError) -> bool:
    """Return True if AWS refused a call for want of permission."""
    return "AccessDenied" in str(error) or "not authorized" in str(error)
