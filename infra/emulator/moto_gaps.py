"""Adds to moto the behaviour of AWS that this project relies on and moto lacks."""

import json
from typing import Any

from moto.awslambda.models import LambdaBackend
from moto.cloudformation import parsing
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamShard
from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.iam.models import Role
from moto.kms.models import Key, KmsBackend

from infra.emulator.moto_speed import speed_up
from infra.emulator.trail import fill_trail_gaps

_ITERATORS = 1_000
"""Positions in streams that are kept. DynamoDB forgets one after 15 minutes."""


def fill_gaps() -> None:
    """Add the missing behaviour to moto. A second call does nothing."""
    if getattr(KmsBackend, "gaps_filled", False):
        return
    KmsBackend.gaps_filled = True  # type: ignore[attr-defined]
    _refuse_disabled_keys()
    _keep_key_policies_as_json()
    _keep_inline_policies_as_json()
    _ignore_unsupported_resources()
    _leave_streams_to_the_poller()
    _stream_one_record_per_change()
    _forget_old_iterators()
    fill_trail_gaps()
    speed_up()


class _KeyStateError(JsonRESTError):
    code = 400


def _refuse_disabled_keys() -> None:
    """Refuse calls with a KMS key that is disabled or pending deletion."""
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
        # moto's ciphertext begins with the id of the key, 36 characters.
        key = self.keys.get(ciphertext_blob[:36].decode("ascii", "replace"))
        if key is not None:
            check(key)
        return decrypt(self, ciphertext_blob, *args, **kwargs)

    KmsBackend.encrypt = checked_encrypt  # type: ignore[method-assign]
    KmsBackend.decrypt = checked_decrypt  # type: ignore[method-assign]


def _keep_key_policies_as_json() -> None:
    """Give moto's KMS a key policy as JSON text; CloudFormation has it as a mapping."""
    create = Key.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create_with_text(cls: type[Key], name: str, resource: Any, *args: Any, **kwargs: Any) -> Any:
        properties = dict(resource["Properties"])
        properties["KeyPolicy"] = json.dumps(properties["KeyPolicy"])
        return create(cls, name, {**resource, "Properties": properties}, *args, **kwargs)

    Key.create_from_cloudformation_json = classmethod(create_with_text)  # type: ignore[assignment]


def _keep_inline_policies_as_json() -> None:
    """Store a role's inline policies as JSON text, so that reading them returns JSON."""
    put = Role.put_policy

    def put_text(self: Role, name: str, document: Any) -> None:
        put(self, name, document if isinstance(document, str) else json.dumps(document))

    Role.put_policy = put_text  # type: ignore[assignment]


_IGNORED = frozenset(
    {
        "AWS::CloudTrail::Trail",
        "AWS::CloudWatch::Alarm",
        "AWS::Logs::QueryDefinition",
        "AWS::S3::BucketPolicy",
    }
)
"""Types of resources that only monitor or restrict, so nothing local depends on them."""


def _ignore_unsupported_resources() -> None:
    """Skip resources that moto does not know. moto skips them too, with two warnings for each."""
    parse = parsing.parse_resource

    def parse_known(resource: dict[str, Any], resources: parsing.ResourceMap) -> Any:
        return None if resource["Type"] in _IGNORED else parse(resource, resources)

    parsing.parse_resource = parse_known  # type: ignore[assignment]


def _leave_streams_to_the_poller() -> None:
    """Keep moto from running Docker on each write and then emptying the stream."""

    def send_nothing(self: LambdaBackend, *args: Any, **kwargs: Any) -> None:
        return None

    LambdaBackend.send_dynamodb_items = send_nothing  # type: ignore[assignment,method-assign]


def _stream_one_record_per_change() -> None:
    """Stream a new item as one INSERT, and stream nothing for a write that changes nothing.

    moto creates an item in two steps if an update creates it, and streams both.
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


def _forget_old_iterators() -> None:
    """Forget old positions in streams. moto keeps all of them, so polling would fill the memory."""
    get_records = DynamoDBStreamsBackend.get_records

    def get_and_forget(self: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> dict[str, Any]:
        answer = get_records(self, iterator_arn, limit)
        for oldest in list(self.shard_iterators)[:-_ITERATORS]:
            del self.shard_iterators[oldest]
        return answer

    DynamoDBStreamsBackend.get_records = get_and_forget  # type: ignore[method-assign]
