"""Judges of a template that know AWS's schemas: cfn-lint, and AWS's own cloudformation-validate."""

import logging
from collections.abc import Mapping
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
from infra.deploy.template_json import as_json


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


def judge(template: Mapping[str, Any], region: str) -> None:
    """Raise Stop if a judge finds an error in a plain CloudFormation template."""
    text = as_json(template)
    found = [
        f"cfn-lint {match.rule.id}: {match.message} ({'/'.join(map(str, match.path or []))})"
        for match in lint(text, config=ManualArgs(regions=[region]))
        if match.rule.severity == "error"
    ]
    found += [
        f"cloudformation-validate {one.rule_id}: {one.message}"
        for one in _engine().validate_template(TemplateContent(text, "template.json")).diagnostics
        if one.severity.name in ("ERROR", "FATAL")
    ]
    if found:
        raise Stop("the template is not valid:\n  " + "\n  ".join(found))


@cache
def _engine() -> CompositeEngine:
    return CompositeEngine()
