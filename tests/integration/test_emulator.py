"""The emulated AWS, as the local stack's own process calls it."""

import subprocess
import sys

from infra.environment import ROOT

ASKS_WHERE_NOBODY_LISTENS = """
import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from infra.local import stack
from infra.emulator.moto_server import Emulator

emulator = Emulator()
stack.point_at(emulator.url)
hasty = Config(read_timeout=1, retries={"total_max_attempts": 1})
try:
    boto3.client("sqs", config=hasty).list_queues()
except (ConnectionClosedError, ReadTimeoutError):
    print("nobody")
emulator.answer_this_process()
sqs = boto3.client("sqs", config=hasty)
sqs.create_queue(QueueName="here")
print(sqs.list_queues()["QueueUrls"][0].rpartition("/")[2])
try:
    sqs.get_queue_attributes(QueueUrl="http://nowhere/nothing", AttributeNames=["All"])
except sqs.exceptions.QueueDoesNotExist:
    print("refused")
"""


def test_the_emulators_own_process_needs_no_socket_and_still_meets_errors():
    command = [sys.executable, "-c", ASKS_WHERE_NOBODY_LISTENS]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["nobody", "here", "refused"]
