"""Reports of permissions: what a customer granted or refused, told by whoever heard it.

A withdrawal needs no decision that it came of: a customer writes, calls, or tells a shop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from serving.customers import permissions
from serving.customers.permissions import ALL, MARKETING, PermissionFact
from serving.decisions.canonical import plain_json
from serving.storage.unit_of_work import UnitOfWork
from troth.digests import sha256
from troth.errors import AlreadyExists
from troth.ids import require_customer, require_slug, require_uuid
from troth.reports import Permission, PermissionSet
from troth.types import isoformat


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionReport:
    """One report.

    Attributes:
        permission_id: UUID of the reporter's choice, the idempotency key.
        customer_id: whose permission it is; the installation need not know them yet.
        permission: what they said.
    """

    permission_id: str
    customer_id: str
    permission: PermissionFact

    @classmethod
    def of(cls, told: Permission) -> PermissionReport:
        """The report of what a channel system told."""
        return cls(
            permission_id=told.permission_id,
            customer_id=told.customer_id,
            permission=PermissionFact(
                channel=told.channel,
                granted=told.granted,
                given_at=told.given_at,
                source=told.source,
                purpose=told.purpose,
            ),
        )

    @property
    def digest(self) -> str:
        """SHA-256 over all that is reported: whether a repeated id reports the same."""
        told = self.permission
        return sha256(
            plain_json(
                {
                    "customer_id": self.customer_id,
                    "channel": str(told.channel or ALL),
                    "purpose": told.purpose,
                    "granted": told.granted,
                    "given_at": isoformat(told.given_at) if told.given_at else None,
                    "source": told.source,
                }
            ).encode()
        )


def checked(report: PermissionReport, now: datetime, tolerance: timedelta) -> PermissionReport:
    """Return ``report`` in canonical form if it can be right.

    Raises:
        InvalidArgument: naming the field.
    """
    purpose = report.permission.purpose or MARKETING
    report.permission.settled(now, tolerance)
    return PermissionReport(
        permission_id=require_uuid(report.permission_id, "permission_id"),
        customer_id=require_customer(report.customer_id),
        permission=replace(report.permission, purpose=require_slug(purpose, "purpose")),
    )


def take(
    unit: UnitOfWork,
    report: PermissionReport,
    *,
    now: datetime,
    tolerance: timedelta,
    via: str = "request",
) -> PermissionSet:
    """Take up a report; the next decision knows of it.

    Args:
        unit: inside a write transaction.
        report: in canonical form, see :func:`checked`.
        now: the server's clock, aware UTC.
        tolerance: how far ahead of it the reporter's clock may be.
        via: what brought it, for the audit log.

    Raises:
        AlreadyExists: if the id was used for another report.
        DataLoss: if what is known of the customer cannot be read.
    """
    first = _first_time(unit, report, now)
    if first:
        (change,) = permissions.record(
            unit,
            report.customer_id,
            (report.permission,),
            now=now,
            tolerance=tolerance,
            fact_id=report.permission_id,
            via=via,
        )
        effective, reason = change.effective, change.reason
    else:
        effective, reason = permissions.stands(unit, report.customer_id, report.permission)
    return PermissionSet(
        permission_id=report.permission_id, first_time=first, effective=effective, reason=reason
    )


def _first_time(unit: UnitOfWork, report: PermissionReport, now: datetime) -> bool:
    before = unit.customers.report(report.permission_id)
    if before is None:
        unit.customers.add_report(report.permission_id, report.digest, isoformat(now))
        return True
    if before != report.digest:
        raise AlreadyExists(
            f"{report.permission_id} was used before for another report", field="permission_id"
        )
    return False
