"""CloudFormation stacks, changed only by change sets that are printed before they are executed."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.console import Stop, line

LONGEST_WAIT_SECONDS = 3_600.0
Texts = Mapping[str, str]

_NEVER_CREATED = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
"""States of a stack that can only be deleted."""

_STUCK = frozenset({"UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"})
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
_REPLACED = {"True": ", replaced", "Conditional": ", perhaps replaced"}


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

    def has(self, name: str, template: Mapping[str, Any], parameters: Texts) -> bool:
        """Return True if the stack's template and parameters are these."""
        body = self._cloudformation.get_template(StackName=name)["TemplateBody"]
        deployed = json.loads(body) if isinstance(body, str) else body
        return bool(deployed == template and parameters.items() <= self.parameters(name).items())

    def plan(
        self, name: str, values: Texts, template: Mapping[str, Any], *, undo: bool = False
    ) -> ChangeSet | None:
        """Create a change set and print its changes. ``template`` has a TemplateURL or TemplateBody.

        With ``undo``, a failed creation leaves no stack. Returns None if nothing would change. Raises
        Stop if CloudFormation refuses the template.
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
            Parameters=[{"ParameterKey": key, "ParameterValue": one} for key, one in values.items()],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            **({"OnStackFailure": "DELETE"} if creates and undo else {}),
            **template,
            **self._role,
        )
        described = self._described(created["Id"])
        changes = [one["ResourceChange"] for one in described["Changes"]]
        lost = (c for c in changes if c["Action"] == "Remove" or c.get("Replacement") in _REPLACED)
        names = tuple(change["LogicalResourceId"] for change in lost)
        change_set = ChangeSet(created["Id"], name, created["StackId"], names)
        if described["Status"] == "FAILED":
            self.discard(change_set)
            reason = described.get("StatusReason", "no reason given")
            if not any(words in reason for words in _UNCHANGED):
                raise Stop(f"CloudFormation refuses {name}: {reason}")
            line(f"{name}: nothing to change")
            return None
        for change in changes:
            kind = f"{change['ResourceType']}{_REPLACED.get(change.get('Replacement', ''), '')}"
            line(f"{name}: {change['Action'].lower():<7} {change['LogicalResourceId']} ({kind})")
        return change_set

    def execute(self, change_set: ChangeSet) -> None:
        """Execute a change set and print its events. Raises Stop if it fails and is rolled back."""
        seen = {event["EventId"] for event in self._events(change_set.stack_arn)}
        self._cloudformation.execute_change_set(ChangeSetName=change_set.arn)
        status, why = self._followed(change_set.stack, change_set.stack_arn, seen)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise Stop(f"{change_set.stack} ended as {status}: {why}.")

    def discard(self, change_set: ChangeSet) -> None:
        """Delete a change set. The empty stack of a first one stays, and the next one takes it."""
        self._cloudformation.delete_change_set(ChangeSetName=change_set.arn)

    def remove(self, name: str) -> None:
        """Delete a stack and wait until it is gone. Raises Stop if a resource cannot be deleted."""
        stack = self._settled(name)
        if stack is not None:
            seen = {event["EventId"] for event in self._events(stack["StackId"])}
            self._cloudformation.delete_stack(StackName=name)
            status, why = self._followed(name, stack["StackId"], seen)
            if status != "DELETE_COMPLETE":
                raise Stop(f"{name} is not deleted: {why}.")
            line(f"{name}: deleted")

    def protect(self, name: str, *, protected: bool) -> None:
        """Protect a stack from deletion, or end that."""
        change = self._cloudformation.update_termination_protection
        change(StackName=name, EnableTerminationProtection=protected)

    def resources(self, name: str) -> list[tuple[str, str]]:
        """Return type and physical id of each resource of a stack."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        found = [one for page in pages for one in page["StackResourceSummaries"]]
        return [(one["ResourceType"], one.get("PhysicalResourceId", "")) for one in found]

    def _settled(self, name: str) -> dict[str, Any] | None:
        """Return the stack once nobody is changing it. Raises Stop if only a person can help."""
        stack = self.describe(name)
        status = stack["StackStatus"] if stack else ""
        if stack and status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            line(f"{name}: {status}, by another run; waiting for its end")
            self._followed(name, stack["StackId"], set())
            return self._settled(name)
        if status in _STUCK:
            command = f"aws cloudformation continue-update-rollback --stack-name {name}"
            raise Stop(f"{name} is {status}: an administrator runs {command}, then run the same again.")
        return stack

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

    def _followed(self, name: str, arn: str, seen: set[str]) -> tuple[str, str]:
        """Print the events of a stack until nothing is under way; its status, and why it failed."""
        failures: list[str] = []
        before = len(seen)
        for _ in _pauses():
            status = (self.describe(arn) or {"StackStatus": "DELETE_COMPLETE"})["StackStatus"]
            for event in reversed(self._events(arn)):
                result, resource = event["ResourceStatus"], event["LogicalResourceId"]
                new = event["EventId"] not in seen and resource != name
                if new and not result.endswith("_IN_PROGRESS"):
                    line(f"{name}: {resource} {result.lower().replace('_', ' ')}")
                    if result.endswith("_FAILED"):
                        failures.append(f"{resource}: {event.get('ResourceStatusReason', result)}")
                seen.add(event["EventId"])
            # Without a new event, the status is still that of before.
            if not status.endswith("_IN_PROGRESS") and len(seen) > before:
                return status, [*failures, "see its events"][0]
        raise Stop(f"{name} is still being changed; run the same again later.")

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
