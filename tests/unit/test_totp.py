"""The step of a code, the forgiven characters, and the URI of the QR code."""

import base64
import sys
import unicodedata
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from chalicelib.core import totp
from chalicelib.core.totp import Judgement, Match, judge, normalise, otpauth_uri, seconds_until_unused
from tests.kit.phone import code_at, wrong_code

RFC_SECRET = b"12345678901234567890"
"""The SHA-1 secret of both RFCs' test vectors."""

NOW = 1_800_000_000
"""The first second of a step."""

STEP = NOW // 30


def code_of(step: int) -> str:
    return code_at(totp.base32(RFC_SECRET), step * 30)


def judged_at_step(step: int, code: str, last_accepted: int | None = None) -> Judgement:
    return judge(RFC_SECRET, code, step * 30 + 7, last_accepted)


@pytest.mark.parametrize(
    ("now", "eight_digits"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238_hold(now: int, eight_digits: str):
    # Appendix B has codes of eight digits. Their last six are the code of six digits (RFC 4226
    # section 5.3), since 10^6 divides 10^8.
    assert judge(RFC_SECRET, eight_digits[-6:], now, None) == Judgement(Match.FRESH, now // 30)


@pytest.mark.parametrize(
    ("counter", "code"),
    [
        (0, "755224"),
        (1, "287082"),
        (2, "359152"),
        (3, "969429"),
        (4, "338314"),
        (5, "254676"),
        (6, "287922"),
        (7, "162583"),
        (8, "399871"),
        (9, "520489"),
    ],
)
def test_the_vectors_of_rfc_4226_hold(counter: int, code: str):
    assert judge(RFC_SECRET, code, counter * 30, None) == Judgement(Match.FRESH, counter)


def test_a_step_lasts_thirty_seconds_from_the_epoch_on():
    assert [totp.step_at(now) for now in (0, 29, 30, 59, 60, NOW - 1, NOW)] == [
        0, 0, 1, 1, 2, STEP - 1, STEP,
    ]  # fmt: skip


@pytest.mark.parametrize("within_the_step", [0, 29])
@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_of_now_or_of_one_step_either_side_is_fresh(steps: int, within_the_step: int):
    now = NOW + within_the_step
    assert judge(RFC_SECRET, code_of(STEP + steps), now, None) == Judgement(Match.FRESH, STEP + steps)


@pytest.mark.parametrize("steps", range(2, 21))
def test_a_code_of_two_to_twenty_steps_ago_is_late(steps: int):
    assert judged_at_step(STEP, code_of(STEP - steps)) == Judgement(Match.LATE, STEP - steps)


def test_a_code_of_two_steps_ago_is_late_even_if_it_was_used():
    assert judged_at_step(STEP, code_of(STEP - 2), last_accepted=STEP - 2).match is Match.LATE


@pytest.mark.parametrize("steps", [-22, -21, 2, 3, 10, 20, 21])
def test_a_code_further_back_or_further_ahead_matches_nothing(steps: int):
    assert judged_at_step(STEP, code_of(STEP + steps)) == Judgement(Match.NONE)


def test_a_code_of_no_near_step_matches_nothing():
    assert judged_at_step(STEP, wrong_code(totp.base32(RFC_SECRET), NOW)) == Judgement(Match.NONE)


def test_another_secret_does_not_match():
    assert judge(b"another twenty bytes", code_of(STEP), NOW, None).match is not Match.FRESH


@pytest.mark.parametrize("now", [0, 29, 30, 600])
def test_the_first_steps_after_the_epoch_have_nothing_before_them(now: int):
    assert judge(RFC_SECRET, code_of(now // 30), now, None) == Judgement(Match.FRESH, now // 30)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_step_is_fresh_only_after_the_last_one_accepted(steps: int):
    step = STEP + steps
    assert judged_at_step(STEP, code_of(step), last_accepted=step - 1) == Judgement(Match.FRESH, step)
    assert judged_at_step(STEP, code_of(step), last_accepted=step).match is Match.USED
    assert judged_at_step(STEP, code_of(step), last_accepted=step + 1).match is Match.USED


# Pairs of steps at which the RFCs' secret yields the same code.
# One pair in a million does; these were found by search.
ONE_APART = 62_075_368
TWO_APART = 61_331_809
THREE_APART = 60_138_748
FIVE_APART = 61_438_141
TWENTY_APART = 60_588_604


@pytest.mark.parametrize(
    ("first", "apart"),
    [(ONE_APART, 1), (TWO_APART, 2), (THREE_APART, 3), (FIVE_APART, 5), (TWENTY_APART, 20)],
)
def test_each_pair_of_steps_shares_a_code(first: int, apart: int):
    assert code_of(first) == code_of(first + apart)


@pytest.mark.parametrize(("first", "apart"), [(ONE_APART, 1), (TWO_APART, 2)])
def test_the_earliest_unused_step_of_a_shared_code_is_accepted(first: int, apart: int):
    code = code_of(first)
    accepted = [
        judged_at_step(first + 1, code, last_accepted).step for last_accepted in (None, first - 1, first)
    ]
    assert accepted == [first, first, first + apart]
    assert judged_at_step(first + 1, code, first + apart).match is Match.USED


@pytest.mark.parametrize(("first", "apart"), [(FIVE_APART, 5), (TWENTY_APART, 20)])
def test_a_code_both_fresh_and_late_is_fresh(first: int, apart: int):
    now = first + apart
    assert judged_at_step(now, code_of(first)) == Judgement(Match.FRESH, now)


def test_a_code_both_used_and_late_is_used():
    now = FIVE_APART + 5
    assert judged_at_step(now, code_of(now), last_accepted=now).match is Match.USED


def test_a_code_both_used_and_one_step_ahead_is_fresh():
    assert judged_at_step(TWO_APART + 1, code_of(TWO_APART), TWO_APART) == Judgement(
        Match.FRESH, TWO_APART + 2
    )


def test_a_code_late_at_two_steps_counts_from_the_later_one():
    now = THREE_APART + 10
    assert judged_at_step(now, code_of(THREE_APART)) == Judgement(Match.LATE, THREE_APART + 3)


def test_six_ascii_digits_are_a_code():
    assert normalise("012345") == "012345"


@pytest.mark.parametrize("forgiven", [" ", "\u3000", "-", "\uff0d"])
def test_forgiven_characters_may_stand_anywhere_and_repeat(forgiven: str):
    assert normalise(f"{forgiven}12{forgiven * 30}3456{forgiven}") == "123456"


def test_full_width_digits_are_read_as_digits():
    assert normalise("０１２３４５") == "012345"
    assert normalise("５４６７８９") == "546789"
    assert normalise("１２３　４５６") == "123456"
    assert normalise("12３-4５ 6") == "123456"


def is_suspicious(character: str) -> bool:
    return unicodedata.category(character)[0] in "NZPC" or character.isspace()


def test_no_other_digit_space_dash_or_invisible_character_is_forgiven():
    forgiven = set(" -\u3000\uff0d")
    others = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) not in ("Cn", "Co", "Cs")
        and is_suspicious(character)
        and character not in forgiven
    ]
    assert len(others) > 2_500
    assert [character for character in others if normalise(f"123{character}456") is not None] == []


def test_no_other_digit_is_read_as_a_digit():
    own = {str(digit) for digit in range(10)} | {chr(0xFF10 + digit) for digit in range(10)}
    others = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if character.isnumeric() and character not in own
    ]
    assert {"١", "①", "一", "²", "𝟏", "Ⅷ"} <= set(others)
    assert [character for character in others if normalise(f"12345{character}") is not None] == []


@pytest.mark.parametrize(
    "typed",
    ["", " ", "-", "12345", "1234567", "123456\n", "\n123456", "123456\x00", "12345a", "+12345",
     "-12345", "1.2345", "0x1234", "1e5000", "12345\ud800", "１２３４５", "１２３４５６７"],
)  # fmt: skip
def test_anything_but_six_digits_is_no_code(typed: str):
    assert normalise(typed) is None


@pytest.mark.parametrize(
    ("seconds_into_the_step", "last_accepted", "wait"),
    [
        (0, STEP, 30),
        (1, STEP, 29),
        (29, STEP, 1),
        (0, STEP - 1, 30),
        (29, STEP - 1, 1),
        (0, STEP + 1, 60),
        (29, STEP + 1, 31),
        (15, STEP - 500, 15),
        (10, STEP + 3, 110),
    ],
)
def test_the_wait_ends_when_the_first_unused_step_begins(
    seconds_into_the_step: int, last_accepted: int, wait: int
):
    now = NOW + seconds_into_the_step
    assert seconds_until_unused(now, last_accepted) == wait
    begins = now + wait
    assert judge(RFC_SECRET, code_of(begins // 30), begins, last_accepted).match is Match.FRESH


def test_a_secret_is_typed_as_base32_without_padding():
    for length in range(1, 41):
        secret = bytes(range(200, 200 + length))
        typed = totp.base32(secret)
        assert "=" not in typed
        assert base64.b32decode(typed + "=" * (-len(typed) % 8)) == secret
    assert totp.base32(RFC_SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def test_a_secret_has_160_bits():
    assert totp.SECRET_BYTES * 8 == 160


def test_the_uri_of_a_chinese_issuer_is_percent_encoded_utf_8():
    assert otpauth_uri(RFC_SECRET, "极星期货", "88000001") == (
        "otpauth://totp/%E6%9E%81%E6%98%9F%E6%9C%9F%E8%B4%A7:88000001"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=%E6%9E%81%E6%98%9F%E6%9C%9F%E8%B4%A7"
    )


@pytest.mark.parametrize(
    ("issuer", "encoded"),
    [
        ("Polestar HK", "Polestar%20HK"),
        ("A&B=C?D#E", "A%26B%3DC%3FD%23E"),
        ("A/B", "A%2FB"),
        ("A:B", "A%3AB"),
        ("100%+", "100%25%2B"),
        ("Ünïcode 期貨", "%C3%9Cn%C3%AFcode%20%E6%9C%9F%E8%B2%A8"),
    ],
)
def test_no_character_of_the_issuer_breaks_the_uri(issuer: str, encoded: str):
    uri = otpauth_uri(RFC_SECRET, issuer, "a.b_c-1")
    assert uri == (
        f"otpauth://totp/{encoded}:a.b_c-1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer={encoded}"
    )
    parts = urlsplit(uri)
    prefix, colon, account = parts.path.removeprefix("/").partition(":")
    assert (unquote(prefix), colon, account) == (issuer, ":", "a.b_c-1")
    assert dict(parse_qsl(parts.query)) == {"secret": totp.base32(RFC_SECRET), "issuer": issuer}
