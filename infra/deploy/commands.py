"""The commands: deploy, plan, rollback, destroy, bootstrap, package, link."""

import argparse
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy import by_hand, destroy, link, preflight, smoke
from infra.deploy.artefacts import Artefacts
from infra.deploy.bootstrap import Bootstrap, denied, ensure
from infra.deploy.console import Stop, heading, line
from infra.deploy.deployment import Deployment
from infra.deploy.package import build_artefacts, show_sizes
from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage, read_stage

COMMANDS = {
    "deploy": "create or update a stage",
    "plan": "print what a deployment would change, and change nothing",
    "rollback": "return to the release before",
    "destroy": "remove the service, keep the data",
    "bootstrap": "create or update data, roles and policies; for an administrator",
    "package": "package only; with a stage, print the commands that deploy it",
    "link": "let Chalice's own commands find a stage, in this clone",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; the exit status."""
    asked = _arguments(arguments)
    try:
        if asked.command == "package" and asked.stage is None:
            measure(build_artefacts(Stage(name="prod")))
        else:
            _run(asked, read_stage(asked.stage, asked.region))
    except Stop as stop:
        print(f"\nstopped: {stop}", file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as error:
        print(f"\nstopped: AWS answers: {error}. Correct that and run the same again.", file=sys.stderr)
        if isinstance(error, ClientError) and denied(error):
            print("docs/deploying.md says which policy each command needs.", file=sys.stderr)
        return 1
    return 0


def _run(asked: argparse.Namespace, stage: Stage) -> None:
    session = stage.session()
    heading(f"Preflight of {stage.name}")
    preflight.identify(session, stage)
    if asked.command == "destroy":
        take_down(stage, with_data=asked.with_data)
        return
    if asked.command == "link":
        write_link(stage)
        return
    preflight.check_stage(stage)
    if asked.command == "bootstrap":
        Bootstrap(session, stage).run()
        return
    deployment = Deployment(session, stage, ensure(session, stage))
    if asked.command == "rollback":
        deployment.go_back()
    elif asked.command == "package":
        package = deployment.package()
        measure(package.artefacts)
        by_hand.show(package, stage, deployment)
    else:
        deployment.run(only_plan=asked.command == "plan")


def take_down(stage: Stage, *, with_data: bool) -> None:
    """Remove the service; the data too if that is asked for and confirmed."""
    session = stage.session()
    stacks = Stacks(session.client("cloudformation"))
    if with_data:
        outputs = stacks.outputs(stage.stack_of("bootstrap")) or {}
        destroy.check_policies(session.client("iam"), stage, outputs)
        if sys.stdin.isatty():
            print(f"  This deletes every binding of {stage.name}. Type its name: ", end="", flush=True)
        if sys.stdin.readline().strip() != stage.name:
            raise Stop("that is not the stage's name; nothing was changed.")
    heading(f"Taking down {stage.name}")
    destroy.remove_service(stacks, stage)
    link.forget(stage)
    if with_data:
        destroy.remove_data(session, stage, stacks)
    else:
        kept = ", ".join(stage.stack_of(name) for name in ("data", "bootstrap"))
        line(f"kept         {kept}: tables, key, roles; the next make deploy finds them")
    if stacks.describe(stage.stack_of("userpool")) is not None:
        line(f"kept         {stage.stack_of('userpool')}: the login server and its accounts")


def write_link(stage: Stage) -> None:
    """Write Chalice's record of a stage. Raises Stop if the stage is not deployed."""
    session = stage.session()
    stacks = Stacks(session.client("cloudformation"))
    outputs = stacks.outputs(stage.stack)
    if outputs is None:
        raise Stop(f"{stage.name} is not deployed in {stage.region}.")
    path = link.write(stacks, stage, smoke.url_of(session, outputs["RestAPIId"]))
    line(f"linked       {path.name}: chalice logs, invoke and url work with --stage {stage.name}")


def measure(artefacts: Artefacts) -> None:
    """Print the sizes. Raises Stop if one exceeds its bound."""
    show_sizes(artefacts)
    if artefacts.too_large:
        raise Stop("; ".join(artefacts.too_large) + ": see infra/deploy/artefacts.py.")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose)
        command.add_argument("--stage", required=name != "package")
        command.add_argument("--region", help="instead of the stage file's, or ap-east-1")
        if name == "destroy":
            command.add_argument("--with-data", action="store_true", help="tables and key too")
    return parser.parse_args(arguments)
