"""The operator's proof before STS is asked: its form, its date, and the hash that it signs."""

import json
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.aws.sts import Signature, host
from chalicelib.core.errors import Unavailable
from chalicelib.support.proof import InvalidProof, OperatorProof, request_hash, support_function

FUNCTION = "arn:aws:lambda:ap-east-1:123456789012:function:totp-binding-prod-unbind"
OPERATOR = "arn:aws:sts::123456789012:assumed-role/totp-binding-prod-support-ap-east-1/mei.chan"
EVENT = {"account": "88000001", "operator": "mei.chan", "ticket": "T-1001", "reason": "lost_device"}
NOW = 1_800_000_000.0
DATE = "20270115T080000Z"
PROOF = {"access_key_id": "ASIAEXAMPLE", "date": DATE, "signature": "0" * 64, "session_token": "abc/+="}


class KnowingSts:
    """Names one caller for every signature, and remembers what it was asked."""

    def __init__(self, caller: str = OPERATOR) -> None:
        self._caller = caller
        self.asked: list[tuple[str, str, Signature, str]] = []

    def caller(self, partition: str, region: str, signature: Signature, hashed: str) -> str:
        self.asked.append((partition, region, signature, hashed))
        return self._caller


def check(
    proof: Any, *, sts: Any = None, now: float = NOW, required: bool = False, arn: str = FUNCTION
) -> str | None:
    checker = OperatorProof(sts or KnowingSts(), lambda: now, required=required)
    return checker.check({**EVENT, "proof": proof}, arn)


def problem(proof: Any, **how: Any) -> str:
    """The problem of a proof that is refused without asking STS."""
    sts = KnowingSts()
    with pytest.raises(InvalidProof) as caught:
        check(proof, sts=sts, **how)
    assert sts.asked == []
    assert caught.value.errors == [{"field": "proof", "problem": caught.value.problem}]
    return caught.value.problem


def test_sts_is_asked_in_the_region_of_the_function_about_function_and_event():
    sts = KnowingSts()
    assert check(PROOF, sts=sts) == OPERATOR
    assert sts.asked == [("aws", "ap-east-1", Signature(**PROOF), request_hash(FUNCTION, EVENT))]


def test_the_alias_of_a_function_is_no_part_of_what_is_signed():
    sts = KnowingSts()
    assert check(PROOF, sts=sts, arn=FUNCTION + ":live") == OPERATOR
    assert sts.asked[0][3] == request_hash(FUNCTION, EVENT)


def test_the_token_is_absent_for_a_caller_without_a_session():
    sts = KnowingSts()
    check({name: value for name, value in PROOF.items() if name != "session_token"}, sts=sts)
    assert sts.asked[0][2].session_token is None


def test_no_part_of_a_signature_shows_when_it_is_printed():
    assert repr(Signature(**PROOF)) == "Signature()"


def test_an_event_without_proof_passes_unless_one_is_required():
    checker = OperatorProof(KnowingSts(), lambda: NOW, required=False)
    assert checker.check(EVENT, FUNCTION) is None
    assert check(None) is None
    strict = OperatorProof(KnowingSts(), lambda: NOW, required=True)
    for event in (EVENT, {**EVENT, "proof": None}):
        with pytest.raises(InvalidProof, match="invalid event") as caught:
            strict.check(event, FUNCTION)
        assert caught.value.problem == "is required"


@pytest.mark.parametrize("proof", ["", "proof", 0, False, True, [], {}, [PROOF]])
def test_a_proof_that_is_no_object_of_its_parts_is_refused(proof: Any):
    assert problem(proof) == "must have access_key_id, date, signature and, of a session, session_token"


@pytest.mark.parametrize("name", ["access_key_id", "date", "signature"])
def test_each_part_is_needed(name: str):
    assert "must have" in problem({key: value for key, value in PROOF.items() if key != name})


def test_a_part_too_many_is_refused():
    assert "must have" in problem(PROOF | {"host": "sts.evil.example"})


