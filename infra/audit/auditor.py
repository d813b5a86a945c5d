"""An auditor at one stage's tables, who reads them and writes nothing."""

import time
from collections.abc import Callable, Mapping

from chalicelib.audit.recorder import YEAR_SECONDS
from chalicelib.aws import clients
from chalicelib.aws.audit_table import AuditTable
from chalicelib.aws.items import read_image
from chalicelib.aws.keyring import Keyring
from chalicelib.core.changes import Image
from chalicelib.core.keys import Purpose
from infra.audit.check import Break, Evidence, breaks


class Auditor:
    """Holds a stage's trail against its bindings; ``kept_years`` is the stage's TRAIL_KEPT_YEARS."""

    def __init__(self, stage: str, kept_years: int, clock: Callable[[], float] = time.time) -> None:
        self.stage = stage
        self.kept_seconds = kept_years * YEAR_SECONDS
        self._dynamodb = clients.dynamodb_for_reads()
        self._bindings = f"totp-binding-{stage}-bindings"
        self.table = AuditTable(self._dynamodb, f"totp-binding-{stage}-audit")
        self._keyring = Keyring(
            self._dynamodb,
            clients.kms(),
            f"totp-binding-{stage}-keys",
            f"alias/totp-binding-{stage}",
            clock,
        )
        self._clock = clock
        self.rows_read = 0

    def now(self) -> int:
        """The time, in whole Unix seconds."""
        return int(self._clock())

    def breaks(self, account: str, witnessed: Mapping[str, str]) -> list[Break]:
        """Where the account's trail breaks, as far as can be seen at this moment."""
        evidence = Evidence(self._item(account), self._key_of, witnessed, self.now(), self.kept_seconds)
        rows = list(self.table.rows(account))
        self.rows_read += len(rows)
        return breaks(account, rows, evidence)

    def accounts(self) -> set[str]:
        """Every account that has a binding or a row."""
        accounts = set(self.table.accounts())
        with clients.aws_errors("reading the bindings"):
            pages = self._dynamodb.get_paginator("scan").paginate(
                TableName=self._bindings, ProjectionExpression="account"
            )
            accounts |= {item["account"]["S"] for page in pages for item in page["Items"]}
        return accounts

    def _item(self, account: str) -> Image | None:
        # Not a word more than the trail is held against: no auditor has a right to the secret.
        names = {"#version": "version", "#event": "event"}
        with clients.aws_errors("reading a binding"):
            answer = self._dynamodb.get_item(
                TableName=self._bindings,
                Key={"account": {"S": account}},
                ConsistentRead=True,
                ProjectionExpression="account, #version, #event",
                ExpressionAttributeNames=names,
            )
        return read_image(answer["Item"]) if "Item" in answer else None

    def _key_of(self, key_id: str) -> bytes | None:
        keys = {key.term.key_id: key.material for key in self._keyring.published(Purpose.TRAIL)}
        return keys.get(key_id)
