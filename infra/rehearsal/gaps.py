"""What MiniStack lacks of AWS: removed from the templates here, and named at a rehearsal's end."""

import json
from pathlib import Path
from typing import Any

from infra.deploy.compose import gateway_response
from infra.deploy.templates import read
from infra.gateway_answers import REFUSALS

RESOURCE_TYPES = {
    "AWS::CloudTrail::Trail": "the trail of invocations",
    "AWS::Logs::QueryDefinition": "saved queries",
}
"""Resource types that it refuses."""

NOT_REHEARSED = (
    "the service role, the deployer's policy and Object Lock: MiniStack has no RoleARN and no lock; the IAM "
    "proof of tests/permissions shows the policies",
    "the firewall: MiniStack has no association of one with an API",
    "the canary and SnapStart: they have not run anywhere yet",
)


def lacking(template: dict[str, Any]) -> dict[str, str]:
    """Return the resources of a template that MiniStack lacks, each with the reason."""
    found = {}
    for name, resource in template["Resources"].items():
        if resource.get("Type") in RESOURCE_TYPES:
            found[name] = RESOURCE_TYPES[resource["Type"]]
        elif resource.get("Type") == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
            found[name] = "alarms on a metrics query"
    return found


def gateway_responses() -> dict[str, Any]:
    """Return API Gateway's own answers as resources: MiniStack ignores them within an API's document."""
    resources = {}
    for kind in REFUSALS:
        # It knows no extendedRequestId either.
        answer = json.loads(json.dumps(gateway_response(kind)).replace("extendedRequestId", "requestId"))
        headers = answer["ResponseParameters"]["Headers"]
        resources[f"Rehearsed{kind.title().replace('_', '')}"] = {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": {"Ref": "RestAPI"},
                "ResponseType": kind,
                "StatusCode": answer["StatusCode"],
                "ResponseParameters": {
                    f"gatewayresponse.header.{name}": value for name, value in headers.items()
                },
                "ResponseTemplates": answer["ResponseTemplates"],
            },
        }
    return resources


def fit(name: str, target: Path) -> dict[str, str]:
    """Write a template without what MiniStack lacks; the resources that were removed."""
    template = read(name)
    removed = lacking(template)
    for resource in removed:
        del template["Resources"][resource]
    if name == "service":
        template["Resources"] |= gateway_responses()
    # JSON is YAML too.
    target.write_text(json.dumps(template, ensure_ascii=False, indent=1), "utf-8")
    return removed
