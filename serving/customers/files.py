"""Files of customers: what they may say, read and checked as a whole.

A file is taken whole or not at all: every row that cannot be right is listed, with its line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from serving.customers.other_contacts import Sighting
from serving.customers.permissions import ALL, MARKETING, PermissionFact
from serving.customers.profiles import Profile
from troth.catalogue import Channel
from troth.digests import parse_json
from troth.errors import InvalidArgument, NotFound
from troth.guardrails.config import CONTACT_CHANNELS
from troth.guardrails.facts import is_placeholder
from troth.guardrails.told import ToldFact
from troth.ids import require_slug, require_uuid
from troth.tables import read_table
from troth.tables.faults import listed
from troth.types import isoformat, parse_time, require_aware

_REACH: dict[str, Channel | None] = {ALL: None, **{str(c): c for c in CONTACT_CHANNELS}}
MOST_PURPOSES = 5
"""Purposes other than marketing that a note tells."""
_ROUNDED = re.compile(r"\d(\.\d+)?E\+\d+")
"""A long number as a spreadsheet shows it, most digits gone."""
_WHOLE = re.compile(r"[+-]?[0-9]{1,16}(\.0+)?")
_WORDS = {"true": 1, "false": 0}
_PARTS = ("permit", "given_at", "source")
COLUMNS = (
    "customer_id",
    "zone",
    "as_of",
    "given_at",
    "source",
    "purpose",
    "contacts",
    *(f"{part}_{reach}" for part in _PARTS for reach in _REACH),
)
"""Every column that a file may have."""


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer as a file describes them.

    Attributes:
        profile: zone and permissions.
        contacts: as other systems' logs have them.
        line: of a text file, or number of the row of a Parquet file, from 1; 0 of no file.
    """

    profile: Profile
    contacts: tuple[Sighting, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """What a file says.

    Attributes:
        rows: one per customer.
        notes: what its reader should know of it, one sentence each.
    """

    rows: list[CustomerRow]
    notes: tuple[str, ...]


def read_customers(
    path: Path, *, now: datetime, tolerance: timedelta, told: Sequence[ToldFact] = ()
) -> CustomerFile:
    """Read and check ``path``; see :func:`serving.customers.importing.load_customers`.

    Args:
        path: Parquet, or text with a header.
        now: the server's clock, aware UTC.
        tolerance: how far ahead of it a time may lie.
        told: facts that it may have a column of, which is called as the fact is.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: listing every row at fault with its line; or for a fact that is called
            as another column is.
    """
    facts = {fact.name: fact for fact in told if fact.from_facts is None}
    for name in facts.keys() & set(COLUMNS):
        raise InvalidArgument("a guardrail asks for a fact that is called so", field=name)
    if not path.is_file():
        raise NotFound(f"{path} does not exist", field="file")
    notes: list[str] = []
    if path.suffix == ".parquet":
        columns, records = _parquet(path)
        where = "row"
    else:
        table = read_table(path, columns=lambda _path, names: _checked(names, path, facts))
        columns, records = table.header, table.rows()
        where = "line"
        notes.extend(table.notes)
    notes.extend(_check_columns(columns, path, facts))
    reader = _Reader(now, tolerance, where, notes, facts)
    for line, data in records:
        reader.add(line, data)
    if reader.faults:
        raise InvalidArgument(
            f"{path}: nothing was loaded: {listed(reader.faults)}",
            field=reader.first,
            faults=[f"{path}: {fault}" for fault in reader.faults],
        )
    others = sorted(reader.purposes - {MARKETING})
    if others:
        notes.append(
            f"kept for {', '.join(others[:MOST_PURPOSES])}: decisions go by {MARKETING} only"
        )
    return CustomerFile(reader.rows, tuple(notes))


@dataclass
class _Reader:
    now: datetime
    tolerance: timedelta
    where: str
    notes: list[str]
    facts: Mapping[str, ToldFact]
    rows: list[CustomerRow] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    first: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    purposes: set[str] = field(default_factory=set)

    def add(self, line: int, data: Mapping[str, Any]) -> None:
        """Check one row: it becomes a customer, or a fault."""
        try:
            row = self._row(line, data)
            earlier = self.seen.setdefault(row.profile.customer_id, line)
            if earlier != line:
                raise InvalidArgument(
                    f"{row.profile.customer_id!r} is there twice, first in {self.where} {earlier}",
                    field="customer_id",
                )
        except InvalidArgument as error:
            self.faults.append(f"{self.where} {line}: {error}")
            self.first = self.first or f"{self.where}s[{line}].{error.field}"
            return
        self.rows.append(row)

    def _row(self, line: int, data: Mapping[str, Any]) -> CustomerRow:
        return CustomerRow(
            Profile(
                customer_id=self._id(line, data.get("customer_id")),
                zone=self._zone(line, data.get("zone")),
                permissions=tuple(self._permissions(line, data)),
                told=dict(self._told(data)),
            ),
            tuple(self._contacts(data.get("contacts"))),
            line,
        )

    def _id(self, line: int, value: Any) -> str:
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
            raise InvalidArgument(
                f"{str(value)[:64]!r} is {type(value).__name__}, not text or a whole number",
                field="customer_id",
            )
        text = str(value if value is not None else "")
        if text != text.strip():
            self.notes.append(f"{self.where} {line}: blanks around {text[:64]!r} were left out")
            text = text.strip()
        if text.startswith('="'):
            raise InvalidArgument(f"{text[:64]!r} is a spreadsheet's formula", field="customer_id")
        if _ROUNDED.fullmatch(text):
            self.notes.append(
                f"{self.where} {line}: {text[:64]!r} looks like a number that a spreadsheet rounded"
            )
        return text

    def _zone(self, line: int, value: Any) -> str | None:
        name = str(value or "").strip()
        if not name:
            return None
        if is_placeholder(name):
            self.notes.append(
                f"{self.where} {line}: {name[:64]!r} is no place: a zone unknown before stays"
                " unknown, and quiet hours closed"
            )
            return None
        return name

    def _permissions(self, line: int, data: Mapping[str, Any]) -> Iterator[PermissionFact]:
        purpose = require_slug(_text(data, "purpose") or MARKETING, "purpose")
        as_of = _moment(data.get("as_of"), "as_of")
        of_all, source = _moment(data.get("given_at"), "given_at"), _text(data, "source")
        for reach, channel in _REACH.items():
            granted = _flag(data.get(f"permit_{reach}"), f"permit_{reach}")
            if granted is None:
                continue
            given_at = _moment(data.get(f"given_at_{reach}"), f"given_at_{reach}") or of_all
            if granted:
                # When it was read is not when the customer said yes, but it has to be possible.
                self._not_ahead(as_of, "as_of")
                self._not_ahead(given_at, "given_at")
            else:
                given_at = given_at or as_of
                self._tell_doubt(line, given_at)
            self.purposes.add(purpose)
            yield PermissionFact(
                channel=channel,
                granted=granted,
                given_at=given_at,
                source=_text(data, f"source_{reach}") or source,
                purpose=purpose,
            )

    def _told(self, data: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
        for name, fact in self.facts.items():
            value = _whole(data.get(name), name, words=_WORDS if fact.is_flag else {})
            if value is not None:
                yield name, fact.require(value, name)

    def _contacts(self, value: Any) -> Iterator[Sighting]:
        if value is None or (isinstance(value, str) and not value.strip()):
            return
        try:
            entries = parse_json(value) if isinstance(value, str) else value
            if entries is None:
                return
            if not isinstance(entries, list) or not all(isinstance(e, Mapping) for e in entries):
                raise ValueError('not a list of {"at", "channel"}')
            for entry in entries:
                at, name = _moment(entry.get("at"), "contacts"), entry.get("channel")
                if at is None or name in (None, Channel.NONE):
                    raise ValueError("a contact has a time (at) and a channel")
                self._not_ahead(at, "contacts")
                decision = str(entry.get("decision_id") or "")
                yield Sighting(
                    at=at,
                    channel=Channel(name),
                    decision_id=require_uuid(decision, "contacts") if decision else "",
                )
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"{str(value)[:64]!r}: {error}", field="contacts") from error

    def _not_ahead(self, moment: datetime | None, name: str) -> None:
        if moment is not None and moment > self.now + self.tolerance:
            raise InvalidArgument(
                f"{isoformat(moment)} lies ahead of the clock, {isoformat(self.now)}", field=name
            )

    def _tell_doubt(self, line: int, moment: datetime | None) -> None:
        if moment is not None and moment > self.now + self.tolerance:
            self.notes.append(
                f"{self.where} {line}: the refusal of {isoformat(moment)} counts from now on"
            )


def _parquet(path: Path) -> tuple[tuple[str, ...], Iterator[tuple[int, Mapping[str, Any]]]]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pa.parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidArgument(f"{path} is not readable: {error}", field="file") from error
    rows = (row for batch in table.to_batches(max_chunksize=10_000) for row in batch.to_pylist())
    return tuple(table.column_names), enumerate(rows, start=1)


def _check_columns(columns: Iterable[str], path: Path, facts: Iterable[str]) -> list[str]:
    """Refuse columns that look like a slip of the pen; others of a CRM are let be, and told."""
    names, known = tuple(columns), (*COLUMNS, *facts)
    unused = []
    for name in names:
        if name in known:
            continue
        close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.8)
        if close or name.lower().startswith(_PARTS):
            hint = f"; is it {close[0]!r}?" if close else ""
            raise InvalidArgument(f"{path} has no use for column {name[:64]!r}{hint}", field=name)
        unused.append(name)
    if "customer_id" not in names:
        raise InvalidArgument(f"{path} has no such column", field="customer_id")
    return [f"not used: {', '.join(unused)}"] if unused else []


def _checked(columns: tuple[str, ...], path: Path, facts: Iterable[str]) -> set[str]:
    """The columns to read, if a customer file may have them."""
    _check_columns(columns, path, facts)
    return set(columns)


def _text(data: Mapping[str, Any], name: str) -> str:
    return str(data.get(name) or "").strip()


def _flag(value: Any, name: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if not text:
        return None
    if text in {"true", "1"}:
        return True
    if text in {"false", "0"}:
        return False
    raise InvalidArgument(f"{text[:64]!r} is not true, false or empty", field=name)


def _whole(value: Any, name: str, words: Mapping[str, int]) -> int | None:
    text = str(value if value is not None else "").strip()
    if not text:
        return None
    if text.lower() in words:
        return words[text.lower()]
    if not _WHOLE.fullmatch(text):
        raise InvalidArgument(f"{text[:64]!r} is not a whole number or empty", field=name)
    return int(text.partition(".")[0])


def _moment(value: Any, name: str) -> datetime | None:
    if isinstance(value, datetime):
        return require_aware(value, name)
    text = str(value if value is not None else "").strip()
    return parse_time(text, name) if text else None
