"""The gaps of MiniStack: removed from the templates here, and named at a rehearsal's end."""

import json
from pathlib import Path
from typing import Any

from infra.deploy.compose import gateway_response
from infra.gateway_answers import REFUSALS
from infra.templates import NAMES, read

LACKING = ("AWS::CloudTrail::Trail", "AWS::Logs::QueryDefinition")
"""Resource types that MiniStack refuses; it also refuses an alarm on a query of metrics."""

NOT_REHEARSED = [
    "the service role, the deployer's policy, Object Lock: MiniStack has none; see tests/permissions",
    "the edge: MiniStack has no address sets and no firewall before an API",
    "access logs: MiniStack drops them",
    "gateway responses within an API's document: MiniStack ignores them, so they are resources here",
    "a new route at the same address: MiniStack creates another API for it",
    "the canary and SnapStart: they have not run anywhere yet",
]


def fit(folder: Path) -> list[str]:
    """Rewrite the templates in a folder without what MiniStack lacks; what was removed, in words."""
    removed = []
    for name in NAMES:
        template = read(name)
        for resource, body in list(template["Resources"].items()):
            queries = body.get("Type") == "AWS::CloudWatch::Alarm" and "Metrics" in body["Properties"]
            if queries or body.get("Type") in LACKING:
                del template["Resources"][resource]
                removed.append(f"{resource} of {name}.yaml: MiniStack has no such {body['Type']}")
        if name == "service":
            template["Resources"] |= _gateway_responses()
        # JSON is YAML too.
        (folder / f"{name}.yaml").write_text(json.dumps(template, ensure_ascii=False), "utf-8")
    return removed


def _gateway_responses() -> dict[str, Any]:
    """Return API Gateway's own answers as resources, with the one request id that MiniStack knows."""
    resources = {}
    for kind in REFUSALS:
        answer = json.loads(json.dumps(gateway_response(kind)).replace("extendedRequestId", "requestId"))
        headers = answer.pop("ResponseParameters")["Headers"]
        answer["ResponseParameters"] = {
            f"gatewayresponse.header.{name}": headers[name] for name in headers
        }
        own = {"RestApiId": {"Ref": "RestAPI"}, "ResponseType": kind}
        resource = {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": {**answer, **own}}
        resources[f"Answer{kind.title().replace('_', '')}"] = resource
    return resources
