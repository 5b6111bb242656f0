"""Loading customers from files: profiles, permissions and contacts made elsewhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from serving.decisioning import ledger, profiles
from serving.decisioning.clock import Clock, server_clock
from serving.decisioning.profiles import Profile
from serving.guardrails.facts import Contact
from serving.store import Database
from troth.catalogue import CHANNELS, Channel
from troth.errors import InvalidArgument, NotFound
from troth.types import parse_time, require_aware

ROWS_PER_TRANSACTION = 2000
"""Small enough that decisions going on beside a load do not wait."""
_PERMIT: dict[str, Channel] = {
    f"permit_{channel}": channel for channel in CHANNELS if channel is not Channel.NONE
}
_KNOWN = {"customer_id", "zone", "as_of", "contacts", *_PERMIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a load did.

    Attributes:
        customers: profiles stored.
        contacts: contacts booked that were not there yet.
        held_back: permissions the file grants but the customer had withdrawn.
    """

    customers: int
    contacts: int
    held_back: int


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer as a file describes them."""

    profile: Profile
    contacts: tuple[Contact, ...]


def load_customers(
    database: Database,
    path: Path,
    *,
    clock: Clock = server_clock,
    on_progress: Callable[[int, int], None] | None = None,
) -> Loaded:
    """Load ``path`` into the profiles and the contact ledger. Loading again is harmless.

    Args:
        database: where to.
        path: Parquet or CSV with ``customer_id``; optionally ``zone`` (IANA), ``as_of``
            (time with a zone), ``permit_<channel>`` (true, false, empty for unknown) and
            ``contacts`` (a list of ``{"at", "channel"}``, or the same as JSON text).
        clock: for the time of storage.
        on_progress: called with rows done and rows in all.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming the row and the column; nothing is loaded then.
    """
    rows = read_customers(path)
    return store_customers(database, rows, clock=clock, on_progress=on_progress)


def store_customers(
    database: Database,
    rows: list[CustomerRow],
    *,
    clock: Clock = server_clock,
    on_progress: Callable[[int, int], None] | None = None,
) -> Loaded:
    """Store ``rows``; see :func:`load_customers`."""
    contacts = held_back = 0
    for start in range(0, len(rows), ROWS_PER_TRANSACTION):
        part = rows[start : start + ROWS_PER_TRANSACTION]
        with database.write() as connection:
            held_back += profiles.upsert(connection, (r.profile for r in part), now=clock())
            for row in part:
                contacts += ledger.book_elsewhere(
                    connection, row.profile.customer_id, row.profile.zone, row.contacts
                )
        if on_progress is not None:
            on_progress(start + len(part), len(rows))
    return Loaded(customers=len(rows), contacts=contacts, held_back=held_back)


def read_customers(path: Path) -> list[CustomerRow]:
    """Read and check ``path``; see :func:`load_customers`."""
    return [_row(data, at) for at, data in enumerate(_records(path))]


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if not path.is_file():
        raise NotFound(f"{path} does not exist", field="file")
    try:
        if path.suffix == ".csv":
            # Everything as text: a column of empty cells has no other type.
            with path.open(newline="") as file:
                head = next(csv.reader(file), [])
            table = pa.csv.read_csv(
                path,
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(head, pa.string()), strings_can_be_null=True
                ),
            )
        else:
            table = pa.parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidArgument(f"{path} is not readable: {error}", field="file") from error
    unknown = [name for name in table.column_names if name not in _KNOWN]
    if unknown:
        raise InvalidArgument(f"{path} has no use for column {unknown[0]!r}", field=unknown[0])
    if "customer_id" not in table.column_names:
        raise InvalidArgument(f"{path} has no such column", field="customer_id")
    for batch in table.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


def _row(data: Mapping[str, Any], at: int) -> CustomerRow:
    where = f"rows[{at}]"
    permissions: dict[Channel, bool] = {}
    for column, channel in _PERMIT.items():
        granted = _flag(data.get(column), f"{where}.{column}")
        if granted is not None:
            permissions[channel] = granted
    as_of = _moment(data.get("as_of"), f"{where}.as_of")
    try:
        profile = Profile(
            customer_id=str(data["customer_id"] or ""),
            zone=data.get("zone") or None,
            permissions=permissions,
            as_of=as_of,
        )
    except InvalidArgument as error:
        raise InvalidArgument(error.message, field=f"{where}.{error.field}") from error
    return CustomerRow(profile, _contacts(data.get("contacts"), f"{where}.contacts"))


def _flag(value: Any, field: str) -> bool | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in {"true", "1"}:
        return True
    if text in {"false", "0"}:
        return False
    raise InvalidArgument(f"{value!r} is not true, false or empty", field=field)


def _moment(value: Any, field: str) -> datetime | None:
    if value is None or value == "":
        return None
    return require_aware(value, field) if isinstance(value, datetime) else parse_time(value, field)


def _contacts(value: Any, field: str) -> tuple[Contact, ...]:
    if not value:
        return ()
    try:
        rows = json.loads(value) if isinstance(value, str) else value
        contacts = []
        for row in rows:
            at = _moment(row["at"], field)
            channel = Channel(row["channel"])
            if at is None or channel is Channel.NONE:
                raise ValueError("a contact has a time and a channel")
            contacts.append(Contact(at=at, channel=channel))
        return tuple(contacts)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArgument(f"{value!r}: {error}", field=field) from error
