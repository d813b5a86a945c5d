"""The SNS topic of events, to which the broker's SMS, mail and push gateways subscribe."""

import json
from typing import TYPE_CHECKING, Any

from chalicelib.aws.clients import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class EventsTopic:
    """The topic of events."""

    def __init__(self, sns: "SNSClient", arn: str) -> None:
        self._sns = sns
        self._arn = arn

    def publish(self, document: dict[str, Any], **attributes: str | None) -> None:
        """Publish a document as JSON in ASCII, with the attributes that have a value for filters."""
        with aws_errors("publishing an event"):
            self._sns.publish(
                TopicArn=self._arn,
                Message=json.dumps(document, separators=(",", ":")),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                    if value
                },
            )
