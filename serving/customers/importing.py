"""Loading customers: zones, permissions, and contacts in other systems' logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from serving.clock import Clock, server_clock
from serving.customers import other_contacts, profiles
from serving.customers.files import CustomerRow, read_customers
from serving.customers.other_contacts import How
from serving.customers.permissions import REASONS
from serving.customers.profiles import StoredProfile
from serving.storage.database import Database
from serving.storage.unit_of_work import UnitOfWork
from troth.errors import TrothError
from troth.guardrails.config import GuardrailConfig
from troth.guardrails.told import ToldFact

ROWS_PER_TRANSACTION = 250
"""Small enough that decisions going on beside a load do not wait."""
TOLERANCE = timedelta(seconds=300)
"""How far ahead of the clock a time may lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a load did.

    Attributes:
        customers: rows taken up.
        zones: time zones that are others than before.
        facts: facts for guardrails that are others than before.
        permissions: channels' permissions that are others than before.
        held_back: permissions the file grants but the customer refused.
        contacts: contacts made elsewhere that were not known.
        matched_by_id, matched_by_time: contacts that were granted here, known by their decision
            or by customer, channel and time.
        notes: what was found out about the file, one sentence each.
    """

    customers: int
    zones: int = 0
    permissions: int = 0
    held_back: int = 0
    facts: int = 0
    contacts: int = 0
    matched_by_id: int = 0
    matched_by_time: int = 0
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """The figures by name."""
        names = [name for name in self.__dataclass_fields__ if name != "notes"]
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReport:
    """What one row of a file did.

    Attributes:
        line: see :class:`serving.customers.files.CustomerRow`.
        customer_id: whom it is about.
        taken: what became of zone and permissions.
        zone: what the row says.
        contacts: how many sightings turned out to be what.
    """

    line: int
    customer_id: str
    taken: StoredProfile
    zone: str | None
    contacts: Counter[How] = field(default_factory=Counter)

    @property
    def held_back(self) -> int:
        """Permissions granted by the row, but not in force."""
        return sum(c.permission.granted and not c.effective for c in self.taken.changes)

    @property
    def tells(self) -> bool:
        """Whether there is anything to tell: a change, something held back, a contact."""
        changed = self.taken.zone_changed or any(c.changed for c in self.taken.changes)
        changed = changed or bool(self.taken.told)
        return changed or bool(self.held_back or self.contacts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: what changed, and what did not although the row says so."""
        told: dict[str, Any] = {"line": self.line, "customer_id": self.customer_id}
        if self.taken.zone_changed:
            told["zone"] = {"before": self.taken.zone_before, "after": self.zone}
        facts = [c for c in self.taken.changes if c.changed or not c.effective]
        if facts:
            told["permissions"] = [{**c.to_dict(), "reason": c.reason} for c in facts]
        if self.taken.told:
            told["facts"] = {
                name: {"before": before, "after": after}
                for name, (before, after) in self.taken.told.items()
            }
        if self.contacts:
            told["contacts"] = {str(how): count for how, count in self.contacts.items()}
        return told

    def sentences(self) -> Iterator[tuple[int, str, str]]:
        """The same for people: line, customer, and one thing each."""
        if self.taken.zone_changed:
            yield self.line, self.customer_id, f"zone is {self.zone}"
        for change in self.taken.changes:
            if not change.changed and change.effective:
                continue
            said = "granted" if change.permission.granted else "refused"
            where = change.permission.channel or "all channels"
            what = said if change.effective else f"not {said}: {REASONS[change.reason]}"
            yield self.line, self.customer_id, f"{where} is {what}"
        for name, (_, value) in self.taken.told.items():
            yield self.line, self.customer_id, f"{name} is {value}"
        for how, count in self.contacts.items():
            if how is not How.KNOWN:
                yield self.line, self.customer_id, f"{count} contacts {how.replace('_', ' ')}"


Progress = Callable[[int, int], None]
OnLine = Callable[[LineReport], None]


