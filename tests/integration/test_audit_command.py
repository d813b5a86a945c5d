"""What auditors see: a trail that is whole, each kind of damage to one, and copies of it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib import wiring
from chalicelib.audit.recorder import YEAR_SECONDS
from chalicelib.core.chain import is_sealed, row_id, seal
from chalicelib.core.keys import Purpose
from infra.audit import __main__ as audit
from infra.local.stack import SCHEDULED_EVENT
from tests.kit.clock import Clock
from tests.kit.delivery import Delivery
from tests.kit.desk import Desk
from tests.kit.login import MOBILE
from tests.kit.subscriber import Subscriber
from tests.kit.user import User
from tests.kit.wire import Wire


@dataclass
class Archive:
    """The audit table under the hands of somebody who may write it."""

    dynamodb: Any
    table: str
    account: str

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="account = :account AND event_id < :markers",
            ExpressionAttributeValues={":account": {"S": self.account}, ":markers": {"S": ":"}},
        )["Items"]
        return rows

    def put(self, row: dict[str, Any]) -> None:
        self.dynamodb.put_item(TableName=self.table, Item=row)

    def remove(self, *positions: int) -> None:
        for position in positions:
            key = {"account": {"S": self.account}, "event_id": {"S": row_id(self.account, position)}}
            self.dynamodb.delete_item(TableName=self.table, Key=key)

    def forget_records(self) -> None:
        """Take the markers away too, so that the handler can be made to tell its records anew."""
        items = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="account = :account",
            ExpressionAttributeValues={":account": {"S": self.account}},
        )["Items"]
        for item in items:
            key = {name: item[name] for name in ("account", "event_id")}
            self.dynamodb.delete_item(TableName=self.table, Key=key)


@dataclass
class Auditors:
    """Runs the command line and reads what it prints."""

    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> tuple[int, str]:
        self.capsys.readouterr()
        status = audit.main([*arguments, "--stage", "test"])
        self.printed = self.capsys.readouterr()
        return status, self.printed.out

    def verify(self, account: str, *more: str) -> tuple[int, list[list[str]]]:
        """The status, and each break as account, damage, place and words."""
        status, out = self.run("verify", "--account", account, *more)
        lines = [line for line in out.splitlines() if line.startswith(f"{account}  ")]
        return status, [line.replace(": ", "  ", 1).split("  ") for line in lines]

    def damage(self, account: str, *more: str) -> list[tuple[str, str]]:
        """The kinds of damage and where."""
        status, found = self.verify(account, *more)
        assert status == (1 if found else 0)
        return [(kind, place) for _, kind, place, _ in found]


@pytest.fixture
def auditors(
    service: Any, clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Auditors:
    monkeypatch.setattr(audit, "LAG_SECONDS", 0)
    monkeypatch.setattr(audit, "clock", clock)
    return Auditors(capsys)


@pytest.fixture
def archive(user: User, delivery: Delivery, desk: Desk, dynamodb: Any, aws: dict[str, str]) -> Archive:
    """Seven rows: begun, bound, verified, wrong, wrong, unlocked, bound on the phone."""
    phone = user.bound_phone()
    user.verify(phone.code())
    delivery.clock.advance(60)
    user.verify(phone.wrong())
    user.verify(phone.wrong())
    desk.unlock(user.account)
    user.verify(phone.code(), client=MOBILE)
    delivery.deliver()
    archive = Archive(dynamodb, aws["AUDIT_TABLE"], user.account)
    assert len(archive.rows()) == 7
    return archive


def wait_until(time: float, delivery: Delivery) -> None:
    """Let time pass, with the keys that it brings."""
    delivery.clock.time = time
    delivery.service.rotate_keys(SCHEDULED_EVENT, None)


def at(archive: Archive, position: int) -> str:
    return row_id(archive.account, position)


def test_a_trail_as_it_was_written_is_whole(archive: Archive, auditors: Auditors):
    status, out = auditors.run("verify", "--account", archive.account)
    assert (status, out) == (0, "the trail is whole: 7 rows of 1 accounts\n")


def test_an_altered_row_is_found(archive: Archive, auditors: Auditors):
    row = archive.rows()[3]
    for altered in (
        row | {"type": {"S": "verified"}},
        row | {"at": {"N": "1"}},
        row | {"note": {"S": "x"}},
        {name: value for name, value in row.items() if name != "address"},
        {name: value for name, value in row.items() if name != "hmac"},
        row | {"trail_key": {"S": "another"}},
    ):
        archive.put(altered)
        assert auditors.damage(archive.account) == [("altered", at(archive, 4))]
    archive.put(row)
    assert auditors.damage(archive.account) == []


def test_an_altered_last_row_is_found(archive: Archive, auditors: Auditors):
    archive.put(archive.rows()[6] | {"channel": {"S": "desktop"}})
    assert auditors.damage(archive.account) == [("altered", at(archive, 7))]


@pytest.mark.parametrize("gone", [(1,), (3,), (2, 3, 4), (1, 2, 5)])
def test_removed_rows_are_found(archive: Archive, auditors: Auditors, gone: tuple[int, ...]):
    archive.remove(*gone)
    _, found = auditors.verify(archive.account)
    assert {kind for _, kind, _, _ in found} == {"removed"}
    last_of_each_gap = [position for position in gone if position + 1 not in gone]
    assert [place for _, _, place, _ in found] == [at(archive, last + 1) for last in last_of_each_gap]


def test_a_row_cannot_be_made_to_say_that_those_before_it_have_had_their_time(
    archive: Archive, auditors: Auditors
):
    row = archive.rows()[3]
    archive.remove(3)
    archive.put(row | {"previous_kept_until": {"N": "1"}})
    assert sorted(auditors.damage(archive.account)) == [
        ("altered", at(archive, 4)),
        ("removed", at(archive, 4)),
    ]


def test_an_inserted_row_is_found(archive: Archive, auditors: Auditors):
    copied = archive.rows()[2]
    archive.put(copied | {"event_id": {"S": "000000000003-copy"}})
    assert auditors.damage(archive.account) == [("inserted", "000000000003-copy")]


def test_a_row_that_was_added_at_the_end_is_found(archive: Archive, auditors: Auditors):
    last = archive.rows()[6]
    made_up = last | {"event_id": {"S": at(archive, 8)}, "previous": last["hmac"]}
    made_up["hmac"] = {"S": seal(made_up, b"a key of the intruder's own")}
    archive.put(made_up)
    assert auditors.damage(archive.account) == [("inserted", at(archive, 8))]


@pytest.mark.parametrize("left", [6, 2, 0])
def test_a_tail_that_was_cut_off_is_found(archive: Archive, auditors: Auditors, left: int):
    archive.remove(*range(left + 1, 8))
    assert auditors.damage(archive.account) == [("cut", "at the end")]


def test_a_chain_that_was_rewritten_without_the_key_is_found(archive: Archive, auditors: Auditors):
    """The third row is dropped, and all later ones are numbered, chained and sealed anew."""
    rows = archive.rows()
    archive.remove(7)
    before = rows[1]
    for position, row in enumerate(rows[3:], start=3):
        made_up = row | {"event_id": {"S": at(archive, position)}, "previous": before["hmac"]}
        made_up["hmac"] = {"S": seal(made_up, b"a key of the intruder's own")}
        archive.put(made_up)
        before = made_up
    assert ("rewritten", at(archive, 3)) in auditors.damage(archive.account)


def test_a_chain_that_was_rewritten_with_the_key_is_found_by_its_witnesses(
    user: User,
    delivery: Delivery,
    auditors: Auditors,
    dynamodb: Any,
    aws: dict[str, str],
    subscriber: Subscriber,
    tmp_path: Path,
):
    """Whoever has the handler's own role lets it tell the records anew, with another address."""
    phone = user.bound_phone()
    user.verify(phone.code())
    records = delivery.take()
    delivery.deliver(records)
    witnesses = tmp_path / "notifications.jsonl"
    witnesses.write_text("".join(json.dumps(told) + "\n" for told in subscriber.received()))
    assert auditors.damage(user.account, "--against", str(witnesses)) == []
    Archive(dynamodb, aws["AUDIT_TABLE"], user.account).forget_records()
    records[2]["dynamodb"]["NewImage"]["event"]["M"]["address"] = {"S": "203.0.113.9"}
    delivery.deliver(records)
    assert auditors.damage(user.account) == []
    found = auditors.damage(user.account, "--against", str(witnesses))
    assert found == [("rewritten", row_id(user.account, 3))]


