"""The SNS topic of events, to which the broker's SMS, mail and push gateways subscribe."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.aws.clients import aws_errors
from chalicelib.core.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_IN_ONE_CALL = 10
"""Messages that SNS takes at once."""

_FILTERED_BY = ("type", "channel")
"""The fields that are attributes of the message too, for subscribers' filters."""


class EventsTopic:
    """The topic of events."""

    def __init__(self, sns: "SNSClient", arn: str) -> None:
        self._sns = sns
        self._arn = arn

    def publish(self, documents: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Publish documents as JSON in ASCII, and yield each that SNS has taken.

        Raises Unavailable if AWS fails, or has not taken one.
        """
        for start in range(0, len(documents), _IN_ONE_CALL):
            some = documents[start : start + _IN_ONE_CALL]
            with aws_errors("publishing events"):
                answer = self._sns.publish_batch(
                    TopicArn=self._arn,
                    PublishBatchRequestEntries=[
                        _entry(number, document) for number, document in enumerate(some)
                    ],
                )
            for taken in answer["Successful"]:
                yield some[int(taken["Id"])]
            if answer["Failed"]:
                raise Unavailable(f"publishing events: {answer['Failed'][0]['Code']}")


def _entry(number: int, document: Mapping[str, Any]) -> Any:
    return {
        "Id": str(number),
        "Message": json.dumps(document, separators=(",", ":")),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": document[name]}
            for name in _FILTERED_BY
            if document[name]
        },
    }
