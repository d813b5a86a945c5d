"""The calls that the state machine draws, how often, and with what arguments."""

from typing import Any

import hypothesis.strategies as st

from tests.kit.login import DESKTOP, MOBILE, OLD_DESKTOP
from tests.model.support import COMPROMISE, DAY

AHEAD = [1, 29, 30, 31, 59, 60, 61, 299, 300, 301, 599, 600, 601, 3_599, 3_600, 6 * 3_600, DAY, 30 * DAY]
BACK = [1, 30, 31, 90, 600, 1_800]
WHO = st.sampled_from([0, 0, 1])
CLIENT = st.sampled_from([DESKTOP] * 6 + [MOBILE] * 2 + [OLD_DESKTOP])
BIND_CODE = st.sampled_from(["right"] * 3 + ["wrong"] * 2 + ["missing", "malformed"])
TYPED = st.sampled_from(["right"] * 4 + ["wrong"] * 3 + ["of the secret before", "malformed"])
STEPS = st.sampled_from([0, 0, 0, 0, 1, -1, -1, 2, -2, -3, -20, -21])
KEY = st.sampled_from([None, None, "0123456789abcdef", "another-key-of-a-client"])
AGE = st.sampled_from(["fresh"] * 7 + ["stale"])
FUNCTION = st.sampled_from(["unbind", "unbind", "invite", "approve", "approve", "unlock", "lookup"])
ARGUMENTS: dict[str, tuple[int, dict[str, Any]]] = {
    "bind": (3, {"who": WHO, "client": CLIENT, "sent": BIND_CODE, "age": AGE}),
    "type_a_code": (
        9,
        {
            "who": WHO,
            "client": CLIENT,
            "typed": TYPED,
            "steps": STEPS,
            "key": KEY,
            "there": st.sampled_from([True] * 7 + [False]),
            "age": AGE,
        },
    ),
    "bind_with_everything_right": (1, {"who": WHO}),
    "ask_again": (2, {"differs": st.sampled_from(["", "", "", "key", "token", "path", "code"])}),
    "guess_patiently": (
        1,
        {
            "who": WHO,
            "times": st.sampled_from([3, 5, 6, 6, 7, 8, 12, 41, 101]),
            "wait": st.sampled_from([0, 0, DAY]),
        },
    ),
    "look": (1, {"who": WHO}),
    "ask_support": (
        4,
        {
            "who": WHO,
            "function": FUNCTION,
            "ticket": st.sampled_from(["T-1", "T-2", "T-3"]),
            "operator": st.sampled_from(["amy", "ben"]),
            "reason": st.sampled_from(["lost_device", COMPROMISE]),
        },
    ),
    "time_passes": (
        4,
        {
            "who": WHO,
            "kind": st.sampled_from(["ahead", "ahead", "back", "edge", "edge"]),
            "seconds": st.sampled_from(AHEAD),
            "back": st.sampled_from(BACK),
            "beside": st.integers(-1, 1),
        },
    ),
    "rotate_keys": (1, {}),
    "new_process": (1, {}),
}
"""The frequency and the arguments of each call."""

CALLS = st.sampled_from(
    [name for name, (weight, _) in ARGUMENTS.items() for _ in range(weight)]
).flatmap(lambda name: st.tuples(st.just(name), st.fixed_dictionaries(ARGUMENTS[name][1])))
