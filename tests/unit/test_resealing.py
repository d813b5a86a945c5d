"""A secret under an older data key is sealed anew by whatever write is made."""

from dataclasses import replace

from chalicelib.core import rules
from chalicelib.core.binding import Binding, OpenedSecret, SealedSecret
from tests.kit.bindings import BOUND, DESKTOP, NOW, PENDING, SECRET, attempt, code, wrong

NEWER = SealedSecret("data-key-2", b"sealed again")


def reopened(binding: Binding) -> OpenedSecret:
    return OpenedSecret(SECRET, NEWER)


def test_a_wrong_code_seals_the_secret_anew_too():
    for rule, binding in ((rules.verify, BOUND), (rules.confirm, replace(PENDING, failures=1))):
        decision = rule(binding, attempt(wrong(), DESKTOP, reopened), NOW)
        assert decision.binding.sealed == NEWER


def test_a_right_code_does_so():
    for rule, binding in ((rules.verify, BOUND), (rules.confirm, PENDING)):
        assert rule(binding, attempt(code(), DESKTOP, reopened), NOW).binding.sealed == NEWER