def test_a_row_of_another_chain_does_not_fit_in(
    user: User, delivery: Delivery, auditors: Auditors, dynamodb: Any, aws: dict[str, str]
):
    """Half of the chain is rewritten with the key: the seals are good, the link is not."""
    phone = user.bound_phone()
    user.verify(phone.code())
    records = delivery.take()
    delivery.deliver(records)
    archive = Archive(dynamodb, aws["AUDIT_TABLE"], user.account)
    first_rows = archive.rows()[:2]
    archive.forget_records()
    records[1]["dynamodb"]["NewImage"]["event"]["M"]["address"] = {"S": "203.0.113.9"}
    delivery.deliver(records)
    for row in first_rows:
        archive.put(row)
    assert auditors.damage(user.account) == [("rewritten", row_id(user.account, 3))]


def test_a_witness_of_rows_that_are_no_more_shows_the_cut(
    archive: Archive, auditors: Auditors, dynamodb: Any, aws: dict[str, str], tmp_path: Path
):
    export = tmp_path / "rows.jsonl"
    month = datetime.fromtimestamp(int(archive.rows()[0]["recorded_at"]["N"]), UTC).strftime("%Y-%m")
    assert auditors.run("export", "--month", month, "--to", str(export))[0] == 0
    archive.forget_records()
    dynamodb.delete_item(TableName=aws["BINDINGS_TABLE"], Key={"account": {"S": archive.account}})
    assert auditors.damage(archive.account) == []
    assert auditors.damage(archive.account, "--against", str(export)) == [("cut", "at the end")]


