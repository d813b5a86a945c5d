"""The README does what it says: its story, its two programs and its table of settings."""

import json
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
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from chalicelib.api.language import Language
from chalicelib.api.problems import messages
from chalicelib.settings import read_settings
from chalicelib.tokens.login import LoginCheck
from chalicelib.tokens.login_keys import LoginKeySet
from infra.environment import ROOT
from tests.e2e.conftest import Stack, oathtool

README = (ROOT / "README.md").read_text("utf-8")
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
"""What differs from run to run, each with what stands for it in a comparison."""


def blocks(language: str, text: str | None = None) -> list[str]:
    """The blocks of a language in the README, or in another text."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text or README, re.DOTALL | re.MULTILINE)


def steps(language: str) -> list[tuple[str, str]]:
    """The README's blocks of a language, each with the answer that is shown under it."""
    pattern = rf"^```{language}\n(.*?)^```\n\n```(?:json|http|text)\n(.*?)^```$"
    return re.findall(pattern, README, re.DOTALL | re.MULTILINE)


def fixed_parts(answer: str) -> str:
    """An answer without what is random in it."""
    answer = answer.replace("\r", "").strip()
    for pattern, name in RANDOM_PARTS:
        answer = re.sub(pattern, name, answer)
    return answer


class Bash:
    """One shell that remembers its variables from block to block, as a reader's does."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
        )

    def paste(self, block: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{block}\necho; echo __pasted__\n")
        self._process.stdin.flush()
        printed = ""
        while not printed.endswith("__pasted__\n"):
            line = self._process.stdout.readline()
            assert line, printed
            printed += line
        return printed.removesuffix("__pasted__\n")

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture
def bash(tmp_path: Path) -> Iterator[Bash]:
    bash = Bash(tmp_path)
    yield bash
    bash.close()


@pytest.fixture
def unused(running: Stack) -> Stack:
    """The running stack, with the README's account unbound as after a start."""
    running.unbind("88000001")
    return running


@pytest.mark.timeout(150)
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
    got = unused.boto("lambda", endpoint_url=unused.url).invoke(
        FunctionName=option["--function-name"], Payload=event[1]
    )
    told = {name: got[name] for name in ("StatusCode", "ExecutedVersion")}
    printed = got["Payload"].read().decode() + json.dumps(told, indent=4)
    assert fixed_parts(printed) == fixed_parts(shown)


def program(defining: str) -> dict[str, Any]:
    """What one of the README's Python programs defines, once it has run."""
    [source] = [block for block in blocks("python") if f"def {defining}(" in block]
    names: dict[str, Any] = {}
    exec(compile(source, "README.md", "exec"), names)  # the very program that the README shows
    return names


def settings_table() -> dict[str, str]:
    """The README's settings, each with what stands as its default."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| `?([^`|]+?)`? \|", README, re.MULTILINE))


def environment(**more: str) -> dict[str, str]:
    """A deployment's settings: what the table calls required, the clients shown, and more."""
    [clients] = [block for block in blocks("json") if "may_bind" in block]
    required = {name: "anything" for name, default in settings_table().items() if default == "required"}
    return required | {"LOGIN_CLIENTS": clients} | more


def test_the_login_server_program_mints_tokens_that_are_accepted(capsys: pytest.CaptureFixture[str]):
    login_server = program("login_token")
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
    running: Stack, monkeypatch: pytest.MonkeyPatch
):
    token, secret = running.bound("88000002")
    code = oathtool(secret, time.time() + 30)
    issued = running.api("POST", "/verify", token, {"code": code}).json["pass"]
    monkeypatch.setattr(f"{__name__}.README", README.replace(USUAL_HOST, running.url))
    admit = program("admit")["admit"]
    with pytest.raises(PermissionError):
        admit(issued, "88000003")
    admit(issued, "88000002")
    with pytest.raises(PermissionError):
        admit(issued, "88000002")
    with pytest.raises(jwt.PyJWTError):
        admit(token, "88000002")
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
def test_the_gateway_program_refuses_whatever_is_not_a_pass(wrong: dict[str, Any]):
    key = generate_private_key(SECP256R1())
    gateway = program("admit")
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
    "document", [*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")], ids=lambda path: path.name
)
def test_every_file_that_is_linked_is_there(document: Path):
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
    assert blocks("bash", chinese) == blocks("bash")


def test_the_layout_names_what_is_there():
    [layout] = [block for block in blocks("text") if block.startswith("app.py")]
    folders: list[str] = []
    for line in layout.splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        folders = [*folders[:depth], line.split()[0]]
        assert (ROOT / "".join(folders)).exists(), folders


@pytest.mark.parametrize("language", Language)
def test_the_guides_speak_of_messages_that_the_service_gives(language: Language):
    guide = (ROOT / "docs" / f"guide.{language.value}.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+?) \|", guide, re.MULTILINE)
    explained = set(rows[2:])
    assert len(explained) == 12
    assert explained <= {words["title"] for words in messages(language).values()}


@pytest.mark.parametrize("language", Language)
def test_the_guides_have_six_steps_for_each_authenticator(language: Language):
    guide = (ROOT / "docs" / f"guide.{language.value}.md").read_text("utf-8")
    numbers = re.findall(r"^(\d)\. \*\*", guide, re.MULTILINE)
    assert "".join(numbers) == "123456" * 2
