"""The commands of the support desk: status, unbind, unlock, history."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.support.requests import MOST_EVENTS, REASONS, USUAL_LIMIT
from infra.local.stack import STAGE as LOCAL_STAGE
from infra.support import screen
from infra.support.functions import SupportFunctions
from infra.support.trouble import Exit, Trouble
from infra.support.words import Words, language


class Desk:
    """One run of the command: what was asked, and where the answer goes."""

    def __init__(self, asked: argparse.Namespace, functions: SupportFunctions, words: Words) -> None:
        self._asked = asked
        self._functions = functions
        self._words = words

    def status(self) -> Exit:
        """Show how the account stands."""
        found = self._look_up(limit=1)
        if self._told_as_json({name: value for name, value in found.items() if name != "history"}):
            return Exit.DONE
        self._say_who()
        print(screen.standing(found, self._words))
        return Exit.DONE

    def history(self) -> Exit:
        """Show what happened to the account, newest first."""
        limit = self._asked.limit
        found = self._look_up(
            limit=limit, **({"before": self._asked.before} if self._asked.before else {})
        )
        if self._told_as_json(found):
            return Exit.DONE
        events = found["history"]
        self._say_who()
        print(screen.history(events, self._words) if events else self._words("no_history"))
        if len(events) == limit:
            print(self._words("older", event_id=screen.printable(events[-1]["event_id"])))
        return Exit.DONE

    def unbind(self) -> Exit:
        """Drop the binding, once whoever asked has seen whose it is."""
        asked, words = self._asked, self._words
        if not asked.yes:
            if asked.json or not sys.stdin.isatty():
                raise Trouble("needs_yes", Exit.USAGE)
            found = self._look_up(limit=1)
            self._say_who()
            print(screen.standing(found, words))
            if found["state"] == "unbound":
                print(words("not_bound", account=asked.account))
                return Exit.NOTHING_TO_DO
            self._ask_for_what_is_missing()
            reason = words.of("reason", asked.reason)
            print(words("about_to_unbind", stage=asked.stage, ticket=asked.ticket, reason=reason))
            if input(words("type_account")).strip() != asked.account:
                print(words("not_confirmed"))
                return Exit.NOT_CONFIRMED
        return self._run("unbind", "unbound", reason=asked.reason)

    def unlock(self) -> Exit:
        """Clear wrong codes, lock and suspension."""
        return self._run("unlock", "unlocked")

    def _look_up(self, **page: object) -> dict[str, Any]:
        return self._functions.invoke("lookup", {"account": self._asked.account, **page})

    def _run(self, name: str, changed: str, **more: str | None) -> Exit:
        event = {"account": self._asked.account, "ticket": self._asked.ticket, **more}
        answer = self._functions.invoke(name, event)
        if not self._told_as_json(answer):
            print(self._words(answer["outcome"], account=answer["account"]))
        return Exit.DONE if answer["outcome"] == changed else Exit.NOTHING_TO_DO

    def _ask_for_what_is_missing(self) -> None:
        """Ticket and reason, for those who would rather be asked than type options."""
        asked, words = self._asked, self._words
        while not asked.ticket:
            asked.ticket = input(words("ask_ticket")).strip()
        if not asked.reason:
            for number, reason in enumerate(REASONS, 1):
                print(f"  {number}  {words.of('reason', reason)}")
        while asked.reason not in REASONS:
            typed = input(words("ask_reason", last=len(REASONS))).strip()
            choices = {str(number): reason for number, reason in enumerate(REASONS, 1)}
            asked.reason = choices.get(typed, typed)

    def _say_who(self) -> None:
        functions = self._functions
        print(
            self._words(
                "who", stage=functions.stage, region=functions.region, operator=functions.operator
            )
        )

    def _told_as_json(self, answer: dict[str, Any]) -> bool:
        if self._asked.json:
            _print_json(answer)
        return bool(self._asked.json)


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run the command; its exit status, as docs/support.en.md lists them."""
    words = Words(language(environment))
    asked = _parser(words).parse_args(arguments)
    try:
        functions = SupportFunctions(asked.stage, asked.profile, asked.region, environment)
        work: Callable[[Desk], Exit] = asked.work
        return int(work(Desk(asked, functions, words)))
    except Trouble as trouble:
        sentence = words(_sentence(trouble.name, asked.stage), **trouble.about)
        if asked.json:
            _print_json({"outcome": "failed", "problem": trouble.name, "detail": sentence})
        else:
            print(sentence, file=sys.stderr)
        return int(trouble.exit_status)
    except EOFError:
        print(words("not_confirmed"), file=sys.stderr)
        return int(Exit.NOT_CONFIRMED)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)


def _sentence(trouble: str, stage: str) -> str:
    """The name of the sentence; on this machine nothing but the stack can be missing."""
    local = stage == LOCAL_STAGE and trouble == "no_network"
    return "trouble.no_stack" if local else f"trouble.{trouble}"


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2))


def _parser(words: Words) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m infra.support", description=words("help.command"))
    commands = parser.add_subparsers(required=True, metavar="status | unbind | unlock | history")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("account", help=words("help.account"))
    where.add_argument("--stage", default="prod", help=words("help.stage"))
    where.add_argument("--profile", help=words("help.profile"))
    where.add_argument("--region", help=words("help.region"))
    where.add_argument("--json", action="store_true", help=words("help.json"))

    def command(name: str, work: Callable[[Desk], Exit]) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, parents=[where], help=words(f"help.{name}"), description=words(f"help.{name}")
        )
        added.set_defaults(work=work)
        return added

    command("status", Desk.status)
    unbind = command("unbind", Desk.unbind)
    unbind.add_argument("--ticket", help=words("help.ticket"))
    unbind.add_argument("--reason", choices=REASONS, help=words("help.reason"))
    unbind.add_argument("--yes", action="store_true", help=words("help.yes"))
    unlock = command("unlock", Desk.unlock)
    unlock.add_argument("--ticket", required=True, help=words("help.ticket"))
    history = command("history", Desk.history)
    history.add_argument("--before", metavar="EVENT_ID", help=words("help.before"))
    history.add_argument(
        "--limit", type=int, default=USUAL_LIMIT, help=words("help.limit", most=MOST_EVENTS)
    )
    return parser