def test_a_change_that_never_became_a_row_is_missed(user: User, delivery: Delivery, auditors: Auditors):
    phone = user.bound_phone()
    user.verify(phone.code())
    records = delivery.take()
    delivery.deliver([records[0], records[2]])
    assert auditors.damage(user.account) == [("untold", row_id(user.account, 2))]


def test_a_trail_that_begins_in_the_middle_of_a_story_is_missing_the_beginning(
    user: User, delivery: Delivery, auditors: Auditors
):
    user.bound_phone()
    delivery.deliver(delivery.take()[1:])
    assert auditors.damage(user.account) == [("untold", row_id(user.account, 1))]


def test_a_binding_that_was_set_back_without_a_record_does_not_fit_its_trail(
    archive: Archive, auditors: Auditors, dynamodb: Any, aws: dict[str, str]
):
    dynamodb.delete_item(TableName=aws["BINDINGS_TABLE"], Key={"account": {"S": archive.account}})
    assert auditors.damage(archive.account) == [("untold", "at the end")]


def test_rows_past_their_time_may_go_from_the_front_and_only_those(
    user: User, delivery: Delivery, auditors: Auditors, dynamodb: Any, aws: dict[str, str], clock: Clock
):
    began = clock()
    phone = user.bound_phone()
    user.verify(phone.code())
    delivery.deliver()
    wait_until(began + 8 * YEAR_SECONDS, delivery)
    user.verify(phone.code())
    delivery.deliver()
    archive = Archive(dynamodb, aws["AUDIT_TABLE"], user.account)
    archive.remove(2)
    assert auditors.damage(user.account) == []
    archive.remove(1, 3)
    assert auditors.damage(user.account) == []
    clock.advance(60)
    user.verify(phone.code())
    delivery.deliver()
    archive.remove(4)
    assert auditors.damage(user.account) == [("removed", row_id(user.account, 5))]


def test_a_chain_whose_rows_have_all_had_their_time_begins_anew(
    user: User, delivery: Delivery, auditors: Auditors, dynamodb: Any, aws: dict[str, str], clock: Clock
):
    began = clock()
    phone = user.bound_phone()
    delivery.deliver()
    archive = Archive(dynamodb, aws["AUDIT_TABLE"], user.account)
    archive.forget_records()
    assert auditors.damage(user.account) == [("cut", "at the end")]
    wait_until(began + 8 * YEAR_SECONDS, delivery)
    assert auditors.damage(user.account) == []
    user.verify(phone.code())
    delivery.deliver()
    assert len(archive.rows()) == 1
    assert auditors.damage(user.account) == []


def test_a_change_on_its_way_into_the_trail_is_waited_for(
    user: User, delivery: Delivery, auditors: Auditors, monkeypatch: pytest.MonkeyPatch
):
    user.bind()
    monkeypatch.setattr(audit.time, "sleep", lambda seconds: delivery.deliver())
    assert auditors.damage(user.account) == []


def test_rows_under_the_keys_of_earlier_quarters_still_prove_themselves(
    user: User, delivery: Delivery, auditors: Auditors, dynamodb: Any, aws: dict[str, str], clock: Clock
):
    for _ in range(3):
        user.bind()
        delivery.deliver()
        wait_until(clock() + 92 * 86_400, delivery)
    rows = Archive(dynamodb, aws["AUDIT_TABLE"], user.account).rows()
    assert len({row["trail_key"]["S"] for row in rows}) == 3
    delivery.new_process()
    assert auditors.damage(user.account) == []


