"""What is known about a customer at the moment of a decision, as far as guardrails care."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import CHANNELS, Channel
from troth.errors import InvalidArgument
from troth.types import isoformat, parse_time

GRANTED, DENIED, UNKNOWN = 1, 0, -1
"""Codes of a permission in :class:`FactsBatch`."""
NEVER_US = np.iinfo(np.int64).max
"""Age of a contact that pads a row, in microseconds."""
UNKNOWN_MINUTE = -1
"""Local minute of a customer whose time zone is unknown."""


PLACEHOLDERS = frozenset({"Factory", "localtime", "posixrules", "Etc/Unknown"})
"""Names that time zone databases know and no place has: whoever sends them knows no zone."""
_TREES = ("posix/", "right/")
"""Copies of the database; the one with leap seconds is half a minute off."""


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones()) - PLACEHOLDERS


def is_placeholder(name: str) -> bool:
    """Whether ``name`` is one of a time zone database that tells of no place."""
    return name in PLACEHOLDERS or name.startswith(_TREES)


@lru_cache(maxsize=1024)
def find_zone(name: str | None) -> ZoneInfo | None:
    """The IANA zone ``name``, or ``None`` if it is unknown: unknown is an answer here.

    Names are those of the database, letter by letter, on a file system that ignores case too.
    """
    if not name or name not in _zone_names():
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # KeyError: ZoneInfoNotFoundError's base
        return None


def local_day(moment: datetime, zone: str | None) -> str:
    """The customer's calendar day, ISO 8601; the UTC day if the zone is unknown."""
    return moment.astimezone(find_zone(zone) or UTC).date().isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One contact made or granted.

    Attributes:
        at: aware UTC.
        channel: how it was made.
        action_id: the catalogue's name for it; empty if another system made it.
        day: the customer's calendar day it was booked under, ISO 8601.
        zone: their time zone when it was booked, ``None`` if unknown.
    """

    at: datetime
    channel: Channel
    action_id: str = ""
    day: str = ""
    zone: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Plain values, for the decision record."""
        return {
            "at": isoformat(self.at),
            "channel": str(self.channel),
            "action_id": self.action_id,
            "day": self.day,
            "zone": self.zone,
        }

    def shares_day(self, moment: datetime, zone: str | None) -> bool:
        """Whether ``moment`` is on the same day as this contact, for a customer now in ``zone``.

        By the customer's clock as it was when the contact was booked, or by the present one:
        whoever flies from Los Angeles to Tokyo does not gain a day by it.
        """
        day = local_day(moment, zone)
        return (
            self.day == day
            or self.day == local_day(moment, self.zone)
            or local_day(self.at, zone) == day
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about one customer.

    Attributes:
        permissions: per channel, true if granted and false if denied; a channel that is
            absent is unknown, which counts as denied.
        zone: IANA time zone; ``None`` if unknown.
        decided_at: when the contact would be made, aware UTC: the later one of what the caller
            asks for and the server's clock.
        contacts: contacts within the longest window of the guardrails, oldest first. They
            may lie after ``decided_at``: requests need not arrive in order of time.
    """

    permissions: Mapping[Channel, bool]
    zone: str | None
    decided_at: datetime
    contacts: tuple[Contact, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the decision record."""
        return {
            "permissions": {str(c): granted for c, granted in sorted(self.permissions.items())},
            "zone": self.zone,
            "decided_at": isoformat(self.decided_at),
            "contacts": [contact.to_dict() for contact in self.contacts],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Facts:
        """Inverse of :meth:`to_dict`.

        Raises:
            InvalidArgument: naming ``facts`` if a key is missing or malformed.
        """
        try:
            return cls(
                permissions={Channel(c): bool(v) for c, v in data["permissions"].items()},
                zone=data["zone"],
                decided_at=parse_time(data["decided_at"]),
                contacts=tuple(
                    Contact(
                        at=parse_time(row["at"]),
                        channel=Channel(row["channel"]),
                        action_id=row["action_id"],
                        day=row["day"],
                        zone=row.get("zone"),
                    )
                    for row in data["contacts"]
                ),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidArgument(f"malformed: {error!r}", field="facts") from error


@dataclass(frozen=True)
class FactsBatch:
    """Facts of n customers as columns; C channels, M contacts at most.

    Attributes:
        permissions: int8 (n, C), column order of :data:`troth.catalogue.CHANNELS`, each
            ``GRANTED``, ``DENIED`` or ``UNKNOWN``.
        local_minute: int64 (n,), minutes since local midnight, or ``UNKNOWN_MINUTE``.
        contact_age_us: int64 (n, M), distance in time from the decision, microseconds, >= 0;
            ``NEVER_US`` pads.
        contact_channel: int64 (n, M), positions in ``CHANNELS``; 0 pads.
        granted_today: n sets of action ids already granted on the customer's day.
    """

    permissions: NDArray[np.int8]
    local_minute: NDArray[np.int64]
    contact_age_us: NDArray[np.int64]
    contact_channel: NDArray[np.int64]
    granted_today: tuple[frozenset[str], ...]

    def __post_init__(self) -> None:
        n = len(self.granted_today)
        for name, shape in (
            ("permissions", (n, len(CHANNELS))),
            ("local_minute", (n,)),
            ("contact_channel", self.contact_age_us.shape),
        ):
            if getattr(self, name).shape != shape:
                raise InvalidArgument(
                    f"shape {getattr(self, name).shape} is not {shape}", field=f"facts.{name}"
                )
        if self.contact_age_us.shape[:1] != (n,):
            raise InvalidArgument(f"not {n} rows", field="facts.contact_age_us")

    def __len__(self) -> int:
        return len(self.granted_today)

    @classmethod
    def of(cls, facts: Sequence[Facts]) -> FactsBatch:
        """The columns of ``facts``, one row each."""
        n, width = len(facts), max((len(f.contacts) for f in facts), default=0)
        permissions = np.full((n, len(CHANNELS)), UNKNOWN, dtype=np.int8)
        minute = np.full(n, UNKNOWN_MINUTE, dtype=np.int64)
        age = np.full((n, width), NEVER_US, dtype=np.int64)
        channel = np.zeros((n, width), dtype=np.int64)
        today = []
        for row, fact in enumerate(facts):
            for name, granted in fact.permissions.items():
                permissions[row, _POSITION[name]] = GRANTED if granted else DENIED
            zone = find_zone(fact.zone)
            if zone is not None:
                local = fact.decided_at.astimezone(zone)
                minute[row] = local.hour * 60 + local.minute
            for at, contact in enumerate(fact.contacts):
                distance = abs(fact.decided_at - contact.at)
                age[row, at] = (
                    distance.days * 86_400 + distance.seconds
                ) * 1_000_000 + distance.microseconds
                channel[row, at] = _POSITION[contact.channel]
            today.append(
                frozenset(
                    c.action_id
                    for c in fact.contacts
                    if c.action_id and c.shares_day(fact.decided_at, fact.zone)
                )
            )
        return cls(permissions, minute, age, channel, tuple(today))


_POSITION = {channel: at for at, channel in enumerate(CHANNELS)}
