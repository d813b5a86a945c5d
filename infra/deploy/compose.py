"""The merge template: all that the service's template adds to Chalice's part of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from infra.deploy.artefacts import PYTHON, Artefacts
from infra.deploy.stage import Stage
from infra.deploy.template_json import as_json, names_in
from infra.gateway_answers import REFUSALS, both_languages

REQUEST_ID = "$context.extendedRequestId"
"""The id that API Gateway creates; the caller can choose ``requestId``."""

ALIAS_URI = (
    "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
    "${APIHandlerAliaslive}/invocations"
)

CANARY_ALARMS = ("UnavailableAlarm", "GatewayErrorsAlarm", "LatencyAlarm", "FunctionErrorsAlarm")
"""The alarms that end a canary and return the traffic."""

_NOT_OF_A_VERSION = ("AutoPublishAlias", "ReservedConcurrentExecutions")
"""Properties of the API's function that a published version does not carry."""


def compose(
    template: Mapping[str, Any],
    stage: Stage,
    routes: Mapping[str, Iterable[str]],
    artefacts: Artefacts,
    parameters: Mapping[str, str],
    canary_role: str,
) -> dict[str, Any]:
    """Return the merge template for ``chalice package``: ``service.yaml`` with the stage's values.

    ``routes`` are the methods of each path of the API, ``parameters`` the values for the template, and
    ``canary_role`` is the role by which CodeDeploy shifts traffic.
    """
    merged = deepcopy(dict(template))
    api = merged["Resources"]["RestAPI"]["Properties"]
    api["GatewayResponses"] = {kind: gateway_response(kind) for kind in REFUSALS}
    # A route that is left out would call the newest code, without the alias's permission.
    integration = {"x-amazon-apigateway-integration": {"uri": {"Fn::Sub": ALIAS_URI}}}
    api["DefinitionBody"]["paths"] = {
        path: {method.lower(): integration for method in methods} for path, methods in routes.items()
    }
    merged["Globals"]["Function"]["Environment"]["Variables"] |= stage.environment
    handler = merged["Resources"]["APIHandler"]["Properties"]
    if stage.snap_start:
        handler["SnapStart"] = {"ApplyOn": "PublishedVersions"}
    handler["AutoPublishCodeSha256"] = version_digest(merged, stage, artefacts, parameters)
    if stage.traffic != "AllAtOnce":
        alarms = [{"Ref": name} for name in CANARY_ALARMS]
        handler["DeploymentPreference"] = {"Type": stage.traffic, "Role": canary_role, "Alarms": alarms}
    content = [
        merged,
        dict(parameters),
        artefacts.code.digest,
        artefacts.layer.digest,
        configuration(stage),
    ]
    merged["Outputs"]["Release"] = {"Value": hashlib.sha256(as_json(content).encode()).hexdigest()[:16]}
    return merged


def configuration(stage: Stage) -> dict[str, Any]:
    """Return what Chalice's configuration says of the stage's functions."""
    sizes = {"lambda_memory_size": stage.memory, "lambda_timeout": stage.timeout}
    return {"lambda_architecture": stage.architecture, **sizes}


def version_digest(
    merged: Mapping[str, Any], stage: Stage, artefacts: Artefacts, parameters: Mapping[str, str]
) -> str:
    """Return a digest of everything that makes a version of the API's function.

    SAM publishes a version, and moves the alias to it, if this digest changes; by itself it misses a
    change of the layer or of a parameter. Nothing else may go in: Lambda refuses to publish a version
    that equals the last one.
    """
    shared = merged["Globals"]["Function"]["Environment"]
    handler = merged["Resources"]["APIHandler"]["Properties"]
    own = {name: value for name, value in handler.items() if name not in _NOT_OF_A_VERSION}
    used = {name: parameters[name] for name in names_in([shared, own]) & parameters.keys()}
    parts = [
        PYTHON,
        configuration(stage),
        artefacts.code.digest,
        artefacts.layer.digest,
        shared,
        own,
        used,
    ]
    return hashlib.sha256(as_json(parts).encode()).hexdigest()


def gateway_response(kind: str) -> dict[str, Any]:
    """Return one of API Gateway's own answers, as SAM takes it.

    Its templates know ``application/json`` alone, so the type is set as a header.
    """
    status, headers, document = both_languages(REFUSALS[kind], REQUEST_ID)
    given = {name: f"'{value}'" if value != REQUEST_ID else value[1:] for name, value in headers.items()}
    return {
        "StatusCode": str(status),
        "ResponseParameters": {"Headers": given},
        "ResponseTemplates": {"application/json": json.dumps(document, ensure_ascii=False)},
    }