def test_every_account_is_walked_with_progress(
    archive: Archive, auditors: Auditors, new_user: Callable[[], User], delivery: Delivery
):
    new_user().bind()
    delivery.deliver()
    archive.remove(3)
    status, out = auditors.run("verify", "--all")
    assert status == 1
    assert f"{archive.account}  removed  {at(archive, 4)}: no row at position 3, before this one" in out
    assert " accounts, " in auditors.printed.err


def test_what_cannot_be_told_is_not_called_whole(
    archive: Archive, auditors: Auditors, wire: Wire, tmp_path: Path
):
    wire.refuse("Decrypt", "AccessDeniedException")
    assert auditors.run("verify", "--account", archive.account) == (2, "")
    assert "AccessDeniedException" in auditors.printed.err
    wire.refuse("Query", "AccessDeniedException")
    assert auditors.run("verify", "--account", archive.account) == (2, "")
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("{}\n")
    assert auditors.run("verify", "--account", archive.account, "--against", str(nonsense))[0] == 2
    missing = str(tmp_path / "missing")
    assert auditors.run("verify", "--account", archive.account, "--against", missing)[0] == 2


def test_the_local_stage_needs_to_be_told_where_aws_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert audit.main(["verify", "--account", "88000001"]) == 2
    assert "--endpoint-url" in capsys.readouterr().err


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "26-01", "0000-01", "2026-11-01", "٢٠٢٦-11"])
def test_an_export_of_no_month_is_refused(month: str):
    with pytest.raises(SystemExit):
        audit.main(["export", "--month", month, "--to", "x"])


def test_an_export_has_the_months_rows_and_each_still_proves_itself(
    user: User, delivery: Delivery, auditors: Auditors, clock: Clock, tmp_path: Path
):
    wait_until(datetime(2031, 12, 31, 23, 58, 59, tzinfo=UTC).timestamp(), delivery)
    phone = user.bound_phone()
    delivery.deliver()
    clock.time = datetime(2032, 1, 1, tzinfo=UTC).timestamp()
    user.verify(phone.code())
    delivery.deliver()
    to = tmp_path / "december.jsonl"
    assert auditors.run("export", "--month", "2031-12", "--to", str(to))[0] == 0
    assert auditors.run("export", "--month", "2032-01", "--to", str(tmp_path / "january"))[0] == 0
    keyring = wiring.components().recorder._keyring
    rows = [json.loads(line) for line in to.read_text("utf-8").splitlines()]
    assert [row["type"] for row in rows] == ["bind_started", "bound"]
    assert rows[1]["previous"] == rows[0]["hmac"]
    for row in rows:
        item = {
            name: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for name, value in row.items()
        }
        material = keyring.by_id(Purpose.TRAIL, row["trail_key"]).material
        assert is_sealed(item, material)
    manifest = json.loads((tmp_path / "december.jsonl.manifest.json").read_text("utf-8"))
    assert manifest["sha256"] == hashlib.sha256(to.read_bytes()).hexdigest()
    assert (manifest["rows"], manifest["accounts"], manifest["bytes"]) == (2, 1, to.stat().st_size)
    assert (manifest["from"], manifest["until"]) == ("2031-12-01T00:00:00Z", "2032-01-01T00:00:00Z")
    assert len((tmp_path / "january").read_text("utf-8").splitlines()) == 1


def test_an_export_into_a_bucket_is_locked_there(
    archive: Archive, auditors: Auditors, delivery: Delivery
):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="broker-audit", ObjectLockEnabledForBucket=True)
    month = datetime.fromtimestamp(int(archive.rows()[0]["recorded_at"]["N"]), UTC).strftime("%Y-%m")
    status, out = auditors.run(
        "export", "--month", month, "--bucket", "broker-audit", "--prefix", "totp/"
    )
    assert status == 0
    name = f"totp/audit-test-{month}.jsonl"
    assert f"s3://broker-audit/{name}\n" in out
    body = s3.get_object(Bucket="broker-audit", Key=name)["Body"].read()
    manifest = json.loads(
        s3.get_object(Bucket="broker-audit", Key=f"{name}.manifest.json")["Body"].read()
    )
    assert manifest["sha256"] == hashlib.sha256(body).hexdigest()
    locked = s3.head_object(Bucket="broker-audit", Key=name)
    assert locked["ObjectLockMode"] == "COMPLIANCE"
    seven_years_on = datetime.fromtimestamp(delivery.clock() + 7 * YEAR_SECONDS, UTC)
    assert locked["ObjectLockRetainUntilDate"] >= seven_years_on
