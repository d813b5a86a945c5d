"""The acts of a rehearsal, in their order: the life of one stage."""

import json
import platform
import shlex
from pathlib import Path
from typing import Any

import boto3
import urllib3

from infra.deploy.stage import API_STAGE, Stage
from infra.rehearsal import story
from infra.rehearsal.checks import Checks
from infra.rehearsal.clone import Clone, Ran
from infra.rehearsal.people import LoginServer, Mailbox, Person, Support

STAGE = Stage(name="rehearsal")
AUDIENCE = "trading-gateway"


class Rehearsal:
    """The parts of one rehearsal; each act leaves the stage to the next."""

    def __init__(self, url: str, folder: Path, checks: Checks) -> None:
        self._checks = checks
        self._url = url
        self._folder = folder
        self._login = LoginServer()
        self._people = 0
        given = {
            "OTP_ISSUER": "极星期货",
            "PASS_ISSUER": "https://2fa.example",
            "PASS_AUDIENCE": AUDIENCE,
        }
        machine = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
        self._settings: dict[str, Any] = {**given, **self._login.settings}
        self._file = {"settings": self._settings, "architecture": machine, "edge": False}
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

    def _deploy_on_an_empty_account(self) -> None:
        self._checks.say("\n1. An empty account: a creation that fails, then one that does not")
        broken = self._clone("broken")
        broken.break_service(["APIHandler"])
        self._stops(broken.deploy("deploy"), "the first creation fails", "Fails")
        self._does(self.first.deploy("deploy"), "one command deploys")
        functions = boto3.client("lambda")
        names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
        places = [functions.get_function(FunctionName=name)["Code"]["Location"] for name in names]
        code = {urllib3.request("GET", place).data for place in places}
        self._checks.same("every function runs what was packaged", code, {self.first.packaged})
        [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
        aside = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        kept = (
            mapping["BisectBatchOnFunctionError"],
            mapping["FunctionResponseTypes"],
            ":sqs:" in aside,
        )
        wanted = (True, ["ReportBatchItemFailures"], True)
        self._checks.same("the stream is retried, and what fails goes to a queue", kept, wanted)
        [api] = boto3.client("apigateway").get_rest_apis()["items"]
        served = boto3.client("apigateway").get_stage(restApiId=api["id"], stageName=API_STAGE)
        on = served["methodSettings"]["*/*"]
        found = (
            api["name"],
            on["throttlingRateLimit"],
            on["throttlingBurstLimit"],
            on["dataTraceEnabled"],
        )
        self._checks.same(
            "the API has name and throttle, no trace", found, (STAGE.stack, 100.0, 200, False)
        )
        tables = [
            boto3.client("dynamodb").describe_table(TableName=name)["Table"]["DeletionProtectionEnabled"]
            for name in boto3.client("dynamodb").list_tables()["TableNames"]
        ]
        self._checks.same("three tables are protected from deletion", tables, [True, True, True])

    def _use(self) -> None:
        self._checks.say("\n2. The README's story: clients, trading gateway, support, auditors")
        described = boto3.client("cloudformation").describe_stacks(StackName=STAGE.stack)["Stacks"][0]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
        mailbox, support = Mailbox(outputs["EventsTopic"]), Support(STAGE.stack)
        person = self._person()
        story.clients_story(person, AUDIENCE, self._checks)
        story.gateway_story(person, self._checks)
        story.support_story(person, support, self._checks)
        story.auditors_story(person, support, mailbox, self._checks)

    def _upgrade_by_hand(self) -> None:
        self._checks.say(
            "\n3. An upgrade by the documented commands of Chalice and the AWS command line"
        )
        person, before = self._bound_person(), look()
        self.first.mark("second")
        ran = self.first.deploy("package")
        self._does(ran, "make package prints them")
        commands = [row for row in ran.output.splitlines() if row.startswith(("env ", "aws "))]
        done = [self.first.run(shlex.split(command)).status for command in commands]
        self._checks.same("they run through", done, [0, 0, 0])
        self._serves("second")
        self._checks.same("at the same address", list(look()["apis"]), list(before["apis"]))
        self._alias_moved(before)
        story.still_bound(person, self._checks)
        self._does(self.first.deploy("deploy"), "make deploy takes over")
        self._nothing_changes(self.first)

    def _change_a_setting(self) -> None:
        self._checks.say("\n4. A setting changed, from a second clone")
        before = look()
        self._settings["PASS_AUDIENCE"] = "other-gateway"
        self.second = self._clone("second")
        self.second.mark("second")
        ran = self.second.deploy("plan")
        version = ran.status == 0 and "APIHandlerVersion" in ran.output
        self._checks.that("make plan names the new version", holds=version, otherwise=ran.output)
        self._checks.same("and changes nothing", look(), before)
        self._does(self.second.deploy("deploy"), "it deploys")
        self._alias_moved(before)
        person = self._bound_person()
        found = story.audience_of(person, person.verify(), "other-gateway")
        self._checks.same("passes are for the new audience", found, "other-gateway")
        self._nothing_changes(self.second)

    def _fail(self) -> None:
        self._checks.say("\n5. An update that fails half-way")
        before, person = look(), self._bound_person()
        clone = self._clone("failing")
        clone.break_service(["APIHandlerAliaslive", "Lookup"])
        clone.mark("third")
        self._stops(clone.deploy("deploy"), "it stops, rolled back", "UPDATE_ROLLBACK_COMPLETE")
        self._serves("second")
        self._checks.same("by the alias as before", look()["alias"], before["alias"])
        story.still_bound(person, self._checks)

    def _go_back(self) -> None:
        self._checks.say("\n6. A release, and back to the one before")
        person = self._bound_person()
        self.second.mark("fourth")
        self._does(self.second.deploy("deploy"), "the release deploys")
        self._serves("fourth")
        before = look()
        self._does(self._clone("fresh").deploy("rollback"), "a clone that knows nothing goes back")
        self._serves("second")
        self._alias_moved(before)
        story.still_bound(person, self._checks)
        self._does(self.second.deploy("deploy"), "make deploy goes forward")
        self._serves("fourth")

    def _use_chalice(self) -> None:
        self._checks.say("\n7. Chalice's own commands, in a clone that was never deployed from")
        clone, before = self._clone("linked"), look()
        self._does(clone.deploy("link"), "make link links it")
        found = clone.chalice("url").output.strip()
        self._checks.same("chalice url prints the address", found, f"{self._base()}/")
        event = json.dumps({"operator": "rehearsal", "account": "88010000"})
        answer = clone.chalice("invoke", "-n", "lookup", typed=event).output
        self._checks.that("chalice invoke looks up", holds='"found"' in answer, otherwise=answer)
        self._does(clone.chalice("logs", "--since", "1h"), "chalice logs reads the log")
        for command in ("deploy", "delete"):
            self._stops(clone.chalice(command), f"a bare chalice {command} refuses", "iam_role_arn")
        self._checks.same("and nothing has changed", look(), before)

    def _take_down(self) -> None:
        self._checks.say("\n8. Taken down, and deployed again")
        person = self._bound_person()
        self._does(self.second.deploy("destroy"), "it is taken down")
        self._checks.same(
            "functions and API are gone", look(), {"functions": {}, "alias": None, "apis": {}}
        )
        self._does(self.second.deploy("deploy"), "the same command deploys it again")
        person.base = self._base()
        story.still_bound(person, self._checks)
        asked = self.second.deploy("destroy", "--with-data", typed="prod\n")
        self._stops(asked, "with data it asks for the name", "nothing was changed")
        ran = self.second.deploy("destroy", "--with-data", typed=f"{STAGE.name}\n")
        self._does(ran, "and then deletes all")
        stacks = boto3.client("cloudformation").describe_stacks()["Stacks"]
        left = (
            boto3.client("dynamodb").list_tables()["TableNames"],
            [one["StackName"] for one in stacks],
        )
        self._checks.same("tables and stacks are gone", left, ([], []))

    def _clone(self, name: str) -> Clone:
        return Clone(self._folder / name, STAGE.name, self._file, self._checks)

    def _base(self) -> str:
        [api] = look()["apis"]
        return f"{self._url}/restapis/{api}/{API_STAGE}/_user_request_"

    def _person(self) -> Person:
        self._people += 1
        return Person(f"{88010000 + self._people - 1}", self._base(), self._login)

    def _bound_person(self) -> Person:
        """Return somebody whose account is bound, with codes left that were not used."""
        person = self._person()
        person.bind()
        return person

    def _does(self, ran: Ran, sentence: str) -> None:
        self._checks.that(sentence, holds=ran.status == 0, otherwise=ran.output)

    def _stops(self, ran: Ran, sentence: str, words: str) -> None:
        holds = ran.status != 0 and words in ran.output
        self._checks.that(sentence, holds=holds, otherwise=ran.output)

    def _serves(self, release: str) -> None:
        answer = Person("88019999", self._base(), self._login).call("GET", "/binding")
        self._checks.same(f"the {release} release serves", answer.headers.get("x-release"), release)

    def _nothing_changes(self, clone: Clone) -> None:
        before, ran = look(), clone.deploy("deploy")
        said = ran.status == 0 and f"{STAGE.stack}: nothing to change" in ran.output
        self._checks.that("run again, it says that nothing changes", holds=said, otherwise=ran.output)
        self._checks.same("and nothing has changed", look(), before)

    def _alias_moved(self, before: dict[str, Any]) -> None:
        after = look()["alias"]
        self._checks.that("the alias follows", holds=after != before["alias"], otherwise=after)


def look() -> dict[str, Any]:
    """Return the state of the account that a deployment without changes must leave alone."""
    functions, gateway = boto3.client("lambda"), boto3.client("apigateway")
    ours = functions.list_functions()["Functions"]
    alias = (
        functions.get_alias(FunctionName=STAGE.stack, Name="live")["FunctionVersion"] if ours else None
    )
    return {
        "functions": {one["FunctionName"]: (one["CodeSha256"], one["LastModified"]) for one in ours},
        "alias": alias,
        "apis": {
            api["id"]: gateway.get_stage(restApiId=api["id"], stageName=API_STAGE)["deploymentId"]
            for api in gateway.get_rest_apis()["items"]
        },
    }
