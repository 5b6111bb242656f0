"""A diary of one episode: what a dashboard shows, one entry a day, kept only when rendering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.day.results import StepResult
from simulator.world import World
from troth.catalogue import CHANNELS
from troth.contexts import ContextBatch

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PopulationState:
    """How a population stands one morning.

    Attributes:
        permissions: float64 (C - 1,), share of customers that each channel may reach.
        tiers: float64 (T,), share of customers in each tier, lowest first.
        sentiment: mean sentiment, -1..1.
        tickets: share of customers with an open ticket.
        recent: mean contacts of the past seven days.
    """

    permissions: Float
    tiers: Float
    sentiment: float
    tickets: float
    recent: float

    @classmethod
    def of(cls, contexts: ContextBatch) -> PopulationState:
        """From what the firm observes."""
        schema = contexts.schema
        tiers = schema.features[schema.index("tier")].levels
        tier = contexts.column("tier").astype(np.int64)
        return cls(
            permissions=np.array([contexts.column(f"permit_{c}").mean() for c in CHANNELS[1:]]),
            tiers=np.bincount(tier, minlength=len(tiers)) / len(contexts),
            sentiment=float(contexts.column("sentiment").mean()),
            tickets=float((contexts.column("open_tickets") > 0).mean()),
            recent=float(contexts.column("contacts_7d").mean()),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One day.

    Attributes:
        contacts: float64 (C - 1,), contacts per customer by channel.
        purchases: customers who bought, as a share.
        opt_outs: permissions withdrawn per customer.
        reward: mean reward, major units.
        state: the morning after.
    """

    contacts: Float
    purchases: float
    opt_outs: float
    reward: float
    state: PopulationState


class Diary:
    """The entries of the running episode.

    Attributes:
        customers: how many there are.
        scenario: its name.
        tiers: names, lowest first.
        first: the morning of day 0.
        entries: one per day lived.
    """

    def __init__(self) -> None:
        self.customers = 0
        self.scenario = ""
        self.tiers: tuple[str, ...] = ()
        self.first: PopulationState | None = None
        self.entries: list[Entry] = []

    def begin(self, world: World) -> None:
        """A new episode."""
        schema = world.schema
        self.customers = world.size
        self.scenario = world.scenario.name
        self.tiers = schema.features[schema.index("tier")].levels
        self.first = PopulationState.of(world.contexts())
        self.entries = []

    def note(
        self, world: World, served: NDArray[np.int64], result: StepResult, rewards: Float
    ) -> None:
        """A day that has just been lived.

        Args:
            world: on the morning after.
            served: int64 (n,), columns of the catalogue.
            result: what came of it.
            rewards: float64, major units; of the day, per customer or group of customers.
        """
        channel = world.catalogue.channel[served]
        self.entries.append(
            Entry(
                contacts=np.bincount(channel, minlength=len(CHANNELS))[1:] / world.size,
                purchases=float(result.purchased.mean()),
                opt_outs=float(result.opted_out.mean()),
                reward=float(rewards.mean()),
                state=PopulationState.of(world.contexts()),
            )
        )
