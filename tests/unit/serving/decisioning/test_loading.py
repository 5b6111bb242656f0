"""Loading customers from files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.decisioning import ledger
from serving.decisioning.loading import Loaded, load_customers
from serving.store import Database
from tests.support.decisions import NOON
from troth.catalogue import Channel
from troth.errors import InvalidArgument, NotFound

CSV = """customer_id,zone,permit_email,permit_sms,permit_push,contacts
C1,Europe/Vienna,true,false,,"[{""at"": ""2026-03-03T10:00:00+01:00"", ""channel"": ""email""}]"
007,,1,0,,
"""


def known(database: Database, customer: str) -> object:
    """Facts about ``customer`` at noon."""
    with database.read() as connection:
        return ledger.facts(connection, customer, NOON, timedelta(days=28))


def test_csv_is_read_as_it_stands(tmp_path: Path) -> None:
    """Empty cells are unknown, ids stay text, and loading again changes nothing."""
    path = tmp_path / "customers.csv"
    path.write_text(CSV)
    database = Database(tmp_path / "troth.db", durable=False)
    seen: list[tuple[int, int]] = []
    first = load_customers(database, path, on_progress=lambda a, b: seen.append((a, b)))
    assert first == Loaded(customers=2, contacts=1, held_back=0)
    assert seen == [(2, 2)]
    again = load_customers(database, path)
    assert again == Loaded(customers=2, contacts=0, held_back=0)
    facts = known(database, "C1")
    assert facts.zone == "Europe/Vienna"  # type: ignore[attr-defined]
    assert facts.permissions == {Channel.EMAIL: True, Channel.SMS: False}  # type: ignore[attr-defined]
    (contact,) = facts.contacts  # type: ignore[attr-defined]
    assert (contact.at, contact.channel) == (datetime(2026, 3, 3, 9, tzinfo=UTC), Channel.EMAIL)
    other = known(database, "007")
    assert other.zone is None  # type: ignore[attr-defined]
    assert other.permissions == {Channel.EMAIL: True, Channel.SMS: False}  # type: ignore[attr-defined]


def test_parquet_may_hold_types(tmp_path: Path) -> None:
    """Booleans, times and lists of contacts come as Parquet has them."""
    path = tmp_path / "customers.parquet"
    rows = [
        {
            "customer_id": "C1",
            "zone": None,
            "permit_web": True,
            "as_of": NOON,
            "contacts": [{"at": NOON, "channel": "web"}, {"at": NOON, "channel": "push"}],
        },
        {"customer_id": "C2", "zone": "UTC", "permit_web": None, "as_of": None, "contacts": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    database = Database(tmp_path / "troth.db", durable=False)
    assert load_customers(database, path) == Loaded(customers=2, contacts=2, held_back=0)
    assert [c.channel for c in known(database, "C1").contacts] == ["web", "push"]  # type: ignore[attr-defined]
    assert known(database, "C2").permissions == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("customer,zone\nC1,UTC\n", "customer"),
        ("zone\nUTC\n", "customer_id"),
        ("customer_id,zone\nC1,UTC\nC2,Mars\n", "rows[1].zone"),
        ("customer_id,permit_email\nC1,maybe\n", "rows[0].permit_email"),
        ("customer_id,permit_none\nC1,true\n", "permit_none"),
        ("customer_id,as_of\nC1,2026-03-04T00:00:00\n", "rows[0].as_of"),
        ('customer_id,contacts\nC1,"[{""at"": ""2026-03-04""}]"\n', "rows[0].contacts"),
        ("customer_id,contacts\nC1,soon\n", "rows[0].contacts"),
        ('customer_id\n""\n', "rows[0].customer_id"),
    ],
)
def test_bad_file_names_row_and_column(tmp_path: Path, text: str, field: str) -> None:
    """One wrong cell and nothing is loaded."""
    path = tmp_path / "customers.csv"
    path.write_text(text)
    database = Database(tmp_path / "troth.db", durable=False)
    with pytest.raises(InvalidArgument) as caught:
        load_customers(database, path)
    assert caught.value.field == field
    with database.read() as connection:
        assert connection.execute("SELECT count(*) FROM profiles").fetchone()[0] == 0


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is NotFound, garbage is InvalidArgument."""
    database = Database(tmp_path / "troth.db", durable=False)
    with pytest.raises(NotFound):
        load_customers(database, tmp_path / "nowhere.parquet")
    (tmp_path / "junk.parquet").write_bytes(b"junk")
    with pytest.raises(InvalidArgument):
        load_customers(database, tmp_path / "junk.parquet")
