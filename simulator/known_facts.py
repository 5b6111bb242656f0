"""What the firm knows of a world's customers on a morning, as a service would be told it.

Permissions are those the world says the firm knows of; zone and hour, which no world has, are
drawn once per customer and once per day, keyed. Contacts are the world's own of the last days,
those of the warm-up included, of which nobody remembers the channel.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.rollout import customer_numbers
from simulator.world import World
from troth.catalogue import NO_CONTACT
from troth.errors import FailedPrecondition
from troth.guardrails.columns import (
    DENIED,
    GRANTED,
    MINUTES,
    NEVER_US,
    UNKNOWN,
    UNKNOWN_CHANNEL,
    UNKNOWN_MINUTE,
    FactsBatch,
)
from troth.guardrails.facts import find_zone
from troth.guardrails.told import UNTOLD, ToldFact
from troth.streams import derive_seed, uniforms

PURPOSE_RECORD, PURPOSE_HOUR = 1, 2
"""Stream purposes, under a key of their own."""

ZONES = ("Europe/London", "Europe/Berlin", "Europe/Athens")
NO_RECORD_SHARE = 0.02
"""Customers of whom the CRM has neither consent nor time zone, as after a bad migration."""
NIGHT_SHARE = 0.15
"""Requests between 22:00 and 08:00 UTC: shops sleep, apps and web sites do not."""
REMEMBERED = timedelta(days=28)
"""How far back a world remembers contacts, and a log lists them."""
_DAY_STARTS, _DAY_ENDS = 8.0, 22.0
_DAY_US, _MINUTE_US = 86_400_000_000, 60_000_000
_QUARTER_US = 15 * _MINUTE_US
"""Clocks are changed at a quarter of an hour, anywhere."""

Moments = NDArray[np.datetime64]


def day_start(start: date, day: int = 0) -> datetime:
    """Aware UTC midnight of ``day`` days after the scenario's first date."""
    return datetime.combine(start, time(), tzinfo=UTC) + timedelta(days=day)


