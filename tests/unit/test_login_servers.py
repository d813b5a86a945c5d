"""docs/login-servers.md: the settings of a section accept its token, and refuse what is near it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chalicelib.core.channel import Channel
from chalicelib.core.errors import ErrorCode, Refused
from chalicelib.settings import Settings, read_settings
from chalicelib.tokens.login import Caller, LoginCheck
from chalicelib.tokens.login_keys import login_keys
from infra.environment import ROOT
from tests.kit.clock import Clock
from tests.kit.login import LOGIN_EC_KEY, LOGIN_KEY
from tests.unit.test_settings import GIVEN

PAGE = (ROOT / "docs" / "login-servers.md").read_text("utf-8")

OURS = {name: value for name, value in GIVEN.items() if not name.startswith("LOGIN_")}
"""The settings that have nothing to do with the login server."""


@dataclass(frozen=True)
class Section:
    """One login server of the page: its settings and its token."""

    name: str
    text: str
    settings: dict[str, Any] = field(repr=False)
    header: dict[str, Any] = field(repr=False)
    claims: dict[str, Any] = field(repr=False)

    def environment(self, **changes: Any) -> dict[str, str]:
        """The settings as a deployment has them; ``...`` leaves one out."""
        given = {name: value for name, value in (self.settings | changes).items() if value is not ...}
        return OURS | {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
        }

    def token(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """The section's token, signed; a claim of ``...`` is left out."""
        claims = {name: value for name, value in (self.claims | changes).items() if value is not ...}
        header = self.header | (header or {})
        key = LOGIN_EC_KEY if header["alg"] == "ES256" else LOGIN_KEY
        return jwt.encode(claims, key, header["alg"], headers=header)

    def key_set(self, algorithm: str) -> str:
        """The server's key set, with the key of the token's algorithm."""
        if algorithm == "ES256":
            entry = ECAlgorithm.to_jwk(LOGIN_EC_KEY.public_key(), as_dict=True)
        else:
            entry = RSAAlgorithm.to_jwk(LOGIN_KEY.public_key(), as_dict=True)
        return json.dumps(
            {"keys": [entry | {"kid": self.header["kid"], "alg": algorithm, "use": "sig"}]}
        )

    def caller(self, token: str, clock: Clock, **changes: Any) -> Caller:
        """Read a token by the section's settings, with the key set given rather than fetched."""
        key_set = self.key_set(jwt.get_unverified_header(token)["alg"])
        given = {"LOGIN_KEY_SET_URL": ..., "LOGIN_KEY_SET": key_set} | changes
        settings = read_settings(self.environment(**given))
        check = LoginCheck(settings.login, login_keys(settings, clock), clock)
        return check.read(token, settings.login_age)

    def verdict(self, token: str, clock: Clock, **changes: Any) -> str:
        try:
            self.caller(token, clock, **changes)
        except Refused as refused:
            return refused.code.value
        return "fine"


def sections() -> dict[str, Section]:
    found = {}
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        name = part.partition("\n")[0]
        blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", part, re.M | re.S)]
        if blocks:
            settings, token = blocks
            found[name] = Section(name, part, settings, **token)
    return found


SECTIONS = sections()
COGNITO, KEYCLOAK, AUTH0, OKTA, ENTRA, PING, CASDOOR = (
    SECTIONS[name]
    for name in (
        "Amazon Cognito", "Keycloak", "Auth0", "Okta", "Microsoft Entra ID", "PingFederate", "Casdoor",
    )
)  # fmt: skip

every_section = pytest.mark.parametrize("section", SECTIONS.values(), ids=list(SECTIONS))


def client_of(section: Section) -> str:
    claim = section.claims[section.settings.get("LOGIN_CLIENT_CLAIM", "client_id")]
    return str(claim[0] if isinstance(claim, list) else claim)


def test_the_page_has_the_seven_servers():
    assert len(SECTIONS) == 7


@every_section
def test_a_section_says_that_the_real_server_was_not_tried(section: Section):
    assert re.search(r"The real .* was not tried", section.text)


@every_section
def test_the_settings_of_a_section_are_valid_as_they_stand(section: Section):
    settings = read_settings(section.environment())
    assert isinstance(settings, Settings)
    assert settings.login_key_set_url == section.settings["LOGIN_KEY_SET_URL"]
    assert {client.may_bind for client in settings.login.clients.values()} == {True, False}


@every_section
def test_the_token_of_a_section_names_account_and_channel(section: Section, clock: Clock):
    caller = section.caller(section.token(), clock)
    assert (caller.account, caller.channel, caller.may_bind) == ("88000001", Channel.DESKTOP, True)


@every_section
def test_the_phones_token_of_a_section_may_not_bind(section: Section, clock: Clock):
    claim = section.settings.get("LOGIN_CLIENT_CLAIM", "client_id")
    (phone,) = section.settings["LOGIN_CLIENTS"].keys() - {client_of(section)}
    listed = isinstance(section.claims[claim], list)
    token = section.token(**{claim: [phone] if listed else phone})
    caller = section.caller(token, clock)
    assert (caller.account, caller.channel, caller.may_bind) == ("88000001", Channel.MOBILE, False)


@every_section
def test_the_password_of_a_section_must_be_fresh(section: Section, clock: Clock):
    clock.advance(300)
    assert section.verdict(section.token(), clock) == "login_expired"


@every_section
@pytest.mark.parametrize("claim", ["iss", "exp"])
def test_no_section_does_without_issuer_and_end(section: Section, clock: Clock, claim: str):
    assert section.verdict(section.token(**{claim: ...}), clock) == "login_invalid"