def told_facts(home: Path) -> tuple[Sequence[ToldFact], Sequence[str]]:
    """What the guardrails of an installation are to be told, and a note if that is not known.

    Refusals of customers are taken up, and logs written, whatever state the guardrails are in.
    """
    try:
        return GuardrailConfig.installed(home).told, ()
    except TrothError as error:
        return (), (f"facts for guardrails are left out: {error}",)


def load_customers(
    database: Database,
    path: Path,
    *,
    clock: Clock = server_clock,
    tolerance: timedelta = TOLERANCE,
    told: Sequence[ToldFact] = (),
    on_progress: Progress | None = None,
    on_line: OnLine | None = None,
) -> Loaded:
    """Load ``path`` into profiles, permissions and contact ledger. Loading again is harmless.

    A column that is absent and a cell that is empty change nothing. A refusal without a time
    counts from each load: it may be newer than any consent given before.

    Args:
        database: where to.
        path: Parquet, or text with a header and commas, semicolons, bars or tabs, one row per
            customer: ``customer_id``; optionally ``zone`` (IANA), ``permit_<channel>`` or
            ``permit_all`` (true or false) with ``given_at`` (when the customer said so, a time
            with a zone), ``source`` (where) or the two for one channel, ``given_at_<channel>``
            and ``source_<channel>``; ``purpose``; ``as_of`` (when the row was read: a refusal
            without a time counts from it, a consent never does); and ``contacts`` (a list of
            ``{"at", "channel", "decision_id"}``, the last optional, or the same as JSON text);
            and a column for each fact of ``told``.
        clock: for the time of storage.
        tolerance: how far ahead of it a time may lie.
        told: what the installation's guardrails are to be told of customers.
        on_progress: called with rows done and rows in all.
        on_line: called for each row that changed something or was held back.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: listing all rows at fault with their lines; nothing is loaded then.
    """
    file = read_customers(path, now=clock(), tolerance=tolerance, told=told)
    return store_customers(
        database,
        file.rows,
        clock=clock,
        tolerance=tolerance,
        notes=file.notes,
        on_progress=on_progress,
        on_line=on_line,
    )


def store_customers(
    database: Database,
    rows: Sequence[CustomerRow],
    *,
    clock: Clock = server_clock,
    tolerance: timedelta = TOLERANCE,
    notes: tuple[str, ...] = (),
    on_progress: Progress | None = None,
    on_line: OnLine | None = None,
) -> Loaded:
    """Store ``rows``; see :func:`load_customers`."""
    counts: Counter[str] = Counter()
    for start in range(0, len(rows), ROWS_PER_TRANSACTION):
        part = rows[start : start + ROWS_PER_TRANSACTION]
        now = clock()
        with database.write() as unit:
            lines = [_store(unit, row, now, tolerance) for row in part]
        for line in lines:
            counts.update(dict(_counted(line)))
            if on_line is not None and line.tells:
                on_line(line)
        if on_progress is not None:
            on_progress(start + len(part), len(rows))
    return Loaded(customers=len(rows), notes=notes, **counts)


def _store(unit: UnitOfWork, row: CustomerRow, now: datetime, tolerance: timedelta) -> LineReport:
    taken = profiles.store(unit, row.profile, now=now, tolerance=tolerance)
    contacts: Counter[How] = Counter()
    if row.contacts:
        zone, _ = profiles.find(unit, row.profile.customer_id)
        contacts = other_contacts.book(unit, row.profile.customer_id, zone, row.contacts)
    return LineReport(
        line=row.line,
        customer_id=row.profile.customer_id,
        taken=taken,
        zone=row.profile.zone,
        contacts=contacts,
    )


def _counted(line: LineReport) -> Iterator[tuple[str, int]]:
    yield "zones", int(line.taken.zone_changed)
    yield (
        "permissions",
        sum(
            change.before[channel] is not change.after[channel]
            for change in line.taken.changes
            for channel in change.after
        ),
    )
    yield "held_back", line.held_back
    yield "facts", len(line.taken.told)
    yield "contacts", line.contacts[How.NEW]
    yield "matched_by_id", line.contacts[How.BY_ID]
    yield "matched_by_time", line.contacts[How.BY_TIME]
