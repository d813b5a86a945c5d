"""What clients and support staff do with a deployed stage."""

import base64
import json
import time
from typing import Any

import boto3
import jwt
import pyotp
import urllib3

from infra.local.stack import DEMO_PASSWORD, UserPool
from infra.rehearsal.checks import Checks
from infra.rehearsal.mailbox import Mailbox

STEP_SECONDS = 30

STREAM_PATIENCE_SECONDS = 30.0
"""How long a change may take through the stream, the start of its function included."""

_HISTORY = [
    "bound",
    "bind_started",
    "unbound",
    "unlocked",
    "wrong_code",
    "channel_bound",
    "bound",
    "bind_started",
]
"""What the stories of clients and support leave behind, newest first."""


class Answer:
    """An HTTP answer with its JSON read."""

    def __init__(self, answer: Any) -> None:
        self.status: int = answer.status
        self.headers = answer.headers
        self.json: Any = json.loads(answer.data)


class Person:
    """The owner of an account: logs in, calls the API, reads codes off a phone."""

    def __init__(
        self, account: str, base: str, pool: UserPool, cognito: Any, password: str = DEMO_PASSWORD
    ) -> None:
        self.account = account
        self._password = password
        self._base = base
        self._pool = pool
        self._cognito = cognito
        self._http = urllib3.PoolManager(retries=False, timeout=30.0)
        self._secret = ""
        self._last_step = 0

    def token(self, client: str) -> str:
        """A login token, fresh from the login server."""
        result = self._cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self._pool.client_ids[client],
            AuthParameters={"USERNAME": self.account, "PASSWORD": self._password},
        )
        token: str = result["AuthenticationResult"]["AccessToken"]
        return token

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        client: str | None = "desktop",
        **headers: str,
    ) -> Answer:
        """Call the API, logged in through a client or, with None, not at all."""
        sent = {"Content-Type": "application/json", **headers}
        if client is not None:
            sent["Authorization"] = f"Bearer {self.token(client)}"
        raw = None if body is None else json.dumps(body).encode()
        return Answer(self._http.request(method, self._base + path, body=raw, headers=sent))

    def scan(self) -> Answer:
        """Begin to bind, and scan the QR code."""
        answer = self.call("POST", "/bind")
        self._secret = answer.json["secret"]
        self._last_step = int(time.time()) // STEP_SECONDS - 2
        return answer

    def code(self) -> str:
        """A code that will be accepted: of the earliest step that was not used yet."""
        step = max(self._last_step + 1, int(time.time()) // STEP_SECONDS - 1)
        while step > int(time.time()) // STEP_SECONDS + 1:
            time.sleep(0.5)
        self._last_step = step
        return pyotp.HOTP(self._secret).at(step)

    def wrong_code(self) -> str:
        """A code that belongs to no step nearby."""
        now = int(time.time()) // STEP_SECONDS
        near = {pyotp.HOTP(self._secret).at(now + step) for step in range(-60, 61)}
        return next(code for code in (f"{number:06}" for number in range(1_000)) if code not in near)

    def verify(self, client: str = "desktop") -> Answer:
        """Log in by a code of now."""
        return self.call("POST", "/verify", {"code": self.code()}, client)


class Support:
    """A member of the support staff, by Lambda's own invoke call."""

    def __init__(self, lambda_url: str, stage: str) -> None:
        self._lambda = boto3.client("lambda", endpoint_url=lambda_url)
        self._stage = stage

    def ask(self, function: str, **event: Any) -> Any:
        """What a support function answers."""
        sent = json.dumps({"operator": "rehearsal", **event}).encode()
        answer = self._lambda.invoke(FunctionName=f"totp-binding-{self._stage}-{function}", Payload=sent)
        return json.loads(answer["Payload"].read())

    def history_of(self, account: str, enough: int) -> list[dict[str, Any]]:
        """The account's history, once it has so many entries or patience is out."""
        deadline = time.monotonic() + STREAM_PATIENCE_SECONDS
        while True:
            history: list[dict[str, Any]] = self.ask("lookup", account=account, limit=100)["history"]
            if len(history) >= enough or time.monotonic() > deadline:
                return history
            time.sleep(0.3)


def clients_story(person: Person, audience: str, checks: Checks) -> None:
    """From an unbound account to passes on both channels, refusals included."""
    checks.same("a new account is unbound", person.call("GET", "/binding").json["state"], "unbound")
    checks.same(
        "the phone cannot bind", refusal(person.call("POST", "/bind", client="mobile")), "desktop_only"
    )
    begun = person.scan()
    checks.same("the desktop gets a QR code", begun.status, 201)
    picture = base64.b64decode(begun.json["qr_png"].removeprefix("data:image/png;base64,"))
    checks.that("which is a PNG", holds=picture.startswith(b"\x89PNG"), otherwise=picture[:20])
    checks.same("Chinese arrives as itself", begun.json["issuer"], "极星期货")
    code = person.code()
    confirmed = person.call("POST", "/bind/confirm", {"code": code})
    checks.same("the first code binds", (confirmed.status, confirmed.json.get("state")), (200, "bound"))
    replayed = person.call("POST", "/verify", {"code": code})
    checks.same("the same code again does not log in", refusal(replayed), "code_used")
    phone = person.verify("mobile")
    first = phone.json.get("channel_first_use")
    checks.that("the next one logs the phone in", holds=first is True, otherwise=phone.json)
    wrong = person.call("POST", "/verify", {"code": person.wrong_code()}, **{"Accept-Language": "en"})
    checks.same(
        "a wrong code is counted", (refusal(wrong), wrong.json.get("attempts_left")), ("wrong_code", 4)
    )
    checks.that(
        "and refused in English, as asked", holds="code" in wrong.json["title"], otherwise=wrong.json
    )
    checks.same(
        "a bound account is not bound twice", refusal(person.call("POST", "/bind")), "already_bound"
    )
    checks.same("the pass holds against the key set", audience_of(person, phone, audience), audience)


def gateway_story(person: Person, checks: Checks) -> None:
    """What API Gateway answers by itself, and the headers of every answer."""
    nowhere = person.call("GET", "/nowhere", **{"x-request-id": "mine"})
    checks.same("an unknown path is not_found", (nowhere.status, refusal(nowhere)), (404, "not_found"))
    title = nowhere.json["title"]
    checks.that(
        "in Chinese and English", holds=not title.isascii() and "nothing" in title, otherwise=title
    )
    given = nowhere.headers.get("x-request-id")
    checks.that("with a request id of its own", holds=given not in (None, "mine"), otherwise=given)
    checks.same("which its document names too", nowhere.json["request_id"], given)
    checks.same("as a problem document", nowhere.headers.get("Content-Type"), "application/problem+json")
    checks.same("that nobody stores", nowhere.headers.get("Cache-Control"), "no-store")
    checks.same(
        "a method that a path lacks too", refusal(person.call("DELETE", "/binding")), "not_found"
    )
    stranger = person.call("GET", "/binding", client=None)
    checks.same("without a login there is no way in", refusal(stranger), "login_required")
    renamed = stranger.headers.get("x-amzn-Remapped-WWW-Authenticate")
    checks.same("and the gateway renames the challenge", renamed, "Bearer")
    no_json = person.call("POST", "/verify", "六位数字")
    checks.same("a body that is no object is refused", refusal(no_json), "malformed_request")


def support_story(person: Person, support: Support, checks: Checks) -> None:
    """Support looks the account up and unbinds it; the account can bind anew."""
    found = support.ask("lookup", account=person.account)
    checks.same("support sees the account bound", (found["outcome"], found["state"]), ("found", "bound"))
    checks.same("and its wrong code", found["failures"], 1)
    hidden = not any("secret" in name for name in found)
    checks.that("but nothing of its secret", holds=hidden, otherwise=sorted(found))
    cleared = support.ask("unlock", account=person.account, ticket="T-1")
    checks.same("unlock clears the count", cleared["outcome"], "unlocked")
    request = {"account": person.account, "ticket": "T-2", "reason": "new_device"}
    checks.same("unbind drops the binding", support.ask("unbind", **request)["outcome"], "unbound")
    checks.same("once is enough", support.ask("unbind", **request)["outcome"], "not_bound")
    checks.same("a bad event changes nothing", support.ask("unbind", account="?")["outcome"], "invalid")
    checks.same("the old code is of no use", refusal(person.verify()), "not_bound")
    person.scan()
    again = person.call("POST", "/bind/confirm", {"code": person.code()})
    checks.same("the account binds anew", again.json.get("state"), "bound")


def auditors_story(person: Person, support: Support, mailbox: Mailbox, checks: Checks) -> None:
    """Every change is in the account's history, in its order, and was told to whom it concerns."""
    history = support.history_of(person.account, len(_HISTORY))
    kinds = [entry["type"] for entry in history]
    checks.same("each change is an audit row, newest first", kinds, _HISTORY)
    unbound = next((entry for entry in history if entry["type"] == "unbound"), {})
    told = [unbound.get(name) for name in ("operator", "ticket", "reason")]
    checks.same("which says who unbound, and why", told, ["rehearsal", "T-2", "new_device"])
    notified = mailbox.read(STREAM_PATIENCE_SECONDS, len(_HISTORY))
    ours = [one["type"] for one in notified if one["account"] == person.account]
    checks.same("and each was published once", sorted(ours), sorted(_HISTORY))


def newest_is(person: Person, support: Support, kind: str, checks: Checks) -> None:
    """The last change of the account has come through the stream."""
    deadline = time.monotonic() + STREAM_PATIENCE_SECONDS
    newest = None
    while newest != kind and time.monotonic() < deadline:
        history = support.history_of(person.account, 1)
        newest = history[0]["type"] if history else None
    checks.same("and its trail goes on", newest, kind)


def still_bound(person: Person, checks: Checks, when: str) -> None:
    """The binding is there and its phone logs in."""
    checks.same(
        f"the binding is there {when}", person.call("GET", "/binding").json.get("state"), "bound"
    )
    checks.same(f"and its phone logs in {when}", person.verify().status, 200)


def refusal(answer: Answer) -> str | None:
    """The code of a refusal."""
    code: str | None = answer.json.get("code")
    return code


def audience_of(person: Person, answer: Answer, audience: str) -> Any:
    """Whom a pass is for, checked as the trading gateway does: offline, by the key set."""
    keys = jwt.PyJWKSet.from_dict(person.call("GET", "/.well-known/jwks.json", client=None).json)
    header = jwt.get_unverified_header(answer.json["pass"])
    try:
        claims = jwt.decode(
            answer.json["pass"],
            keys[header["kid"]],
            algorithms=["ES256"],
            audience=audience,
            options={"require": ["exp", "sub", "jti"]},
        )
    except jwt.PyJWTError as error:
        return error
    return claims["aud"] if claims["sub"] == person.account else claims
