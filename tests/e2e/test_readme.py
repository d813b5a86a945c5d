"""The documents hold what they say: the story, the programs, the settings, the links, the layout."""

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from chalicelib.api.language import Language
from chalicelib.api.problems import messages
from chalicelib.aws import items
from chalicelib.core.unbinding import REMEMBERED_SECONDS
from chalicelib.settings import read_settings
from chalicelib.tokens.login import LoginCheck
from chalicelib.tokens.login_keys import LoginKeySet
from infra.environment import ROOT
from tests.kit.stack import Stack, StackClock

README = (ROOT / "README.md").read_text("utf-8")
CLIENTS = (ROOT / "docs" / "clients.md").read_text("utf-8")
GATEWAY = (ROOT / "docs" / "gateway.md").read_text("utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
USUAL_HOST = "http://127.0.0.1:8000"

RANDOM_PARTS = (
    (r"eyJ[\w.-]+…?", "<token>"),
    (r"base64,iVBORw0[^\"]+", "base64,<picture>"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
    (r"[0-9a-f]{32}", "<id>"),
    (r"[A-Z2-7]{32}", "<secret>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
    (r"(retry_after\":|Wait )\d+", r"\1<seconds>"),
    (r"Content-Length: \d+", "Content-Length: <bytes>"),
    (r"Date: .+ GMT", "Date: <now>"),
)
"""Parts that differ from run to run, each with its replacement in a comparison."""


def blocks(language: str, text: str) -> list[str]:
    """Return the blocks of a language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def steps(language: str) -> list[tuple[str, str]]:
    """Return the README's blocks of a language, each with the sample output under it."""
    pattern = rf"^```{language}\n(.*?)^```\n\n```(?:json|http|text)\n(.*?)^```$"
    return re.findall(pattern, README, re.DOTALL | re.MULTILINE)


def fixed_parts(answer: str) -> str:
    """An answer without what is random in it."""
    answer = answer.replace("\r", "").strip()
    for pattern, name in RANDOM_PARTS:
        answer = re.sub(pattern, name, answer)
    return answer


class Bash:
    """One shell that remembers its variables from block to block, as a reader's does.

    Its clock is the stack's: ``date`` and ``oathtool`` look at it, and ``sleep`` moves it.
    """

    def __init__(self, folder: Path, clock: StackClock) -> None:
        self._clock = clock
        reader, self._writer = os.pipe()
        self._process = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            pass_fds=[reader],
        )
        os.close(reader)
        self._send(
            f"""
            NOW={clock()}
            date() {{ command date --date "@$NOW" "$@"; }}
            oathtool() {{ command oathtool --now "@$NOW" "$@"; }}
            sleep() {{ echo "__sleep__ $1"; read -r NOW <&{reader}; }}
            """
        )

    def paste(self, block: str) -> str:
        """Run a block. Returns all that it prints."""
        assert self._process.stdout is not None
        self._send(f"{block}\necho; echo __pasted__\n")
        printed = ""
        while not printed.endswith("__pasted__\n"):
            line = self._process.stdout.readline()
            assert line, printed
            if line.startswith("__sleep__ "):
                self._clock.advance(int(line.removeprefix("__sleep__ ")))
                os.write(self._writer, f"{self._clock()}\n".encode())
            else:
                printed += line
        return printed.removesuffix("__pasted__\n")

    def close(self) -> None:
        self._process.communicate(timeout=10)
        os.close(self._writer)

    def _send(self, commands: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(commands)
        self._process.stdin.flush()


@pytest.fixture
def bash(tmp_path: Path, running: Stack) -> Iterator[Bash]:
    bash = Bash(tmp_path, running.clock)
    yield bash
    bash.close()


@pytest.fixture
def unused(running: Stack) -> Stack:
    """The running stack, with the README's account unbound as after a start."""
    running.unbind("88000001")
    running.clock.advance(30)
    return running


def test_the_story_pasted_gives_what_the_readme_shows(unused: Stack, bash: Bash):
    story = steps("bash")
    assert len(story) == 7
    for block, shown in story:
        got = bash.paste(block.replace(USUAL_HOST, unused.url))
        assert fixed_parts(got) == fixed_parts(shown), block


def test_the_invoke_call_shown_for_the_aws_command_works_from_boto3(unused: Stack):
    [(block, shown)] = [step for step in steps("sh") if "aws lambda invoke" in step[0]]
    words = shlex.split(block.split("|", 1)[1])
    option = dict(pairwise(words))
    assert option["--endpoint-url"] == "$HOST"
    event = re.search(r"^EVENT='(.*)'$", README, re.MULTILINE)
    assert event is not None
    call = {"FunctionName": option["--function-name"], "Payload": event[1]}
    client = unused.boto("lambda", endpoint_url=unused.url)
    unused.clock.advance(REMEMBERED_SECONDS)  # the story has used this ticket
    unused.bound("88000001")
    client.invoke(**call)
    got = client.invoke(**call)
    told = {name: got[name] for name in ("StatusCode", "ExecutedVersion")}
    printed = got["Payload"].read().decode() + json.dumps(told, indent=4)
    assert fixed_parts(printed) == fixed_parts(shown)


def program(document: str) -> dict[str, Any]:
    """Run the one Python program of a document. Return the names that it defines."""
    [source] = blocks("python", document)
    names: dict[str, Any] = {}
    exec(compile(source, "document", "exec"), names)
    return names


def settings_table() -> dict[str, str]:
    """Return the default of each setting that docs/settings.md lists."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| `?([^`|]+?)`? \|", SETTINGS, re.MULTILINE))


def environment(**more: str) -> dict[str, str]:
    """Return every required setting, with the clients of docs/clients.md, and more."""
    [clients] = [block for block in blocks("json", CLIENTS) if "may_bind" in block]
    required = {name: "anything" for name, default in settings_table().items() if default == "required"}
    return required | {"LOGIN_CLIENTS": clients} | more


def test_the_login_server_program_makes_tokens_that_are_accepted(capsys: pytest.CaptureFixture[str]):
    login_server = program(CLIENTS)
    printed = capsys.readouterr().out
    settings = read_settings(
        environment(LOGIN_ISSUER="https://login.broker.example", LOGIN_KEY_SET=printed)
    )
    keys = LoginKeySet(None, settings.login_key_set, time.time)
    check = LoginCheck(settings.login, keys, time.time)
    clients = json.loads(environment()["LOGIN_CLIENTS"])
    assert len(clients) == 3
    for client_id, client in clients.items():
        caller = check.read(login_server["login_token"]("88000001", client_id), greatest_age=300)
        assert (caller.account, caller.channel, caller.may_bind) == (
            "88000001",
            client["channel"],
            client["may_bind"],
        )


def test_the_gateway_program_admits_a_pass_once_and_for_its_account_alone(
    running: Stack,
):
    token, secret = running.bound("88000002")
    code = running.code(secret, 1)
    issued = running.api("POST", "/verify", token, {"code": code}).json["pass"]
    admit = program(GATEWAY.replace(USUAL_HOST, running.url))["admit"]
    with time_machine.travel(running.clock(), tick=False) as traveller:
        with pytest.raises(PermissionError):
            admit(issued, "88000003")
        admit(issued, "88000002")
        with pytest.raises(PermissionError):
            admit(issued, "88000002")
        with pytest.raises(jwt.PyJWTError):
            admit(token, "88000002")
        traveller.shift(60)
        with pytest.raises(jwt.ExpiredSignatureError):
            admit(issued, "88000002")
    running.unbind("88000002")


@pytest.mark.parametrize(
    "wrong",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"iss": "https://somebody.else"},
        {"aud": "another-gateway"},
        {"aud": ...},
        {"exp": 1_000_000_000},
        {"exp": ...},
        {"sub": "88000003"},
        {"sub": ...},
        {"jti": ...},
    ],
    ids=str,
)
def test_the_gateway_program_refuses_all_but_a_pass(wrong: dict[str, Any]):
    key = generate_private_key(SECP256R1())
    gateway = program(GATEWAY)
    gateway["keys"] = SimpleNamespace(get_signing_key_from_jwt=lambda token: key.public_key())
    good = {
        "typ": "totp-pass+jwt",
        "iss": "https://totp-binding.local",
        "aud": "trading-gateway",
        "sub": "88000001",
        "exp": time.time() + 60,
    }

    def minted(parts: dict[str, Any]) -> str:
        claims = {name: value for name, value in parts.items() if value is not ...}
        return jwt.encode(claims, key, "ES256", headers={"typ": claims.pop("typ")})

    gateway["admit"](minted(good | {"jti": "1"}), "88000001")
    with pytest.raises((PermissionError, jwt.InvalidTokenError)):
        gateway["admit"](minted(good | {"jti": "2"} | wrong), "88000001")


class Asked(dict[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def test_the_table_has_every_setting_with_its_default():
    table = settings_table()
    asked = Asked(environment(LOGIN_KEY_SET_URL="https://login.broker.example/keys"))
    settings = read_settings(asked)
    # Chalice alone asks for the stream, when it deploys app.py.
    assert asked.names | {"BINDINGS_STREAM_ARN"} == set(table)
    assert settings.trail_kept_years == int(table["TRAIL_KEPT_YEARS"])
    assert settings.login.account_claim == table["LOGIN_ACCOUNT_CLAIM"]
    assert settings.login.client_claim == table["LOGIN_CLIENT_CLAIM"]
    assert settings.login_age == int(table["LOGIN_AGE"])
    assert settings.login_age_to_confirm == int(table["LOGIN_AGE_TO_CONFIRM"])
    assert (settings.login.audiences, settings.login.required_claims) == (frozenset(), {})
    assert settings.login.account_case == table["LOGIN_ACCOUNT_CASE"]
    assert settings.login.password_time == table["LOGIN_PASSWORD_TIME"]


@pytest.mark.parametrize(
    "document", [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")], ids=lambda path: path.name
)
def test_every_linked_file_exists(document: Path):
    linked = re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", document.read_text("utf-8"))
    for name, heading in linked:
        target = document.parent / name if name else document
        assert target.exists(), name
        assert not heading or heading.removeprefix("#") in headings(target), heading


def headings(document: Path) -> set[str]:
    """The headings of a page as links name them."""
    found = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_chinese_readme_tells_the_same_story():
    chinese = (ROOT / "README.zh-CN.md").read_text("utf-8")
    assert blocks("bash", chinese) == blocks("bash", README)


def test_the_readme_is_short():
    assert len(README.splitlines()) < 250


def test_the_architecture_page_lists_every_attribute_of_the_item():
    table = ARCHITECTURE.split("\n## The item\n")[1].split("\n## ")[0]
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    marks = items.SUPPORT_MARKS.values()
    assert listed == {*items.READABLE_BY_SUPPORT, *items.SECRET_ATTRIBUTES, *marks}


def test_every_name_in_the_layout_exists():
    [layout] = [block for block in blocks("text", ARCHITECTURE) if block.startswith("app.py")]
    folders: list[str] = []
    for line in layout.splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        folders = [*folders[:depth], line.split()[0]]
        assert (ROOT / "".join(folders)).exists(), folders


@pytest.mark.parametrize("language", Language)
def test_the_guides_quote_messages_of_the_service(language: Language):
    guide = (ROOT / "docs" / f"guide.{language.value}.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+?) \|", guide, re.MULTILINE)
    explained = set(rows[2:])
    assert len(explained) == 14
    assert explained <= {words["title"] for words in messages(language).values()}
