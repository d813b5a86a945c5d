"""A subscriber of the events topic."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Subscriber:
    """Receives the messages of the topic: the documents and their attributes."""

    sqs: Any
    queue: str
    attributes: list[dict[str, str]] = field(default_factory=list)

    def received(self) -> list[dict[str, Any]]:
        documents = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                documents.append(json.loads(message["Body"]))
                given = message.get("MessageAttributes", {})
                self.attributes.append({name: value["StringValue"] for name, value in given.items()})
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return documents
