"""The acts of a rehearsal, in their order: the life of one stage."""

import hashlib
import json
import platform
import shlex
from pathlib import Path
from typing import Any

import boto3

from infra.deploy.stage import API_STAGE, Stage
from infra.deploy.templates import NAMES
from infra.rehearsal import story
from infra.rehearsal.checks import Checks
from infra.rehearsal.clone import Clone
from infra.rehearsal.emulator import HOME
from infra.rehearsal.people import LoginServer, Mailbox, Person, Support

STAGE = "rehearsal"
AUDIENCE = "trading-gateway"

FAILS = {"Type": "AWS::Logs::LogStream", "Properties": {"LogGroupName": "/nobody/made/this"}}
"""A resource that cannot be created, and that no judge can know to be wrong."""


class Rehearsal:
    """The parts of one rehearsal; each act leaves the stage to the next."""

    def __init__(self, url: str, folder: Path, checks: Checks) -> None:
        self.checks = checks
        self._url = url
        self._folder = folder
        self._stage = Stage(name=STAGE)
        self._login = LoginServer()
        self._people: list[Person] = []
        self._file: dict[str, Any] = {
            "settings": {
                "OTP_ISSUER": "极星期货",
                "PASS_ISSUER": "https://2fa.broker.example",
                "PASS_AUDIENCE": AUDIENCE,
                **self._login.settings,
            },
            "architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
            "edge": False,
        }
        self.first = self._clone("first")

    def run(self) -> None:
        """All acts."""
        self._deploy_on_an_empty_account()
        self._use()
        self._upgrade_by_hand()
        self._change_a_setting()
        self._fail()
        self._go_back()
        self._use_chalice()
        self._take_down()

    def _clone(self, name: str) -> Clone:
        clone = Clone(self._folder / name, self.checks)
        clone.write_stage(STAGE, self._file)
        return clone

    def _failing_clone(self, name: str, after: list[str]) -> Clone:
        """Return a clone whose service fails after some of its resources."""
        clone = self._clone(name)
        template = json.loads(clone.template("service").read_text("utf-8"))
        template["Resources"]["Fails"] = {**FAILS, "DependsOn": after}
        clone.template("service").write_text(json.dumps(template), "utf-8")
        return clone

    def _bound_person(self) -> Person:
        """Return somebody whose account is bound, with codes left that were not used."""
        person = Person(f"8801{len(self._people):04}", self._base(), self._login)
        self._people.append(person)
        person.bind()
        return person

    def _base(self) -> str:
        [api] = [one["id"] for one in boto3.client("apigateway").get_rest_apis()["items"]]
        return f"{self._url}/restapis/{api}/{API_STAGE}/_user_request_"

    def _release(self) -> str | None:
        """Return the mark of the release that answers."""
        answer = Person("88009999", self._base(), self._login).call("GET", "/binding")
        mark: str | None = answer.headers.get("x-release")
        return mark

    def _deploy_on_an_empty_account(self) -> None:
        self.checks.act(
            "1. One command, on an empty account: once with a creation that fails, then again"
        )
        ran = self._failing_clone("broken", ["APIHandler"]).deploy("deploy", STAGE)
        self.checks.same("the first creation fails", (ran.status, "Fails" in ran.output), (1, True))
        ran = self.first.deploy("deploy", STAGE)
        self.checks.same("it deploys", ran.status, 0)
        out = self.first.folder / "build" / "package" / STAGE / "out"
        zipped = hashlib.sha256((out / "deployment.zip").read_bytes()).digest()
        ran_by = {hashlib.sha256(code).digest() for code in _deployed_code(self._stage)}
        self.checks.same("every function runs what was packaged", ran_by, {zipped})
        [mapping] = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        kept = {
            name: mapping.get(name) for name in ("BisectBatchOnFunctionError", "FunctionResponseTypes")
        }
        wanted = {
            "BisectBatchOnFunctionError": True,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        self.checks.same("the stream is retried record by record", kept, wanted)
        aside = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        self.checks.that("and what fails goes to a queue", holds=":sqs:" in aside, otherwise=mapping)
        [api] = boto3.client("apigateway").get_rest_apis()["items"]
        self.checks.same("the API is named after its stage", api["name"], self._stage.stack)
        served = boto3.client("apigateway").get_stage(restApiId=api["id"], stageName=API_STAGE)
        throttle = served["methodSettings"]["*/*"]
        found = (throttle["throttlingRateLimit"], throttle["throttlingBurstLimit"])
        self.checks.same("and has its throttle", found, (100.0, 200))
        self.checks.same("it logs no bodies", throttle["dataTraceEnabled"], False)
        for table in ("bindings", "audit", "keys"):
            described = boto3.client("dynamodb").describe_table(TableName=f"{self._stage.stack}-{table}")
            protected = described["Table"].get("DeletionProtectionEnabled")
            self.checks.same(f"the table {table} is protected from deletion", protected, True)

    def _use(self) -> None:
        self.checks.act("2. The README's story: clients, trading gateway, support, auditors")
        outputs = boto3.client("cloudformation").describe_stacks(StackName=self._stage.stack)["Stacks"][
            0
        ]["Outputs"]
        topic = next(one["OutputValue"] for one in outputs if one["OutputKey"] == "EventsTopic")
        mailbox, support = Mailbox(topic), Support(self._stage.stack)
        person = Person("88000001", self._base(), self._login)
        story.clients_story(person, AUDIENCE, self.checks)
        story.gateway_story(person, self.checks)
        story.support_story(person, support, self.checks)
        story.auditors_story(person, support, mailbox, self.checks)

    def _upgrade_by_hand(self) -> None:
        self.checks.act("3. An upgrade by the documented commands of Chalice and the AWS command line")
        person = self._bound_person()
        before = self._look()
        self.first.mark("second")
        ran = self.first.deploy("package", STAGE)
        self.checks.same("make package prints them", ran.status, 0)
        commands = [row for row in ran.output.splitlines() if row.startswith(("env ", "aws "))]
        done = [
            self.first.run(shlex.split(command), path=str(HOME / "bin")).status for command in commands
        ]
        self.checks.same("they run through", done, [0, 0, 0])
        self.checks.same("the new code answers", self._release(), "second")
        self.checks.same("at the same address", list(self._look()["apis"]), list(before["apis"]))
        self._alias_moved(before, "the code")
        story.still_bound(person, self.checks, "after it")
        ran = self.first.deploy("deploy", STAGE)
        self.checks.same("make deploy takes over", ran.status, 0)
        self._nothing_changes(self.first, "run again")

    def _change_a_setting(self) -> None:
        self.checks.act("4. A setting changed, from a second clone")
        before = self._look()
        self._file["settings"]["PASS_AUDIENCE"] = "other-gateway"
        self.second = self._clone("second")
        self.second.mark("second")
        ran = self.second.deploy("plan", STAGE)
        planned = "APIHandlerVersion" in ran.output and ran.status == 0
        self.checks.that("make plan names the new version", holds=planned, otherwise=ran.output)
        self.checks.same("and changes nothing", self._look(), before)
        ran = self.second.deploy("deploy", STAGE)
        self.checks.same("it deploys", ran.status, 0)
        self._alias_moved(before, "the setting")
        person = self._bound_person()
        self.checks.same(
            "passes are for the new audience",
            story.audience_of(person, person.verify(), "other-gateway"),
            "other-gateway",
        )
        self._nothing_changes(self.second, "run again, from the second clone")

    def _fail(self) -> None:
        self.checks.act("5. An update that fails half-way")
        before, person = self._look(), self._bound_person()
        clone = self._failing_clone("failing", ["APIHandlerAliaslive", "Lookup"])
        clone.mark("third")
        ran = clone.deploy("deploy", STAGE)
        rolled_back = ran.status == 1 and "UPDATE_ROLLBACK_COMPLETE" in ran.output
        self.checks.that("it stops, rolled back", holds=rolled_back, otherwise=ran.output)
        self.checks.same("the code before serves", self._release(), "second")
        self.checks.same("by the alias as before", self._look()["alias"], before["alias"])
        story.still_bound(person, self.checks, "after it")

    def _go_back(self) -> None:
        self.checks.act("6. A release, and back to the one before")
        person = self._bound_person()
        self.second.mark("fourth")
        self.checks.same("the release deploys", self.second.deploy("deploy", STAGE).status, 0)
        self.checks.same("and serves", self._release(), "fourth")
        before = self._look()
        fresh = self._clone("fresh")
        self.checks.same(
            "a clone that knows nothing goes back", fresh.deploy("rollback", STAGE).status, 0
        )
        self.checks.same("the one before serves", self._release(), "second")
        self._alias_moved(before, "a rollback")
        story.still_bound(person, self.checks, "after it")
        self.checks.same("make deploy goes forward", self.second.deploy("deploy", STAGE).status, 0)
        self.checks.same("to the newest code", self._release(), "fourth")

    def _use_chalice(self) -> None:
        self.checks.act("7. Chalice's own commands, in a clone that was never deployed from")
        clone, before = self._clone("linked"), self._look()
        self.checks.same("make link links it", clone.deploy("link", STAGE).status, 0)
        found = clone.chalice("url", "--stage", STAGE).output.strip()
        self.checks.same("chalice url prints the address", found, f"{self._base()}/")
        event = json.dumps({"operator": "rehearsal", "account": "88000001"})
        answer = clone.chalice("invoke", "--stage", STAGE, "-n", "lookup", typed=event)
        self.checks.that(
            "chalice invoke looks up", holds='"found"' in answer.output, otherwise=answer.output
        )
        logs = clone.chalice("logs", "--stage", STAGE, "--since", "1h")
        self.checks.same("chalice logs reads the API's log", logs.status, 0)
        for command in ("deploy", "delete"):
            ran = clone.chalice(command, "--stage", STAGE)
            self.checks.that(
                f"a bare chalice {command} refuses", holds=ran.status != 0, otherwise=ran.output
            )
        self.checks.same("and nothing has changed", self._look(), before)

    def _take_down(self) -> None:
        self.checks.act("8. Taken down, and deployed again")
        person = self._bound_person()
        self.checks.same("it is taken down", self.second.deploy("destroy", STAGE).status, 0)
        seen = self._look()
        self.checks.same("functions and API are gone", (seen["functions"], seen["apis"]), ({}, {}))
        self.checks.same(
            "the same command deploys it again", self.second.deploy("deploy", STAGE).status, 0
        )
        person.base = self._base()
        story.still_bound(person, self.checks, "then")
        refused = self.second.deploy("destroy", STAGE, "--with-data", typed="prod\n")
        self.checks.same("with data it asks for the name", refused.status, 1)
        ran = self.second.deploy("destroy", STAGE, "--with-data", typed=f"{STAGE}\n")
        tables = boto3.client("dynamodb").list_tables()["TableNames"]
        self.checks.same("and deletes the tables", (ran.status, tables), (0, []))
        stacks = boto3.client("cloudformation").describe_stacks()["Stacks"]
        self.checks.same("and every stack", [one["StackName"] for one in stacks], [])

    def _nothing_changes(self, clone: Clone, how: str) -> None:
        before = self._look()
        ran = clone.deploy("deploy", STAGE)
        said = ran.status == 0 and f"{self._stage.stack}: nothing to change" in ran.output
        self.checks.that(f"{how}, it says that nothing changes", holds=said, otherwise=ran.output)
        self.checks.same("and nothing has changed", self._look(), before)

    def _alias_moved(self, before: dict[str, Any], by: str) -> None:
        after = self._look()["alias"]
        self.checks.that(f"the alias follows {by}", holds=after != before["alias"], otherwise=after)

    def _look(self) -> dict[str, Any]:
        """Return the state of the account that a deployment without changes must leave alone."""
        return look_at(self._stage)


def look_at(stage: Stage) -> dict[str, Any]:
    """Return what a stage consists of now."""
    functions, gateway = boto3.client("lambda"), boto3.client("apigateway")
    ours = [
        one
        for one in functions.list_functions()["Functions"]
        if one["FunctionName"].startswith(stage.stack)
    ]
    apis = {
        api["id"]: gateway.get_stage(restApiId=api["id"], stageName=API_STAGE)["deploymentId"]
        for api in gateway.get_rest_apis()["items"]
    }
    alias = (
        functions.get_alias(FunctionName=stage.stack, Name="live")["FunctionVersion"] if ours else None
    )
    return {
        "functions": {one["FunctionName"]: (one["CodeSha256"], one["LastModified"]) for one in ours},
        "alias": alias,
        "apis": apis,
        "stacks": sorted(map(stage.stack_of, NAMES)),
    }


def _deployed_code(stage: Stage) -> list[bytes]:
    """Return the zips that the stage's functions run."""
    import urllib3

    functions = boto3.client("lambda")
    names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
    places = [functions.get_function(FunctionName=name)["Code"]["Location"] for name in names]
    return [urllib3.request("GET", place).data for place in places if stage.stack]
