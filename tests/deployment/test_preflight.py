"""What stops a deployment before it touches anything."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from infra.deploy import TEMPLATES, say_what_next
from infra.deploying import preflight
from infra.deploying.console import Stop
from infra.deploying.permissions import DEPLOYER, EXTRAS, statements
from infra.deploying.preflight import Account
from infra.deploying.stacks import Template, read_template
from infra.deploying.stage import Stage
from tests.deployment.conftest import Cloud

ACCOUNT = Account("123456789012", "arn:aws:iam::123456789012:user/ops")
STAGE = Stage("trial", rate=500, burst=1000)


def limits(free: int = 1000, rate: float = 10_000.0, burst: int = 5_000) -> Cloud:
    return Cloud(
        get_account_settings={"AccountLimit": {"UnreservedConcurrentExecutions": free}},
        get_account={"throttleSettings": {"rateLimit": rate, "burstLimit": burst}},
    )


def test_enough_of_everything_is_said(capsys):
    preflight.check_limits(limits(), STAGE)
    said = capsys.readouterr().out
    assert "1000 unreserved" in said
    assert "10000/s" in said


@pytest.mark.parametrize(
    "short", [limits(free=49), limits(rate=499.0), limits(burst=999)], ids=["lambda", "rate", "burst"]
)
def test_too_little_of_anything_stops_the_deployment(short: Cloud):
    with pytest.raises(Stop, match=r"infra/stages/trial\.json"):
        preflight.check_limits(short, STAGE)


def test_just_enough_concurrency_is_enough():
    preflight.check_limits(limits(free=50), STAGE)


def test_without_credentials_nothing_begins():
    with pytest.raises(Stop, match="does not know you"):
        preflight.who(Cloud(get_caller_identity=NoCredentialsError()), STAGE)


def simulator(*refused: str) -> Cloud:
    def simulate(ActionNames: list[str], **asked: Any) -> Any:  # noqa: N803 - boto3's name
        decisions = {name: "implicitDeny" if name in refused else "allowed" for name in ActionNames}
        return {
            "EvaluationResults": [
                {"EvalActionName": name, "EvalDecision": decision}
                for name, decision in decisions.items()
            ]
        }

    return Cloud(
        simulate_principal_policy=simulate,
        get_role={"Role": {"Arn": "arn:aws:iam::123456789012:role/sso/Deployer"}},
    )


def test_a_missing_permission_is_named():
    with pytest.raises(Stop, match=r"kms:CreateKey, lambda:CreateFunction: infra/deployer\.json"):
        preflight.check_permissions(simulator("lambda:CreateFunction", "kms:CreateKey"), STAGE, ACCOUNT)


def test_every_permission_is_asked_for_on_the_things_of_this_stage():
    cloud = simulator()
    preflight.check_permissions(cloud, STAGE, ACCOUNT)
    asked = {action for _, call in cloud.calls for action in call["ActionNames"]}
    assert asked == {a for s in statements(DEPLOYER) for a in s["Action"] if "*" not in a}
    resources = {resource for _, call in cloud.calls for resource in call["ResourceArns"]}
    assert "arn:aws:lambda:ap-east-1:123456789012:function:totp-binding-trial" in resources
    assert not any("*" in resource for resource in resources - {"*"})


def test_the_optional_stacks_take_more(capsys):
    preflight.check_permissions(simulator("wafv2:CreateWebACL"), STAGE, ACCOUNT)
    with pytest.raises(Stop, match=r"wafv2:CreateWebACL: infra/deployer-extras\.json"):
        preflight.check_permissions(simulator("wafv2:CreateWebACL"), STAGE, ACCOUNT, EXTRAS)


def test_a_session_is_judged_by_its_role():
    cloud = simulator()
    session = Account("123456789012", "arn:aws:sts::123456789012:assumed-role/Deployer/alice")
    preflight.check_permissions(cloud, STAGE, session)
    sources = {call["PolicySourceArn"] for name, call in cloud.calls if name.startswith("simulate")}
    assert sources == {"arn:aws:iam::123456789012:role/sso/Deployer"}


def test_where_the_simulator_may_not_be_asked_that_is_said(capsys):
    refusal = ClientError({"Error": {"Code": "AccessDenied"}}, "SimulatePrincipalPolicy")
    preflight.check_permissions(Cloud(simulate_principal_policy=refusal), STAGE, ACCOUNT)
    assert "not checked: IAM's simulator answers AccessDenied" in capsys.readouterr().out


def test_a_misspelt_parameter_is_named():
    templates = [Template("{}", {"Stage": None, "LogDays": "400"}), Template("{}", {"DomainName": ""})]
    good = Stage("trial", parameters={"LogDays": "90", "DomainName": "2fa.broker.example"})
    preflight.check_parameters(good, templates)
    for wrong in ("LogDay", "Stage"):
        stage = Stage("trial", parameters={"LogDays": "90", wrong: "x"})
        with pytest.raises(Stop, match=rf"no template takes: {wrong}; there are DomainName, LogDays\."):
            preflight.check_parameters(stage, templates)


def test_every_template_says_what_it_takes():
    names = {name for path in TEMPLATES for name in read_template(path).parameters}
    assert names >= {"LogDays", "DomainName", "CallsByAddress"} | preflight._SET_HERE


def test_what_is_left_to_do_is_said_in_commands_that_can_be_copied(capsys):
    outputs = {
        "SupportStaffPolicyArn": "arn:aws:iam::1:policy/support",
        "AuditorsPolicyArn": "arn:aws:iam::1:policy/audit",
        "OperationsTopic": "arn:aws:sns:ap-east-1:1:operations",
    }
    say_what_next(STAGE, "https://api.example/api", outputs)
    said = capsys.readouterr().out
    for text in (
        *outputs.values(),
        "aws sns subscribe --region ap-east-1 --topic-arn arn:aws:sns:ap-east-1:1:operations",
        "--protocol email --notification-endpoint",
        "AWS_DEFAULT_REGION=ap-east-1 .venv/bin/chalice logs --stage trial",
    ):
        assert text in said


def test_a_stage_that_nobody_wrote_down_is_named():
    with pytest.raises(Stop, match="nope"):
        preflight.check_settings(Stage("nope"))
