"""The width of QR codes, and the issuers that would make them too dense to scan."""

import base64
import random

import png
import pytest
import qrcode
from hypothesis import given, settings
from hypothesis import strategies as st
from qrcode.constants import ERROR_CORRECT_M

from chalicelib.api.qr import draw
from chalicelib.core.density import MOST_MODULES, is_too_dense
from chalicelib.core.totp import otpauth_uri
from chalicelib.settings import InvalidSetting, read_settings, warnings
from tests.unit.test_settings import GIVEN

ISSUERS = ["x", "BROKER ", "期", "極星 Futures ", "Wing Lam & Co. ", "é", "😀", "a%b", "%", "-._~"]
ACCOUNTS = ["88000001", "A" * 16, "a" * 16, "8" * 16, "a_B.c-d_E.f-g_H.", "1", "a" * 64, "8" * 64]


def modules(issuer: str, account: str = "a" * 16, secret: bytes = bytes(range(20))) -> int:
    return draw(otpauth_uri(secret, issuer, account)).modules


@pytest.mark.parametrize("issuer", ISSUERS)
def test_an_issuer_is_too_dense_exactly_if_its_drawn_code_is(issuer: str):
    lengths = range(1, 64 // len(issuer) + 1)
    dense = [is_too_dense(issuer * length) for length in lengths]
    assert dense == [modules(issuer * length) > MOST_MODULES for length in lengths]
    assert dense == sorted(dense)


def test_twenty_chinese_characters_fit_and_twenty_one_do_not():
    assert (modules("期" * 20), modules("期" * 21)) == (77, 81)
    assert read_settings(GIVEN | {"OTP_ISSUER": "期" * 20}).otp_issuer == "期" * 20
    for length in (21, 64):
        with pytest.raises(InvalidSetting, match=r"the setting OTP_ISSUER must be shorter.* 77 modules"):
            read_settings(GIVEN | {"OTP_ISSUER": "期" * length})


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=":"), min_size=1, max_size=30
    ),
    st.text("AZaz09._-", min_size=16, max_size=16),
    st.binary(min_size=20, max_size=20),
)
def test_no_account_of_sixteen_characters_and_no_secret_widen_an_accepted_issuers_code(
    issuer: str, account: str, secret: bytes
):
    drawn = modules(issuer, account, secret)
    assert drawn <= modules(issuer)
    assert is_too_dense(issuer) == (modules(issuer) > MOST_MODULES)


@pytest.mark.parametrize("issuer", ["极星期货", "期" * 20, "Wing Lam & Co.", "A"])
@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_code_is_as_narrow_as_the_library_makes_it_by_itself(issuer: str, account: str):
    uri = otpauth_uri(random.Random(1).randbytes(20), issuer, account)
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(uri)
    # Twenty digits and more would be shorter still in the numeric mode, which is left out.
    narrowest = len(code.get_matrix())
    assert narrowest <= draw(uri).modules <= narrowest + (4 if "8" * 20 in uri else 0)


def test_the_width_counts_the_quiet_zone():
    drawn = draw(otpauth_uri(bytes(20), "极星期货", "88000001"))
    raw = base64.b64decode(drawn.png.partition(",")[2])
    width, height, rows, _ = png.Reader(bytes=raw).read()
    assert (width, height) == (drawn.modules * 6, drawn.modules * 6)
    dark = [row for row in rows if not all(row)]
    assert len(dark) == (drawn.modules - 8) * 6
    assert (drawn.modules - 8) % 4 == 1, "a version's width (ISO/IEC 18004 section 6.3.1)"


@pytest.mark.parametrize("character", "&?%#+")
def test_an_issuer_that_some_authenticators_decode_twice_is_accepted_with_a_warning(character: str):
    (warning,) = warnings(read_settings(GIVEN | {"OTP_ISSUER": f"Wing{character}Lam"}))
    assert f"OTP_ISSUER has {character}:" in warning
    assert "Wing" not in warning


def test_any_other_issuer_causes_no_warning():
    for issuer in ("极星期货", "Wing Lam, Ltd. (HK) / a-b_c@d!"):
        assert warnings(read_settings(GIVEN | {"OTP_ISSUER": issuer})) == []


def test_taking_iat_for_the_password_time_causes_a_warning():
    (warning,) = warnings(read_settings(GIVEN | {"LOGIN_PASSWORD_TIME": "iat"}))
    assert "refreshed" in warning
