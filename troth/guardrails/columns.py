"""Facts about many customers as columns: what guardrails work on, and what logs carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import CHANNELS, NO_CONTACT, Catalogue
from troth.errors import InvalidArgument
from troth.guardrails.facts import Facts, find_zone
from troth.guardrails.told import UNTOLD, ToldFact

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


@dataclass(frozen=True, slots=True, kw_only=True)
class FactColumn:
    """A column that all facts have, declared once for memory and for logs.

    Attributes:
        dtype: in memory.
        stored: in logs, as Arrow calls it.
        per: of what a row has one value each: ``channel``, ``action`` or ``contact``; a row has
            one value if empty.
        low, high: least and greatest value; of true and false, ``None``.
        allowed: both in words.
        pad: what fills up rows with fewer contacts than others.
    """

    dtype: type[np.generic]
    stored: str
    per: str = ""
    low: int | None = None
    high: int | None = None
    allowed: str = "true or false"
    pad: int = 0


DECLARED: Mapping[str, FactColumn] = {
    "permissions": FactColumn(
        dtype=np.int8,
        stored="int8",
        per="channel",
        low=UNKNOWN,
        high=GRANTED,
        allowed="-1, 0 or 1",
    ),
    "local_minute": FactColumn(
        dtype=np.int64,
        stored="int16",
        low=UNKNOWN_MINUTE,
        high=MINUTES - 1,
        allowed=f"{UNKNOWN_MINUTE}..{MINUTES - 1}",
    ),
    "contact_age_us": FactColumn(
        dtype=np.int64,
        stored="int64",
        per="contact",
        low=0,
        high=NEVER_US,
        allowed="0 or more",
        pad=NEVER_US,
    ),
    "contact_channel": FactColumn(
        dtype=np.int8,
        stored="int8",
        per="contact",
        low=0,
        high=len(CHANNELS) - 1,
        allowed=f"0..{len(CHANNELS) - 1}",
        pad=UNKNOWN_CHANNEL,
    ),
    "granted_today": FactColumn(dtype=np.bool_, stored="bool", per="action"),
    "listed_us": FactColumn(
        dtype=np.int64, stored="int64", low=1, high=NEVER_US, allowed="above 0"
    ),
}
"""The columns of :class:`FactsBatch` by name, in the order of logs."""
COLUMNS = tuple(DECLARED)
CONTACTS = tuple(name for name, column in DECLARED.items() if column.per == "contact")
"""Columns with a value per contact."""


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
        told: int64 (n,) each, by name, what else is known of the customers, ``UNTOLD`` where it
            is not; see :class:`troth.guardrails.told.ToldFact`.

    Columns of other types are cast where every value stays what it is.

    Raises:
        InvalidArgument: for a column of another shape, or a value that is no whole number (of
            ``granted_today``: not true or false) or not in its range; names column and row.
    """

    permissions: NDArray[np.int8]
    local_minute: NDArray[np.int64]
    contact_age_us: NDArray[np.int64]
    contact_channel: NDArray[np.int8]
    granted_today: NDArray[np.bool_]
    listed_us: NDArray[np.int64]
    told: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {name: _array(name, getattr(self, name)) for name in COLUMNS}
        n = columns["local_minute"].size
        width, actions = (
            columns[name].shape[-1] if columns[name].ndim else 0
            for name in ("contact_age_us", "granted_today")
        )
        widths = {"channel": len(CHANNELS), "contact": width, "action": actions}
        for name, column in columns.items():
            per = DECLARED[name].per
            shape = (n, widths[per]) if per else (n,)
            if column.shape != shape:
                raise InvalidArgument(f"shape {column.shape} is not {shape}", field=f"facts.{name}")
            object.__setattr__(self, name, _exact(name, column))
        object.__setattr__(self, "told", {k: _told(k, self.told[k], n) for k in sorted(self.told)})

    def __len__(self) -> int:
        return len(self.local_minute)

    @classmethod
    def of(
        cls,
        facts: Sequence[Facts],
        catalogue: Catalogue,
        window: timedelta,
        told: Sequence[ToldFact] = (),
    ) -> FactsBatch:
        """The columns of ``facts``, one row each.

        Args:
            facts: n customers.
            catalogue: the K actions; a contact by another action is a contact all the same.
            window: how far from its decision the contacts of each row were listed, > 0.
            told: facts beside these that get a column.

        Raises:
            InvalidArgument: for a window of nothing.
        """
        listed_us = window // _MICROSECOND
        if listed_us <= 0:
            raise InvalidArgument(f"a window of {window} lists nothing", field="facts.listed_us")
        n, width = len(facts), max((len(f.contacts) for f in facts), default=0)
        permissions = np.full((n, len(CHANNELS)), UNKNOWN, dtype=np.int8)
        minute = np.full(n, UNKNOWN_MINUTE, dtype=np.int64)
        age = np.full((n, width), NEVER_US, dtype=np.int64)
        channel = np.full((n, width), UNKNOWN_CHANNEL, dtype=np.int8)
        granted = np.zeros((n, len(catalogue)), dtype=bool)
        for row, fact in enumerate(facts):
            for name, is_granted in fact.permissions.items():
                permissions[row, _POSITION[name]] = GRANTED if is_granted is True else DENIED
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
        return cls._checked(
            permissions=permissions,
            local_minute=minute,
            contact_age_us=age,
            contact_channel=channel,
            granted_today=granted,
            listed_us=np.full(n, listed_us, dtype=np.int64),
            told={
                each.name: np.array([each.of(one) for one in facts], dtype=np.int64)
                for each in told
            },
        )

    @classmethod
    def _checked(
        cls, *, told: Mapping[str, NDArray[np.int64]], **columns: NDArray[Any]
    ) -> FactsBatch:
        """Of columns that are known to be in order: each request comes by here."""
        facts = object.__new__(cls)
        facts.__dict__.update(columns, told=told)
        return facts

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> FactsBatch:
        """The facts of ``rows`` (indices, a boolean (n,) array or a slice)."""
        return self._checked(
            told={name: column[rows] for name, column in self.told.items()},
            **{name: getattr(self, name)[rows] for name in COLUMNS},
        )

    def read_only(self) -> FactsBatch:
        """The same facts in arrays that cannot be written to."""
        return self._checked(
            told={name: _shown(column) for name, column in self.told.items()},
            **{name: _shown(getattr(self, name)) for name in COLUMNS},
        )

    @classmethod
    def concatenate(cls, parts: Sequence[FactsBatch]) -> FactsBatch:
        """All rows of ``parts``, one or more, over one catalogue; of told facts, those of all."""
        width = max(part.contact_age_us.shape[1] for part in parts)
        columns = {
            name: np.concatenate(
                [_padded(getattr(part, name), width, DECLARED[name].pad) for part in parts]
            )
            for name in CONTACTS
        }
        columns |= {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in COLUMNS
            if name not in columns
        }
        told = {
            name: np.concatenate([part.told[name] for part in parts])
            for name in parts[0].told
            if all(name in part.told for part in parts)
        }
        return cls(**columns, told=told)


