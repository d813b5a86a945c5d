"""The README's story, on a deployed stage."""

import time
from typing import Any

import jwt

from infra.rehearsal.checks import Checks, wait_until
from infra.rehearsal.people import Answer, Mailbox, Person, ask

_CLIENTS_LEFT = ["wrong_code", "channel_bound", "bound", "bind_started"]
_LEFT = ["bound", "bind_started", "unbound", "unlocked", *_CLIENTS_LEFT]
"""The history that the stories of clients and support leave, newest first."""


def clients_story(person: Person, audience: str, checks: Checks) -> None:
    """From an unbound account to passes on both channels, refusals included."""
    checks.same("a new account is unbound", person.call("GET", "/binding").json["state"], "unbound")
    refused = person.call("POST", "/bind", client="mobile").code
    checks.same("the phone cannot bind", refused, "desktop_only")
    begun, confirmed, code = person.bind()
    shown = (begun.json["qr_png"][:26], begun.json["issuer"])
    checks.same("the desktop gets a QR code", shown, ("data:image/png;base64,iVBO", "极星期货"))
    checks.same("the first code binds", (confirmed.status, confirmed.json.get("state")), (200, "bound"))
    replayed = person.call("POST", "/verify", {"code": code})
    checks.same("the same code again does not log in", replayed.code, "code_used")
    phone = person.verify("mobile")
    new = (phone.json.get("channel"), phone.json.get("channel_first_use"))
    checks.same("the next one logs the phone in", new, ("mobile", True))
    wrong = person.call("POST", "/verify", {"code": person.wrong_code()}, **{"Accept-Language": "en"})
    said = (wrong.code, wrong.json.get("attempts_left"), wrong.json["title"].isascii())
    checks.same("a wrong code is counted, and refused in English", said, ("wrong_code", 4, True))
    checks.same("a bound account is not bound twice", person.call("POST", "/bind").code, "already_bound")
    checks.same("the pass holds against the key set", audience_of(person, phone, audience), audience)


def gateway_story(person: Person, checks: Checks) -> None:
    """API Gateway's own answers, and the headers of every answer."""
    nowhere = person.call("GET", "/nowhere", **{"x-request-id": "mine"})
    checks.same("an unknown path is not_found", (nowhere.status, nowhere.code), (404, "not_found"))
    chinese, _, english = nowhere.json["title"].partition(" / ")
    checks.same("in Chinese and English", (chinese.isascii(), english.isascii()), (False, True))
    given = nowhere.headers.get("x-request-id")
    checks.that("with a request id of its own", holds=given not in (None, "mine"), otherwise=given)
    checks.same("which its document names too", nowhere.json["request_id"], given)
    sent = {name: nowhere.headers.get(name) for name in ("Content-Type", "Cache-Control")}
    wanted = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    checks.same("as a problem document that nobody stores", sent, wanted)
    checks.same("a method that a path lacks too", person.call("DELETE", "/binding").code, "not_found")
    stranger = person.call("GET", "/binding", client=None)
    checks.same("without a login there is no way in", stranger.code, "login_required")
    malformed = person.call("POST", "/verify", "六位数字").code
    checks.same("a body that is no object is refused", malformed, "malformed_request")


def support_story(person: Person, checks: Checks) -> None:
    """Support looks the account up and unbinds it; the account binds anew."""
    account = person.account
    found = ask("lookup", account)
    seen = (found["outcome"], found["state"], found["failures"])
    checks.same("support sees the account bound, and its wrong code", seen, ("found", "bound", 1))
    hidden = not any("secret" in name for name in found)
    checks.that("but nothing of its secret", holds=hidden, otherwise=sorted(found))
    checks.same("unlock clears it", ask("unlock", account, ticket="T-1")["outcome"], "unlocked")
    unbound = ask("unbind", account, ticket="T-2", reason="new_device")["outcome"]
    checks.same("unbind drops the binding", unbound, "unbound")
    checks.same("a bad event changes nothing", ask("unbind", "?")["outcome"], "invalid")
    checks.same("the old code is of no use", person.verify().code, "not_bound")
    # A login of the same second could be from before the unbinding, and would not bind.
    second = int(time.time())
    wait_until(lambda: int(time.time()), lambda now: now > second)
    checks.same("the account binds anew", person.bind()[1].json.get("state"), "bound")


def auditors_story(person: Person, mailbox: Mailbox, checks: Checks) -> None:
    """Every change is in the account's history, in its order, and was published once."""
    look = lambda: ask("lookup", person.account, limit=100)["history"]  # noqa: E731
    history = wait_until(look, lambda found: len(found) >= len(_LEFT))
    checks.same("each change is an audit row, newest first", [entry["type"] for entry in history], _LEFT)
    said = [
        (one["operator"], one["ticket"], one["reason"]) for one in history if one["type"] == "unbound"
    ]
    checks.same("which says who unbound, and why", said, [("rehearsal", "T-2", "new_device")])
    notified = [one["type"] for one in wait_until(mailbox.read, lambda read: len(read) >= len(_LEFT))]
    checks.same("and each was published once", sorted(notified), sorted(_LEFT))


def still_bound(person: Person, checks: Checks) -> None:
    """The binding is there and its phone logs in."""
    found = (person.call("GET", "/binding").json.get("state"), person.verify().status)
    checks.same("the binding is there and logs in", found, ("bound", 200))


def audience_of(person: Person, answer: Answer, audience: str) -> Any:
    """Return whom a pass is for, checked offline by the key set as the trading gateway does."""
    keys = jwt.PyJWKSet.from_dict(person.call("GET", "/.well-known/jwks.json", client=None).json)
    key = keys[jwt.get_unverified_header(answer.json["pass"])["kid"]]
    try:
        claims = jwt.decode(answer.json["pass"], key, ["ES256"], audience=audience)
    except jwt.PyJWTError as error:
        return error
    return claims["aud"] if claims["sub"] == person.account else claims
