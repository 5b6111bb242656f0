"""Loading customers from files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from serving.customers import contact_ledger
from serving.customers.files import read_customers
from serving.customers.importing import Loaded, load_customers
from serving.installation import create
from serving.storage.database import Database
from tests.support.decisions import NOON
from troth.catalogue import Channel
from troth.cli.entry import build
from troth.errors import InvalidArgument, NotFound
from troth.guardrails import Facts

CSV = """customer_id,zone,permit_email,permit_sms,permit_push,contacts
C1,Europe/Vienna,true,false,,"[{""at"": ""2026-03-03T10:00:00+01:00"", ""channel"": ""email""}]"
007,,1,0,,
"""


class Place:
    """A store and the files loaded into it, at noon."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(folder / "troth.db", durable=False)
        self.lines: list[dict[str, object]] = []

    def load(self, text: str | bytes, name: str = "customers.csv") -> Loaded:
        """Load a file of ``text``."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_customers(
            self.database,
            path,
            clock=lambda: NOON,
            on_line=lambda line: self.lines.append(line.to_dict()),
        )

    def facts(self, customer: str) -> Facts:
        """What is known of ``customer`` at noon."""
        with self.database.read() as connection:
            return contact_ledger.facts(connection, customer, NOON, timedelta(days=28))

    def email(self, customer: str = "C1") -> bool | None:
        """Whether e-mail is permitted."""
        return self.facts(customer).permissions.get(Channel.EMAIL)

    def customers(self) -> int:
        """Profiles stored."""
        with self.database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM profiles").fetchone()[0])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty one."""
    return Place(tmp_path)


def test_csv_is_read_as_it_stands(place: Place) -> None:
    """Empty cells are unknown, ids stay text, and loading again changes nothing."""
    first = place.load(CSV)
    assert first == Loaded(customers=2, zones=1, permissions=4, contacts=1)
    place.lines.clear()
    assert place.load(CSV) == Loaded(customers=2)
    assert place.lines == [{"line": 2, "customer_id": "C1", "contacts": {"known": 1}}]
    facts = place.facts("C1")
    assert facts.zone == "Europe/Vienna"
    assert facts.permissions == {Channel.EMAIL: True, Channel.SMS: False}
    (contact,) = facts.contacts
    assert (contact.at, contact.channel) == (datetime(2026, 3, 3, 9, tzinfo=UTC), Channel.EMAIL)
    assert place.facts("007").zone is None
    assert place.facts("007").permissions == {Channel.EMAIL: True, Channel.SMS: False}


def test_parquet_may_hold_types(place: Place) -> None:
    """Booleans, times and lists of contacts come as Parquet has them."""
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
    path = place.folder / "customers.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    seen: list[tuple[int, int]] = []
    loaded = load_customers(
        place.database, path, clock=lambda: NOON, on_progress=lambda a, b: seen.append((a, b))
    )
    assert loaded == Loaded(customers=2, zones=1, permissions=1, contacts=2)
    assert seen == [(2, 2)]
    assert [c.channel for c in place.facts("C1").contacts] == ["web", "push"]
    assert place.facts("C2").permissions == {}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("customer,zone\nC1,UTC\n", "customer"),
        ("zone\nUTC\n", "customer_id"),
        ("customer_id,permit_e-mail\nC1,true\n", "permit_e-mail"),
        ("customer_id,contact\nC1,\n", "contact"),
        ("customer_id,zone\nC1,UTC\nC2,Mars\n", "lines[3].zone"),
        ("customer_id,permit_email\nC1,maybe\n", "lines[2].permit_email"),
        ("customer_id,permit_none\nC1,true\n", "permit_none"),
        ("customer_id,as_of\nC1,2026-03-04T00:00:00\n", "lines[2].as_of"),
        ('customer_id,contacts\nC1,"[{""at"": ""2026-03-04""}]"\n', "lines[2].contacts"),
        ("customer_id,contacts\nC1,soon\n", "lines[2].contacts"),
        ("customer_id,contacts\nC1,5\n", "lines[2].contacts"),
        ('customer_id,contacts\nC1,"{""at"": ""2026-03-03T10:00:00Z""}"\n', "lines[2].contacts"),
        ('customer_id\n""\n', "lines[2].customer_id"),
        ('customer_id\n"=""00123"""\n', "lines[2].customer_id"),
        ('customer_id\n="00123"\n', "lines[2].customer_id"),
        ("customer_id\nMüller\n", "lines[2].customer_id"),
        ("customer_id,purpose,permit_sms\nC1,Ads!,true\n", "lines[2].purpose"),
    ],
)
def test_bad_file_names_row_and_column(place: Place, text: str, field: str) -> None:
    """One wrong cell and nothing is loaded."""
    with pytest.raises(InvalidArgument) as caught:
        place.load(text)
    assert caught.value.field == field
    assert place.customers() == 0


