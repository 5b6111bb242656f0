"""A scenario laid out for the kernels: one record per channel, action, group, tier, journey.

Structured arrays, because Numba reads ``channels[c].delivery`` from them as fast as from a
plain array. What changes from day to day is in the record of :class:`Today` and in a copy of
the channels.

A parameter keeps its name: the key ``breakage`` of the section ``economics`` is
``par.economics_breakage``, and a record's field is called as the key of its section is. What
follows from parameters is worked out where it is used; what a kernel cannot work out to the
same bit, or not for nothing, is a field here of its own (``derived_...`` in ``par``, and the
fields that :class:`Tables` names as derived).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.model import calendar, delays
from simulator.model.journeys import PRESSURES
from simulator.model.offers import GROUPS, SERVICE_RECOVERY, USUAL_DISCOUNT, USUAL_POINTS
from simulator.scenarios import Scenario
from simulator.state.codes import FIRST_CHANNEL_BIT, Event
from simulator.state.columns import BUCKETS, PERIOD_DAYS
from troth.catalogue import CHANNELS, OFFER_KINDS, OfferKind

Records = NDArray[np.void]

MEMORY = 256
"""Days without a contact of which the load's decay is tabled."""
FORGOTTEN = MEMORY - 1
"""Days after which nothing is left of it."""
KERNEL_SECTIONS = (
    "challenges", "economics", "email", "fatigue", "fraud", "identity", "loyalty", "mood",
    "population", "response", "spend", "visits", "wallet",
)  # fmt: skip
"""Sections of single values: each number in them is a field ``section_key`` of ``par``."""
_PITCHES = frozenset(OFFER_KINDS) - {OfferKind.NONE, OfferKind.REMINDER, OfferKind.APOLOGY}


class Today(NamedTuple):
    """What holds on one day.

    Attributes:
        calendar: what the day is like.
        clock: days since the clock's start.
        record: an array of one record: ``clock``, ``period`` (the bucket of the present period),
            and of the calendar's fields those of :data:`CALENDAR_FIELDS`, under their names.
        tables: those of the scenario, with today's delivery of the channels.
    """

    calendar: calendar.CalendarDay
    clock: int
    record: Records
    tables: Tables


class Tables(NamedTuple):
    """The tables that kernels index; fields are the keys of their sections, unless derived.

    Attributes:
        channels: (C,) of :class:`~simulator.scenarios.sections.ChannelSection`; row 0 is *none*.
        actions: (K,) ``channel``, ``kind`` and ``journey`` as positions, ``discount``,
            ``points`` and ``cost_minor`` of the catalogue, ``take_up`` and ``redeems`` of the
            offer. Derived: ``strength``, see :mod:`simulator.model.offers`; ``recovers``, it is
            of service recovery; ``pitches``, it offers something during a ticket; ``worth``,
            there is a discount or there are points to be used.
        groups: (4,) of :class:`~simulator.scenarios.sections.GroupSection`.
        tiers: (T + 1,) ``from_spend_minor`` and ``earn_factor``; the last one is never reached.
        journeys: (J,) ``response``, ``pressure`` as the position in
            :data:`~simulator.model.journeys.PRESSURES`, ``pressure_gain``.
        categories: (G,) ``margin_factor``. Derived: ``cumulative_share``.
        cumulative_stores: float64 (3,) derived: cumulative shares of the stores.
        fade: float32 (MEMORY, C), derived: what a gap of days leaves of the load.
        delay: float64 (5, 2), derived: mean and SD of ln days, in the order of ``delays.NAMES``.
    """

    channels: Records
    actions: Records
    groups: Records
    tiers: Records
    journeys: Records
    categories: Records
    cumulative_stores: NDArray[np.float64]
    fade: NDArray[np.float32]
    delay: NDArray[np.float64]