_EXACT = 2**53
"""Up to here a float says which whole number it is."""


def _array(name: str, values: Any) -> NDArray[Any]:
    """``values`` as an array, of which none is hidden by a mask."""
    if np.ma.is_masked(values):
        rows = np.ma.getmaskarray(values)
        raise InvalidArgument(f"missing in row {_first_row(rows)}", field=f"facts.{name}")
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"no array: {error}", field=f"facts.{name}") from error


def _exact(name: str, column: NDArray[Any]) -> NDArray[Any]:
    """``column`` in the type of its name, each value what it was.

    Whatever is no such value would compare as neither refused nor near, and so pass for
    allowed.
    """
    kind, declared = column.dtype.kind, DECLARED[name]
    if not column.size:
        return column.astype(declared.dtype)
    if declared.low is None or declared.high is None:
        if kind != "b":
            raise _no_value(name, column, declared.allowed)
        return column
    if kind not in "iuf":
        raise _no_value(name, column, "whole numbers")
    whole = _whole(name, column, declared.low, declared.high, declared.allowed)
    return whole.astype(declared.dtype, copy=False)


def _told(name: str, values: Any, n: int) -> NDArray[np.int64]:
    """A told fact's column, int64 (n,); which values it can have, its guardrail says."""
    column = _array(name, values)
    if column.shape != (n,):
        raise InvalidArgument(f"shape {column.shape} is not {(n,)}", field=f"facts.{name}")
    if n and column.dtype.kind not in "iuf":
        raise _no_value(name, column, "whole numbers")
    if n:
        column = _whole(name, column, UNTOLD, NEVER_US, "a whole number")
    return column.astype(np.int64, copy=False)


def _whole(name: str, column: NDArray[Any], low: int, high: int, allowed: str) -> NDArray[Any]:
    """``column``, not empty and of numbers, each of which is whole and in range."""
    kind = column.dtype.kind
    if kind == "f":
        bad = ~((column >= low) & (column <= min(high, _EXACT)) & (column == np.floor(column)))
        if bad.any():
            raise _not_in(name, column, bad, allowed)
    elif int(column.min()) < low or int(column.max()) > high:
        raise _not_in(name, column, (column < low) | (column > high), allowed)
    return column


def _no_value(name: str, column: NDArray[Any], words: str) -> InvalidArgument:
    return InvalidArgument(
        f"{column.dtype}, such as {column.flat[0]} in row 0, is not {words}",
        field=f"facts.{name}",
    )


def _not_in(
    name: str, column: NDArray[Any], bad: NDArray[np.bool_], allowed: str
) -> InvalidArgument:
    return InvalidArgument(
        f"{column[bad][0]} in row {_first_row(bad)} is not {allowed}", field=f"facts.{name}"
    )


def _first_row(bad: NDArray[np.bool_]) -> int:
    return int(np.argmax(bad.reshape(len(bad), -1).any(axis=1)))


def _shown(column: NDArray[Any]) -> NDArray[Any]:
    shown = column.view()
    shown.flags.writeable = False
    return shown


def _padded(column: NDArray[Any], width: int, pad: int) -> NDArray[Any]:
    """``column`` (n, M), M <= ``width``, as (n, ``width``)."""
    missing = width - column.shape[1]
    return np.pad(column, ((0, 0), (0, missing)), constant_values=pad) if missing else column
