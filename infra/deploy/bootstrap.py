"""The administrator's part of a stage: data, roles and policies, and the login server if it has one."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra import templates
from infra.deploy.console import Stop, heading, line
from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage
from infra.deploy.template_json import as_json, parameters_of


class Bootstrap:
    """The stacks that an administrator deploys, and a deployer only reads."""

    def __init__(self, session: Any, stage: Stage) -> None:
        self._stage = stage
        self._stacks = Stacks(session.client("cloudformation"))
        # The roles name the key, so the data comes first.
        self._names = ("data", "bootstrap", "userpool") if stage.userpool else ("data", "bootstrap")
        role = session.client("apigateway").get_account().get("cloudwatchRoleArn") or ""
        # There is one role for all of API Gateway in a region: another's is left alone.
        logs = "no" if role and f":role/{stage.stack}-" not in role else "yes"
        self._values: dict[str, object] = {
            "Stage": stage.name,
            "ApiGatewayLogs": logs,
            **stage.parameters,
        }

    def outputs(self) -> dict[str, str] | None:
        """Return the outputs of all the stacks together, or None if one of them is missing."""
        found: dict[str, str] = {}
        for name in self._names:
            outputs = self._stacks.outputs(self._stage.stack_of(name))
            if outputs is None:
                return None
            found |= outputs
        return found

    def run(self) -> dict[str, str]:
        """Create or update the stacks; their outputs. Raises Stop if that would destroy what is kept."""
        heading(f"Bootstrap of {self._stage.name}")
        outputs: dict[str, str] = {}
        for stack, template, parameters in self._each(outputs):
            # A bucket that outlives its stack is taken in. Data is not: a new key would open nothing.
            takes_in = stack != self._stage.stack_of("data")
            given = {"TemplateBody": as_json(template), "ImportExistingResources": takes_in}
            change_set = self._stacks.plan(stack, parameters, given)
            if change_set is not None:
                if change_set.lost and stack == self._stage.stack_of("data"):
                    self._stacks.discard(change_set)
                    raise Stop(
                        f"this would destroy {change_set.lost[0]} of {stack}, which keeps the bindings."
                    )
                self._stacks.execute(change_set)
            self._stacks.protect(stack, protected=True)
            outputs |= self._stacks.outputs(stack) or {}
        line(f"policy       {outputs['DeployerPolicyArn']} is what a deployer needs")
        return outputs

    def outdated(self, outputs: dict[str, str]) -> list[str]:
        """Return the stacks whose template or parameters are not those of this clone."""
        return [stack for stack, *own in self._each(outputs) if not self._stacks.has(stack, *own)]

    def _each(self, outputs: dict[str, str]) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
        """Yield stack, template and parameters, which may be outputs of the stacks before."""
        for name in self._names:
            template = templates.read(name)
            parameters = parameters_of(template, {**self._values, **outputs})
            yield self._stage.stack_of(name), template, parameters


def ensure(session: Any, stage: Stage) -> dict[str, str]:
    """Return the outputs of a stage's bootstrap, after a first run if there was none.

    Raises Stop if it is outdated, or missing and the caller is no administrator.
    """
    bootstrap, command = Bootstrap(session, stage), f"make bootstrap STAGE={stage.name}"
    outputs = bootstrap.outputs()
    if outputs is None:
        try:
            return bootstrap.run()
        except ClientError as error:
            if not denied(error):
                raise
            raise Stop(f"there is no bootstrap: an administrator runs {command} first.") from error
    outdated = bootstrap.outdated(outputs)
    if outdated:
        raise Stop(f"{', '.join(outdated)} is outdated: an administrator runs {command} first.")
    line("bootstrap    up to date")
    return outputs


def denied(error: ClientError) -> bool:
    """Return True if AWS refused a call for want of permission."""
    return "AccessDenied" in str(error) or "not authorized" in str(error)
