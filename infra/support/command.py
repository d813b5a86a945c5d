"""The subcommands of the support desk: status, unbind, unlock, history."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.support.requests import MOST_EVENTS, REASONS, USUAL_LIMIT
from infra.local.stack import STAGE as LOCAL_STAGE
from infra.support import account_view
from infra.support.command_errors import CommandError, Exit
from infra.support.support_functions import SupportFunctions
from infra.support.words import Words, language


class Command:
    """One run of the command. Each method is a subcommand and returns the exit status."""

    def __init__(self, options: argparse.Namespace, functions: SupportFunctions, words: Words) -> None:
        self._options = options
        self._functions = functions
        self._words = words

    def status(self) -> Exit:
        """Print the account's status."""
        found = self._look_up(limit=1)
        if self._printed_as_json({name: value for name, value in found.items() if name != "history"}):
            return Exit.DONE
        self._print_context()
        print(account_view.standing(found, self._words))
        return Exit.DONE

    def history(self) -> Exit:
        """Print the account's events, newest first."""
        limit = self._options.limit
        found = self._look_up(
            limit=limit, **({"before": self._options.before} if self._options.before else {})
        )
        if self._printed_as_json(found):
            return Exit.DONE
        events = found["history"]
        self._print_context()
        print(account_view.history(events, self._words) if events else self._words("no_history"))
        if len(events) == limit:
            print(self._words("older", event_id=account_view.printable(events[-1]["event_id"])))
        return Exit.DONE

    def unbind(self) -> Exit:
        """Drop the binding, after the operator has seen and confirmed the account."""
        options, words = self._options, self._words
        if not options.yes:
            if options.json or not sys.stdin.isatty():
                raise CommandError("needs_yes", Exit.USAGE)
            found = self._look_up(limit=1)
            self._print_context()
            print(account_view.standing(found, words))
            if found["state"] == "unbound":
                print(words("not_bound", account=options.account))
                return Exit.NOTHING_TO_DO
            self._ask_for_missing_options()
            reason = words.of("reason", options.reason)
            print(words("about_to_unbind", stage=options.stage, ticket=options.ticket, reason=reason))
            if input(words("type_account")).strip() != options.account:
                print(words("not_confirmed"))
                return Exit.NOT_CONFIRMED
        return self._run("unbind", "unbound", reason=options.reason)

    def unlock(self) -> Exit:
        """Clear wrong codes, lock and suspension."""
        return self._run("unlock", "unlocked")

    def _look_up(self, **page: object) -> dict[str, Any]:
        return self._functions.invoke("lookup", {"account": self._options.account, **page})

    def _run(self, name: str, changed: str, **fields: str | None) -> Exit:
        event = {"account": self._options.account, "ticket": self._options.ticket, **fields}
        answer = self._functions.invoke(name, event)
        if not self._printed_as_json(answer):
            print(self._words(answer["outcome"], account=answer["account"]))
        return Exit.DONE if answer["outcome"] == changed else Exit.NOTHING_TO_DO

    def _ask_for_missing_options(self) -> None:
        """Ask for the ticket and the reason if they are not among the options."""
        options, words = self._options, self._words
        while not options.ticket:
            options.ticket = input(words("ask_ticket")).strip()
        if not options.reason:
            for number, reason in enumerate(REASONS, 1):
                print(f"  {number}  {words.of('reason', reason)}")
        while options.reason not in REASONS:
            typed = input(words("ask_reason", last=len(REASONS))).strip()
            choices = {str(number): reason for number, reason in enumerate(REASONS, 1)}
            options.reason = choices.get(typed, typed)

    def _print_context(self) -> None:
        functions = self._functions
        print(
            self._words(
                "who", stage=functions.stage, region=functions.region, operator=functions.operator
            )
        )

    def _printed_as_json(self, answer: dict[str, Any]) -> bool:
        if self._options.json:
            _print_json(answer)
        return bool(self._options.json)


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run the command. Returns one of the exit statuses that docs/support.en.md lists."""
    words = Words(language(environment))
    options = _parser(words).parse_args(arguments)
    try:
        functions = SupportFunctions(options.stage, options.profile, options.region, environment)
        subcommand: Callable[[Command], Exit] = options.subcommand
        return int(subcommand(Command(options, functions, words)))
    except CommandError as error:
        message = words(_message_key(error.name, options.stage), **error.details)
        if options.json:
            _print_json({"outcome": "failed", "problem": error.name, "detail": message})
        else:
            print(message, file=sys.stderr)
        return int(error.exit_status)
    except EOFError:
        print(words("not_confirmed"), file=sys.stderr)
        return int(Exit.NOT_CONFIRMED)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)


def _message_key(error: str, stage: str) -> str:
    """Return the key of the error's message. On the local stage, no network means no running stack."""
    local = stage == LOCAL_STAGE and error == "no_network"
    return "trouble.no_stack" if local else f"trouble.{error}"


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2))


def _parser(words: Words) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m infra.support", description=words("help.command"))
    commands = parser.add_subparsers(required=True, metavar="status | unbind | unlock | history")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("account", help=words("help.account"))
    common.add_argument("--stage", default="prod", help=words("help.stage"))
    common.add_argument("--profile", help=words("help.profile"))
    common.add_argument("--region", help=words("help.region"))
    common.add_argument("--json", action="store_true", help=words("help.json"))

    def command(name: str, subcommand: Callable[[Command], Exit]) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, parents=[common], help=words(f"help.{name}"), description=words(f"help.{name}")
        )
        added.set_defaults(subcommand=subcommand)
        return added

    command("status", Command.status)
    unbind = command("unbind", Command.unbind)
    unbind.add_argument("--ticket", help=words("help.ticket"))
    unbind.add_argument("--reason", choices=REASONS, help=words("help.reason"))
    unbind.add_argument("--yes", action="store_true", help=words("help.yes"))
    unlock = command("unlock", Command.unlock)
    unlock.add_argument("--ticket", required=True, help=words("help.ticket"))
    history = command("history", Command.history)
    history.add_argument("--before", metavar="EVENT_ID", help=words("help.before"))
    history.add_argument(
        "--limit", type=int, default=USUAL_LIMIT, help=words("help.limit", most=MOST_EVENTS)
    )
    return parser
