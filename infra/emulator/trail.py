"""The gaps of moto for the audit trail: PartiQL that refuses doubles, locked buckets, old versions."""

import re
from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.s3.models import FakeBucket, S3Backend

_INSERT = re.compile(r'INSERT INTO "([\w.-]+)" VALUE \{((?:\'\w+\': \?(?:, )?)+)\}', re.ASCII)


def fill_trail_gaps() -> None:
    """Fill every gap of this module. To be called once in a process."""
    _refuse_to_insert_twice()
    _lock_buckets_of_templates()
    _list_versions_after_any_name()


def _refuse_to_insert_twice() -> None:
    """An INSERT of an item that is there fails, and the others of its batch go on.

    moto overwrites the item, and copies every item of every table for each statement.
    """
    execute = DynamoDBBackend.batch_execute_statement

    def insert(self: DynamoDBBackend, statement: dict[str, Any]) -> dict[str, Any]:
        match = _INSERT.fullmatch(statement["Statement"])
        if match is None:
            return execute(self, [statement])[0]
        item = dict(zip(re.findall(r"\w+", match[2]), statement["Parameters"], strict=True))
        key = self.get_table(match[1]).hash_key_attr
        try:
            self.put_item(match[1], item, condition_expression=f"attribute_not_exists({key})")
        except ConditionalCheckFailed:
            error = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
            return {"Error": error, "TableName": match[1]}
        except MockValidationException as invalid:
            error = {"Code": "ValidationError", "Message": invalid.exception_msg}
            return {"Error": error, "TableName": match[1]}
        return {"TableName": match[1]}

    def insert_each(self: DynamoDBBackend, statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [insert(self, statement) for statement in statements]

    DynamoDBBackend.batch_execute_statement = insert_each  # type: ignore[method-assign]


def _lock_buckets_of_templates() -> None:
    """A bucket's Object Lock and its usual retention come from the template. moto passes them over."""
    create = FakeBucket.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create_locked(cls: type[FakeBucket], name: str, resource: Any, *args: Any, **kwargs: Any) -> Any:
        bucket = create(cls, name, resource, *args, **kwargs)
        properties = resource.get("Properties", {})
        if str(properties.get("ObjectLockEnabled")).lower() == "true":
            retention = properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
            bucket.versioning_status = "Enabled"
            bucket.object_lock_enabled = True
            bucket.default_lock_mode = retention["Mode"]
            bucket.default_lock_days = int(retention["Days"])
        return bucket

    FakeBucket.create_from_cloudformation_json = classmethod(create_locked)  # type: ignore[assignment]


def _list_versions_after_any_name() -> None:
    """A listing of versions begins after the name that is given, also if there is no such object.

    moto leaves the first object out then: it takes it for the end of the page before.
    """
    list_versions = S3Backend.list_object_versions

    def list_after(self: S3Backend, bucket_name: str, key_marker: str | None = None, **how: Any) -> Any:
        if key_marker is not None and not how.get("version_id_marker"):
            names = [name for name, _ in self.get_bucket(bucket_name).keys.iterlists()]
            key_marker = max((name for name in names if name <= key_marker), default=None)
        return list_versions(self, bucket_name, key_marker=key_marker, **how)

    S3Backend.list_object_versions = list_after  # type: ignore[assignment, method-assign]
