"""The auditors' command: a trail that is whole, each kind of damage to one, copies and counts."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from chalicelib.aws import witness as objects
from infra.audit import __main__ as audit
from infra.audit import verify
from infra.local.stack import SCHEDULED_EVENT
from tests.kit.clock import Clock
from tests.kit.delivery import Delivery
from tests.kit.desk import Desk
from tests.kit.login import MOBILE
from tests.kit.user import User
from tests.kit.wire import Wire
from tests.kit.witness import Witness

HOUR, DAY = 3_600, 86_400


@dataclass
class Archive:
    """The audit table of an account, in the hands of somebody who may write it."""

    dynamodb: Any
    table: str
    account: str

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="account = :account",
            ExpressionAttributeValues={":account": {"S": self.account}},
        )["Items"]
        return rows

    def ids(self) -> list[str]:
        return [row["event_id"]["S"] for row in self.rows()]

    def put(self, row: dict[str, Any]) -> None:
        self.dynamodb.put_item(TableName=self.table, Item=row)

    def remove(self, *event_ids: str) -> None:
        for event_id in event_ids:
            key = {"account": {"S": self.account}, "event_id": {"S": event_id}}
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

    def damage(self, account: str, *more: str) -> list[tuple[str, str]]:
        """The kinds of damage, and the place or what is said of it."""
        status, out = self.run("verify", "--account", account, *more)
        found = [line for line in out.splitlines() if line.startswith(f"{account}  ")]
        assert status == any("  on_its_way  " not in line for line in found), out
        parts = [line.replace(": ", "  ", 1).split("  ") for line in found]
        self.words = [words for *_, words in parts]
        return [(kind, place) for _, kind, place, _ in parts]


@pytest.fixture
def auditors(
    service: Any, clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Auditors:
    monkeypatch.setattr(audit, "clock", clock)
    return Auditors(capsys)


@pytest.fixture
def archive(user: User, delivery: Delivery, desk: Desk, dynamodb: Any, aws: dict[str, str]) -> Archive:
    """Seven rows, an hour ago: begun, bound, verified, wrong, wrong, unlocked, bound on the phone."""
    phone = user.bound_phone()
    user.verify(phone.code())
    delivery.clock.advance(60)
    user.verify(phone.wrong())
    user.verify(phone.wrong())
    desk.unlock(user.account)
    user.verify(phone.code(), client=MOBILE)
    delivery.deliver()
    delivery.clock.advance(HOUR)
    archive = Archive(dynamodb, aws["AUDIT_TABLE"], user.account)
    assert len(archive.rows()) == 7
    return archive


@pytest.fixture
def forget_item(aws: dict[str, str]) -> Callable[[str, dict[str, Any] | None], None]:
    """Puts another item into the bindings table, or takes it out, as a restore does: with no record."""
    tables = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables
    table = tables[aws["BINDINGS_TABLE"]]

    def replace(account: str, item: dict[str, Any] | None) -> None:
        shard, table.stream_shard = table.stream_shard, None
        if item is None:
            boto3.client("dynamodb").delete_item(
                TableName=aws["BINDINGS_TABLE"], Key={"account": {"S": account}}
            )
        else:
            boto3.client("dynamodb").put_item(TableName=aws["BINDINGS_TABLE"], Item=item)
        table.stream_shard = shard

    return replace


@pytest.fixture
def item_of(dynamodb: Any, aws: dict[str, str]) -> Callable[[str], dict[str, Any]]:
    return lambda account: dynamodb.get_item(
        TableName=aws["BINDINGS_TABLE"], Key={"account": {"S": account}}
    )["Item"]


def test_a_trail_as_it_was_written_is_whole(archive: Archive, auditors: Auditors):
    status, out = auditors.run("verify", "--account", archive.account)
    assert (status, out) == (0, "the trail is whole: 7 rows of 1 accounts\n")


def test_an_account_that_nobody_has_seen_is_said_to_be_none(auditors: Auditors, delivery: Delivery):
    assert auditors.run("verify", "--account", "88009999") == (2, "")
    assert auditors.printed.err == "no such account: 88009999\n"


def test_an_altered_row_is_found(archive: Archive, auditors: Auditors):
    row = archive.rows()[3]
    for altered in (
        row | {"type": {"S": "verified"}},
        row | {"at": {"N": "1"}},
        row | {"version": {"N": "9"}},
        row | {"version": {"BOOL": True}},
        row | {"kept_until": {"N": "1"}},
        row | {"note": {"S": "x"}},
        row | {"note": {"SS": ["x"]}},
        row | {"note": {"B": b"x"}},
        {name: value for name, value in row.items() if name != "address"},
    ):
        archive.put(altered)
        assert auditors.damage(archive.account) == [("altered", archive.ids()[3])]
        assert auditors.words == ["version 4, wrong_code: not as it was witnessed"]
    archive.put(row)
    assert auditors.damage(archive.account) == []


@pytest.mark.parametrize("gone", [(0,), (2,), (1, 2, 3), (6,), (0, 1, 4), range(7)])
def test_removed_rows_are_found(archive: Archive, auditors: Auditors, gone: tuple[int, ...]):
    removed = [archive.ids()[index] for index in gone]
    archive.remove(*removed)
    assert auditors.damage(archive.account) == [("missing", event_id) for event_id in removed]
    assert auditors.words[0].startswith(f"version {gone[0] + 1}, ")


def test_a_row_that_was_added_is_found(archive: Archive, auditors: Auditors):
    copied = archive.rows()[2]
    time, version, digest = copied["event_id"]["S"].split("-")
    for added in ("", "~", time, f"{time}-{version}-{digest[::-1]}", f"{10**12 - 1}-{version}-{digest}"):
        if added:
            archive.put(copied | {"event_id": {"S": added}})
            assert auditors.damage(archive.account) == [("unwitnessed", added)]
            archive.remove(added)


def test_a_row_of_another_account_is_found_where_it_was_moved_to(
    archive: Archive, auditors: Auditors, new_user: Callable[[], User], delivery: Delivery
):
    other = new_user()
    other.bind()
    delivery.deliver()
    moved = archive.rows()[1] | {"account": {"S": other.account}}
    archive.put(moved)
    assert auditors.damage(other.account) == [("unwitnessed", moved["event_id"]["S"])]


def test_a_change_that_nobody_recorded_is_missed(user: User, delivery: Delivery, auditors: Auditors):
    phone = user.bound_phone()
    user.verify(phone.code())
    records = delivery.take()
    delivery.deliver(records[2:])
    delivery.clock.advance(HOUR)
    assert [kind for kind, _ in auditors.damage(user.account)] == ["unrecorded"]
    assert auditors.words == ["no row of version 1 to 2"]
    delivery.deliver(records[:1])
    delivery.clock.advance(HOUR)
    assert [kind for kind, _ in auditors.damage(user.account)] == ["unrecorded"]
    assert auditors.words == ["no row of version 2"]


def test_the_last_change_is_excused_for_a_quarter_of_an_hour(
    user: User, delivery: Delivery, auditors: Auditors
):
    user.bind()
    began = delivery.clock()
    delivery.clock.time = began + 900
    assert auditors.damage(user.account) == [("on_its_way", "at the end")]
    delivery.clock.time = began + 901
    assert auditors.damage(user.account) == [("unrecorded", "at the end")]
    assert auditors.words == ["no row of version 1"]


def test_a_row_is_excused_for_a_quarter_of_an_hour_after_it_was_witnessed(
    user: User, delivery: Delivery, auditors: Auditors, dynamodb: Any, aws: dict[str, str]
):
    """However late the stream was: what counts is when S3 took the object."""
    user.bind()
    delivery.clock.advance(HOUR)
    delivery.deliver()
    taken_at = delivery.clock()
    archive = Archive(dynamodb, aws["AUDIT_TABLE"], user.account)
    archive.remove(*archive.ids())
    delivery.clock.time = taken_at + 900
    assert [kind for kind, _ in auditors.damage(user.account)] == ["on_its_way"]
    delivery.clock.time = taken_at + 901
    assert [kind for kind, _ in auditors.damage(user.account)] == ["missing"]


def test_a_finding_stands_in_the_trail(
    archive: Archive, auditors: Auditors, delivery: Delivery, dynamodb: Any, aws: dict[str, str]
):
    dynamodb.update_item(
        TableName=aws["BINDINGS_TABLE"],
        Key={"account": {"S": archive.account}},
        UpdateExpression="SET failures = :none",
        ExpressionAttributeValues={":none": {"N": "0"}},
    )
    mine: Any = {"eventID": f"mine-{archive.account}", "eventName": "MODIFY"}
    mine["dynamodb"] = {
        "SequenceNumber": "777",
        "Keys": {"account": {"S": archive.account}},
        "ApproximateCreationDateTime": delivery.clock() + 1,
    }
    delivery.deliver([*delivery.take(), mine])
    tampered, unreadable = archive.ids()[-2:]
    assert auditors.damage(archive.account) == [("finding", tampered), ("finding", unreadable)]
    assert auditors.words == ["event_repeated", "unreadable"]


def test_changes_by_hand_within_one_second_are_followed_in_the_order_of_the_stream(
    user: User, delivery: Delivery, auditors: Auditors, dynamodb: Any, aws: dict[str, str]
):
    """They leave the version as it is, so it does not tell the order."""
    user.bind()
    for number in range(12):
        dynamodb.update_item(
            TableName=aws["BINDINGS_TABLE"],
            Key={"account": {"S": user.account}},
            UpdateExpression="SET failures = :number, version = :version",
            ExpressionAttributeValues={
                ":number": {"N": str(number)},
                ":version": {"N": str(1 + number % 2)},
            },
        )
    delivery.deliver()
    delivery.clock.advance(HOUR)
    assert {kind for kind, _ in auditors.damage(user.account)} == {"finding"}


def test_a_binding_that_was_set_back_without_a_record_does_not_fit_its_trail(
    archive: Archive,
    auditors: Auditors,
    forget_item: Callable[..., None],
    item_of: Callable[[str], dict[str, Any]],
):
    item = item_of(archive.account)
    for other, words in (
        (None, "the binding was left at version 7 and found at version 0"),
        (item | {"version": {"N": "5"}}, "the binding was left at version 7 and found at version 5"),
        (
            item | {"event": {"M": item["event"]["M"] | {"event_id": {"S": "other"}}}},
            "the binding is at version 7, and not by the change of that row",
        ),
    ):
        forget_item(archive.account, other)
        assert auditors.damage(archive.account) == [("set_back", "at the end")]
        assert auditors.words == [words]
    forget_item(archive.account, item | {"version": {"N": "9"}})
    assert auditors.damage(archive.account) == [("unrecorded", "at the end")]
    assert auditors.words == ["no row of version 8 to 9"]


def test_a_restored_table_is_set_back_where_it_went_on(
    archive: Archive,
    auditors: Auditors,
    user: User,
    delivery: Delivery,
    forget_item: Callable[..., None],
    item_of: Callable[[str], dict[str, Any]],
):
    forget_item(archive.account, item_of(archive.account) | {"version": {"N": "3"}})
    assert user.verify("000000").code == "wrong_code"
    delivery.deliver()
    delivery.clock.advance(HOUR)
    assert auditors.damage(archive.account) == [("set_back", archive.ids()[-1])]
    assert auditors.words == ["the binding was left at version 7 and found at version 3"]


def test_both_tables_rolled_back_together_show_against_the_witness(
    archive: Archive,
    auditors: Auditors,
    user: User,
    delivery: Delivery,
    forget_item: Callable[..., None],
    item_of: Callable[[str], dict[str, Any]],
):
    item, ids = item_of(archive.account), archive.ids()
    user.verify("000000")
    delivery.deliver()
    delivery.clock.advance(HOUR)
    (last,) = set(archive.ids()) - set(ids)
    archive.remove(last)
    forget_item(archive.account, item)
    assert auditors.damage(archive.account) == [("missing", last), ("set_back", "at the end")]


def test_rows_past_their_time_may_go_and_only_those(
    user: User, delivery: Delivery, auditors: Auditors, dynamodb: Any, aws: dict[str, str], clock: Clock
):
    began = clock()
    phone = user.bound_phone()
    delivery.deliver()
    clock.time = began + 7 * 366 * DAY - 1
    archive = Archive(dynamodb, aws["AUDIT_TABLE"], user.account)
    first, second = archive.ids()
    archive.remove(first, second)
    assert [kind for kind, _ in auditors.damage(user.account)] == ["missing"] * 2
    clock.advance(2)
    assert auditors.damage(user.account) == []
    user.verify(phone.code())
    delivery.deliver()
    assert auditors.damage(user.account) == []


def test_an_account_whose_rows_and_witness_have_gone_begins_in_the_middle(
    user: User,
    delivery: Delivery,
    auditors: Auditors,
    dynamodb: Any,
    aws: dict[str, str],
    clock: Clock,
):
    phone = user.bound_phone()
    delivery.take()
    clock.advance(DAY)
    today = datetime.fromtimestamp(clock(), UTC).strftime("%Y-%m-%d")
    assert auditors.damage(user.account) == [("unrecorded", "at the end")]
    assert auditors.damage(user.account, "--since", today) == []
    user.verify(phone.code())
    delivery.deliver()
    clock.advance(HOUR)
    assert [kind for kind, _ in auditors.damage(user.account)] == ["unrecorded"]
    assert auditors.damage(user.account, "--since", today) == []
    # The change before the first row was made after that day, so it should have a row.
    yesterday = datetime.fromtimestamp(clock() - 2 * DAY, UTC).strftime("%Y-%m-%d")
    assert [kind for kind, _ in auditors.damage(user.account, "--since", yesterday)] == ["unrecorded"]


def test_what_was_before_a_day_is_left_out(
    archive: Archive, auditors: Auditors, user: User, delivery: Delivery
):
    gone = archive.ids()[2]
    archive.remove(gone)
    delivery.clock.advance(2 * DAY)
    user.verify("000000")
    delivery.deliver()
    delivery.clock.advance(HOUR)
    today = datetime.fromtimestamp(delivery.clock(), UTC).strftime("%Y-%m-%d")
    assert auditors.damage(archive.account, "--since", today) == []
    assert auditors.damage(archive.account) == [("missing", gone)]


@pytest.fixture
def rewritten(aws: dict[str, str], archive: Archive) -> Iterator[Callable[[bytes, str], None]]:
    """Puts bytes under a name into the witness, and takes them out at the end: they would stay."""
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[aws["WITNESS_BUCKET"]]
    before = list(bucket.keys.iterlists())
    s3 = boto3.client("s3")

    def put(body: bytes, key: str | None = None) -> str:
        name = key or f"2027/01/15/080000-{objects.digest_in_key(body)}.jsonl"
        s3.put_object(Bucket=aws["WITNESS_BUCKET"], Key=name, Body=body, ChecksumAlgorithm="SHA256")
        return name

    yield put
    bucket.keys.clear()
    for key, versions in before:
        bucket.keys.setlist(key, versions)


def test_an_object_that_is_written_over_or_hidden_is_read_all_the_same(
    archive: Archive,
    auditors: Auditors,
    rewritten: Callable[..., str],
    witness: Witness,
    aws: dict[str, str],
):
    (key,) = {version["Key"] for version in witness.versions() if archive.account in body(version, aws)}
    boto3.client("s3").delete_object(Bucket=aws["WITNESS_BUCKET"], Key=key)
    assert auditors.damage(archive.account) == []
    rewritten(b"{}\n", key)
    status, out = auditors.run("verify", "--account", archive.account)
    assert (status, out) == (1, f"{key}  altered  not an object that record_events wrote\n")


def body(version: dict[str, Any], aws: dict[str, str]) -> str:
    name = {"Key": version["Key"], "VersionId": version["VersionId"]}
    answer = boto3.client("s3").get_object(Bucket=aws["WITNESS_BUCKET"], **name)
    return answer["Body"].read().decode()


def test_a_second_form_of_a_row_in_the_witness_is_found(
    archive: Archive, auditors: Auditors, rewritten: Callable[..., str], witness: Witness
):
    """Whoever has the role of record_events may add to the witness, and cannot take back."""
    row = witness.rows(archive.account)[3]
    forged = row | {"address": "203.0.113.9"}
    rewritten(objects.line(forged).encode() + b"\n")
    archive.put(archive.rows()[3] | {"address": {"S": "203.0.113.9"}})
    assert auditors.damage(archive.account) == [("altered", row["event_id"])]
    assert auditors.words == ["version 4, wrong_code: the witness has it in two forms"]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"no json\n",
        b"[]\n",
        b"{}\n",
        b'{"account": "x", "event_id": 1}\n',
        b'{"account": "x", "event_id": "000000000001-fb0ce338c387"}\n',
        b'{"account":"x","event_id":"001800000000-000000000003-0123456789abcdef","version":"1"}\n',
        b'{"account":"x","event_id":"001800000000-000000000003-0123456789abcdef","type":["y"]}\n',
    ],
)
def test_nonsense_in_the_witness_is_told_and_hides_nothing(
    archive: Archive, auditors: Auditors, rewritten: Callable[..., str], nonsense: bytes
):
    key = rewritten(nonsense)
    archive.remove(archive.ids()[2])
    status, out = auditors.run("verify", "--all")
    assert status == 1
    assert f"{key}  altered  not an object that record_events wrote\n" in out
    assert f"{archive.account}  missing  " in out


def test_every_account_is_verified_with_progress(
    archive: Archive,
    auditors: Auditors,
    new_user: Callable[[], User],
    delivery: Delivery,
    monkeypatch: pytest.MonkeyPatch,
):
    other = new_user()
    other.bind()
    delivery.deliver()
    gone = archive.ids()[3]
    archive.remove(gone)
    monkeypatch.setattr(verify, "_PROGRESS_SECONDS", -1)
    status, out = auditors.run("verify", "--all")
    assert status == 1
    said = "version 4, wrong_code: witnessed, and not in the table"
    assert f"{archive.account}  missing  {gone}: {said}\n" in out
    assert other.account not in out
    for name in ("rows", "objects of the witness", "accounts"):
        assert f" {name}\n" in auditors.printed.err


@pytest.mark.parametrize("operation", ["Query", "ListObjectVersions", "GetObject", "GetCallerIdentity"])
def test_what_cannot_be_told_is_not_called_whole(
    archive: Archive, auditors: Auditors, wire: Wire, operation: str
):
    wire.refuse(operation, "AccessDeniedException")
    assert auditors.run("verify", "--account", archive.account) == (2, "")
    assert auditors.printed.err == "it could not be told: " + {
        "Query": "reading the table totp-binding-test-audit: AccessDeniedException\n",
        "GetCallerIdentity": "AccessDeniedException\n",
    }.get(operation, "reading the witness: AccessDeniedException\n")


def test_the_local_stage_needs_to_be_told_where_aws_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert audit.main(["verify", "--account", "88000001"]) == 2
    assert "--endpoint-url" in capsys.readouterr().err


@pytest.mark.parametrize("month", ["2026-13", "26-01", "0000-01", "2026-11-01", "x"])
def test_an_export_of_no_month_is_refused(month: str):
    with pytest.raises(SystemExit):
        audit.main(["export", "--month", month, "--to", "x"])


def test_an_export_has_the_months_rows_with_times_that_people_read(
    user: User, delivery: Delivery, auditors: Auditors, clock: Clock, tmp_path: Path
):
    clock.time = datetime(2031, 12, 31, 23, 58, 59, tzinfo=UTC).timestamp()
    delivery.service.rotate_keys(SCHEDULED_EVENT, None)
    phone = user.bound_phone()
    clock.time = datetime(2032, 1, 1, tzinfo=UTC).timestamp()
    user.verify(phone.code())
    delivery.deliver()
    december, january = tmp_path / "december.jsonl", tmp_path / "january.jsonl"
    status, out = auditors.run("export", "--month", "2031-12", "--to", str(december))
    digest = hashlib.sha256(december.read_bytes()).hexdigest()
    assert (status, out) == (0, f"2 rows in {december}, sha256 {digest}\n")
    assert auditors.run("export", "--month", "2032-01", "--to", str(january))[0] == 0
    rows = [json.loads(line) for line in december.read_text("utf-8").splitlines()]
    assert [row["type"] for row in rows] == ["bind_started", "bound"]
    assert [row["at"] for row in rows] == ["2031-12-31T23:58:59Z"] * 2
    assert rows[1]["before_at"] == "2031-12-31T23:58:59Z"
    assert rows[0]["kept_until"] == "2039-01-05T23:58:59Z"
    assert len(january.read_text("utf-8").splitlines()) == 1


def test_an_export_never_overwrites(archive: Archive, auditors: Auditors, tmp_path: Path):
    to = tmp_path / "audit.jsonl"
    to.write_text("mine")
    assert auditors.run("export", "--month", "2027-01", "--to", str(to)) == (2, "")
    assert "File exists" in auditors.printed.err
    assert auditors.run("accounts", "--csv", str(to)) == (2, "")
    assert to.read_text() == "mine"


def test_an_export_shows_a_damaged_row_as_it_is(archive: Archive, auditors: Auditors, tmp_path: Path):
    archive.put(archive.rows()[0] | {"at": {"N": "9" * 30}, "note": {"B": b"x"}})
    to = tmp_path / "audit.jsonl"
    assert auditors.run("export", "--month", "2027-01", "--to", str(to))[0] == 0
    rows = [json.loads(line) for line in to.read_text().splitlines()]
    (damaged,) = [row for row in rows if "note" in row]
    assert (damaged["at"], damaged["note"]) == (int("9" * 30), {"B": "b'x'"})


def test_accounts_are_counted_by_state_and_listed(
    new_user: Callable[[], User],
    delivery: Delivery,
    desk: Desk,
    auditors: Auditors,
    dynamodb: Any,
    aws: dict[str, str],
    tmp_path: Path,
):
    for item in dynamodb.scan(TableName=aws["BINDINGS_TABLE"])["Items"]:
        dynamodb.delete_item(TableName=aws["BINDINGS_TABLE"], Key={"account": item["account"]})
    begun, expired, gone, _desktop_only, both, locked, suspended = users = [new_user() for _ in range(7)]
    expired.bind()
    delivery.clock.advance(700)
    phones = {user.account: user.bound_phone() for user in users[2:]}
    desk.unbind(gone.account)
    both.verify(phones[both.account].code(), client=MOBILE)
    for _ in range(5):
        locked.verify(phones[locked.account].wrong())
    item = {"account": {"S": suspended.account}}
    dynamodb.update_item(
        TableName=aws["BINDINGS_TABLE"],
        Key=item,
        UpdateExpression="SET suspended = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    begun.bind()
    dynamodb.put_item(TableName=aws["BINDINGS_TABLE"], Item={"account": {"S": "=1+1"}})
    to = tmp_path / "accounts.csv"
    status, out = auditors.run("accounts", "--csv", str(to))
    counted = {name: int(count) for count, name in (line.split(None, 1) for line in out.splitlines())}
    assert (status, counted) == (
        0,
        {
            "unbound": 2,
            "pending": 1,
            "bound": 4,
            "desktop only": 3,
            "locked": 1,
            "suspended": 1,
            "unreadable": 1,
            "accounts": 8,
        },
    )
    listed = {row["account"]: row for row in csv.DictReader(to.read_text("utf-8").splitlines())}
    assert listed["'=1+1'"]["state"] == "unreadable"
    assert listed[expired.account]["state"] == listed[gone.account]["state"] == "unbound"
    assert listed[both.account] == {
        "account": both.account,
        "state": "bound",
        "desktop": listed[both.account]["bound_at"],
        "mobile": "2027-01-15T08:16:40Z",
        "bound_at": "2027-01-15T08:13:40Z",
        "locked_until": "",
        "suspended": "no",
    }
    assert listed[locked.account]["locked_until"] != ""
    assert listed[suspended.account]["suspended"] == "yes"
    delivery.clock.advance(DAY)
    assert "        0  locked\n" in auditors.run("accounts")[1]