BREAKS = ["\r\nhost: evil", "\n", "\r", "\0", " ", ",", "/", "\t", "\x85", "\u2028", "é", "\ud800"]


@pytest.mark.parametrize("name", PROOF)
@pytest.mark.parametrize("extra", [text for text in BREAKS if text != "/"])
def test_nothing_that_could_end_a_header_gets_into_one(name: str, extra: str):
    for value in (PROOF[name] + extra, extra + PROOF[name], PROOF[name][:4] + extra + PROOF[name][4:]):
        assert problem(PROOF | {name: value}) == f"{name} is malformed"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("access_key_id", "ASIA/20270115/us-east-1/sts/aws4_request"),
        ("access_key_id", ""),
        ("access_key_id", "A"),
        ("access_key_id", "A" * 129),
        ("access_key_id", 1),
        ("access_key_id", None),
        ("access_key_id", ["ASIAEXAMPLE"]),
        ("date", "2027-01-15T08:00:00Z"),
        ("date", "20270115T080000"),
        ("date", "20270115T080000z"),
        ("date", "２0270115T080000Z"),
        ("date", 1_800_000_000),
        ("signature", "0" * 63),
        ("signature", "0" * 65),
        ("signature", "A" * 64),
        ("signature", "g" * 64),
        ("signature", ""),
        ("session_token", ""),
        ("session_token", "a" * 8193),
        ("session_token", {"a": 1}),
    ],
)
def test_a_part_of_another_form_is_refused(name: str, value: Any):
    assert problem(PROOF | {name: value}) == f"{name} is malformed"


@pytest.mark.parametrize("date", ["20271315T080000Z", "20270132T080000Z", "00000101T000000Z"])
def test_a_date_that_is_no_time_is_refused(date: str):
    assert problem(PROOF | {"date": date}) == "date is no time"


@pytest.mark.parametrize("age", [-30, -1, 0, 1, 299, 300])
def test_a_proof_holds_from_30_seconds_ahead_to_300_seconds_after_its_date(age: float):
    assert check(PROOF, now=NOW + age) == OPERATOR


@pytest.mark.parametrize("age", [-3600, -31, -30.5, 300.5, 301, 86_400])
def test_a_stale_or_a_future_date_is_refused(age: float):
    assert problem(PROOF, now=NOW + age) == "date must be at most 300 s old and 30 s ahead"


@pytest.mark.parametrize(
    "caller",
    [
        "arn:aws:sts::999999999999:assumed-role/totp-binding-prod-support-ap-east-1/mei.chan",
        "arn:aws-cn:sts::123456789012:assumed-role/totp-binding-prod-support-ap-east-1/mei.chan",
        "arn:aws:iam::123456789012:user/mei.chan",
        "arn:aws:iam::123456789012:role/totp-binding-prod-support-ap-east-1",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:federated-user/mei.chan",
        "arn:aws:sts::123456789012:assumed-role/totp-binding-prod-auditor-ap-east-1/mei.chan",
        "arn:aws:sts::123456789012:assumed-role/totp-binding-dev-support-ap-east-1/mei.chan",
        "arn:aws:sts::123456789012:assumed-role/totp-binding-prod-support-us-east-1/mei.chan",
        "arn:aws:sts::123456789012:assumed-role/totp-binding-prod-support-ap-east-1x/mei.chan",
        "arn:aws:sts::123456789012:assumed-role/totp-binding-prod-support-ap-east-1/",
        "arn:aws:sts::123456789012:assumed-role/totp-binding-prod-support-ap-east-1/a/b",
        "arn:aws:sts::123456789012:assumed-role/totp-binding-prod-support-ap-east-1/mei chan",
        "arn:aws:sts::123456789012:assumed-role/totp-binding-prod-support-ap-east-1/mei.chan\n",
        "arn:aws:sts::123456789012:assumed-role/x/totp-binding-prod-support-ap-east-1/mei.chan",
        "x" + OPERATOR,
        "mei.chan",
        "",
    ],
)
def test_the_support_role_of_the_functions_own_stage_is_the_only_one(caller: str):
    with pytest.raises(InvalidProof) as caught:
        check(PROOF, sts=KnowingSts(caller))
    assert caught.value.problem == (
        "the caller must be in the role totp-binding-prod-support-ap-east-1 of this account"
    )


