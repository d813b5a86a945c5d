"""``python -m infra.rehearsal``, or ``make rehearse``: a stage's whole life on one machine."""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from infra.deploying.stacks import Stacks
from infra.deploying.stage import USUAL_REGION, Stage
from infra.environment import ROOT, ensure, set_aside_aws
from infra.local import stack
from infra.rehearsal import drill, limits, story
from infra.rehearsal.account import Seen, client, look_at
from infra.rehearsal.calls import Calls, not_allowed
from infra.rehearsal.checks import Checks
from infra.rehearsal.clone import Clone, copy_project
from infra.rehearsal.doorway import Doorway
from infra.rehearsal.fleet import Fleet
from infra.rehearsal.mailbox import Mailbox
from infra.rehearsal.story import Person, Support
from infra.rehearsal.streams import Streams

STAGE = "rehearsal"
WHOLE_STAGE = "rehearsal-2"
"""The stage that gets the optional stacks too."""

WHOLE_PASSWORD = "Long-Enough-1"
API_STAGE = "api"
AUDIENCE = "trading-gateway"
BUILD = ROOT / "build"
HOME = BUILD / "rehearsal"

NEW_ROUTE = '''

@any_body("/next", methods=["GET"])
@answered()
def next_release(call: Call, components: Components) -> dict[str, Any]:
    """Anyone: what only the upgraded code has."""
    return {"release": "next"}
'''
"""What the upgrade adds to ``app.py``."""


@contextlib.contextmanager
def account() -> Iterator[str]:
    """An empty AWS account, in a process of its own; where it answers."""
    command = [sys.executable, "-m", "infra.rehearsal.cloud"]
    with (HOME / "cloud.log").open("wb") as log:
        cloud = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        with cloud:
            try:
                yield (cloud.stdout.readline() if cloud.stdout else "").strip()
            finally:
                cloud.terminate()


