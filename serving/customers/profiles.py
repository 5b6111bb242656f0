"""Profiles: what an installation is told about a customer, and what it knows of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from serving.customers import permissions
from serving.customers.permissions import MARKETING, Change, PermissionFact
from troth.catalogue import Channel
from troth.errors import InvalidArgument
from troth.guardrails.facts import find_zone
from troth.ids import require_customer
from troth.types import isoformat, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an installation is told about a customer; what it is not told stays as it is.

    Attributes:
        customer_id: as in requests.
        zone: IANA time zone, ``None`` if this does not say.
        permissions: what is said about them, for one purpose.

    Raises:
        InvalidArgument: naming the field.
    """

    customer_id: str
    zone: str | None = None
    permissions: tuple[PermissionFact, ...] = ()

    def __post_init__(self) -> None:
        require_customer(self.customer_id)
        if self.zone is not None and find_zone(self.zone) is None:
            raise InvalidArgument(f"{self.zone[:64]!r} is not an IANA time zone", field="zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfile:
    """What storing a profile did.

    Attributes:
        zone_before: what was known, where the profile names another zone; else ``None``.
        zone_changed: whether it does.
        changes: one per permission, in order.
    """

    zone_before: str | None
    zone_changed: bool
    changes: tuple[Change, ...]


def find(
    connection: sqlite3.Connection, customer_id: str
) -> tuple[str | None, dict[Channel, bool]]:
    """Zone and permissions of a customer, for marketing; a stranger has neither.

    Raises:
        DataLoss: if what is stored cannot be read: nobody is contacted on a guess.
    """
    zone: str | None = None
    facts = []
    # One statement for both: each costs more than its rows.
    for channel, kind, text in connection.execute(
        "SELECT '' AS channel, '' AS kind, zone FROM profiles WHERE customer_id = ?"
        " UNION ALL SELECT channel, kind, at FROM permissions"
        " WHERE customer_id = ? AND purpose = ?",
        (customer_id, customer_id, MARKETING),
    ):
        if channel:
            facts.append((channel, kind, text))
        else:
            zone = text
    return zone, dict(_folded(tuple(facts)))


@lru_cache(maxsize=4096)
def _folded(facts: tuple[tuple[str, str, str], ...]) -> dict[Channel, bool]:
    """What follows from facts; a decision asks twice, before its draw and at its commit."""
    return permissions.fold(permissions.facts_of(facts))


def store(
    connection: sqlite3.Connection,
    profile: Profile,
    *,
    now: datetime,
    tolerance: timedelta,
    via: str = "file",
) -> StoredProfile:
    """Take up ``profile``.

    Args:
        connection: inside a write transaction.
        profile: what is said of a customer.
        now: aware UTC.
        tolerance: how far ahead of it a reporter's clock may be.
        via: what brought it, for the audit log.

    Raises:
        InvalidArgument: as :func:`serving.customers.permissions.record`.
    """
    before = _zone(connection, profile, now)
    changed = profile.zone not in (None, before)
    changes = permissions.record(
        connection,
        profile.customer_id,
        profile.permissions,
        now=now,
        tolerance=tolerance,
        fact_id=new_id(),
        via=via,
    )
    return StoredProfile(
        zone_before=before if changed else None, zone_changed=changed, changes=changes
    )


def _zone(connection: sqlite3.Connection, profile: Profile, now: datetime) -> str | None:
    """The zone known so far; the one the profile names takes its place."""
    row = connection.execute(
        "SELECT zone FROM profiles WHERE customer_id = ?", (profile.customer_id,)
    ).fetchone()
    before: str | None = row["zone"] if row is not None else None
    if row is None or profile.zone not in (None, before):
        connection.execute(
            "INSERT INTO profiles VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
            " zone = excluded.zone, updated_at = excluded.updated_at",
            (profile.customer_id, profile.zone, isoformat(now)),
        )
    return before
