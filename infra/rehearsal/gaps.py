"""What MiniStack lacks of AWS: removed from the templates here, and named at a rehearsal's end."""

import json
from pathlib import Path
from typing import Any

from infra.deploy.compose import gateway_response
from infra.gateway_answers import REFUSALS
from infra.templates import NAMES, read

RESOURCE_TYPES = {
    "AWS::CloudTrail::Trail": "no trails",
    "AWS::Logs::QueryDefinition": "no saved queries",
}

NOT_REHEARSED = [
    "the service role, the deployer's policy, Object Lock: MiniStack has none; see tests/permissions",
    "the edge: MiniStack has no address sets and no firewall before an API",
    "access logs and point-in-time recovery: MiniStack drops them",
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
            if why := _lacking(body):
                del template["Resources"][resource]
                removed.append(f"{resource} of {name}.yaml: MiniStack has {why}")
        if name == "service":
            template["Resources"] |= _gateway_responses()
        # JSON is YAML too.
        (folder / f"{name}.yaml").write_text(json.dumps(template, ensure_ascii=False), "utf-8")
    return removed


def _lacking(resource: dict[str, Any]) -> str | None:
    kind = resource.get("Type", "")
    if kind == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
        return "no alarms on a query of metrics"
    return RESOURCE_TYPES.get(kind)


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
