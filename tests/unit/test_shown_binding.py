"""The state of an account as outsiders see it."""

from dataclasses import replace

from chalicelib.core.binding import State
from tests.kit.bindings import NOW, PENDING


def test_a_hold_shows_through_a_qr_code_past_its_term():
    held = replace(PENDING, held=True)
    for now in (NOW, NOW + 601):
        assert held.shown_at(now).suspended is True
        assert PENDING.shown_at(now).suspended is False
    assert held.shown_at(NOW + 601).state is State.UNBOUND
