"""Tables of the template on DynamoDB Local."""

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import boto3
import pytest

from tests.kit.dynamodb_local import dynamodb_local
from tests.templates import resources


@pytest.fixture(scope="session")
def dynamodb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with dynamodb_local(tmp_path_factory.mktemp("dynamodb")) as url:
        yield url


@pytest.fixture
def make_table(dynamodb_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a fresh table as the template describes it, and returns its name."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", dynamodb_url)

    def make(logical_id: str) -> str:
        properties = resources("data")[logical_id]["Properties"]
        name = f"{logical_id}-{uuid4().hex}"
        wanted = ("AttributeDefinitions", "KeySchema", "BillingMode")
        boto3.client("dynamodb").create_table(
            TableName=name, **{part: properties[part] for part in wanted}
        )
        return name

    return make
