"""What is known about one customer at the moment of a decision, as far as guardrails care."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from troth.catalogue import Channel
from troth.errors import InvalidArgument
from troth.types import isoformat, parse_time

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
        told: by name, what the installation was told beside these; see
            :class:`troth.guardrails.told.ToldFact`. What is absent is unknown.
    """

    permissions: Mapping[Channel, bool]
    zone: str | None
    decided_at: datetime
    contacts: tuple[Contact, ...] = ()
    told: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the decision record; ``told`` only where something was."""
        told = {"told": dict(sorted(self.told.items()))} if self.told else {}
        return {
            "permissions": {str(c): granted for c, granted in sorted(self.permissions.items())},
            "zone": self.zone,
            "decided_at": isoformat(self.decided_at),
            "contacts": [contact.to_dict() for contact in self.contacts],
            **told,
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
                told={str(name): int(value) for name, value in data.get("told", {}).items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidArgument(f"malformed: {error!r}", field="facts") from error
