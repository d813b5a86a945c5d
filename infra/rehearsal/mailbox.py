"""The broker's end of the notifications: a queue that subscribes to the stage's topic."""

import json
import time
from typing import Any

from infra.deploying.stage import Stage
from infra.rehearsal.account import client


class Mailbox:
    """Receives what is published from its making on."""

    def __init__(self, stage: str) -> None:
        self._sqs = client("sqs")
        self._url: str = self._sqs.create_queue(QueueName=f"mailbox-of-{stage}")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        stack = client("cloudformation").describe_stacks(StackName=Stage(stage).stack)["Stacks"][0]
        [topic] = [out["OutputValue"] for out in stack["Outputs"] if out["OutputKey"] == "EventsTopic"]
        client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"]
        )

    def read(self, patience: float, enough: int) -> list[dict[str, Any]]:
        """Notifications as they come, until there are enough or patience, in seconds, is out."""
        deadline = time.monotonic() + patience
        read: list[dict[str, Any]] = []
        while len(read) < enough and time.monotonic() < deadline:
            answer = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=0
            )
            messages = answer.get("Messages", [])
            read += [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            if not messages:
                time.sleep(0.3)
        return read
