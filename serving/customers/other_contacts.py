"""Contacts in other systems' logs: which of them were granted here, and which are others.

A provider's log shows what it sent, our own grants among it. A row with the id of a decision
is that decision's contact. One without is the contact of a grant to the same customer through
the same channel within 24 hours before it, if no other row is; rows and grants are paired in
order of time. Whatever is left was made elsewhere, and counts by itself.

The pairing of a customer's channel is worked out anew from everything known each time, so it
does not depend on the order in which logs are loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from serving.customers.contact_ledger import SEEN_WITHIN, from_microseconds, microseconds
from serving.storage.unit_of_work import UnitOfWork
from troth.catalogue import Channel
from troth.guardrails.facts import local_day

_SECOND_US = 1_000_000
_WITHIN_US = SEEN_WITHIN.days * 86_400 * _SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A contact as another system's log has it.

    Attributes:
        at: when it was made, aware UTC.
        channel: how.
        decision_id: which decision it carries out, lower case; empty if the log does not say.
    """

    at: datetime
    channel: Channel
    decision_id: str = ""


class How(StrEnum):
    """What a sighting turned out to be."""

    BY_ID = "matched_by_id"
    BY_TIME = "matched_by_time"
    NEW = "new"
    """Made elsewhere, and not known before."""
    KNOWN = "known"
    """Made elsewhere, as known before."""


def book(
    unit: UnitOfWork,
    customer_id: str,
    zone: str | None,
    sightings: Iterable[Sighting],
) -> Counter[How]:
    """Take up the sightings of one customer.

    Args:
        unit: inside a write transaction.
        customer_id: whom.
        zone: the customer's time zone, ``None`` if unknown.
        sightings: in any order.

    Returns:
        How many turned out to be what.
    """
    by_channel: dict[Channel, list[Sighting]] = {}
    for sighting in sightings:
        by_channel.setdefault(sighting.channel, []).append(sighting)
    found: Counter[How] = Counter()
    for channel, seen in by_channel.items():
        found += _Pairing.of(unit, customer_id, channel, zone).take(seen)
    return found


@dataclass
class _Grant:
    contact_id: int
    at_us: int
    seen_at_us: int | None
    seen_by: str | None


@dataclass
class _Pairing:
    """One customer's contacts through one channel."""

    unit: UnitOfWork
    customer_id: str
    channel: Channel
    zone: str | None
    grants: dict[str, _Grant] = field(default_factory=dict)
    elsewhere: dict[int, bool] = field(default_factory=dict)
    """Times of contacts made elsewhere; true for those that name a decision not of ours."""

    @classmethod
    def of(cls, unit: UnitOfWork, customer_id: str, channel: Channel, zone: str | None) -> _Pairing:
        pairing = cls(unit, customer_id, channel, zone)
        for row in unit.contacts.entries(customer_id, channel.value):
            if row.decision_id is None:
                pairing.elsewhere[row.at_us] = row.seen_by is not None
            else:
                pairing.grants[row.decision_id] = _Grant(
                    row.contact_id, row.at_us, row.seen_at_us, row.seen_by
                )
        return pairing

    def take(self, seen: Sequence[Sighting]) -> Counter[How]:
        known = set(self.elsewhere)
        loose = {at for at, named in self.elsewhere.items() if not named}
        loose |= {
            g.seen_at_us
            for g in self.grants.values()
            if g.seen_at_us is not None and g.seen_by == "time"
        }
        foreign: set[int] = {at for at, named in self.elsewhere.items() if named}
        for sighting in seen:
            at_us = microseconds(sighting.at)
            grant = self.grants.get(sighting.decision_id)
            if grant is not None:
                earlier = grant.seen_at_us if grant.seen_by == "id" else None
                grant.seen_at_us = max(at_us, earlier or at_us)
                grant.seen_by = "id"
                loose.discard(at_us)
            elif sighting.decision_id:
                foreign.add(at_us)
            else:
                loose.add(at_us)
        # The same row, once with the decision's id and once without.
        named = {g.seen_at_us for g in self.grants.values() if g.seen_by == "id"}
        loose -= named | foreign
        paired = self._pair(loose)
        self._write(known, (loose - paired) | foreign, foreign)
        found: Counter[How] = Counter()
        for sighting in seen:
            at_us = microseconds(sighting.at)
            if sighting.decision_id in self.grants or (at_us in named and not sighting.decision_id):
                found[How.BY_ID] += 1
            elif at_us in paired and not sighting.decision_id:
                found[How.BY_TIME] += 1
            else:
                found[How.KNOWN if at_us in known else How.NEW] += 1
                known.add(at_us)
        return found

    def _pair(self, loose: set[int]) -> set[int]:
        """Give each grant the earliest row that can be it; returns the rows given.

        In order of time on both sides no pairing matches more rows. Logs cut off fractions of
        a second, so a row may seem to lie just before its grant.
        """
        waiting = sorted(
            (g for g in self.grants.values() if g.seen_by != "id"),
            key=lambda g: (g.at_us, g.contact_id),
        )
        for grant in waiting:
            grant.seen_at_us = grant.seen_by = None
        paired: set[int] = set()
        for at_us in sorted(loose):
            while waiting and at_us >= waiting[0].at_us + _WITHIN_US:
                waiting.pop(0)
            if waiting and at_us >= waiting[0].at_us // _SECOND_US * _SECOND_US:
                grant = waiting.pop(0)
                grant.seen_at_us, grant.seen_by = at_us, "time"
                paired.add(at_us)
        return paired

    def _write(self, known: set[int], wanted: set[int], foreign: set[int]) -> None:
        ledger = self.unit.contacts
        ledger.mark_seen((g.contact_id, g.seen_at_us, g.seen_by) for g in self.grants.values())
        ledger.remove_elsewhere(self.customer_id, self.channel.value, known - wanted)
        ledger.add_elsewhere(
            self.customer_id,
            self.channel.value,
            self.zone,
            (
                (
                    at_us,
                    local_day(from_microseconds(at_us), self.zone),
                    "id" if at_us in foreign else None,
                )
                for at_us in sorted(wanted - known)
            ),
        )
