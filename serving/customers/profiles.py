"""Profiles: what an installation is told about a customer, and what it knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from serving.customers import permissions
from serving.customers.permissions import MARKETING, Change, PermissionFact
from serving.storage.unit_of_work import UnitOfWork
from troth.catalogue import Channel
from troth.digests import canonical_json, parse_json
from troth.errors import DataLoss, InvalidArgument
from troth.guardrails.facts import find_zone
from troth.ids import require_customer
from troth.types import isoformat, new_id

_NOTHING_TOLD = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an installation is told about a customer; what it is not told stays as it is.

    Attributes:
        customer_id: as in requests.
        zone: IANA time zone, ``None`` if this does not say.
        permissions: what is said about them, for one purpose.
        told: by name, what guardrails of the installation are to be told of them.

    Raises:
        InvalidArgument: naming the field.
    """

    customer_id: str
    zone: str | None = None
    permissions: tuple[PermissionFact, ...] = ()
    told: Mapping[str, int] = field(default_factory=dict)

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
        told: of the facts told, those that are others than before: the value before, ``None``
            if it was unknown, and now.
    """

    zone_before: str | None
    zone_changed: bool
    changes: tuple[Change, ...]
    told: Mapping[str, tuple[int | None, int]]


def find(unit: UnitOfWork, customer_id: str) -> tuple[str | None, dict[Channel, bool]]:
    """The first two of :func:`known`."""
    zone, granted, _ = known(unit, customer_id)
    return zone, granted


def known(
    unit: UnitOfWork, customer_id: str
) -> tuple[str | None, dict[Channel, bool], dict[str, int]]:
    """Zone, permissions for marketing, and told facts of a customer; a stranger has none.

    Raises:
        DataLoss: if what is stored cannot be read: nobody is contacted on a guess.
    """
    zone, told, facts = unit.customers.known(customer_id, MARKETING)
    return zone, dict(_folded(tuple(facts))), _read(told, customer_id)


@lru_cache(maxsize=4096)
def _folded(facts: tuple[tuple[str, str, str], ...]) -> dict[Channel, bool]:
    """What follows from facts; a decision asks twice, before its draw and at its commit."""
    return permissions.fold(permissions.facts_of(facts))


def _read(told: str, customer_id: str) -> dict[str, int]:
    if told == _NOTHING_TOLD:  # of nearly everybody
        return {}
    try:
        return {str(name): int(value) for name, value in parse_json(told).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataLoss(f"facts of {customer_id!r}: {error}", field="told") from error


def store(
    unit: UnitOfWork,
    profile: Profile,
    *,
    now: datetime,
    tolerance: timedelta,
    via: str = "file",
) -> StoredProfile:
    """Take up ``profile``.

    Args:
        unit: inside a write transaction.
        profile: what is said of a customer.
        now: aware UTC.
        tolerance: how far ahead of it a reporter's clock may be.
        via: what brought it, for the audit log.

    Raises:
        InvalidArgument: as :func:`serving.customers.permissions.record`.
    """
    before = _zone(unit, profile, now)
    changed = profile.zone not in (None, before)
    changes = permissions.record(
        unit,
        profile.customer_id,
        profile.permissions,
        now=now,
        tolerance=tolerance,
        fact_id=new_id(),
        via=via,
    )
    return StoredProfile(
        zone_before=before if changed else None,
        zone_changed=changed,
        changes=changes,
        told=_tell(unit, profile),
    )


def _tell(unit: UnitOfWork, profile: Profile) -> Mapping[str, tuple[int | None, int]]:
    """Take up what is told; returns what that changed."""
    if not profile.told:
        return {}
    _, _, before = known(unit, profile.customer_id)
    changed = {
        name: (before.get(name), value)
        for name, value in profile.told.items()
        if before.get(name) != value
    }
    if changed:
        told = canonical_json({**before, **profile.told}).decode()
        unit.customers.put_told(profile.customer_id, told)
    return changed


def _zone(unit: UnitOfWork, profile: Profile, now: datetime) -> str | None:
    """The zone known so far; the one the profile names takes its place."""
    is_known, before = unit.customers.zone(profile.customer_id)
    if not is_known or profile.zone not in (None, before):
        unit.customers.put_zone(profile.customer_id, profile.zone, isoformat(now))
    return before