class Rehearsal:
    """The parts of one rehearsal, and its acts in their order."""

    def __init__(
        self, aws_url: str, doorway: Doorway, fleet: Fleet, streams: Streams, calls: Calls
    ) -> None:
        self.checks = Checks()
        self._fleet = fleet
        self._streams = streams
        self._calls = calls
        self._aws_url = aws_url
        self._pool = stack.create_user_pool()
        self._base = f"{doorway.url}/{API_STAGE}"
        self._support = Support(doorway.url, STAGE)
        self._environment = {
            **os.environ,
            "AWS_ENDPOINT_URL_LAMBDA": doorway.url,
            "AWS_ENDPOINT_URL_API_GATEWAY": doorway.url,
            "AWS_CSM_ENABLED": "true",
            "AWS_CSM_HOST": "127.0.0.1",
            "AWS_CSM_PORT": str(calls.port),
        }
        self._environment.pop("AWS_DEFAULT_REGION")
        # Ops' own shell has no such setting, without which modules are compiled once for each clone.
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        # What the local stage takes from its stack is left empty: here the deployment does that.
        settings = stack.settings(defaultdict(str), self._pool, aws_url)
        self._stage_file: dict[str, Any] = {
            "settings": {
                **{name: value for name, value in settings.items() if value},
                "OTP_ISSUER": "极星期货",
                "PASS_ISSUER": "https://2fa.broker.example",
                "PASS_AUDIENCE": AUDIENCE,
            },
            "url": self._base,
            "architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
        }
        self._person = self._someone(0)

    def run(self) -> int:
        """All acts, as far as they go; the exit status."""
        try:
            self._acts()
        except Exception as error:
            traceback.print_exc()
            self.checks.that("the rehearsal goes through to its end", holds=False, otherwise=error)
        return self.checks.end(limits.OF_THE_REHEARSAL)

    def _acts(self) -> None:
        first = self._first_deployment()
        self._use()
        before = self._upgrade(first)
        self._change_nothing(first, before, "again from the same clone")
        second = self._clone("second")
        shutil.copy(first.folder / "app.py", second.folder / "app.py")
        self._change_nothing(second, before, "from a second clone")
        self._lose_memory(second, before)
        self.checks.same("the layer is the first clone's, byte by byte", second.layers, first.layers)
        self._roll_back(second)
        print("\n10. Each table is restored beside the one in use, as docs/operations.md has it")
        drill.restore_beside(sorted(look_at(STAGE).tables), self.checks)
        self._destroy(second)
        self._with_everything(second)
        lacking = not_allowed(self._calls.actions)
        print("\nPermissions")
        self.checks.same(
            f"infra/deployer.json allows all {len(self._calls.actions)} kinds of calls made", lacking, []
        )

    def _clone(self, name: str) -> Clone:
        clone = Clone(HOME / name, HOME / "origin", self._environment)
        clone.write_stage(STAGE, self._stage_file)
        return clone

    def _someone(self, number: int) -> Person:
        return Person(stack.DEMO_ACCOUNTS[number], self._base, self._pool, client("cognito-idp"))

    def _first_deployment(self) -> Clone:
        print("\n1. An empty account: a creation that fails, then a deployment that is cut off half-way")
        clone = self._clone("first")
        self._fail_to_create(clone)
        cut = clone.deploy("deploy", STAGE, cut_at="Creating Rest API")
        cleared = all(f"{table} deleted" in cut.said for table in Stage(STAGE).tables[:2])
        self.checks.that("what stood in the way is cleared away", holds=cleared, otherwise=cut.said)
        self.checks.that("the first deployment was cut off", holds=cut.status < 0, otherwise=cut.status)
        print("\n2. The same once more")
        ran = clone.deploy("deploy", STAGE)
        self.checks.same("it deploys", ran.status, 0)
        taken = "lock         taken over" in ran.said
        self.checks.that("at once, though the first one's lock is there", holds=taken)
        seen = look_at(STAGE)
        self.checks.same("with one REST API", len(seen.apis), 1)
        self.checks.that("in Hong Kong unless told", holds=USUAL_REGION in ran.said, otherwise=ran.said)
        self.checks.that("every function runs what was packaged", holds=self._as_packaged(clone, seen))
        sizes = clone.deploy("package", STAGE)
        self.checks.same("and that is within its bounds", sizes.status, 0)
        self._check_stage_settings()
        for table, kept in seen.tables.items():
            self.checks.same(f"{table} is protected, with point-in-time recovery", kept, (True, True))
        return clone

    def _fail_to_create(self, clone: Clone) -> None:
        """By a template that names one table twice; the protected ones cannot be taken back."""
        template = clone.folder / "infra" / "resources.yaml"
        right = template.read_text("utf-8")
        template.write_text(right.replace("${Stage}-keys\n", "${Stage}-audit\n", 1), "utf-8")
        ran = clone.deploy("deploy", STAGE)
        template.write_text(right, "utf-8")
        self.checks.same(
            "the creation fails, and tables are left of it",
            (ran.status, "ROLLBACK_FAILED" in ran.said, len(look_at(STAGE).tables)),
            (1, True, 2),
        )

    def _check_stage_settings(self) -> None:
        self._check_name()
        [api] = look_at(STAGE).apis
        stage = client("apigateway").get_stage(restApiId=api, stageName=API_STAGE)
        settings = stage["methodSettings"]["*/*"]
        throttle = (settings["throttlingRateLimit"], settings["throttlingBurstLimit"])
        self.checks.same("the API has its throttle", throttle, (100.0, 200))
        self.checks.that(
            "and logs no bodies", holds=not settings["dataTraceEnabled"], otherwise=settings
        )
        goes_to = (stage["accessLogSettings"] or {}).get("destinationArn", "")
        ours = goes_to.endswith(f":log-group:/aws/apigateway/totp-binding-{STAGE}")
        self.checks.that("its calls are logged", holds=ours, otherwise=goes_to)

    def _check_name(self) -> None:
        [api] = boto3.client("apigateway").get_rest_apis()["items"]
        self.checks.same("the API is called after its stage", api["name"], Stage(STAGE).api)

    def _as_packaged(self, clone: Clone, seen: Seen) -> bool:
        """Whether the account holds the very zips that lie in the clone."""
        zips = {path.read_bytes() for path in (clone.folder / ".chalice/deployments").glob("*.zip")}
        return bool(seen.functions) and all(self._fleet.fetched(name) <= zips for name in seen.functions)

    def _use(self) -> None:
        print("\n3. Clients, through the deployed API")
        story.clients_story(self._person, AUDIENCE, self.checks)
        story.gateway_story(self._person, self.checks)
        print("\n4. Support, through Lambda's invoke call")
        story.support_story(self._person, self._support, self.checks)
        print("\n5. The audit trail, off the table's stream")
        mailbox = Mailbox(STAGE)
        self.checks.same("one stream is read", self._streams.follow(), 1)
        story.auditors_story(self._person, self._support, mailbox, self.checks)

    def _upgrade(self, clone: Clone) -> Seen:
        print("\n6. An upgrade over it, with bindings in place")
        before = look_at(STAGE)
        with (clone.folder / "app.py").open("a", encoding="utf-8") as app:
            app.write(NEW_ROUTE)
        self.checks.same("it deploys", clone.deploy("deploy", STAGE).status, 0)
        after = look_at(STAGE)
        self.checks.same("at the same address", after.apis, before.apis)
        self._check_name()
        answer = self._person.call("GET", "/next")
        self.checks.same(
            "the new code answers", (answer.status, answer.json.get("release")), (200, "next")
        )
        story.still_bound(self._person, self.checks, "after the upgrade")
        return after

    def _change_nothing(self, clone: Clone, before: Seen, how: str) -> None:
        print(f"\n7. Deployed {how}: nothing to change")
        ran = clone.deploy("deploy", STAGE)
        self.checks.same("it succeeds", ran.status, 0)
        self.checks.that(
            "says so of both stacks and the code",
            holds=ran.said.count("nothing to change") == 3,
            otherwise=ran.said,
        )
        self.checks.same("and nothing has changed in the account", look_at(STAGE), before)

    def _lose_memory(self, clone: Clone, before: Seen) -> None:
        print("\n8. All that Chalice remembers is lost, here and in the account; then a new release")
        client("ssm").delete_parameter(Name=f"/totp-binding/{STAGE}/chalice")
        shutil.rmtree(clone.folder / ".chalice" / "deployed")
        with (clone.folder / "app.py").open("a", encoding="utf-8") as app:
            app.write(NEW_ROUTE.replace("next", "afternext"))
        ran = clone.deploy("deploy", STAGE)
        self.checks.same("it deploys", ran.status, 0)
        after = look_at(STAGE)
        self.checks.same("the API is adopted, not doubled", after.apis, before.apis)
        self.checks.same("and no stream is read twice", after.mappings, before.mappings)
        self.checks.same("the new code answers", self._person.call("GET", "/afternext").status, 200)

    def _roll_back(self, clone: Clone) -> None:
        print("\n9. Back to the code before, and before that")
        self.checks.same("it goes back", clone.deploy("rollback", STAGE).status, 0)
        gone = self._person.call("GET", "/afternext")
        self.checks.same("the newest code is gone", story.refusal(gone), "not_found")
        self.checks.same("the one before serves", self._person.call("GET", "/next").status, 200)
        self.checks.same("it goes back once more", clone.deploy("rollback", STAGE).status, 0)
        gone = self._person.call("GET", "/next")
        self.checks.same("to the first code", story.refusal(gone), "not_found")
        story.still_bound(self._person, self.checks, "after the rollbacks")
        ran = clone.deploy("rollback", STAGE)
        self.checks.same(
            "there is nothing before the first", (ran.status, "no release" in ran.said), (1, True)
        )

    def _with_everything(self, before: Clone) -> None:
        print("\n13. Another stage, with the edge and a user pool of its own")
        stage = Stage(WHOLE_STAGE)
        clone = self._clone("fourth")
        clone.take_layers(before)
        clone.write_stage(WHOLE_STAGE, self._stage_file)
        ran = clone.deploy("deploy", WHOLE_STAGE, "--edge", "--userpool")
        self.checks.same(
            "login settings beside a user pool are refused",
            (ran.status, "LOGIN_ISSUER" in ran.said, look_at(WHOLE_STAGE).tables),
            (1, True, {}),
        )
        settings = {
            name: value
            for name, value in self._stage_file["settings"].items()
            if not name.startswith("LOGIN_")
        }
        clone.write_stage(WHOLE_STAGE, {**self._stage_file, "settings": settings})
        ran = clone.deploy("deploy", WHOLE_STAGE, "--edge", "--userpool")
        self.checks.same("it deploys", ran.status, 0)
        pool = _outputs(stage.userpool_stack)
        firewall = _outputs(stage.edge_stack).get("Firewall", "no firewall")
        [api] = look_at(WHOLE_STAGE).apis
        served = client("apigateway").get_stage(restApiId=api, stageName=API_STAGE)
        self.checks.same("the firewall stands before the API", served.get("webAclArn"), firewall)
        told = firewall in ran.said and ran.said.index(firewall) < ran.said.index("Smoke check")
        self.checks.that("and is told of before the smoke check", holds=told, otherwise=ran.said)
        # Nobody reaches Cognito from here: its key set is had from the emulator.
        keys = f"{self._aws_url}/{pool['UserPoolId']}/.well-known/jwks.json"
        settings = {**settings, "LOGIN_KEY_SET_URL": keys}
        clone.write_stage(WHOLE_STAGE, {**self._stage_file, "settings": settings})
        self.checks.same("again without the flags", clone.deploy("deploy", WHOLE_STAGE).status, 0)
        answer = self._of_pool(pool).call("GET", "/binding")
        self.checks.same(
            "a token of the pool's desktop client logs in",
            (answer.status, answer.json.get("state")),
            (200, "unbound"),
        )
        ran = clone.deploy("destroy", WHOLE_STAGE, "--with-data", typed=f"{WHOLE_STAGE}\n")
        self.checks.same(
            "taken down, it keeps the login server alone",
            (ran.status, _outputs(stage.edge_stack), _outputs(stage.userpool_stack)),
            (0, {}, pool),
        )

    def _of_pool(self, pool: dict[str, str]) -> Person:
        """Somebody with an account in a stage's own user pool."""
        cognito = client("cognito-idp")
        account = stack.DEMO_ACCOUNTS[0]
        who = {"UserPoolId": pool["UserPoolId"], "Username": account}
        cognito.admin_create_user(**who, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(**who, Password=WHOLE_PASSWORD, Permanent=True)
        clients = {"desktop": pool["DesktopClientId"], "mobile": pool["MobileClientId"]}
        there = stack.UserPool(pool["UserPoolId"], clients)
        return Person(account, self._base, there, cognito, WHOLE_PASSWORD)

    def _destroy(self, clone: Clone) -> None:
        print("\n11. Conflict down, and put up again over the data that was kept")
        # Lambda would go on reading until the mapping goes, and fail as quietly as it can.
        self._streams.stop()
        ran = clone.deploy("destroy", STAGE)
        self.checks.same("it is taken down", ran.status, 0)
        self.checks.that("saying what is kept", holds="kept" in ran.said, otherwise=ran.said)
        seen = look_at(STAGE)
        self.checks.same("code and API are gone", (seen.functions, seen.apis, seen.layers), ({}, [], []))
        self.checks.that("the tables are not", holds=len(seen.tables) >= 3, otherwise=seen.tables)
        third = self._clone("third")
        # Two clones have packaged the layer by themselves, to the same: pip has nothing more to show.
        third.take_layers(clone)
        self.checks.same("it goes up again", third.deploy("deploy", STAGE).status, 0)
        self._streams.follow()
        story.still_bound(self._person, self.checks, "after all that")
        story.newest_is(self._person, self._support, "verified", self.checks)
        print("\n12. Conflict down with its data, when asked twice")
        self._streams.stop()
        ran = clone.deploy("destroy", STAGE, "--with-data", typed="prod\n")
        self.checks.same(
            "another stage's name does not do", (ran.status, look_at(STAGE).tables != {}), (1, True)
        )
        ran = clone.deploy("destroy", STAGE, "--with-data", typed=f"{STAGE}\n")
        self.checks.same("its own does", (ran.status, look_at(STAGE).tables), (0, {}))


def _outputs(name: str) -> dict[str, str]:
    return Stacks(client("cloudformation")).outputs(name) or {}


def main() -> int:
    """Rehearse; the exit status."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    copy_project(ROOT, HOME / "origin")
    requirements = Path(__file__).with_name("requirements.txt")
    python = ensure(requirements, BUILD / "lambda-runtime")
    set_aside_aws()
    os.environ["AWS_DEFAULT_REGION"] = USUAL_REGION
    with account() as aws_url:
        stack.point_at(aws_url)
        session: Any = boto3.Session()
        fleet = Fleet(session, aws_url, python, HOME)
        doorway = Doorway(session, aws_url, fleet, API_STAGE)
        streams = Streams(fleet)
        calls = Calls()
        try:
            return Rehearsal(aws_url, doorway, fleet, streams, calls).run()
        finally:
            streams.stop()
            fleet.stop()
            doorway.stop()
            calls.stop()


if __name__ == "__main__":
    sys.exit(main())
