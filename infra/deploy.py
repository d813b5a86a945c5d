"""Deploys a stage, takes it back to the code before, or takes it down.

``python -m infra.deploy deploy --stage prod``, or ``make deploy STAGE=prod``. Every step can be
taken again: whatever a cut-off run left behind, the next one goes on from there.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from infra.environment import RUN_REQUIREMENTS, run_inside

    run_inside(RUN_REQUIREMENTS, "infra.deploy")

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploying import destroy, lock, package, preflight, record, smoke, unfinished
from infra.deploying.api import Api
from infra.deploying.console import Stop, heading, line
from infra.deploying.functions import Functions
from infra.deploying.memory import Memory
from infra.deploying.permissions import EXTRAS
from infra.deploying.preflight import Account
from infra.deploying.releases import Releases
from infra.deploying.stacks import Stacks, read_template
from infra.deploying.stage import Stage, read_stage
from infra.environment import ROOT

INFRA = ROOT / "infra"
TEMPLATES = tuple(INFRA / name for name in ("resources.yaml", "edge.yaml", "userpool.yaml"))


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; the exit status."""
    asked = _arguments(arguments)
    try:
        stage = read_stage(asked.stage, asked.region)
        if asked.command == "package":
            measure(stage)
        elif asked.command == "deploy":
            deploy(stage, edge=asked.edge, userpool=asked.userpool)
        elif asked.command == "rollback":
            rollback(stage)
        else:
            take_down(stage, with_data=asked.with_data)
    except Stop as stop:
        print(f"\nstopped: {stop}", file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as error:
        print(f"\nstopped: AWS says: {error}. Put that right and run the same again.", file=sys.stderr)
        if "AccessDenied" in str(error) or "not authorized" in str(error):
            print("infra/deployer.json is the policy that deploying takes.", file=sys.stderr)
        return 1
    return 0


def deploy(stage: Stage, *, edge: bool = False, userpool: bool = False) -> None:
    """From whatever there is to a serving stage."""
    session = stage.session()
    heading(f"Preflight of {stage.name}")
    if userpool:
        stage.check_for_user_pool()
    preflight.check_parameters(stage, map(read_template, TEMPLATES))
    account = preflight.who(session, stage)
    stacks = Stacks(session.client("cloudformation"))
    preflight.check_limits(session, stage)
    preflight.check_permissions(session, stage, account)
    if edge or userpool:
        preflight.check_permissions(session, stage, account, EXTRAS)
    with lock.held(session, stage, account.caller):
        bring_up(session, stage, stacks, account, edge=edge, userpool=userpool)


def bring_up(
    session: Any, stage: Stage, stacks: Stacks, account: Account, *, edge: bool, userpool: bool
) -> None:
    """All of a deployment that changes something, or looks at what others might be changing."""
    stage = with_user_pool(stage, stacks, create=userpool)
    preflight.check_settings(stage)

    heading("Resources")
    outputs = put_resources(stage, stacks, session, account.number)

    heading("Configuration")
    told = record.environment(stage, outputs)
    names = record.entry_points(told)
    entry = record.chalice_stage(stage, told, record.roles(names, outputs))
    changed = record.write(stage, entry)
    line(f"recorded     .chalice/config.json {'now says' if changed else 'says already'} all of this")
    api_stage = record.api_stage()
    memory = Memory(session, stage, api_stage)
    releases = Releases(session, stage, memory)
    functions = Functions(session, stage)

    heading("Code")
    digest = package.source_digest(json.dumps(entry, sort_keys=True))
    memory.recall(names, outputs["BindingsStreamArn"])
    serving = releases.latest_if_serving(digest, told)
    served = memory.rest_api()
    if serving is not None and served is not None:
        line(f"code         nothing to change: {serving} serves it")
        memory.keep()
    else:
        show_sizes(package.build(stage.architecture))
        run_chalice(stage)
        memory.keep()
        served = memory.rest_api()
    if served is None:
        raise Stop("Chalice has made no REST API: see its words above.")

    heading("What Chalice cannot set")
    api = Api(session, stage, served, api_stage)
    may_log = api.let_it_log(outputs.get("ApiGatewayLogsRoleArn"))
    changes = [api.take_its_name(), api.answer_in_our_form()]
    if any(changes) or serving is None:
        api.serve(f"release {releases.next_number()}")
    api.settle(account.log_group(stage, outputs["AccessLogGroup"]) if may_log else None)
    functions.read_streams_well(names)

    heading("Keys")
    functions.make_first_keys()

    # The stage's own name leads to the API only by what the edge puts there.
    if edge or stacks.outputs(stage.edge_stack) is not None:
        put_edge(stage, stacks, served, api_stage)
    check_from_outside(stage, api.url, functions)
    if serving is None or serving.deployment != api.served:
        line(f"done         {releases.add(digest, names, api.served)}")
        releases.prune(api)

    say_what_next(stage, api.url, outputs)


def rollback(stage: Stage) -> None:
    """Back to the code before."""
    session = stage.session()
    heading(f"Rollback of {stage.name}")
    account = preflight.who(session, stage)
    with lock.held(session, stage, account.caller):
        go_back(session, stage)


def go_back(session: Any, stage: Stage) -> None:
    """All of a rollback that changes something. Stop where there is nothing to go back to."""
    api_stage = record.api_stage()
    memory = Memory(session, stage, api_stage)
    served = memory.rest_api()
    if served is None:
        raise Stop(f"{stage.name} is not deployed in {stage.region}.")
    api = Api(session, stage, served, api_stage)
    Releases(session, stage, memory).go_back(api)
    check_from_outside(stage, api.url, Functions(session, stage))
    line("done         tables, keys, roles and alarms are as they were; make deploy goes forward again")


def take_down(stage: Stage, *, with_data: bool) -> None:
    """Remove the code; the data too only where that is asked for and confirmed."""
    session = stage.session()
    heading(f"Taking down {stage.name}")
    account = preflight.who(session, stage)
    stacks = Stacks(session.client("cloudformation"))
    destroy.check_policies(session.client("iam"), stage, stacks.outputs(stage.stack) or {})
    if with_data:
        if sys.stdin.isatty():
            print(f"  This deletes every binding of {stage.name}. Type its name: ", end="", flush=True)
        if sys.stdin.readline().strip() != stage.name:
            raise Stop("that is not the stage's name; nothing was touched.")
    with lock.held(session, stage, account.caller):
        remove(session, stage, stacks, with_data=with_data)


def remove(session: Any, stage: Stage, stacks: Stacks, *, with_data: bool) -> None:
    """All of taking a stage down that changes something."""
    memory = Memory(session, stage, record.api_stage())
    outputs = stacks.outputs(stage.data_stack) or {}
    entries = memory.recall(record.entry_points(record.environment(stage, outputs)))
    names = [entry["name"] for entry in entries if entry["resource_type"] == "lambda_function"]
    stacks.remove(stage.edge_stack)
    destroy.remove_code(session, stage, names, memory.rest_api())
    Releases(session, stage, memory).drop_layers(set())
    stacks.remove(stage.stack)
    memory.forget()
    if with_data:
        # A stack that was never finished gives out no names to delete by.
        unfinished.clear(session, stage, stacks)
        if stacks.outputs(stage.data_stack) is None:
            unfinished.check_free(session, stage, set())
        destroy.remove_data(session, stage, stacks)
    else:
        line(f"kept         {stage.data_stack}: tables and key, protected from deletion;")
        line("             the next make deploy of this stage finds them again")
    if stacks.outputs(stage.userpool_stack) is not None:
        line(f"kept         {stage.userpool_stack}: the login server and its accounts")


def with_user_pool(stage: Stage, stacks: Stacks, *, create: bool) -> Stage:
    """The stage with the login settings of its own user pool, where it has or gets one."""
    outputs = stacks.outputs(stage.userpool_stack)
    if create:
        heading("Login server")
        template = read_template(INFRA / "userpool.yaml")
        outputs = stacks.put(stage.userpool_stack, template, {"Stage": stage.name, **stage.parameters})
    return stage if outputs is None else stage.logging_in_by(outputs)


def put_resources(stage: Stage, stacks: Stacks, session: Any, account: str) -> dict[str, str]:
    """Both stacks of ``infra/resources.yaml``; all that they give out.

    But for the stream, which is asked of the table: CloudFormation does not know of a restored one.
    """
    template = read_template(INFRA / "resources.yaml")
    values = {**stage.parameters, "Stage": stage.name}
    told = unfinished.make_room(session, stage, stacks, account)
    data = stacks.put(stage.data_stack, template, {**values, **told, "Part": "data"}, keep=True)
    handed = {"KmsKeyArn": data["KmsKey"]}
    service = stacks.put(stage.stack, template, {**values, **handed, "Part": "service"})
    table = session.client("dynamodb").describe_table(TableName=data["BindingsTable"])["Table"]
    if not table.get("StreamSpecification", {}).get("StreamEnabled"):
        raise Stop(
            f"{data['BindingsTable']} has no stream, so that nothing would be recorded: turn it on, "
            "as docs/operations.md says of a table that was restored."
        )
    return {**data, **service, "BindingsStreamArn": table["LatestStreamArn"]}


def put_edge(stage: Stage, stacks: Stacks, api: str, api_stage: str) -> None:
    """The optional stack in front of the API."""
    heading("Edge")
    values = {"Stage": stage.name, "RestApiId": api, "ApiStage": api_stage, **stage.parameters}
    for name, value in stacks.put(stage.edge_stack, read_template(INFRA / "edge.yaml"), values).items():
        line(f"{name:<12} {value}")


def check_from_outside(stage: Stage, url: str, functions: Functions) -> None:
    """The smoke check, at the address that clients use. Stop where it fails."""
    heading("Smoke check")
    smoke.check(stage.url or url, functions, own_name=stage.url is not None)


def run_chalice(stage: Stage) -> None:
    """``chalice deploy --stage``. Stop where it fails, after its own words.

    Unbuffered, so that it is seen what it does, and so that it does not go on by itself for long
    where this run is killed: at its next word nobody listens.
    """
    command = [
        sys.executable,
        "-u",
        "-B",
        "-c",
        "from chalice.cli import main; raise SystemExit(main())",
    ]
    command += ["--project-dir", str(ROOT), "deploy", "--stage", stage.name]
    with subprocess.Popen(
        command, env=stage.shell(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as chalice:
        for said in chalice.stdout or ():
            line(f"chalice      {said.rstrip()}")
    if chalice.returncode:
        raise Stop(
            "chalice deploy failed, for the reason above; run the same again once it is put right."
        )


def measure(stage: Stage) -> None:
    """Package without deploying, and print the sizes. Stop where one is over its bound."""
    heading(f"Package for {stage.architecture}")
    packages = package.build(stage.architecture)
    show_sizes(packages)
    if packages.too_large:
        raise Stop("; ".join(packages.too_large) + ": see infra/deploying/package.py.")


def show_sizes(packages: package.Packages) -> None:
    """Print how large code and layer are."""
    for what, built in (("code", packages.code), ("layer", packages.layer)):
        line(f"{what:<12} {built.size / 1e6:.2f} MB zipped, {built.unpacked / 1e6:.2f} MB unpacked")


def say_what_next(stage: Stage, url: str, outputs: Mapping[str, str]) -> None:
    """The addresses, and what is left to do."""
    heading(f"{stage.name} is deployed")
    line(f"API          {stage.url or url}")
    line(f"key set      {stage.url or url}/.well-known/jwks.json")
    heading("Next")
    line("- give the trading gateway the key set's address, PASS_ISSUER and PASS_AUDIENCE")
    line("- attach these policies to support staff and auditors, by what their names say:")
    for name, arn in outputs.items():
        if name.endswith("PolicyArn"):
            line(f"    {arn}")
    line("- subscribe whoever is on duty to the alarms, and confirm by the mail that comes:")
    line(f"    aws sns subscribe --region {stage.region} --topic-arn {outputs['OperationsTopic']} \\")
    line("      --protocol email --notification-endpoint <address>")
    line("- Chalice's own commands work as usual:")
    line(f"    AWS_DEFAULT_REGION={stage.region} .venv/bin/chalice logs --stage {stage.name}")
    line(f"- make rollback STAGE={stage.name} goes back to the code before")


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="infra/deploy.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("deploy", "create or update a stage"),
        ("rollback", "return to the code before"),
        ("destroy", "remove the code, keep the data"),
        ("package", "package only, and print the sizes"),
    ):
        command = commands.add_parser(name, help=what)
        usual = {"default": "prod"} if name == "package" else {"required": True}
        command.add_argument("--stage", **usual)
        command.add_argument("--region", help="instead of the stage file's, or ap-east-1")
        if name == "deploy":
            command.add_argument("--edge", action="store_true", help="WAF and custom domain too")
            command.add_argument("--userpool", action="store_true", help="a Cognito login server too")
        if name == "destroy":
            command.add_argument("--with-data", action="store_true", help="tables and key too")
    return parser.parse_args(arguments)


def end_on_request() -> None:
    """Let the lock go where somebody else ends the run, as CI does: by SystemExit, like an interrupt."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


if __name__ == "__main__":
    end_on_request()
    sys.exit(main())
