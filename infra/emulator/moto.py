"""AWS on this machine: moto behind one lock, with what it lacks for this project.

moto checks a condition and writes in two steps, so two conditional writes at once can both win,
which DynamoDB never lets happen. Its calls are therefore let in one at a time.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.awslambda.models import LambdaBackend
from moto.cloudformation import parsing
from moto.core.botocore_stubber import MockRawResponse
from moto.core.exceptions import JsonRESTError
from moto.core.request import Request
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamShard
from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.iam.models import Role
from moto.kms.models import Key, KmsBackend
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.test import run_wsgi_app

from infra.emulator.shortcuts import take_shortcuts
from infra.emulator.trail import fill_trail_gaps
from infra.local.server import LOOPBACK

_ITERATORS = 1_000
"""How many places in streams are remembered; DynamoDB forgets one after 15 minutes."""


class Emulator:
    """A moto server on a port that the system chooses, from ``start`` until ``stop``."""

    def __init__(self) -> None:
        fill_gaps()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._application = _one_at_a_time(DomainDispatcherApplication(create_backend_app))
        self._server: BaseWSGIServer = make_server(
            LOOPBACK,
            0,
            self._application,
            threaded=True,
            request_handler=_Quiet,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws", daemon=True)

    @property
    def url(self) -> str:
        """Where the emulated AWS answers, for every service and region."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def answer_this_process(self) -> None:
        """Answer the clients that boto3 makes here from now on, without a socket between.

        What they send and get is the same to the byte. Only the way is shorter by two threads and
        two rounds of HTTP, and no call of a crowd of them times out where the machine is slow.
        """
        boto3.setup_default_session()
        events: Any = boto3._get_default_session().events
        events.register("before-send", self._answer)

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if not request.url.startswith(self.url):
            return None
        sent = Request.from_primitives(request.method, request.url, request.headers, request.body)
        body, status, headers = run_wsgi_app(self._application, sent.environ)
        had: Any = dict(headers)
        return AWSResponse(request.url, int(status.split()[0]), had, MockRawResponse(b"".join(body)))

    def stop(self) -> None:
        """Answer no more, and give the port back."""
        self._server.shutdown()
        self._server.server_close()


class _Quiet(MotoRequestHandler):
    """Words no line for the log, which nobody reads."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Of every request, but not of errors."""


def _one_at_a_time(application: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    lock = threading.Lock()

    def locked(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        with lock:
            return list(application(environ, start_response))

    return locked


def fill_gaps() -> None:
    """Teach moto what this project relies on and it leaves out. Harmless when done twice."""
    if getattr(KmsBackend, "gaps_filled", False):
        return
    KmsBackend.gaps_filled = True  # type: ignore[attr-defined]
    _refuse_disabled_keys()
    _keep_key_policies_as_json()
    _keep_inline_policies_as_json()
    _leave_out_what_it_cannot_make()
    _leave_streams_to_the_poller()
    _stream_one_record_per_change()
    _let_iterators_expire()
    fill_trail_gaps()
    take_shortcuts()


class _KeyStateError(JsonRESTError):
    code = 400


def _refuse_disabled_keys() -> None:
    """A KMS key that is disabled, or about to be deleted, opens and seals nothing."""
    encrypt, decrypt = KmsBackend.encrypt, KmsBackend.decrypt

    def check(key: Key) -> None:
        if key.key_state == "PendingDeletion":
            raise _KeyStateError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        if not key.enabled:
            raise _KeyStateError("DisabledException", f"{key.arn} is disabled.")

    def checked_encrypt(self: KmsBackend, key_id: str, *args: Any, **kwargs: Any) -> Any:
        check(self.describe_key(self.any_id_to_key_id(key_id)))
        return encrypt(self, key_id, *args, **kwargs)

    def checked_decrypt(self: KmsBackend, ciphertext_blob: bytes, *args: Any, **kwargs: Any) -> Any:
        # moto puts the id of the key, 36 characters, in front of what it sealed.
        key = self.keys.get(ciphertext_blob[:36].decode("ascii", "replace"))
        if key is not None:
            check(key)
        return decrypt(self, ciphertext_blob, *args, **kwargs)

    KmsBackend.encrypt = checked_encrypt  # type: ignore[method-assign]
    KmsBackend.decrypt = checked_decrypt  # type: ignore[method-assign]


def _keep_key_policies_as_json() -> None:
    """CloudFormation takes a key policy as a mapping; moto's KMS wants it as text."""
    create = Key.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create_with_text(cls: type[Key], name: str, resource: Any, *args: Any, **kwargs: Any) -> Any:
        properties = dict(resource["Properties"])
        properties["KeyPolicy"] = json.dumps(properties["KeyPolicy"])
        return create(cls, name, {**resource, "Properties": properties}, *args, **kwargs)

    Key.create_from_cloudformation_json = classmethod(create_with_text)  # type: ignore[assignment]


def _keep_inline_policies_as_json() -> None:
    """CloudFormation takes a role's own policies as mappings; whoever reads them back wants JSON."""
    put = Role.put_policy

    def put_text(self: Role, name: str, document: Any) -> None:
        put(self, name, document if isinstance(document, str) else json.dumps(document))

    Role.put_policy = put_text  # type: ignore[assignment]


_LEFT_OUT = frozenset(
    {
        "AWS::CloudTrail::Trail",
        "AWS::CloudWatch::Alarm",
        "AWS::Logs::QueryDefinition",
        "AWS::S3::BucketPolicy",
    }
)
"""Types of resources that watch or guard, and that nothing on one machine would notice."""


def _leave_out_what_it_cannot_make() -> None:
    """What moto does not know it passes over, but not without two warnings for each."""
    parse = parsing.parse_resource

    def parse_known(resource: dict[str, Any], resources: parsing.ResourceMap) -> Any:
        return None if resource["Type"] in _LEFT_OUT else parse(resource, resources)

    parsing.parse_resource = parse_known  # type: ignore[assignment]


def _leave_streams_to_the_poller() -> None:
    """A stream mapping must not make moto run Docker on each write, and then empty the stream."""

    def send_nothing(self: LambdaBackend, *args: Any, **kwargs: Any) -> None:
        return None

    LambdaBackend.send_dynamodb_items = send_nothing  # type: ignore[assignment,method-assign]


def _stream_one_record_per_change() -> None:
    """A new item is one INSERT with all of it, and a write that changes nothing is no record.

    moto makes an item that an update creates in two steps, and streams both.
    """
    add = StreamShard.add

    def add_change(self: StreamShard, old: Item | None, new: Item | None) -> None:
        if old is not None and new is not None and old.attrs == new.attrs:
            return
        count = len(self.items)
        add(self, old, new)
        if not count or old is not None or new is None:
            return
        first, second = (record.record for record in self.items[count - 1 : count + 1])
        same_item = first["dynamodb"]["Keys"] == second["dynamodb"]["Keys"]
        if same_item and first["eventName"] == "INSERT":
            second["dynamodb"]["SequenceNumber"] = first["dynamodb"]["SequenceNumber"]
            del self.items[count - 1]

    StreamShard.add = add_change  # type: ignore[method-assign]


def _let_iterators_expire() -> None:
    """Old places in a stream are forgotten: moto keeps each, and polling would fill the memory."""
    get_records = DynamoDBStreamsBackend.get_records

    def get_and_forget(self: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> dict[str, Any]:
        answer = get_records(self, iterator_arn, limit)
        for oldest in list(self.shard_iterators)[:-_ITERATORS]:
            del self.shard_iterators[oldest]
        return answer

    DynamoDBStreamsBackend.get_records = get_and_forget  # type: ignore[method-assign]
