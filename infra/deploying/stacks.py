"""CloudFormation stacks: created or updated with progress on the screen, whatever state they are in."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from infra.deploying.console import Stop, line

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    # PyYAML built without libyaml: the same, and ten times slower.
    from yaml import SafeLoader  # type: ignore[assignment]

POLL_SECONDS = 3.0
LARGEST_TEMPLATE = 51_200
"""Bytes that CloudFormation takes without a bucket."""

_NEVER_COMPLETE = frozenset(
    {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS"}
)
"""States of a stack whose first creation failed."""

_CREATION = _NEVER_COMPLETE | {
    "CREATE_IN_PROGRESS",
    "ROLLBACK_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "DELETE_FAILED",
}
"""All that a stack goes through whose first creation failed; whatever was once imported, or updated
after that, may be in use."""

_MADE_ANEW = _NEVER_COMPLETE | {"DELETE_FAILED"}
_STUCK = frozenset({"UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"})


class _Intrinsics(SafeLoader):
    """Reads a template with CloudFormation's short forms written out."""


def _written_out(loader: SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Intrinsics.add_multi_constructor("!", _written_out)


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that a stack has made: its type, such as AWS::KMS::Key, and its name or id in AWS."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A template's text and the parameters it takes, each with its default or None."""

    body: str
    parameters: Mapping[str, str | None]


def read_template(path: Path) -> Template:
    """A template as JSON, which is shorter. Stop where CloudFormation would want a bucket for it."""
    document = yaml.load(path.read_text("utf-8"), _Intrinsics)  # noqa: S506 - a SafeLoader
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) > LARGEST_TEMPLATE:
        raise Stop(
            f"{path.name} is over {LARGEST_TEMPLATE} bytes, more than CloudFormation takes at once."
        )
    defaults = {name: one.get("Default") for name, one in document.get("Parameters", {}).items()}
    return Template(body, {name: _text(default) for name, default in defaults.items()})


def _text(default: Any) -> str | None:
    return None if default is None else str(default)


def _was_there(event: Mapping[str, Any]) -> bool:
    """Whether what was to be created was there already, in the words of either kind of resource."""
    reason = event.get("ResourceStatusReason", "")
    return "already exists" in reason or "AlreadyExists" in reason