@every_section
def test_a_section_takes_no_token_for_another_audience(section: Section, clock: Clock):
    assert section.verdict(section.token(aud="https://another.example"), clock) == "login_invalid"


@every_section
def test_a_section_requires_each_claim_that_it_names(section: Section, clock: Clock):
    for name in section.settings.get("LOGIN_REQUIRED_CLAIMS", {}):
        for value in (..., "other", None, [section.claims[name]]):
            assert section.verdict(section.token(**{name: value}), clock) == "login_invalid"


@every_section
def test_a_section_reads_the_password_time_that_it_says(section: Section, clock: Clock):
    by_iat = section.settings.get("LOGIN_PASSWORD_TIME") == "iat"
    assert ("auth_time" in section.claims) != by_iat
    without = section.token(auth_time=..., iat=int(clock()))
    assert section.verdict(without, clock) == ("fine" if by_iat else "login_invalid")


@every_section
def test_a_token_of_a_section_leaves_room_in_the_gateways_header(section: Section):
    assert len(section.token()) < 2_048


# Each server's own traps


@pytest.mark.parametrize("use", ["id", "refresh"])
def test_cognitos_other_tokens_are_refused(clock: Clock, use: str):
    assert COGNITO.verdict(COGNITO.token(token_use=use), clock) == "login_invalid"


@pytest.mark.parametrize("typ", ["ID", "Refresh", "Offline", "bearer"])
def test_keycloaks_other_tokens_are_refused(clock: Clock, typ: str):
    assert KEYCLOAK.verdict(KEYCLOAK.token(typ=typ), clock) == "login_invalid"


def test_a_keycloak_that_sends_auth_time_0_is_refused_or_read_by_iat(clock: Clock):
    old = KEYCLOAK.token(auth_time=0)
    assert KEYCLOAK.verdict(old, clock) == "login_invalid"
    assert KEYCLOAK.verdict(old, clock, LOGIN_PASSWORD_TIME="iat") == "fine"


@pytest.mark.parametrize("algorithm", ["PS256", "ES256"])
def test_a_keycloak_client_may_sign_otherwise(clock: Clock, algorithm: str):
    assert KEYCLOAK.verdict(KEYCLOAK.token({"alg": algorithm}), clock) == "fine"


def test_a_keycloak_client_without_the_audience_mapper_is_refused(clock: Clock):
    for aud in ("account", ...):
        assert KEYCLOAK.verdict(KEYCLOAK.token(aud=aud), clock) == "login_invalid"


def test_auth0s_own_profile_names_the_client_in_azp(clock: Clock):
    token = AUTH0.token({"typ": "JWT"}, client_id=..., azp=client_of(AUTH0))
    assert AUTH0.verdict(token, clock) == "login_invalid"
    assert AUTH0.verdict(token, clock, LOGIN_CLIENT_CLAIM="azp") == "fine"


def test_auth0s_and_oktas_subjects_are_no_accounts(clock: Clock):
    for section in (AUTH0, OKTA):
        assert section.verdict(section.token(), clock, LOGIN_ACCOUNT_CLAIM="sub") == "login_invalid"


def test_oktas_id_token_is_refused(clock: Clock):
    assert OKTA.verdict(OKTA.token(aud=client_of(OKTA), cid=...), clock) == "login_invalid"


def test_entras_backdated_token_needs_the_ages_that_the_page_says(clock: Clock):
    token = ENTRA.token(auth_time=...)
    by_iat = {"LOGIN_PASSWORD_TIME": "iat"}
    assert ENTRA.verdict(token, clock, **by_iat) == "login_expired"
    (ages,) = re.findall(r"`(LOGIN_AGE)` to (\d+) and `(LOGIN_AGE_TO_CONFIRM)` to (\d+)", ENTRA.text)
    by_iat |= dict(zip(ages[::2], ages[1::2], strict=True))
    assert ENTRA.verdict(token, clock, **by_iat) == "fine"


def test_entras_id_token_is_refused_even_if_the_terminal_shares_the_apis_registration(clock: Clock):
    assert ENTRA.verdict(ENTRA.token(scp=...), clock) == "login_invalid"


def test_a_time_that_pingfederate_writes_in_quotes_is_refused_and_named(clock: Clock):
    with pytest.raises(Refused) as caught:
        PING.caller(PING.token(auth_time="1799999990"), clock)
    assert (caught.value.code, caught.value.why) == (ErrorCode.LOGIN_INVALID, "auth_time is no time")
    assert caught.value.why in PING.text


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenType": "refresh-token"},
        {"tokenType": ...},
        {"signinMethod": ...},
        {"owner": "another-organisation"},
        {"aud": ["desktopclientexample-org-broker"]},
        {"aud": ["https://another.example"]},
        {"aud": ["desktopclientexample", "mobileclientexample0"]},
    ],
)
def test_casdoors_other_tokens_are_refused(clock: Clock, changes: dict[str, Any]):
    assert CASDOOR.verdict(CASDOOR.token(**changes), clock) == "login_invalid"


def test_the_example_of_a_reason_is_one_that_the_log_has(clock: Clock):
    reasons = set()
    for token in (KEYCLOAK.token(auth_time=...), KEYCLOAK.token(aud="x"), KEYCLOAK.token(typ="ID")):
        with pytest.raises(Refused) as caught:
            KEYCLOAK.caller(token, clock)
        reasons.add(caught.value.why)
    assert len(reasons) == 3
    for reason in reasons:
        assert f"`{reason}`" in PAGE
