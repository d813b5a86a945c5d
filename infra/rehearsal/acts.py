"""The acts of a rehearsal, in their order: the life of one stage."""

import platform
import shlex
from pathlib import Path
from typing import Any

import boto3
import urllib3

from infra.deploy.stage import API_STAGE
from infra.rehearsal import story
from infra.rehearsal.checks import Checks
from infra.rehearsal.clone import Clone, Ran
from infra.rehearsal.people import STAGE, LoginServer, Mailbox, Person

AUDIENCE = "trading-gateway"


class Rehearsal:
    """The parts of one rehearsal; each act leaves the stage to the next."""

    def __init__(self, url: str, folder: Path, checks: Checks) -> None:
        self._checks, self._same, self._that = checks, checks.same, checks.that
        self._url, self._folder = url, folder
        self._login, self._people = LoginServer(), 0
        machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
        self._settings: dict[str, Any] = {"OTP_ISSUER": "极星期货", **self._login.settings}
        self._settings |= {"PASS_ISSUER": "https://2fa.example", "PASS_AUDIENCE": AUDIENCE}
        self._file = {"settings": self._settings, "architecture": machine, "edge": False}
        self.first = self._clone("first")

    def run(self) -> None:
        """Go through all acts."""
        self._begin()
        self._use()
        self._upgrade_by_hand()
        self._change_a_setting()
        self._fail()
        self._go_back()
        self._use_chalice()
        self._restore()
        self._take_down()

    def _begin(self) -> None:
        self._checks.say("\n1. An empty account: a creation that fails, then one that does not")
        broken = self._clone("broken")
        broken.break_service(["APIHandler"])
        self._stops(broken.deploy("deploy"), "the first creation fails", "Fails")
        self._does(self.first.deploy("deploy"), "one command deploys")
        functions = boto3.client("lambda")
        names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
        places = [functions.get_function(FunctionName=name)["Code"]["Location"] for name in names]
        code = {urllib3.request("GET", place).data for place in places}
        packaged = self._folder / "first" / "build" / "package" / STAGE.name / "out" / "deployment.zip"
        self._same("every function runs what was packaged", code, {packaged.read_bytes()})
        [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
        aside = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        kept = (mapping["BisectBatchOnFunctionError"], ":sqs:" in aside)
        self._same("the stream is retried, and what fails goes to a queue", kept, (True, True))
        [api] = boto3.client("apigateway").get_rest_apis()["items"]
        served = boto3.client("apigateway").get_stage(restApiId=api["id"], stageName=API_STAGE)
        on = served["methodSettings"]["*/*"]
        found = [api["name"], *(on[f"throttling{kind}Limit"] for kind in ("Rate", "Burst"))]
        self._same("the API has its name and throttle", found, [STAGE.stack, 100.0, 200])
        dynamodb = boto3.client("dynamodb")
        names = dynamodb.list_tables()["TableNames"]
        tables = [dynamodb.describe_table(TableName=name)["Table"] for name in names]
        protected = [table["DeletionProtectionEnabled"] for table in tables]
        self._same("three tables are protected from deletion", protected, [True, True, True])

    def _use(self) -> None:
        self._checks.say("\n2. The README's story: clients, trading gateway, support, auditors")
        mailbox, person = Mailbox(), self._person()
        story.clients_story(person, AUDIENCE, self._checks)
        story.gateway_story(person, self._checks)
        story.support_story(person, self._checks)
        story.auditors_story(person, mailbox, self._checks)

    def _upgrade_by_hand(self) -> None:
        self._checks.say("\n3. An upgrade by the commands of Chalice and the AWS command line")
        person, before = self._bound_person(), look()
        self.first.mark("second")
        printed = self.first.deploy("package").stdout.splitlines()
        commands = [shlex.split(row) for row in printed if row.startswith(("env ", "aws "))]
        done = [self.first.run(command).returncode for command in commands]
        self._same("make package prints three, and they run through", done, [0, 0, 0])
        self._serves("second")
        self._same("at the same address", list(look()["apis"]), list(before["apis"]))
        self._alias_moved(before)
        story.still_bound(person, self._checks)
        self._does(self.first.deploy("deploy"), "make deploy takes over")
        before, again = look(), self._clone("again")
        again.mark("second")
        ran = again.deploy("deploy")
        said = f"{STAGE.stack}: nothing to change" in ran.stdout
        self._that("from another clone, it changes nothing", holds=said, otherwise=ran.stdout)
        self._same("and says so rightly", look(), before)

    def _change_a_setting(self) -> None:
        self._checks.say("\n4. A setting changed")
        before = look()
        self._settings["PASS_AUDIENCE"] = "other-gateway"
        self.second = self._clone("second")
        self.second.mark("second")
        ran = self.second.deploy("plan")
        version = ran.returncode == 0 and "APIHandlerVersion" in ran.stdout
        self._that("make plan names the new version", holds=version, otherwise=ran.stdout)
        self._same("and changes nothing", look(), before)
        self._does(self.second.deploy("deploy"), "it deploys")
        self._alias_moved(before)
        person = self._bound_person()
        found = story.audience_of(person, person.verify(), "other-gateway")
        self._same("passes are for the new audience", found, "other-gateway")

    def _fail(self) -> None:
        self._checks.say("\n5. An update that fails half-way")
        before, person = look(), self._bound_person()
        clone = self._clone("failing")
        clone.break_service(["APIHandlerAliaslive", "Lookup"])
        clone.mark("third")
        self._stops(clone.deploy("deploy"), "it stops, rolled back", "UPDATE_ROLLBACK_COMPLETE")
        self._serves("second")
        self._same("by the alias as before", look()["alias"], before["alias"])
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

    def _use_chalice(self) -> None:
        self._checks.say("\n7. Chalice's own commands, in a clone that was never deployed from")
        clone, before = self._clone("linked"), look()
        self._does(clone.deploy("link"), "make link links it")
        found = clone.chalice("url").stdout.strip()
        self._same("chalice url prints the address", found, f"{self._base()}/")
        event = '{"operator": "rehearsal", "account": "88010000"}'
        answer = clone.chalice("invoke", "-n", "lookup", typed=event).stdout
        self._that("chalice invoke looks up", holds='"found"' in answer, otherwise=answer)
        self._does(clone.chalice("logs", "--since", "1h"), "chalice logs reads the log")
        for command in ("deploy", "delete"):
            self._stops(clone.chalice(command), f"a bare chalice {command} refuses", "iam_role_arn")
        self._same("and nothing has changed", look(), before)

    def _restore(self) -> None:
        self._checks.say(
            "\n8. The drill of docs/operations.md: each table restored beside the one in use"
        )
        dynamodb = boto3.client("dynamodb")
        for table in dynamodb.list_tables()["TableNames"]:
            copy = {"TargetTableName": f"{table}-drill", "UseLatestRestorableTime": True}
            dynamodb.restore_table_to_point_in_time(SourceTableName=table, **copy)
            found, now = (dynamodb.scan(TableName=name)["Items"] for name in (f"{table}-drill", table))
            whole = bool(found) and all(item in now for item in found)
            self._that(f"{table} comes back whole", holds=whole, otherwise=found)
            dynamodb.delete_table(TableName=f"{table}-drill")

    def _take_down(self) -> None:
        self._checks.say("\n9. Taken down, and deployed again")
        person = self._bound_person()
        self._does(self.second.deploy("destroy"), "it is taken down")
        self._same("functions and API are gone", look(), {"functions": {}, "alias": None, "apis": {}})
        self._does(self.second.deploy("deploy"), "the same command deploys it again")
        self._serves("fourth")
        person.base = self._base()
        story.still_bound(person, self._checks)
        asked = self.second.deploy("destroy", "--with-data", typed="prod\n")
        self._stops(asked, "with data it asks for the name", "nothing was changed")
        self._does(
            self.second.deploy("destroy", "--with-data", typed=f"{STAGE.name}\n"), "and deletes all"
        )
        stacks = boto3.client("cloudformation").describe_stacks()["Stacks"]
        tables = boto3.client("dynamodb").list_tables()["TableNames"]
        self._same("tables and stacks are gone", (tables, stacks), ([], []))

    def _clone(self, name: str) -> Clone:
        return Clone(self._folder / name, STAGE.name, self._file, self._checks)

    def _base(self) -> str:
        [api] = look()["apis"]
        return f"{self._url}/restapis/{api}/{API_STAGE}/_user_request_"

    def _person(self) -> Person:
        self._people += 1
        return Person(f"{88010000 + self._people - 1}", self._base(), self._login)

    def _bound_person(self) -> Person:
        person = self._person()
        person.bind()
        return person

    def _does(self, ran: Ran, sentence: str) -> None:
        self._that(sentence, holds=ran.returncode == 0, otherwise=ran.stdout)

    def _stops(self, ran: Ran, sentence: str, words: str) -> None:
        self._that(sentence, holds=ran.returncode != 0 and words in ran.stdout, otherwise=ran.stdout)

    def _serves(self, release: str) -> None:
        answer = Person("88019999", self._base(), self._login).call("GET", "/binding")
        self._same(f"the {release} release serves", answer.headers.get("x-release"), release)

    def _alias_moved(self, before: dict[str, Any]) -> None:
        after = look()["alias"]
        self._that("the alias follows", holds=after != before["alias"], otherwise=after)


def look() -> dict[str, Any]:
    """Return the state of the account that a deployment without changes must leave alone."""
    functions, gateway = boto3.client("lambda"), boto3.client("apigateway")
    ours = functions.list_functions()["Functions"]
    apis = [api["id"] for api in gateway.get_rest_apis()["items"]]
    alias = functions.get_alias(FunctionName=STAGE.stack, Name="live") if ours else {}
    served = {api: gateway.get_stage(restApiId=api, stageName=API_STAGE)["deploymentId"] for api in apis}
    found = {one["FunctionName"]: (one["CodeSha256"], one["LastModified"]) for one in ours}
    return {"functions": found, "alias": alias.get("FunctionVersion"), "apis": served}
