"""The customers of the served day: their past, what the CRM knows of them, when they come.

Everything follows from the run's seed, so that the installation and the channel systems, two
processes, speak of the same people without telling each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents.baselines.rfm import RfmRules
from experiments.runs.config import RunConfig
from experiments.runs.run_folder import world_seed
from serving.customers.files import CustomerRow
from serving.customers.other_contacts import Sighting
from serving.customers.permissions import PermissionFact
from serving.customers.profiles import Profile
from simulator.known_facts import ZONES, on_record, seconds_of_day
from simulator.rollout import customer_numbers, live
from simulator.scenarios import load as load_scenario
from simulator.world import World
from troth.catalogue import CHANNELS, NO_CONTACT
from troth.clock import utc_now
from troth.streams import derive_seed

DAYS_AHEAD = timedelta(days=3)
TOLD_BEFORE = timedelta(days=90)


@dataclass(frozen=True)
class ServedPopulation:
    """n customers on the morning of the served day.

    Attributes:
        world: at that morning; stepping it is living the day.
        midnight: UTC start of the served day.
        contacts: per past day, oldest first: (days ago, position of the channel per customer).
    """

    world: World
    midnight: datetime
    contacts: tuple[tuple[int, NDArray[np.int64]], ...]

    @property
    def _seed(self) -> int:
        return derive_seed("experiments.demo", self.world.seed)

    @cached_property
    def on_record(self) -> NDArray[np.bool_]:
        """Whom the CRM knows, bool (n,)."""
        return on_record(self._seed, customer_numbers(self.world))

    def moments(self, days_ago: int = 0) -> list[datetime]:
        """When each customer is decided for, or was contacted, on a day; aware UTC."""
        seconds = seconds_of_day(
            self._seed, customer_numbers(self.world), days_ago, campaign=days_ago > 0
        )
        day = self.midnight - timedelta(days=days_ago)
        return [day + timedelta(seconds=second) for second in seconds.tolist()]

    def crm(self) -> list[CustomerRow]:
        """What the installation is told before the day: profiles and contacts made so far."""
        permissions = self.world.permissions
        booked: list[list[Sighting]] = [[] for _ in range(self.world.size)]
        for days_ago, channels in self.contacts:
            when = self.moments(days_ago)
            for row in np.flatnonzero(channels).tolist():
                booked[row].append(Sighting(at=when[row], channel=CHANNELS[channels[row]]))
        rows = []
        for row, customer in enumerate(self.world.customer_ids):
            known = bool(self.on_record[row])
            profile = Profile(
                customer_id=str(customer),
                zone=ZONES[row % len(ZONES)] if known else None,
                permissions=tuple(
                    PermissionFact(
                        channel=channel,
                        granted=bool(permissions[row, at]),
                        given_at=self.midnight - TOLD_BEFORE,
                        source="membership form",
                    )
                    for at, channel in enumerate(CHANNELS)
                    if known and at != NO_CONTACT
                ),
            )
            rows.append(CustomerRow(profile, tuple(booked[row])))
        return rows

    def journeys(self) -> list[tuple[str, ...]]:
        """Names of the journeys each customer is in."""
        names = self.world.catalogue.journeys
        return [
            tuple(name for name, started in zip(names, row, strict=True) if started)
            for row in self.world.triggered()
        ]


def served_midnight(now: datetime | None = None) -> datetime:
    """UTC midnight of the day that is served, some days ahead at any hour of the day.

    It is the service's clock that comes to it, and that must not lie before the signatures
    under which the service serves.
    """
    moment = now or utc_now()
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + DAYS_AHEAD


def settle(
    config: RunConfig,
    midnight: datetime,
    on_day: Callable[[int, int], None] | None = None,
) -> ServedPopulation:
    """The population on the morning of the served day.

    Before it, the programme ran on RFM rules for the configured days. The scenario's own rule
    on contacts is lifted: in a served programme the service's guardrails hold that rule.
    """
    world = World(
        load_scenario(config.scenario).without_cap(),
        config.serve.customers,
        world_seed(config.seed, 0, "serve"),
    )
    days = config.serve.warm_up_days
    contacts = []
    for done, day in enumerate(live(world, RfmRules(), days), start=1):
        contacts.append((days - done + 1, world.catalogue.channel[day.action]))
        if on_day is not None:
            on_day(done, days)
    return ServedPopulation(world, midnight, tuple(contacts))