def test_file_that_is_not_there(place: Place) -> None:
    """A wrong path is NotFound, garbage is InvalidArgument."""
    with pytest.raises(NotFound):
        load_customers(place.database, place.folder / "nowhere.parquet")
    with pytest.raises(InvalidArgument):
        place.load(b"junk", "junk.parquet")
    with pytest.raises(InvalidArgument):
        place.load(b"\x00\x01", "junk.csv")


def test_every_bad_row_is_told_with_its_line(place: Place) -> None:
    """Zones in lower case or by another system's names, all at once, blank lines counted."""
    with pytest.raises(InvalidArgument) as caught:
        place.load(
            "customer_id,zone,permit_email\nC1,Europe/Berlin,true\n\nC2,europe/berlin,true\n"
            "C3,W. Europe Standard Time,true\n"
        )
    message = str(caught.value)
    assert "nothing was loaded" in message
    assert "line 4: zone: 'europe/berlin'" in message
    assert "line 5: zone: 'W. Europe Standard Time'" in message
    assert place.customers() == 0


@pytest.mark.parametrize("name", ["Factory", "localtime", "posixrules", "right/Europe/Berlin"])
def test_placeholder_is_no_zone(place: Place, name: str) -> None:
    """It is unknown, quiet hours stay closed, and the loader says so."""
    loaded = place.load(f"customer_id,zone,permit_sms\nC1,{name},true\n")
    assert place.facts("C1").zone is None
    assert any(name in note and "line 2" in note for note in loaded.notes)


def test_ids_are_text_behind_a_byte_order_mark(place: Place) -> None:
    """``00123`` is not ``123``."""
    place.load(b"\xef\xbb\xbfcustomer_id,zone,permit_email\r\n00123,Europe/Berlin,true\r\n")
    assert place.email("00123") is True
    assert place.email("123") is None


@pytest.mark.parametrize("value", [123.0, True, b"00123"])
def test_ids_in_parquet_are_text_or_whole_numbers(place: Place, value: object) -> None:
    """``123.0`` is what became of 123 beside an empty cell, and a customer that nobody asks for."""
    path = place.folder / "customers.parquet"
    pq.write_table(pa.Table.from_pylist([{"customer_id": value, "permit_email": True}]), path)
    with pytest.raises(InvalidArgument, match="not text or a whole number"):
        load_customers(place.database, path, clock=lambda: NOON)
    pq.write_table(pa.Table.from_pylist([{"customer_id": 123, "permit_email": True}]), path)
    load_customers(place.database, path, clock=lambda: NOON)
    assert place.email("123") is True


def test_rounded_ids_are_told(place: Place) -> None:
    """A spreadsheet keeps six digits of a long number."""
    loaded = place.load("customer_id,permit_email\n1.23457E+12,true\n1e5,true\n")
    assert [note[:21] for note in loaded.notes] == ["line 2: '1.23457E+12'"]


@pytest.mark.parametrize("contacts", ["null", "[]", '""'])
def test_no_contacts_may_be_written_in_any_way(place: Place, contacts: str) -> None:
    """As exports write nothing."""
    assert place.load(f"customer_id,contacts\nC1,{contacts}\n") == Loaded(customers=1)


