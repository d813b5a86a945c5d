"""CloudFormation stacks, changed only by change sets that are printed before they are executed."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.console import Stop, line

LONGEST_WAIT_SECONDS = 3_600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0

_NEVER_CREATED = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
"""States of a stack that can only be deleted."""

_STUCK = frozenset({"UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"})
_DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a change set: an action on a resource of the template."""

    action: str
    resource: str
    kind: str
    replaces: str

    @property
    def destroys(self) -> bool:
        """True if what the resource holds now may be lost."""
        return self.action == "Remove" or self.replaces in ("True", "Conditional")

    def __str__(self) -> str:
        replaced = {"True": ", replaced", "Conditional": ", perhaps replaced"}.get(self.replaces, "")
        return f"{self.action.lower():<7} {self.resource} ({self.kind}{replaced})"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that can be executed or discarded."""

    arn: str
    stack: str
    stack_arn: str
    creates: bool
    changes: tuple[Change, ...]


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

    def has(self, name: str, template: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
        """Return True if the stack's template and parameters are these."""
        stack = self.describe(name) or {}
        given = {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}
        deployed = self._cloudformation.get_template(StackName=name)["TemplateBody"]
        if isinstance(deployed, str):
            deployed = json.loads(deployed)
        same = {key: given.get(key) for key in parameters} == dict(parameters)
        return bool(deployed == template and same)

    def plan(
        self,
        name: str,
        parameters: Mapping[str, str],
        *,
        url: str | None = None,
        body: str | None = None,
        undo: bool = False,
    ) -> ChangeSet | None:
        """Create a change set of a template at a URL or given as text, and print its changes.

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
            ChangeSetName=f"release-{int(time.time() * 1000)}",
            ChangeSetType="CREATE" if creates else "UPDATE",
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            **({"TemplateURL": url} if url else {"TemplateBody": body}),
            **({"OnStackFailure": "DELETE"} if creates and undo else {}),
            **self._role,
        )
        described = self._described(created["Id"], name)
        change_set = ChangeSet(
            created["Id"], name, created["StackId"], creates, tuple(_changes(described["Changes"]))
        )
        if described["Status"] == "FAILED":
            self.discard(change_set)
            if any(words in described.get("StatusReason", "") for words in _UNCHANGED):
                line(f"{name}: nothing to change")
                return None
            raise Stop(
                f"CloudFormation refuses {name}: {described.get('StatusReason', 'no reason given')}"
            )
        for change in change_set.changes:
            line(f"{name}: {change}")
        if not change_set.changes:
            line(f"{name}: only outputs change")
        return change_set

    def execute(self, change_set: ChangeSet) -> dict[str, str]:
        """Execute a change set and print its events; the stack's outputs.

        Raises Stop if it fails. CloudFormation has rolled the stack back by then.
        """
        seen = {event["EventId"] for event in self._events(change_set.stack_arn)}
        self._cloudformation.execute_change_set(ChangeSetName=change_set.arn, StackName=change_set.stack)
        why = ""
        for _ in _pauses():
            status = self._status(change_set.stack_arn)
            for event in reversed(
                [e for e in self._events(change_set.stack_arn) if e["EventId"] not in seen]
            ):
                seen.add(event["EventId"])
                why = why or _failure(event)
                _show(event, change_set.stack)
            if status in _DONE:
                return self.outputs(change_set.stack) or {}
            if not status.endswith("_IN_PROGRESS"):
                raise Stop(
                    f"{change_set.stack} ended as {status or 'deleted'}: {why or 'see its events'}."
                )
        raise Stop(f"{change_set.stack} is still being changed; run the same again later.")

    def discard(self, change_set: ChangeSet) -> None:
        """Delete a change set. The empty stack of a first one stays, and the next one takes it."""
        self._cloudformation.delete_change_set(ChangeSetName=change_set.arn, StackName=change_set.stack)

    def remove(self, name: str) -> bool:
        """Delete a stack and wait until it is gone. Returns False if there was none."""
        stack = self._settled(name)
        if stack is None:
            return False
        self._cloudformation.delete_stack(StackName=name)
        for _ in _pauses():
            status = self._status(stack["StackId"])
            if status in ("DELETE_COMPLETE", ""):
                line(f"{name}: deleted")
                return True
            if status == "DELETE_FAILED":
                reasons = [why for event in self._events(stack["StackId"]) if (why := _failure(event))]
                raise Stop(f"{name} cannot be deleted: {'; '.join(reasons) or 'see its events'}.")
        raise Stop(f"{name} is still being deleted; run the same again later.")

    def protect(self, name: str, *, protected: bool) -> None:
        """Protect a stack from deletion, or end that."""
        self._cloudformation.update_termination_protection(
            StackName=name, EnableTerminationProtection=protected
        )

    def resources(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Yield logical id, type and physical id of each resource of a stack."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        for page in pages:
            for one in page["StackResourceSummaries"]:
                yield one["LogicalResourceId"], one["ResourceType"], one.get("PhysicalResourceId", "")

    def _settled(self, name: str) -> dict[str, Any] | None:
        """Return the stack once nobody is changing it. Raises Stop if only a person can help."""
        told = False
        for _ in _pauses():
            stack = self.describe(name)
            status = stack["StackStatus"] if stack else ""
            if status in _STUCK:
                raise Stop(
                    f"{name} is {status}: an administrator runs aws cloudformation "
                    f"continue-update-rollback --stack-name {name}, then you run the same again."
                )
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return stack
            if not told:
                line(f"{name}: {status}, by another run; waiting for its end")
                told = True
        raise Stop(f"{name} is still being changed by another run; run the same again later.")

    def _described(self, arn: str, name: str) -> dict[str, Any]:
        """Return a change set once it is complete or has failed, with all pages of its changes."""
        for _ in _pauses():
            found: dict[str, Any] = self._cloudformation.describe_change_set(
                ChangeSetName=arn, StackName=name
            )
            if found["Status"] in ("CREATE_COMPLETE", "FAILED"):
                break
        page = found
        while token := page.get("NextToken"):
            page = self._cloudformation.describe_change_set(
                ChangeSetName=arn, StackName=name, NextToken=token
            )
            found["Changes"] += page["Changes"]
        return found

    def _status(self, name: str) -> str:
        stack = self.describe(name)
        return stack["StackStatus"] if stack else ""

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
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    pause = _FIRST_PAUSE
    while time.monotonic() < end:
        yield
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _changes(found: list[dict[str, Any]]) -> Iterator[Change]:
    for one in found:
        change = one["ResourceChange"]
        yield Change(
            change["Action"],
            change["LogicalResourceId"],
            change["ResourceType"],
            change.get("Replacement", "False"),
        )


def _failure(event: Mapping[str, Any]) -> str:
    if not event["ResourceStatus"].endswith("_FAILED"):
        return ""
    return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}"


def _show(event: Mapping[str, Any], stack: str) -> None:
    status, resource = event["ResourceStatus"], event["LogicalResourceId"]
    if not status.endswith("_IN_PROGRESS") and resource != stack:
        line(f"{stack}: {resource} {status.lower().replace('_', ' ')}")
