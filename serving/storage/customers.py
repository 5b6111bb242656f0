"""Customers as rows: their zones, their permissions, and reports of permissions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, insert, literal_column, select, union_all, update

from serving.storage.session import Session
from serving.storage.statements import Statement, upsert
from serving.storage.tables import permission_reports, permissions, profiles


class PermissionRow(NamedTuple):
    """A permission as stored."""

    customer_id: str
    purpose: str
    channel: str
    kind: str
    at: str
    source: str
    recorded_at: str
    fact_id: str


class ToldPermission(NamedTuple):
    """A permission as the audit compares it with its log."""

    customer_id: str
    purpose: str
    channel: str
    kind: str
    at: str
    fact_id: str


_p = permissions.c
_OF = (_p.customer_id == bindparam("customer_id"), _p.purpose == bindparam("purpose"))
_PERMISSIONS = Statement(select(_p.channel, _p.kind, _p.at).where(*_OF))
# One statement for zone and permissions: each costs more than its rows.
_KNOWN = Statement(
    union_all(
        select(literal_column("''"), profiles.c.told, profiles.c.zone).where(
            profiles.c.customer_id == bindparam("customer_id")
        ),
        select(_p.channel, _p.kind, _p.at).where(*_OF),
    )
)
_ZONE = Statement(select(profiles.c.zone).where(profiles.c.customer_id == bindparam("customer_id")))
_PUT_ZONE = upsert(profiles, ("customer_id", "zone", "updated_at"), over=("zone", "updated_at"))
_PUT_TOLD = Statement(
    update(profiles)
    .where(profiles.c.customer_id == bindparam("which"))
    .values(told=bindparam("told"))
)
_PUT_PERMISSION = upsert(
    permissions, PermissionRow._fields, over=("at", "source", "recorded_at", "fact_id")
)
_ALL = Statement(
    select(*(permissions.c[name] for name in ToldPermission._fields)).order_by(
        _p.customer_id, _p.purpose
    )
)
_REPORT = Statement(
    select(permission_reports.c.digest).where(
        permission_reports.c.permission_id == bindparam("permission_id")
    )
)
_ADD_REPORT = Statement(
    insert(permission_reports).inline(), ("permission_id", "digest", "recorded_at")
)


class CustomerRepository:
    """Customers in one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def known(
        self, customer_id: str, purpose: str
    ) -> tuple[str | None, str, list[tuple[str, str, str]]]:
        """Zone, what else is told as JSON, and permissions as (channel, kind, at)."""
        zone: str | None = None
        told = "{}"
        facts: list[tuple[str, str, str]] = []
        for row in self._session.rows(_KNOWN, customer_id=customer_id, purpose=purpose):
            if row[0]:
                facts.append((row[0], row[1], row[2]))
            else:
                told, zone = row[1], row[2]
        return zone, told, facts

    def zone(self, customer_id: str) -> tuple[bool, str | None]:
        """Whether there is a profile, and its zone."""
        row = self._session.row(_ZONE, customer_id=customer_id)
        return (False, None) if row is None else (True, row[0])

    def put_zone(self, customer_id: str, zone: str | None, updated_at: str) -> None:
        """Store a profile in place of any other."""
        self._session.change(_PUT_ZONE, customer_id=customer_id, zone=zone, updated_at=updated_at)

    def put_told(self, customer_id: str, told: str) -> None:
        """Store what else is told of a customer that there is a profile of, as JSON."""
        self._session.change(_PUT_TOLD, which=customer_id, told=told)

    def permissions(self, customer_id: str, purpose: str) -> list[tuple[str, str, str]]:
        """Permissions for one purpose, as (channel, kind, at)."""
        rows = self._session.rows(_PERMISSIONS, customer_id=customer_id, purpose=purpose)
        return [(row[0], row[1], row[2]) for row in rows]

    def put_permissions(self, rows: Sequence[PermissionRow]) -> None:
        """Store permissions, each in place of the one of its customer, purpose, channel, kind."""
        self._session.add_all(_PUT_PERMISSION, rows)

    def all_permissions(self) -> Iterator[ToldPermission]:
        """Every permission, by customer and purpose."""
        return map(ToldPermission._make, self._session.stream(_ALL))

    def report(self, permission_id: str) -> str | None:
        """The digest of what was reported under an id."""
        row = self._session.row(_REPORT, permission_id=permission_id)
        return None if row is None else str(row[0])

    def add_report(self, permission_id: str, digest: str, recorded_at: str) -> None:
        """Remember what was reported under an id."""
        self._session.change(
            _ADD_REPORT, permission_id=permission_id, digest=digest, recorded_at=recorded_at
        )