@pytest.mark.parametrize("name", ["mm", "mei.chan", "mei_chan+x=1,2@broker-hk.com", "a" * 64])
def test_every_session_name_that_aws_allows_is_an_operator(name: str):
    caller = OPERATOR.replace("mei.chan", name)
    assert check(PROOF, sts=KnowingSts(caller)) == caller


@pytest.mark.parametrize(
    "arn",
    ["", "unbind", FUNCTION.replace("prod-", ""), FUNCTION.replace("lambda", "states"), FUNCTION + "\n"],
)
def test_without_its_own_arn_a_function_proves_nobody(arn: str):
    with pytest.raises(Unavailable):
        check(PROOF, arn=arn)


def test_a_stage_may_have_hyphens_and_a_partition_its_own_name():
    arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:totp-binding-uat-2-lookup:live"
    function = support_function(arn)
    assert (function.partition, function.region, function.stage) == ("aws-cn", "cn-north-1", "uat-2")
    assert function.role == "totp-binding-uat-2-support-cn-north-1"
    assert function.arn == arn.removesuffix(":live")


@pytest.mark.parametrize(
    ("partition", "region", "expected"),
    [
        ("aws", "ap-east-1", "sts.ap-east-1.amazonaws.com"),
        ("aws", "us-east-1", "sts.us-east-1.amazonaws.com"),
        ("aws-cn", "cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
    ],
)
def test_the_host_is_the_regions_own_sts_in_its_partition(partition: str, region: str, expected: str):
    assert host(partition, region) == expected


# The hash that is signed.


def test_the_hash_of_the_documentation():
    event = {"ticket": "T-1001", "account": "88000001", "operator": "陳小美", "reason": "lost_device"}
    text = (
        '{"event":{"account":"88000001","operator":"陳小美","reason":"lost_device","ticket":"T-1001"},'
        f'"function":"{FUNCTION}"}}'
    )
    assert request_hash(FUNCTION, event) == sha256(text.encode()).hexdigest()
    assert request_hash(FUNCTION, event | {"proof": PROOF}) == request_hash(FUNCTION, event)


def test_every_other_event_and_function_has_another_hash():
    others = [
        EVENT | {"account": "88000002"},
        EVENT | {"ticket": "T-1002"},
        EVENT | {"reason": "other"},
        EVENT | {"more": None},
        EVENT | {"Proof": PROOF},
        {"event": EVENT},
        {},
    ]
    hashes = {request_hash(FUNCTION, event) for event in [EVENT, *others]}
    hashes |= {request_hash(FUNCTION.replace("unbind", "lookup"), EVENT)}
    hashes |= {request_hash(FUNCTION.replace("prod", "dev"), EVENT)}
    assert len(hashes) == len(others) + 3


@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        "\udfff\ud800",
        "𝒳\0\x7f\u2028",
        1.5,
        1e300,
        -0.0,
        float("inf"),
        float("nan"),
        10**400,
        None,
    ],
)
def test_every_json_value_has_a_hash(value: Any):
    event = {"account": "88000001", "extra": [value, {"x": value}]}
    arrived = json.loads(json.dumps(event))
    assert request_hash(FUNCTION, arrived) == request_hash(FUNCTION, event)
    assert len(request_hash(FUNCTION, {"\ud800": "\ud800"})) == 64


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("extra", [nested(100_000), 10**5000], ids=["nested", "huge"])
def test_an_event_that_python_cannot_write_is_refused(extra: Any):
    with pytest.raises(InvalidProof, match="invalid event"):
        request_hash(FUNCTION, EVENT | {"extra": extra})
