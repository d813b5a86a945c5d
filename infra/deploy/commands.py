"""The commands: deploy, plan, rollback, destroy, bootstrap, package, link."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy import destroy, link, preflight
from infra.deploy.bootstrap import Bootstrap, denied, ensure
from infra.deploy.console import Stop, heading, line
from infra.deploy.deployment import Deployment
from infra.deploy.package import build_artefacts
from infra.deploy.stacks import Stacks
from infra.deploy.stage import Stage, read_stage

COMMANDS = {
    "deploy": "create or update a stage",
    "plan": "print what a deployment would change, and change nothing",
    "rollback": "return to the release before",
    "destroy": "remove the service, keep the data",
    "bootstrap": "create or update data, roles and policies; for an administrator",
    "package": "package only; for a stage, print the commands that deploy it",
    "link": "let Chalice's own commands find a stage from this clone",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; the exit status."""
    asked = _arguments(arguments)
    try:
        if asked.command == "package" and not asked.stage:
            build_artefacts(Stage(name="prod")).show()
        else:
            _run(asked.command, read_stage(asked.stage, asked.region), with_data=asked.with_data)
    except Stop as stop:
        print(f"\nstopped: {stop}", file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as error:
        print(f"\nstopped: AWS answers: {error}. Correct that and run the same again.", file=sys.stderr)
        if isinstance(error, ClientError) and denied(error):
            print("docs/deploying.md says which policy each command needs.", file=sys.stderr)
        return 1
    return 0


def _run(command: str, stage: Stage, *, with_data: bool) -> None:
    session = stage.session()
    heading(f"Preflight of {stage.name}")
    preflight.identify(session, stage)
    stacks = Stacks(session.client("cloudformation"))
    if command == "link":
        link.write(session, stacks, stage)
        return
    if command == "destroy":
        take_down(session, stacks, stage, with_data=with_data)
        return
    preflight.check_stage(stage)
    if command == "bootstrap":
        Bootstrap(session, stage).run()
        return
    deployment = Deployment(session, stage, ensure(session, stage))
    steps = {"plan": deployment.plan_only, "rollback": deployment.go_back, "package": deployment.by_hand}
    steps.get(command, deployment.run)()


def take_down(session: Any, stacks: Stacks, stage: Stage, *, with_data: bool) -> None:
    """Remove the service; the data too if that is asked for and confirmed."""
    if with_data:
        line(f"This deletes every binding of {stage.name}. Type its name:")
        if sys.stdin.readline().strip() != stage.name:
            raise Stop("that is not the stage's name; nothing was changed.")
    heading(f"Taking down {stage.name}")
    for name in ("edge", "service"):
        stacks.remove(stage.stack_of(name))
    (link.DEPLOYED / f"{stage.name}.json").unlink(missing_ok=True)
    if with_data:
        destroy.remove_data(session, stacks, stage)
    for name in ("data", "bootstrap", "userpool"):
        if stacks.describe(stage.stack_of(name)) is not None:
            line(f"kept         {stage.stack_of(name)}, protected from deletion")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose)
        command.add_argument("--stage", required=name != "package")
        command.add_argument("--region", help="instead of the stage file's, or ap-east-1")
        command.add_argument("--with-data", action="store_true", help="for destroy: tables and key too")
    return parser.parse_args(arguments)