def on_record(seed: int, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whom the CRM knows, bool (n,)."""
    known: NDArray[np.bool_] = (
        uniforms(seed, numbers, purpose=PURPOSE_RECORD, step=0)[0] >= NO_RECORD_SHARE
    )
    return known


def seconds_of_day(
    seed: int, numbers: NDArray[np.int64], step: int, *, campaign: bool = False
) -> NDArray[np.int64]:
    """When on a day each customer is decided for, in seconds after midnight UTC, int64 (n,).

    Args:
        seed: key.
        numbers: int64 (n,), of the customers.
        step: the day, >= 0.
        campaign: contacts that the firm makes when it likes are made by day.
    """
    u = uniforms(seed, numbers, purpose=PURPOSE_HOUR, step=step)
    open_hours = _DAY_ENDS - _DAY_STARTS
    by_day = _DAY_STARTS + u[1] * open_hours
    by_night = (_DAY_ENDS + u[1] * (24.0 - open_hours)) % 24.0
    hours = np.where((u[0] < NIGHT_SHARE) & (not campaign), by_night, by_day)
    seconds: NDArray[np.int64] = (hours * 3600.0).astype(np.int64)
    return seconds


@dataclass(frozen=True)
class _Past:
    """Contacts of one past day, n customers; ``made`` says who had one."""

    made: NDArray[np.bool_]
    moments: Moments
    channel: NDArray[np.int8]
    action: NDArray[np.int64]
    local_day: NDArray[np.int64]


class KnownFacts:
    """The firm's knowledge of the customers of one world, morning by morning.

    Before each day ask for :meth:`morning`, after it tell :meth:`lived` what was decided. Of a
    contact before the first morning, of the warm-up or of a day that the world had already
    lived, only the moment is known: a world does not remember the channel.

    Args:
        world: at the first morning, of whatever day; it is read, never stepped.
        start: aware UTC midnight of the world's day 0.
        reach: how far back contacts are listed, at most :data:`REMEMBERED`.
        told: facts that guardrails are to be told; of one that does not say what it is in a
            world nothing is known.
    """

    def __init__(
        self,
        world: World,
        start: datetime,
        reach: timedelta = REMEMBERED,
        told: Sequence[ToldFact] = (),
    ) -> None:
        self.world = world
        self._told_facts = tuple(told)
        self._start = np.datetime64(start.astimezone(UTC).replace(tzinfo=None), "us")
        self._reach_us = min(reach, REMEMBERED) // timedelta(microseconds=1)
        self._numbers = customer_numbers(world)
        self._seed = derive_seed("experiments.runs.known_facts", world.seed)  # as ever: a stream
        self._known = on_record(self._seed, self._numbers)
        self._zone = np.where(self._known, self._numbers % len(ZONES), len(ZONES))
        self._told = world.day
        days = -(-self._reach_us // _DAY_US) + 1
        self._past: deque[_Past] = deque(maxlen=int(days))
        self._recall(int(days))

    def moments(self) -> Moments:
        """When each customer is decided for today, datetime64[us] (n,), UTC."""
        return self._moments(self.world.day)

    def morning(self) -> FactsBatch:
        """The facts of today's decisions.

        Raises:
            FailedPrecondition: if a day was lived of which :meth:`lived` was not told: its
                contacts would be forgotten, and caps broken.
            InvalidArgument: if a told fact is not a whole number of each customer.
        """
        self._require_told(self._told)
        world, now = self.world, self.moments()
        local = self._local_us(now)
        minute = np.where(self._known, local // _MINUTE_US % MINUTES, UNKNOWN_MINUTE)
        permissions = np.where(world.permissions, GRANTED, DENIED).astype(np.int8)
        permissions[~self._known] = UNKNOWN
        permissions[:, NO_CONTACT] = UNKNOWN  # nobody is asked whether they permit silence
        granted = np.zeros((world.size, len(world.catalogue)), dtype=bool)
        ages = np.full((world.size, len(self._past)), NEVER_US, dtype=np.int64)
        channels = np.full(ages.shape, UNKNOWN_CHANNEL, dtype=np.int8)
        today = local // _DAY_US
        for at, past in enumerate(self._past):
            age = (now - past.moments).astype(np.int64)
            ages[:, at] = np.where(past.made, age, NEVER_US)
            channels[:, at] = np.where(past.made, past.channel, UNKNOWN_CHANNEL)
            again = past.made & (past.local_day == today) & (past.action != NO_CONTACT)
            granted[again, past.action[again]] = True
        order = np.argsort(ages, axis=1, kind="stable")
        most = int((ages != NEVER_US).sum(axis=1).max(initial=0))
        return FactsBatch(
            permissions=permissions,
            local_minute=minute,
            contact_age_us=np.take_along_axis(ages, order, axis=1)[:, :most],
            contact_channel=np.take_along_axis(channels, order, axis=1)[:, :most],
            granted_today=granted,
            listed_us=np.full(world.size, self._reach_us, dtype=np.int64),
            told={
                fact.name: np.full(world.size, UNTOLD)
                if fact.in_world is None
                else fact.in_world(world)
                for fact in self._told_facts
            },
        )

    def lived(self, action: NDArray[np.int64]) -> None:
        """Remember the day that the world has just lived with ``action``, int64 (n,).

        A contact counts if the world made it, which a budget that is used up forbids.

        Raises:
            FailedPrecondition: if that is not the day after the last one that was told of.
        """
        self._require_told(self._told + 1)
        self._told += 1
        day = self.world.day - 1
        made = self.world.people.last_contact == self._clock(day)
        self._remember(day, made, action, self._moments(day))

    def _require_told(self, day: int) -> None:
        if self.world.day != day:
            raise FailedPrecondition(
                f"the world is at day {self.world.day}, not {day}: each day is told of once, "
                "when it has been lived",
                field="known_facts",
            )

    def _recall(self, days: int) -> None:
        """The contacts of the days before the first morning."""
        people, clock = self.world.people, self._clock(self.world.day)
        since = clock - people.last_contact.astype(np.int64)
        nothing = np.full(self.world.size, NO_CONTACT)
        for ago in range(days, 0, -1):
            bit = ago - since  # of RECENT: so many days before the last contact
            made = (bit >= 0) & (bit < 29) & (people.recent >> np.clip(bit, 0, 28) & 1).astype(bool)
            if made.any() and clock >= ago:
                day = self.world.day - ago
                self._remember(day, made, nothing, self._moments(day, campaign=day < 0))

    def _remember(
        self, day: int, made: NDArray[np.bool_], action: NDArray[np.int64], moments: Moments
    ) -> None:
        channel = self.world.catalogue.channel[action].astype(np.int8)
        local_day = self._local_us(moments) // _DAY_US
        self._past.append(_Past(made, moments, channel, action, local_day))

    def _moments(self, day: int, *, campaign: bool = False) -> Moments:
        seconds = seconds_of_day(self._seed, self._numbers, self._clock(day), campaign=campaign)
        midnight = self._start + np.timedelta64(day, "D")
        return np.asarray(midnight + seconds.astype("timedelta64[s]"))

    def _clock(self, day: int) -> int:
        """Days since the warm-up began, never negative: what the world's own memory counts in."""
        return day + self.world.scenario.warm_up.days

    def _local_us(self, moments: Moments) -> NDArray[np.int64]:
        """Microseconds since 1970 by each customer's clock, by UTC where it is not known."""
        offsets = np.zeros(len(moments), dtype=np.int64)
        for at, zone in enumerate(ZONES):
            here = self._zone == at
            offsets[here] = _offsets_us(zone, moments[here])
        return np.asarray(moments.astype(np.int64) + offsets)


def _offsets_us(zone: str, moments: Moments) -> NDArray[np.int64]:
    """What clocks in ``zone`` are ahead of UTC at each moment, microseconds."""
    quarters, which = np.unique(moments.astype(np.int64) // _QUARTER_US, return_inverse=True)
    clocks = find_zone(zone)
    known = [
        datetime.fromtimestamp(quarter * _QUARTER_US // 1_000_000, clocks).utcoffset()
        for quarter in quarters.tolist()
    ]
    offsets = [(ahead or timedelta()) // timedelta(microseconds=1) for ahead in known]
    return np.array(offsets, dtype=np.int64)[which]
