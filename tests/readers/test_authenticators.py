"""otpauth URIs in four authenticators that are not ours: the same name, the same code."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import pyotp
import pytest

from chalicelib import wiring
from infra.environment import ROOT
from tests.kit.clock import Clock
from tests.kit.figures import record
from tests.kit.user import User

ISSUERS = ["极星期货", "Polestar", "易盛 極星", "A. Broker - Futures"]


@pytest.fixture(params=ISSUERS)
def uri(request: pytest.FixtureRequest, user: User, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OTP_ISSUER", request.param)
    wiring.reset()
    shown: str = user.bind().json["otpauth_uri"]
    return shown


def run(command: list[str], stdin: str = "", **environment: str) -> str:
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, (command, done.stderr, done.stdout)
    return done.stdout


def shows_the_code_of_now(uri: str, show: Callable[[], str]) -> None:
    """The authenticator goes by the real time, which may pass a step while it is asked."""
    secret = pyotp.HOTP(pyotp.parse_uri(uri).secret)
    before = int(time.time()) // 30
    shown = show().strip()
    after = int(time.time()) // 30
    assert shown in {secret.at(step) for step in range(before, after + 1)}
    record("authenticators", read=4, issuers=len(ISSUERS))


def test_pyotp_reads_name_and_secret(uri: str, user: User):
    read = pyotp.parse_uri(uri)
    assert isinstance(read, pyotp.TOTP)
    assert (read.name, read.issuer in ISSUERS, read.digits, read.interval) == (user.account, True, 6, 30)
    assert read.digest().name == "sha1"


def test_otplib_reads_name_and_code(uri: str, user: User, clock: Clock):
    script = ROOT / "build" / "readers" / "otplib.mjs"
    script.write_bytes((Path(__file__).parent / "otplib.mjs").read_bytes())
    read = json.loads(run(["node", str(script), str(int(clock()))], uri + "\n"))
    assert read["label"] == f"{read['issuer']}:{user.account}"
    assert read["issuer"] in ISSUERS
    assert read["code"] == pyotp.HOTP(read["secret"]).at(int(clock()) // 30)


def test_keepassxc_shows_the_code(uri: str, tmp_path: Path):
    strings = {"Title": "broker", "otp": uri}
    entry = "".join(
        f"<String><Key>{key}</Key><Value>{escape(value)}</Value></String>"
        for key, value in strings.items()
    )
    group = f"<Group><Name>Root</Name><Entry>{entry}</Entry></Group>"
    xml = f"<KeePassFile><Meta/><Root>{group}</Root></KeePassFile>"
    (tmp_path / "one.xml").write_text(xml, "utf-8")
    vault = str(tmp_path / "one.kdbx")
    run(
        ["keepassxc-cli", "import", "-p", str(tmp_path / "one.xml"), vault],
        "pw\npw\n",
        QT_QPA_PLATFORM="offscreen",
    )
    show = ["keepassxc-cli", "show", "-q", "-t", vault, "broker"]
    shows_the_code_of_now(uri, lambda: run(show, "pw\n", QT_QPA_PLATFORM="offscreen"))


def test_pass_otp_shows_the_code(uri: str, tmp_path: Path):
    # GnuPG's socket needs a short path.
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    places = {
        "GNUPGHOME": str(home),
        "PASSWORD_STORE_DIR": str(tmp_path / "store"),
        "HOME": str(tmp_path),
    }
    try:
        run(
            [
                "gpg",
                "--batch",
                "--passphrase",
                "",
                "--quick-gen-key",
                "tester",
                "default",
                "default",
                "never",
            ],
            **places,
        )
        run(["pass", "init", "tester"], **places)
        run(["pass", "otp", "insert", "broker"], f"{uri}\n{uri}\n", **places)
        shows_the_code_of_now(uri, lambda: run(["pass", "otp", "code", "broker"], **places))
    finally:
        run(["gpgconf", "--kill", "all"], **places)
        shutil.rmtree(home, ignore_errors=True)
