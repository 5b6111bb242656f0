"""The populations that the moments are measured on."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from simulator.scenarios import Scenario
from simulator.validity.study import Study
from simulator.world import World
from troth.catalogue import Catalogue, OfferKind
from troth.contexts import ContextBatch

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


def newcomers(study: Study, *, start: date | None = None) -> World:
    """Members who all made their first purchase the day before day 0 and have no other past.

    Args:
        study: scenario, size and seed.
        start: calendar date of day 0; the scenario's by default.
    """
    scenario = study.scenario.without_cap()
    if start is not None:
        scenario = _starting(scenario, start)
    return World(scenario, study.customers, study.seed, newcomers=True)


def members(study: Study, part: int = 0) -> World:
    """The scenario's own members on day 0, with the contact cap lifted.

    Args:
        study: scenario, size and seed.
        part: other members of the same population for each number.
    """
    scenario = study.scenario.without_cap()
    return World(scenario, study.customers, study.seed, first_customer=part * study.customers)


def rested(study: Study, *, start: date | None = None, part: int = 0) -> World:
    """The scenario's members on day 0 without any contact in the days before.

    Args:
        study: scenario, size and seed.
        start: calendar date of day 0; the scenario's by default.
        part: other members of the same population for each number.
    """
    scenario = study.scenario.without_cap().replace(warm_up={"contact_chance": 0.0})
    if start is not None:
        scenario = _starting(scenario, start)
    return World(scenario, study.customers, study.seed, first_customer=part * study.customers)


def column(contexts: ContextBatch, name: str) -> Float:
    """A raw feature of every customer, float64 (n,)."""
    return contexts.raw[:, contexts.schema.index(name)].astype(np.float64)


def past_year(contexts: ContextBatch) -> Float:
    """Spend of the past year, float64 (n,) major units: mean basket times purchases."""
    return column(contexts, "monetary_minor") * column(contexts, "frequency_365") / 100.0


def messages(world: World, channel: str, kinds: tuple[OfferKind, ...] = ()) -> NDArray[np.int64]:
    """Columns of the catalogue on ``channel``, of ``kinds`` (all by default), best reach first.

    Reach is how many customers may be sent it this morning; of equal reach the catalogue's
    order decides.
    """
    catalogue: Catalogue = world.catalogue
    wanted = [
        at
        for at, action in enumerate(catalogue.actions)
        if action.channel == channel and (not kinds or action.kind in kinds)
    ]
    reach = world.mask()[:, wanted].sum(axis=0)
    return np.array(wanted, dtype=np.int64)[np.argsort(-reach, kind="stable")]


def send(world: World, action: int, due: Bool) -> NDArray[np.int64]:
    """int64 (n,): ``action`` for those ``due`` (n,) who may be sent it, else *no contact*."""
    return np.where(due & world.mask()[:, action], action, 0).astype(np.int64)


def _starting(scenario: Scenario, start: date) -> Scenario:
    return Scenario.model_validate({**scenario.model_dump(mode="python"), "start": start})
