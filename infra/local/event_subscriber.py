"""Shows audit rows and notifications, in the feed and in the terminal."""

import json
from collections import deque
from typing import Any

import boto3

from chalicelib.aws import clients
from chalicelib.aws.audit_rows import notification
from chalicelib.aws.audit_table import AuditTable
from infra.local.feed import Feed
from infra.local.terminal import line, terminal


class EventSubscriber:
    """Reads the audit table, and the topic through a queue as a broker's gateway does."""

    def __init__(self, feed: Feed, audit_table: str, topic: str) -> None:
        self._feed = feed
        self._audit_table = AuditTable(clients.dynamodb_for_reads(), audit_table)
        self._shown: deque[object] = deque(maxlen=1_000)
        self._topic = topic
        self._sqs = boto3.client("sqs")
        self._queue: str = self._sqs.create_queue(QueueName="totp-binding-local-page")["QueueUrl"]

    def subscribe(self) -> None:
        """Have the topic send its messages to the queue from now on."""
        queue_arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        boto3.client("sns").subscribe(
            TopicArn=self._topic,
            Protocol="sqs",
            Endpoint=queue_arn["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )

    def show_rows(self, event: dict[str, Any]) -> None:
        """Add the audit rows of a delivered stream event to the feed, each once."""
        records = event["Records"]
        for account in dict.fromkeys(record["dynamodb"]["Keys"]["account"]["S"] for record in records):
            rows = self._audit_table.page(account, None, len(records))
            for row in reversed(rows):
                document = notification(row)
                if document["event_id"] not in self._shown:
                    self._shown.append(document["event_id"])
                    self._feed.add("audit", document)

    def show_notifications(self) -> None:
        """Move the topic's messages from the queue to the feed and the terminal."""
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                document = json.loads(message["Body"])
                self._feed.add("notification", document)
                terminal.info(line(document))
            self._sqs.delete_message_batch(
                QueueUrl=self._queue,
                Entries=[
                    {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}
                    for message in messages
                ],
            )
