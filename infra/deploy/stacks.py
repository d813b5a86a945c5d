"""CloudFormation stacks, changed only by change sets that are printed before they are executed."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.console import Stop, line

LONGEST_WAIT_SECONDS = 3_600.0

_NEVER_CREATED = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
"""States of a stack that can only be deleted."""

_UNCHANGED = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that can be executed or discarded; ``lost`` are resources that it would destroy."""

    arn: str
    stack: str
    stack_arn: str
    lost: tuple[str, ...]


class Stacks:
    """The stacks of one account and region; ``role`` is the service role that carries changes out."""

    def __init__(self, cloudformation: Any, role: str | None = None) -> None:
        self._cloudformation = cloudformation
        self._role = {"RoleARN": role} if role else {}

    def describe(self, name: str) -> dict[str, Any] | None:
        """Return a stack as CloudFormation describes it, or None if there is none."""
        try:
            found: dict[str, Any] = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def outputs(self, name: str) -> dict[str, str] | None:
        """Return the outputs of a stack that was created, or None if there is no such stack."""
        stack = self.describe(name)
        if stack is None or stack["StackStatus"] in _NEVER_CREATED | {"REVIEW_IN_PROGRESS"}:
            return None
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def parameters(self, name: str) -> dict[str, str]:
        """Return the parameters of a stack; none if there is no such stack."""
        given = (self.describe(name) or {}).get("Parameters", [])
        return {one["ParameterKey"]: one["ParameterValue"] for one in given}

    def has(self, name: str, template: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
        """Return True if the stack's template and parameters are these."""
        deployed = self._cloudformation.get_template(StackName=name)["TemplateBody"]
        if isinstance(deployed, str):
            deployed = json.loads(deployed)
        given = self.parameters(name)
        return bool(deployed == template and parameters == {key: given.get(key) for key in parameters})

    def plan(
        self,
        name: str,
        parameters: Mapping[str, str],
        template: Mapping[str, str],
        *,
        undo: bool = False,
    ) -> ChangeSet | None:
        """Create a change set and print its changes. ``template`` is a TemplateURL or TemplateBody.

        With ``undo``, a creation that fails leaves no stack behind. Returns None if nothing would
        change. Raises Stop if CloudFormation refuses the template.
        """
        stack = self._settled(name)
        if stack is not None and stack["StackStatus"] in _NEVER_CREATED:
            line(f"{name}: its creation failed ({stack['StackStatus']}), so it is deleted first")
            self.remove(name)
            stack = None
        creates = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
        created = self._cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"release-{time.time_ns()}",
            ChangeSetType="CREATE" if creates else "UPDATE",
            Parameters=[{"ParameterKey": key, "ParameterValue": one} for key, one in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            **({"OnStackFailure": "DELETE"} if creates and undo else {}),
            **template,
            **self._role,
        )
        described = self._described(created["Id"])
        changes = [one["ResourceChange"] for one in described["Changes"]]
        lost = tuple(one["LogicalResourceId"] for one in changes if _destroys(one))
        change_set = ChangeSet(created["Id"], name, created["StackId"], lost)
        if described["Status"] == "FAILED":
            self.discard(change_set)
            reason = described.get("StatusReason", "no reason given")
            if not any(words in reason for words in _UNCHANGED):
                raise Stop(f"CloudFormation refuses {name}: {reason}")
            line(f"{name}: nothing to change")
            return None
        for change in changes:
            replaced = {"True": ", replaced", "Conditional": ", perhaps replaced"}
            how = f"{change['ResourceType']}{replaced.get(change.get('Replacement', ''), '')}"
            line(f"{name}: {change['Action'].lower():<7} {change['LogicalResourceId']} ({how})")
        return change_set

    def execute(self, change_set: ChangeSet) -> None:
        """Execute a change set and print its events.

        Raises Stop if it fails. CloudFormation has rolled the stack back by then.
        """
        seen = {event["EventId"] for event in self._events(change_set.stack_arn)}
        self._cloudformation.execute_change_set(ChangeSetName=change_set.arn)
        failures: list[str] = []
        for _ in _pauses():
            status = (self.describe(change_set.stack_arn) or {"StackStatus": "deleted"})["StackStatus"]
            for event in reversed(self._events(change_set.stack_arn)):
                if event["EventId"] not in seen:
                    seen.add(event["EventId"])
                    failures += _show(event, change_set.stack)
            if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                return
            if not status.endswith("_IN_PROGRESS"):
                raise Stop(f"{change_set.stack} ended as {status}: {[*failures, 'see its events'][0]}.")
        raise Stop(f"{change_set.stack} is still being changed; run the same again later.")

    def discard(self, change_set: ChangeSet) -> None:
        """Delete a change set. The empty stack of a first one stays, and the next one takes it."""
        self._cloudformation.delete_change_set(ChangeSetName=change_set.arn)

    def remove(self, name: str) -> None:
        """Delete a stack and wait until it is gone. Raises Stop if a resource cannot be deleted."""
        stack = self._settled(name)
        if stack is None:
            return
        self._cloudformation.delete_stack(StackName=name)
        for _ in _pauses():
            status = (self.describe(stack["StackId"]) or {"StackStatus": "DELETE_COMPLETE"})[
                "StackStatus"
            ]
            if status == "DELETE_COMPLETE":
                line(f"{name}: deleted")
                return
            if status == "DELETE_FAILED":
                reasons = [why for event in self._events(stack["StackId"]) for why in _failures(event)]
                raise Stop(f"{name} cannot be deleted: {'; '.join(reasons) or 'see its events'}.")
        raise Stop(f"{name} is still being deleted; run the same again later.")

    def protect(self, name: str, *, protected: bool) -> None:
        """Protect a stack from deletion, or end that."""
        self._cloudformation.update_termination_protection(
            StackName=name, EnableTerminationProtection=protected
        )

    def resources(self, name: str) -> list[tuple[str, str]]:
        """Return type and physical id of each resource of a stack."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        found = [one for page in pages for one in page["StackResourceSummaries"]]
        return [(one["ResourceType"], one.get("PhysicalResourceId", "")) for one in found]

    def _settled(self, name: str) -> dict[str, Any] | None:
        """Return the stack once nobody is changing it. Raises Stop if only a person can help."""
        told = False
        for _ in _pauses():
            stack = self.describe(name)
            status = stack["StackStatus"] if stack else ""
            if status in ("UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"):
                command = f"aws cloudformation continue-update-rollback --stack-name {name}"
                raise Stop(
                    f"{name} is {status}: an administrator runs {command}, then run the same again."
                )
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return stack
            if not told:
                line(f"{name}: {status}, by another run; waiting for its end")
                told = True
        raise Stop(f"{name} is still being changed by another run; run the same again later.")

    def _described(self, arn: str) -> dict[str, Any]:
        """Return a change set once it is complete or has failed, with all pages of its changes."""
        for _ in _pauses():
            found: dict[str, Any] = self._cloudformation.describe_change_set(ChangeSetName=arn)
            if found["Status"] in ("CREATE_COMPLETE", "FAILED"):
                break
        page = found
        while token := page.get("NextToken"):
            page = self._cloudformation.describe_change_set(ChangeSetName=arn, NextToken=token)
            found["Changes"] += page["Changes"]
        return found

    def _events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a stack, newest first; none if it was never created."""
        try:
            pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
            return [event for page in pages for event in page["StackEvents"]]
        except ClientError as error:
            if "does not exist" in str(error):
                return []
            raise


def _pauses() -> Iterator[None]:
    """Yield at once, then after ever longer pauses, until the longest wait is over."""
    end, pause = time.monotonic() + LONGEST_WAIT_SECONDS, 0.25
    while time.monotonic() < end:
        yield
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _destroys(change: Mapping[str, Any]) -> bool:
    """Return True if a change may lose what the resource holds."""
    return change["Action"] == "Remove" or change.get("Replacement") in ("True", "Conditional")


def _failures(event: Mapping[str, Any]) -> list[str]:
    """Return the reason of an event that tells of a failure, or nothing."""
    if not event["ResourceStatus"].endswith("_FAILED"):
        return []
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}"
    ]


def _show(event: Mapping[str, Any], stack: str) -> list[str]:
    """Print the event of a resource that is done; the reason if it failed."""
    status, resource = event["ResourceStatus"], event["LogicalResourceId"]
    if not status.endswith("_IN_PROGRESS") and resource != stack:
        line(f"{stack}: {resource} {status.lower().replace('_', ' ')}")
    return _failures(event)