@dataclass(frozen=True)
class Rules:
    """Parameters as the kernels read them.

    Attributes:
        scenario: where they come from.
        par: every number of :data:`KERNEL_SECTIONS`, an array of one record.
        tables: what is indexed.
        conditions: (M,) triggers: ``journey`` and ``feature`` as positions, ``at_least``,
            ``at_most``.
        need: uint32 (K,), bits that an action needs to be eligible.
        event_chances: float64 (L,) cumulative chances of the day's events.
    """

    scenario: Scenario
    par: Records
    tables: Tables
    conditions: Records
    need: NDArray[np.uint32]
    event_chances: NDArray[np.float64]
    _days: dict[tuple[int, int], Today] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, scenario: Scenario) -> Rules:
        """The tables of ``scenario``; the same ones for the same content."""
        if scenario.digest not in _KNOWN:
            if len(_KNOWN) >= _MOST_KNOWN:
                _KNOWN.clear()
            _KNOWN[scenario.digest] = cls._made(scenario)
        return _KNOWN[scenario.digest]

    @classmethod
    def _made(cls, scenario: Scenario) -> Rules:
        channels = _channels(scenario)
        return cls(
            scenario=scenario,
            par=_scalars(scenario),
            tables=Tables(
                channels=channels,
                actions=_actions(scenario, channels),
                groups=_records([getattr(scenario.persuadability, g).model_dump() for g in GROUPS]),
                tiers=_tiers(scenario),
                journeys=_records(
                    [
                        {
                            "response": section.response,
                            "pressure": PRESSURES.index(section.pressure),
                            "pressure_gain": section.pressure_gain,
                        }
                        for section in scenario.journeys.values()
                    ]
                ),
                categories=_categories(scenario),
                cumulative_stores=_cumulative(
                    scenario.stores.store, scenario.stores.web, scenario.stores.app
                ),
                fade=_fade(channels["recovery_days"]),
                delay=delays.table(scenario.delays),
            ),
            conditions=_conditions(scenario),
            need=_need(scenario),
            event_chances=_event_chances(scenario),
        )

    def today(self, seed: int, day: int) -> Today:
        """What holds on the day ``day`` days after the start.

        Kept: forks, roll-outs and the episodes of an environment live the same days again.
        """
        found = self._days.get((seed, day))
        if found is None:
            if len(self._days) >= _MOST_DAYS:
                self._days.clear()
            found = self._days[seed, day] = self._made_of(seed, day)
        return found

    def _made_of(self, seed: int, day: int) -> Today:
        scenario = self.scenario
        at = calendar.day(scenario, seed, day)
        clock = day + scenario.warm_up.days
        values = [getattr(at, name) for name in CALENDAR_FIELDS]
        record = np.array([(clock, (clock // PERIOD_DAYS) % BUCKETS, *values)], dtype=_DAY)
        channels = self.tables.channels.copy()
        channels["delivery"] *= at.delivery
        return Today(at, clock, record, self.tables._replace(channels=channels))


CALENDAR_FIELDS = {
    "factor": np.float64, "basket": np.float64, "response": np.float64, "day_of_year": np.int64,
    "weekend": np.float64, "season_sin": np.float64, "season_cos": np.float64,
}  # fmt: skip
"""Fields of :class:`~simulator.model.calendar.CalendarDay` that kernels read."""
_DAY = np.dtype([("clock", np.int64), ("period", np.int64), *CALENDAR_FIELDS.items()])
_KNOWN: dict[str, Rules] = {}
_MOST_KNOWN = 32
_MOST_DAYS = 4096


def _records(rows: list[dict[str, int | float]]) -> Records:
    """A structured array; a field is int64 where every row has an int, else float64."""
    whole = {name: all(type(row[name]) is int for row in rows) for name in rows[0]}
    dtype = np.dtype([(name, np.int64 if whole[name] else np.float64) for name in rows[0]])
    return np.array([tuple(row.values()) for row in rows], dtype=dtype)


def _cumulative(*values: float) -> NDArray[np.float64]:
    total = np.cumsum(np.array(values, dtype=np.float64))
    return np.asarray(total / total[-1])


def _scalars(scenario: Scenario) -> Records:
    """The numbers of :data:`KERNEL_SECTIONS` as ``section_key``, and what is derived of them."""
    values: dict[str, int | float] = {
        f"{section}_{key}": value
        for section in KERNEL_SECTIONS
        for key, value in getattr(scenario, section).model_dump().items()
    }
    # The share of sentiment that a day leaves: an exponential per customer saved, and Numba's
    # may differ from NumPy's in the last bit.
    values["derived_mood_keeps"] = float(np.exp(-1.0 / scenario.mood.recovery_days))
    return _records([values])


def _channels(scenario: Scenario) -> Records:
    rows = [scenario.channels[name].model_dump() for name in CHANNELS[1:]]
    neutral = dict.fromkeys(rows[0], 0) | {"reach": 1.0, "clicked": 1.0, "recovery_days": 1.0}
    return _records([neutral, *rows])


def _actions(scenario: Scenario, channels: Records) -> Records:
    """Every action; the equation of ``strength`` is in :mod:`simulator.model.offers`."""
    catalogue, response = scenario.catalogue, scenario.response
    kinds = np.array([0.0, *(scenario.kinds[k].response for k in OFFER_KINDS[1:])])
    depth = np.where(catalogue.discount > 0, catalogue.discount / USUAL_DISCOUNT, 1.0)
    points = np.where(catalogue.points > 0, catalogue.points / USUAL_POINTS, 1.0)
    strength = (
        channels["response"][catalogue.channel]
        * kinds[catalogue.kind]
        * depth**response.discount_elasticity
        * points**response.points_elasticity
    )
    rows: list[dict[str, int | float]] = []
    for k, action in enumerate(catalogue.actions):
        offer = scenario.offers.get(action.offer)
        worth = action.discount > 0 or action.points > 0
        rows.append(
            {
                "channel": int(catalogue.channel[k]),
                "kind": int(catalogue.kind[k]),
                "journey": max(int(catalogue.journey[k]), 0),
                "strength": float(strength[k]),
                "recovers": int(action.journey == SERVICE_RECOVERY),
                "pitches": int(action.kind in _PITCHES and action.journey != SERVICE_RECOVERY),
                "discount": action.discount,
                "points": action.points,
                "cost_minor": action.cost_minor,
                "worth": int(worth),
                "redeems": offer.redeems if offer else 0.0,
                "take_up": offer.take_up if offer else 0.0,
            }
        )
    return _records(rows)


def _tiers(scenario: Scenario) -> Records:
    never = int(np.iinfo(np.int64).max)
    rows = [tier.model_dump(exclude={"name"}) for tier in scenario.tiers]
    return _records([*rows, {"from_spend_minor": never, "earn_factor": 1.0}])


def _categories(scenario: Scenario) -> Records:
    cumulative = _cumulative(*(section.share for section in scenario.categories))
    return _records(
        [
            {"cumulative_share": float(share), "margin_factor": section.margin_factor}
            for share, section in zip(cumulative, scenario.categories, strict=True)
        ]
    )


def _fade(recovery_days: NDArray[np.float64]) -> NDArray[np.float32]:
    gaps = np.arange(MEMORY)
    fade = np.exp(-gaps[:, None] / recovery_days[None, :])
    fade[FORGOTTEN] = 0.0
    return fade.astype(np.float32)


def _conditions(scenario: Scenario) -> Records:
    rows: list[dict[str, int | float]] = [
        {
            "journey": j,
            "feature": scenario.schema.index(when.feature),
            "at_least": -np.inf if when.at_least is None else when.at_least,
            "at_most": np.inf if when.at_most is None else when.at_most,
        }
        for j, section in enumerate(scenario.journeys.values())
        for when in section.when
    ]
    empty = {"journey": 0, "feature": 0, "at_least": -np.inf, "at_most": np.inf}
    return _records(rows or [empty])


def _need(scenario: Scenario) -> NDArray[np.uint32]:
    """Bits of the journey and of the channel; *no contact* needs nothing."""
    catalogue = scenario.catalogue
    bits = (1 << np.maximum(catalogue.journey, 0)) | (1 << (FIRST_CHANNEL_BIT + catalogue.channel))
    bits[0] = 0
    return bits.astype(np.uint32)


def _event_chances(scenario: Scenario) -> NDArray[np.float64]:
    """Cumulative chances in the order of :class:`simulator.state.codes.Event`."""
    chances = {
        Event.COMPLAINT: scenario.mood.ticket_per_day,
        Event.APP_REMOVED: scenario.fatigue.app_removal_per_day,
        Event.ADDRESS_LOST: scenario.fatigue.address_lost_per_day,
        Event.SIGNAL: scenario.mood.signal_per_day,
        Event.SURPRISE: scenario.loyalty.surprise_per_day,
        Event.RIVAL_CONTACT: scenario.firm.rival_contacts_per_day,
        Event.FRAUD: scenario.fraud.attempts_per_day,
        Event.STRANGER: scenario.identity.stranger_per_day,
    }
    return np.cumsum(np.array([chances[event] for event in Event]))


def hidden(scenario: Scenario, day: int) -> list[int]:
    """Features that the firm does not receive on ``day``, as raw columns."""
    names = {name for shock in calendar.shocks(scenario, day) for name in shock.hides}
    return sorted(scenario.schema.index(name) for name in names)