def test_other_purposes_are_kept_and_told(place: Place) -> None:
    """A refusal for research, or for a slip of the pen, closes nothing that is decided here."""
    loaded = place.load("customer_id,purpose,permit_email\nC1,research,false\nC2,,true\n")
    assert place.email() is None
    assert loaded.notes == ("kept for research: decisions go by marketing only",)


def test_windows_file_is_read_and_said(place: Place) -> None:
    """An umlaut of the Windows code page in a column that is not used costs nothing."""
    text = "customer_id,zone,note,permit_email\nC1,Europe/Berlin,Kündiger,true\n"
    loaded = place.load(text.encode("cp1252"))
    assert place.email() is True
    assert loaded.notes == ("encoded in Windows-1252", "not used: note")


def test_blanks_around_ids_are_left_out_and_said(place: Place) -> None:
    """The id rule of requests holds for files too."""
    loaded = place.load("customer_id,permit_email\nC1 ,true\n c2,true\n")
    assert (place.email("C1"), place.email("c2")) == (True, True)
    assert [note[:6] for note in loaded.notes] == ["line 2", "line 3"]
    with pytest.raises(InvalidArgument, match="there twice"):
        place.load("customer_id,permit_email\nC1,true\nC1 ,true\n")


def test_semicolons_are_read_and_said(place: Place) -> None:
    """As spreadsheets write them where the decimal mark is a comma."""
    loaded = place.load("customer_id;zone;permit_email\nC1;Europe/Berlin;true\n")
    assert place.email() is True
    assert loaded.notes == ("separated by ';'",)


REFUSED = "customer_id,as_of,permit_email\nC1,2026-03-02T00:00:00Z,false\n"
GRANTED = "customer_id,as_of,permit_email\nC1,2026-03-01T00:00:00Z,true\n"
EVENING = "customer_id,as_of,permit_email\nC1,2026-03-03T23:59:00Z,true\n"
CONSENT = "customer_id,given_at_email,source,permit_email\nC1,2026-03-03T09:00:00Z,shop 7,true\n"


@pytest.mark.parametrize(
    "files",
    [
        (REFUSED, GRANTED),
        (GRANTED, REFUSED),
        (REFUSED, EVENING),
        (EVENING, REFUSED),
        (CONSENT.replace("-03T", "-01T"), REFUSED),
        (REFUSED, CONSENT.replace("shop 7", "")),
    ],
    ids=["older last", "older first", "read later", "read before", "consent before", "no source"],
)
def test_refusal_outlives_files(place: Place, files: tuple[str, str]) -> None:
    """When a row was read is not when the customer said yes."""
    for text in files:
        loaded = place.load(text)
    assert place.email() is False
    assert loaded.held_back == ("true" in files[-1])
    if loaded.held_back:
        (line,) = place.lines[-1:]
        (fact,) = line["permissions"]  # type: ignore[misc]
        assert (line["line"], fact["before"], fact["after"]) == (2, "refused", "refused")
        assert fact["reason"] in ("no_given_at", "no_source")


def test_consent_given_after_the_refusal_restores(place: Place) -> None:
    """With its time and source, before or after the refusal is loaded."""
    for files in ((REFUSED, CONSENT), (CONSENT, REFUSED)):
        other = Place(place.folder / str(len(files[0])))
        for text in files:
            other.load(text)
        assert other.email() is True


def test_customer_twice_is_refused(place: Place) -> None:
    """Nobody can tell which of the rows is meant."""
    with pytest.raises(InvalidArgument, match=r"line 3: customer_id: 'C1' is there twice.*line 2"):
        place.load(REFUSED + GRANTED.splitlines()[1] + "\n")
    assert place.customers() == 0


def test_absent_column_and_empty_cell_change_nothing(place: Place) -> None:
    """What a file does not say stays as it is."""
    place.load("customer_id,zone,permit_email\nC1,Europe/Berlin,true\n")
    place.load("customer_id,permit_sms\nC1,true\n")
    place.load("customer_id,zone,permit_email\nC1,,\n")
    facts = place.facts("C1")
    assert facts.zone == "Europe/Berlin"
    assert facts.permissions == {Channel.EMAIL: True, Channel.SMS: True}


