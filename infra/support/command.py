"""The subcommands of the support desk: status, unbind, invite, approve, unlock, history."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.core.unbinding import COMPROMISE
from chalicelib.support.requests import MOST_EVENTS, REASONS, USUAL_LIMIT
from infra.local.stack import STAGE as LOCAL_STAGE
from infra.support import account_view, answer_view
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
        if not events:
            key = "no_history" if found["known"] else "unknown"
            print(self._words(key, account=found["account"]))
            return Exit.DONE
        print(account_view.history(events, self._words))
        if len(events) == limit:
            print(self._words("older", event_id=account_view.printable(events[-1]["event_id"])))
        return Exit.DONE

    def unbind(self) -> Exit:
        """Drop the binding, after the operator has seen and confirmed the account."""
        options = self._options
        if not options.yes:
            found = self._show_account()
            # A suspected compromise is dealt with in every state.
            if found["state"] == "unbound" and options.reason != COMPROMISE:
                print(self._words("nothing_to_unbind", account=options.account))
                return Exit.NOTHING_TO_DO
            self._ask_for_ticket()
            self._ask_for_reason()
            if options.reason == COMPROMISE:
                print(self._words("password_first"))
            reason = self._words.of("reason", options.reason)
            if not self._confirmed("about_to_unbind", reason=reason):
                return Exit.NOT_CONFIRMED
        return self._run("unbind", reason=options.reason)

    def invite(self) -> Exit:
        """Issue a bind code, after the operator has seen and confirmed the account."""
        if not self._options.yes:
            found = self._show_account()
            if found["state"] == "bound":
                print(self._words("already_bound", account=self._options.account))
                return Exit.NOTHING_TO_DO
            self._ask_for_ticket()
            if not self._confirmed("about_to_invite"):
                return Exit.NOT_CONFIRMED
        return self._run("invite")

    def approve(self) -> Exit:
        """Carry out another operator's request, after this one has seen and confirmed it."""
        if not self._options.yes:
            found = self._show_account()
            self._ask_for_ticket()
            if self._options.ticket not in [request["ticket"] for request in found["waiting"]]:
                print(self._words("nothing_to_approve", account=self._options.account))
                return Exit.NOTHING_TO_DO
            if not self._confirmed("about_to_approve"):
                return Exit.NOT_CONFIRMED
        return self._run("approve")

    def unlock(self) -> Exit:
        """Clear wrong codes, lock and suspension."""
        return self._run("unlock")

    def _look_up(self, **page: object) -> dict[str, Any]:
        return self._functions.invoke("lookup", {"account": self._options.account, **page})

    def _run(self, name: str, **fields: str | None) -> Exit:
        event = {"account": self._options.account, "ticket": self._options.ticket, **fields}
        answer = self._functions.invoke(name, event)
        if not self._printed_as_json(answer):
            # If there is nothing to approve, the answer names no account.
            named = {"account": self._options.account, **answer}
            print(answer_view.message(named, self._options.ticket, self._words))
        return answer_view.exit_status(answer)

    def _show_account(self) -> dict[str, Any]:
        """Print the account's status for the operator to confirm. Returns what ``lookup`` found.

        Raises CommandError if there is nobody to ask.
        """
        if self._options.json or not sys.stdin.isatty():
            raise CommandError("needs_yes", Exit.USAGE)
        found = self._look_up(limit=1)
        self._print_context()
        print(account_view.standing(found, self._words))
        return found

    def _confirmed(self, question: str, **details: str) -> bool:
        """Return True if the operator types the account after seeing what is about to happen."""
        options, words = self._options, self._words
        print(words(question, stage=options.stage, ticket=options.ticket, **details))
        if input(words("type_account")).strip() == options.account:
            return True
        print(words("not_confirmed"))
        return False

    def _ask_for_ticket(self) -> None:
        while not self._options.ticket:
            self._options.ticket = input(self._words("ask_ticket")).strip()

    def _ask_for_reason(self) -> None:
        options, words = self._options, self._words
        if not options.reason:
            for number, reason in enumerate(REASONS, 1):
                print(f"  {number}  {words.of('reason', reason)}")
        while options.reason not in REASONS:
            typed = input(words("ask_reason", last=len(REASONS))).strip()
            choices = {str(number): reason for number, reason in enumerate(REASONS, 1)}
            options.reason = choices.get(typed, typed)

    def _print_context(self) -> None:
        functions = self._functions
        name = account_view.session_name(functions.operator)
        print(self._words("who", stage=functions.stage, region=functions.region, operator=name))

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
    names = "status | unbind | invite | approve | unlock | history"
    commands = parser.add_subparsers(required=True, metavar=names)
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
    unbind.add_argument("--reason", choices=REASONS, help=words("help.reason"))
    for asking in (
        unbind,
        command("invite", Command.invite),
        command("approve", Command.approve),
    ):
        asking.add_argument("--ticket", help=words("help.ticket"))
        asking.add_argument("--yes", action="store_true", help=words("help.yes"))
    unlock = command("unlock", Command.unlock)
    unlock.add_argument("--ticket", required=True, help=words("help.ticket"))
    history = command("history", Command.history)
    history.add_argument("--before", metavar="EVENT_ID", help=words("help.before"))
    history.add_argument(
        "--limit", type=int, default=USUAL_LIMIT, help=words("help.limit", most=MOST_EVENTS)
    )
    return parser
