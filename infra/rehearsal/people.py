"""The people of the story: the login server, the owner of an account, support staff, a mailbox."""

import json
import time
from typing import Any

import boto3
import jwt
import pyotp
import urllib3
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.deploy.stage import Stage
from infra.rehearsal.checks import PATIENCE_SECONDS, wait_until

STAGE = Stage(name="rehearsal")
ISSUER = "https://login.broker.example"
CLIENTS: dict[str, Any] = {"desktop": {"channel": "desktop", "may_bind": True}}
CLIENTS["mobile"] = {"channel": "mobile", "may_bind": False}


def step() -> int:
    """Return the current step of TOTP."""
    return int(time.time()) // 30


class LoginServer:
    """Issues login tokens under a key of its own; ``settings`` are those by which they are accepted."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        key_set = {"keys": [{**key, "kid": "login", "use": "sig", "alg": "RS256"}]}
        self.settings = {"LOGIN_ISSUER": ISSUER, "LOGIN_KEY_SET": key_set, "LOGIN_CLIENTS": CLIENTS}

    def token(self, account: str, client: str) -> str:
        """Return a token of somebody who has just typed the password."""
        claims: dict[str, Any] = {"iss": ISSUER, "username": account, "client_id": client}
        claims |= {"token_use": "access", "auth_time": int(time.time()), "exp": int(time.time()) + 600}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "login"})


class Answer:
    """An HTTP answer with its JSON read; ``code`` is that of a problem document."""

    def __init__(self, answer: Any) -> None:
        self.status, self.headers = answer.status, answer.headers
        self.json: Any = json.loads(answer.data)
        self.code: str | None = self.json.get("code")


class Person:
    """The owner of an account: logs in, calls the API, reads codes off a phone."""

    def __init__(self, account: str, base: str, login: LoginServer) -> None:
        self.account, self.base = account, base
        self._login = login
        self._secret, self._last_step = "", 0

    def call(
        self, method: str, path: str, body: Any = None, client: str | None = "desktop", **headers: str
    ) -> Answer:
        """Call the API, logged in through a client or, with None, not at all."""
        if client is not None:
            headers["Authorization"] = f"Bearer {self._login.token(self.account, client)}"
        raw = None if body is None else json.dumps(body).encode()
        pool = urllib3.PoolManager(retries=False, timeout=PATIENCE_SECONDS)
        return Answer(pool.request(method, self.base + path, body=raw, headers=headers))

    def bind(self) -> tuple[Answer, Answer, str]:
        """Bind: the answers to both calls, and the code that was sent."""
        begun = self.call("POST", "/bind")
        self._secret, self._last_step = begun.json["secret"], step() - 2
        code = self.code()
        return begun, self.call("POST", "/bind/confirm", {"code": code}), code

    def code(self) -> str:
        """Return a code that will be accepted: of the earliest step that was not used yet."""
        self._last_step = max(self._last_step + 1, step() - 1)
        wait_until(step, lambda now: self._last_step <= now + 1)
        return pyotp.HOTP(self._secret).at(self._last_step)

    def wrong_code(self) -> str:
        """Return a code that belongs to no step nearby."""
        near = {pyotp.HOTP(self._secret).at(step() + offset) for offset in range(-60, 61)}
        return next(code for code in (f"{number:06}" for number in range(1_000)) if code not in near)

    def verify(self, client: str = "desktop") -> Answer:
        """Log in with a code of now."""
        return self.call("POST", "/verify", {"code": self.code()}, client)


def ask(function: str, account: str, **event: Any) -> Any:
    """Return what a support function answers to a member of the support staff."""
    sent = json.dumps({"operator": "rehearsal", "account": account, **event}).encode()
    answer = boto3.client("lambda").invoke(FunctionName=f"{STAGE.stack}-{function}", Payload=sent)
    return json.loads(answer["Payload"].read())


class Mailbox:
    """The broker's end of the notifications: a queue that subscribes to the stage's topic."""

    def __init__(self) -> None:
        self._sqs, sns = boto3.client("sqs"), boto3.client("sns")
        self._url = self._sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        [topic] = [
            one["TopicArn"] for one in sns.list_topics()["Topics"] if "-events" in one["TopicArn"]
        ]
        arn = topic.replace(":sns:", ":sqs:").replace(f"{STAGE.stack}-events", "mailbox")
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self._read: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        """Return the notifications that have come so far."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self._read.append(json.loads(json.loads(message["Body"])["Message"]))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._read
