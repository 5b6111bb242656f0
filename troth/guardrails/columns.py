"""Facts about many customers as columns: what guardrails work on, and what logs carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import CHANNELS, NO_CONTACT, Catalogue
from troth.errors import InvalidArgument
from troth.guardrails.facts import Facts, find_zone

GRANTED, DENIED, UNKNOWN = 1, 0, -1
"""Codes of a permission."""
NEVER_US = np.iinfo(np.int64).max
"""Age of a contact that pads a row, in microseconds."""
UNKNOWN_MINUTE = -1
"""Local minute of a customer whose time zone is unknown."""
UNKNOWN_CHANNEL = NO_CONTACT
"""Channel of a contact of which only the moment is known: every cap counts it."""
MINUTES = 24 * 60
_MICROSECOND = timedelta(microseconds=1)
_POSITION = {channel: at for at, channel in enumerate(CHANNELS)}


@dataclass(frozen=True)
class FactsBatch:
    """Facts of n customers as columns; C channels, K actions, M contacts at most.

    Attributes:
        permissions: int8 (n, C), column order of :data:`troth.catalogue.CHANNELS`, each
            ``GRANTED``, ``DENIED`` or ``UNKNOWN``.
        local_minute: int64 (n,), minutes since local midnight, 0..1439, or ``UNKNOWN_MINUTE``.
        contact_age_us: int64 (n, M), distance in time from the decision, microseconds, >= 0;
            ``NEVER_US`` pads.
        contact_channel: int8 (n, M), positions in ``CHANNELS``, or ``UNKNOWN_CHANNEL``, which
            also pads.
        granted_today: bool (n, K), actions already granted on the customer's day.
        listed_us: int64 (n,), how far from the decision contacts are listed, microseconds, > 0:
            all that lie nearer are there.
    """

    permissions: NDArray[np.int8]
    local_minute: NDArray[np.int64]
    contact_age_us: NDArray[np.int64]
    contact_channel: NDArray[np.int8]
    granted_today: NDArray[np.bool_]
    listed_us: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.local_minute)
        for name, shape in (
            ("permissions", (n, len(CHANNELS))),
            ("local_minute", (n,)),
            ("contact_age_us", (n, self.contact_age_us.shape[-1])),
            ("contact_channel", self.contact_age_us.shape),
            ("granted_today", (n, self.granted_today.shape[-1])),
            ("listed_us", (n,)),
        ):
            if getattr(self, name).shape != shape:
                raise InvalidArgument(
                    f"shape {getattr(self, name).shape} is not {shape}", field=f"facts.{name}"
                )

    def __len__(self) -> int:
        return len(self.local_minute)

    @classmethod
    def of(cls, facts: Sequence[Facts], catalogue: Catalogue, window: timedelta) -> FactsBatch:
        """The columns of ``facts``, one row each.

        Args:
            facts: n customers.
            catalogue: the K actions; a contact by another action is a contact all the same.
            window: how far from its decision the contacts of each row were listed.
        """
        n, width = len(facts), max((len(f.contacts) for f in facts), default=0)
        permissions = np.full((n, len(CHANNELS)), UNKNOWN, dtype=np.int8)
        minute = np.full(n, UNKNOWN_MINUTE, dtype=np.int64)
        age = np.full((n, width), NEVER_US, dtype=np.int64)
        channel = np.full((n, width), UNKNOWN_CHANNEL, dtype=np.int8)
        granted = np.zeros((n, len(catalogue)), dtype=bool)
        for row, fact in enumerate(facts):
            for name, is_granted in fact.permissions.items():
                permissions[row, _POSITION[name]] = GRANTED if is_granted else DENIED
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
                column = catalogue.find(contact.action_id) if contact.action_id else None
                if column is not None and contact.shares_day(fact.decided_at, fact.zone):
                    granted[row, column] = True
        listed = np.full(n, window // _MICROSECOND, dtype=np.int64)
        return cls(permissions, minute, age, channel, granted, listed)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> FactsBatch:
        """The facts of ``rows`` (indices, a boolean (n,) array or a slice)."""
        return FactsBatch(**{name: getattr(self, name)[rows] for name in COLUMNS})

    @classmethod
    def concatenate(cls, parts: Sequence[FactsBatch]) -> FactsBatch:
        """All rows of ``parts``, one or more, over one catalogue."""
        width = max(part.contact_age_us.shape[1] for part in parts)
        columns = {
            name: np.concatenate([_padded(getattr(part, name), width, pad) for part in parts])
            for name, pad in (("contact_age_us", NEVER_US), ("contact_channel", UNKNOWN_CHANNEL))
        }
        columns |= {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in COLUMNS
            if name not in columns
        }
        return cls(**columns)


COLUMNS = tuple(f.name for f in fields(FactsBatch))


def _padded(column: NDArray[Any], width: int, pad: int) -> NDArray[Any]:
    """``column`` (n, M), M <= ``width``, as (n, ``width``)."""
    missing = width - column.shape[1]
    return np.pad(column, ((0, 0), (0, missing)), constant_values=pad) if missing else column