class Stacks:
    """The stacks of one account and region."""

    def __init__(self, cloudformation: Any) -> None:
        self._cloudformation = cloudformation

    def outputs(self, name: str) -> dict[str, str] | None:
        """What a stack gives out; None where there is no such stack."""
        stack = self._describe(name)
        if stack is None:
            return None
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def parameters(self, name: str) -> dict[str, str]:
        """What a stack was given; empty where there is no such stack."""
        given = (self._describe(name) or {}).get("Parameters", [])
        return {one["ParameterKey"]: one["ParameterValue"] for one in given}

    def left_by_creation(self, name: str) -> list[Made] | None:
        """What a stack that is to be created finds of a creation that failed, oldest first.

        None where the stack is there and would be updated. Only what the failed creation itself
        has made is told of, never what it met; and nothing where the stack's events, which are kept
        for 90 days, do not show all of its life.
        """
        stack = self._settled(name)
        if stack is None:
            return []
        if stack["StackStatus"] not in _MADE_ANEW:
            return None
        events = self._events_after(name, None)
        own = {e["ResourceStatus"] for e in events if e["LogicalResourceId"] == name}
        if "CREATE_IN_PROGRESS" not in own or own - _CREATION:
            return []
        made: dict[str, Made] = {}
        for event in events:
            resource, status = event["LogicalResourceId"], event["ResourceStatus"]
            # The event of an attempt has no name in AWS yet, that of a thing being made has.
            if status in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE") and event.get("PhysicalResourceId"):
                made[resource] = Made(event["ResourceType"], event["PhysicalResourceId"])
            elif status == "DELETE_COMPLETE" or (status == "CREATE_FAILED" and _was_there(event)):
                made.pop(resource, None)
        made.pop(name, None)
        return list(made.values())

    def put(
        self, name: str, template: Template, values: Mapping[str, str], *, keep: bool = False
    ) -> dict[str, str]:
        """Create or update a stack; its outputs.

        Of ``values`` the template gets what it has parameters for; all others take their defaults,
        also where they once were different: the stage's file is the whole truth. With ``keep`` the
        stack itself is protected from deletion.
        """
        stack = self._settled(name)
        if stack is not None and stack["StackStatus"] in _MADE_ANEW:
            line(f"{name}: an unfinished stack is removed first")
            self.remove(name)
            stack = None
        parameters = [
            {"ParameterKey": key, "ParameterValue": value}
            for key, default in template.parameters.items()
            if (value := values.get(key, default)) is not None
        ]
        request = {
            "StackName": name,
            "TemplateBody": template.body,
            "Parameters": parameters,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        if stack is None:
            self._cloudformation.create_stack(**request, EnableTerminationProtection=keep)
            self._watch(name, "created", since=None)
        else:
            if keep and not stack.get("EnableTerminationProtection"):
                # Imported by hand, or a deletion began that went no further.
                self._protect(name, protected=True)
            newest = self._newest_event(name)
            if self._update(request):
                self._watch(name, "updated", since=newest)
            else:
                line(f"{name}: nothing to change")
        return self.outputs(name) or {}

    def remove(self, name: str) -> None:
        """Delete a stack; harmless where it is gone."""
        if self._settled(name) is None:
            return
        self._protect(name, protected=False)
        self._cloudformation.delete_stack(StackName=name)
        while (stack := self._describe(name)) is not None:
            if stack["StackStatus"] == "DELETE_FAILED":
                raise Stop(
                    f"{name} cannot be deleted: {stack.get('StackStatusReason', 'see its events')}."
                )
            time.sleep(POLL_SECONDS)
        line(f"{name}: deleted")

    def _protect(self, name: str, *, protected: bool) -> None:
        self._cloudformation.update_termination_protection(
            StackName=name, EnableTerminationProtection=protected
        )

    def _update(self, request: dict[str, Any]) -> bool:
        """Whether there was anything to update."""
        try:
            self._cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return False
            raise
        return True

    def _settled(self, name: str) -> dict[str, Any] | None:
        """The stack once nobody else is working on it: an earlier run may have been cut off."""
        said = False
        while (stack := self._describe(name)) is not None:
            status = stack["StackStatus"]
            if status in _STUCK:
                raise Stop(
                    f"{name} is {status}: continue its rollback in the console, then deploy again."
                )
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return stack
            if not said:
                line(f"{name}: waiting for what is under way ({status})")
                said = True
            time.sleep(POLL_SECONDS)
        return None

    def _watch(self, name: str, done: str, since: str | None) -> None:
        """Show each resource as it is done, until the stack is; Stop where it fails."""
        seen = since
        why = ""
        while True:
            for event in self._events_after(name, seen):
                seen = event["EventId"]
                status, resource = event["ResourceStatus"], event["LogicalResourceId"]
                if status.endswith("_FAILED") and not why:
                    why = f"{resource}: {event.get('ResourceStatusReason', status)}"
                if not status.endswith("_IN_PROGRESS") and resource != name:
                    line(f"{name}: {resource} {status.lower().replace('_', ' ')}")
            stack = self._describe(name)
            status = "DELETE_COMPLETE" if stack is None else stack["StackStatus"]
            if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                line(f"{name}: {done}")
                return
            if not status.endswith("_IN_PROGRESS"):
                raise Stop(f"{name} ended as {status}: {why or 'see its events'}.")
            time.sleep(POLL_SECONDS)

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def _newest_event(self, name: str) -> str | None:
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return events[0]["EventId"] if events else None

    def _events_after(self, name: str, seen: str | None) -> list[dict[str, Any]]:
        """A stack's events since one that was seen, oldest first."""
        events: list[dict[str, Any]] = []
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        for event in (event for page in pages for event in page["StackEvents"]):
            if event["EventId"] == seen:
                break
            events.append(event)
        return events[::-1]
