"""Rows as a chain: positions that nobody can share, seals that nobody can make."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.chain import ROWS_END, Link, is_sealed, link_of, position_of, row_id, seal

KEY = bytes(range(32))


def sealed(**texts: str) -> dict[str, Any]:
    row: dict[str, Any] = {name: {"S": value} for name, value in texts.items()}
    return row | {"hmac": {"S": seal(row, KEY)}}


@given(st.text(min_size=1).filter(lambda text: text.isprintable()), st.integers(1, 10**9))
def test_a_row_is_named_by_account_and_position_alone_in_the_order_of_positions(
    account: str, position: int
):
    event_id = row_id(account, position)
    assert position_of(account, event_id) == position
    assert position_of(account + "x", event_id) is None
    assert event_id < row_id(account, position + 1) < ROWS_END


@pytest.mark.parametrize("made_up", ["", "1", "000000000001", "000000000001-zzzzzzzzzzzz", "record-1"])
def test_a_made_up_id_stands_for_no_position(made_up: str):
    assert position_of("88000001", made_up) is None
    assert position_of("88000001", row_id("88000001", 0)) is None
    assert position_of("88000001", row_id("88000001", 1) + "\n") is None


def test_a_seal_covers_every_attribute_and_the_seal_before():
    row = sealed(account="88000001", type="bound", previous="abc")
    assert is_sealed(row, KEY)
    for changed in (
        row | {"type": {"S": "verified"}},
        row | {"previous": {"S": "abd"}},
        row | {"note": {"S": "harmless"}},
        row | {"type": {"B": b"bound"}},
        row | {"type": {"SS": {"bound"}}},
        {name: value for name, value in row.items() if name != "previous"},
    ):
        assert not is_sealed(changed, KEY)


def test_another_key_makes_another_seal():
    assert not is_sealed(sealed(account="88000001"), bytes(32))


@pytest.mark.parametrize("hmac", [{}, {"S": ""}, {"S": "é"}, {"N": "1"}])
def test_a_row_without_a_proper_seal_is_not_sealed(hmac: dict[str, str]):
    assert not is_sealed({"account": {"S": "88000001"}, "hmac": hmac}, KEY)
    assert not is_sealed({"account": {"S": "88000001"}}, KEY)


def test_a_damaged_row_still_holds_its_position():
    key = {"account": {"S": "88000001"}, "event_id": {"S": row_id("88000001", 7)}}
    assert link_of(key) == Link(7)
    assert link_of(key | {"kept_until": {"S": "long"}, "hmac": {"S": "abc"}}) == Link(7, "abc")
    assert link_of({"account": {"S": "88000001"}, "event_id": {"S": "7"}}) is None
