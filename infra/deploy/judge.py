"""Judges of a template that know AWS's schemas: cfn-lint, and AWS's own cloudformation-validate."""

import logging
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import boto3
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cloudformation_validate import CompositeEngine, TemplateContent
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra.deploy.console import Stop
from infra.deploy.documents import as_json


def translate(template: Mapping[str, Any], parameters: Mapping[str, str], region: str) -> dict[str, Any]:
    """Return the SAM template as plain CloudFormation, as AWS's transform makes it.

    Before the translation, the judges miss a misspelt event property and an absent alarm.
    """
    document = deepcopy(dict(template))
    for resource in document["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][name] = "s3://artefacts/some.zip"
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    translated: dict[str, Any] = translator.translate(document, dict(parameters))
    return translated


def judge(name: str, template: Mapping[str, Any], region: str) -> None:
    """Raise Stop if a judge finds an error in a plain CloudFormation template."""
    found = list(errors(template, region))
    if found:
        raise Stop(f"{name} is not a valid template:\n  " + "\n  ".join(found))


def errors(template: Mapping[str, Any], region: str) -> Iterator[str]:
    """Yield the errors that the judges find."""
    text = as_json(template)
    for match in lint(text, config=ManualArgs(regions=[region])):
        if match.rule.severity == "error":
            yield f"cfn-lint {match.rule.id}: {match.message} ({'/'.join(map(str, match.path or []))})"
    for found in _engine().validate_template(TemplateContent(text, "template.json")).diagnostics:
        if found.severity.name in ("ERROR", "FATAL"):
            yield f"cloudformation-validate {found.rule_id}: {found.message}"


@cache
def _engine() -> CompositeEngine:
    return CompositeEngine()
