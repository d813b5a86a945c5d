"""Judges of a template that know AWS's schemas: cfn-lint, and AWS's own cloudformation-validate."""

import json
import logging
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import boto3
import cfnlint.api
from cfnlint.config import ManualArgs
from cloudformation_validate import CompositeEngine, TemplateContent
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra.deploy.console import Stop
from infra.deploy.templates import as_json

_ANY_BUCKET = "s3://artefacts/"


def translate(template: Mapping[str, Any], parameters: Mapping[str, str], region: str) -> dict[str, Any]:
    """Return the SAM template as plain CloudFormation, as AWS's transform makes it.

    The judges miss a misspelt event property and an absent alarm before the translation.
    """
    document = deepcopy(dict(template))
    for resource in document["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            place = resource.get("Properties", {}).get(name)
            if isinstance(place, str) and not place.startswith("s3://"):
                resource["Properties"][name] = _ANY_BUCKET + place.removeprefix("./")
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    translated: dict[str, Any] = translator.translate(document, dict(parameters))
    return translated


def judge(name: str, template: Mapping[str, Any], region: str) -> None:
    """Raise Stop if a judge finds an error in a plain CloudFormation template."""
    found = [*_lint(as_json(template), region), *_validate(as_json(template))]
    if found:
        raise Stop(f"{name} is not a valid template:\n  " + "\n  ".join(found))


def _lint(text: str, region: str) -> Iterator[str]:
    config = ManualArgs(regions=[region])
    for match in cfnlint.api.lint(text, config=config):
        if match.rule.severity == "error":
            yield f"cfn-lint {match.rule.id}: {match.message} ({'/'.join(map(str, match.path or []))})"


def _validate(text: str) -> Iterator[str]:
    for found in _engine().validate_template(TemplateContent(text, "template.json")).diagnostics:
        if found.severity.name in ("ERROR", "FATAL"):
            yield f"cloudformation-validate {found.rule_id}: {found.message}"


@cache
def _engine() -> CompositeEngine:
    return CompositeEngine()


def main() -> None:
    """Judge all templates of the project but the service's, which needs Chalice's part first."""
    raise SystemExit(json.dumps("not yet"))