@pytest.mark.parametrize("column", ["as_of", "given_at", "given_at_email"])
def test_consent_of_the_end_of_time_is_refused(place: Place, column: str) -> None:
    """A sentinel for *open end* undoes no opt-out."""
    place.load(REFUSED)
    with pytest.raises(InvalidArgument) as caught:
        place.load(f"customer_id,{column},source,permit_email\nC1,9999-12-31T00:00:00Z,crm,true\n")
    assert str(caught.value.field).startswith("lines[2].")
    assert place.email() is False


def test_refusal_of_the_end_of_time_counts_from_now(place: Place) -> None:
    """A withdrawal is never lost because of a clock, and the loader says so."""
    loaded = place.load("customer_id,as_of,permit_email\nC1,9999-12-31T00:00:00Z,false\n")
    assert place.email() is False
    assert "counts from now on" in loaded.notes[0]


def test_command_tells_line_by_line(tmp_path: Path) -> None:
    """--json and --report say what each line changed; a bad file ends with 3 and one line."""
    home, file, report = tmp_path / "home", tmp_path / "c.csv", tmp_path / "report.json"
    create(home)
    file.write_text(REFUSED)
    command = ["profiles", "load", str(file), "--home", str(home), "--report", str(report)]
    done = CliRunner().invoke(build(), [*command, "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told == json.loads(report.read_text())
    assert (told["customers"], told["permissions"], told["held_back"]) == (1, 1, 0)
    (line,) = told["lines"]
    assert line["customer_id"] == "C1"
    assert line["permissions"][0]["after"] == "refused"
    shown = CliRunner().invoke(build(), command, catch_exceptions=False)
    assert "customers" in shown.output
    file.write_text(EVENING)
    held = CliRunner().invoke(build(), command, catch_exceptions=False)
    assert "not granted" in " ".join(held.output.split())


def test_permission_by_command(tmp_path: Path) -> None:
    """A refusal on the telephone holds; what outlives it does so here too."""
    create(tmp_path)
    place, runner = Place(tmp_path), CliRunner()
    place.load(CONSENT)

    def told(*options: str) -> tuple[int, str]:
        done = runner.invoke(
            build(), ["permission", "set", "C1", "--home", str(tmp_path), *options]
        )
        return done.exit_code, done.output

    assert told("--refused", "--channel", "all") == (0, "C1: all is refused.\n")
    assert place.email() is False
    code, output = told("--granted", "--channel", "email")
    assert code == 0
    assert "email is not granted" in output
    assert place.email() is False
    code, output = told("--refused", "--channel", "email", "--purpose", "survey")
    assert (code, "decisions go by marketing only" in output) == (0, True)
    assert isinstance(
        runner.invoke(
            build(),
            ["permission", "set", "C1", "--refused", "--channel", "sms", "--home", "/nowhere"],
        ).exception,
        NotFound,
    )


def test_of_a_title_above_the_header_the_line_below_is_named(tmp_path: Path) -> None:
    """Before, the title was taken for a column that the file must not have."""
    path = tmp_path / "customers.csv"
    path.write_text("Customers of March,,\n\n" + CSV)
    with pytest.raises(InvalidArgument, match="line 3 looks like the header"):
        read_customers(path, now=NOON, tolerance=timedelta(0))


def test_every_fault_is_a_line_of_its_own(tmp_path: Path) -> None:
    """The message has the first twenty; the error has all of them, with their file."""
    path = tmp_path / "customers.csv"
    rows = "".join(f"C{n},Nowhere/Land\n" for n in range(25))
    path.write_text("customer_id,zone\n" + rows)
    with pytest.raises(InvalidArgument, match="and 5 more") as caught:
        read_customers(path, now=NOON, tolerance=timedelta(0))
    assert len(caught.value.faults) == 25
    assert caught.value.faults[24].startswith(f"{path}: line 26: ")
