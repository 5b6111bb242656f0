"""Who decides in a long run: one vectorised pass over a shard each morning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.populations.plan import PLAIN
from experiments.runs.baselines import NAMES, NEVER_CONTACT, baselines
from simulator.compiled.kernel import pick
from simulator.rollout import choose, draws
from simulator.scenarios import Scenario
from simulator.world import World
from troth.catalogue import NO_CONTACT
from troth.errors import FailedPrecondition
from troth.policy import Policy

Actions = NDArray[np.int64]
Decide = Callable[[World], Actions]
"""Today's action of every customer, int64 (n,), eligible; draws are keyed by customer and day."""


def decider(name: str, scenario: Scenario, artifacts: Path) -> Decide:
    """Who ``name`` is, for the customers of any world of ``scenario``.

    Args:
        name: one of :data:`experiments.populations.plan.DECIDERS`, or the digest of an artifact.
        scenario: gives the catalogue and the feature schema.
        artifacts: the store that a digest is looked up in.

    Raises:
        NotFound: if the store has no such artifact.
        FailedPrecondition: if it was trained on another catalogue or feature schema.
    """
    if name == PLAIN:
        return plain
    if name == NEVER_CONTACT:
        return never
    policy = baselines()[name] if name in NAMES else _stored(name, scenario, artifacts)
    return lambda world: choose(world, policy)


def never(world: World) -> Actions:
    """No contact, for nobody: what the policy of that name does, in a tenth of the day's time."""
    return np.full(world.size, NO_CONTACT, dtype=np.int64)


def plain(world: World) -> Actions:
    """The programme before Troth: now and then an eligible contact, all alike.

    Each customer is due with the scenario's ``warm_up.contact_chance`` per day, as in the
    days before day 0; one uniform decides that, another which contact it is.
    """
    u = draws(world)
    actions = np.empty(world.size, dtype=np.int64)
    due = u[0] < world.scenario.warm_up.contact_chance
    pick(actions, world.mask(), due, u[1])
    return actions


def _stored(name: str, scenario: Scenario, artifacts: Path) -> Policy:
    from agents.artifacts.artifact import ArtifactStore

    artifact = ArtifactStore(artifacts).load(name)
    for what, theirs, ours in (
        ("catalogue", artifact.catalogue.digest, scenario.catalogue.digest),
        ("feature schema", artifact.schema.digest, scenario.schema.digest),
    ):
        if theirs != ours:
            raise FailedPrecondition(
                f"{name[:12]} was trained on another {what} than {scenario.name!r} has",
                field="policy",
            )
    return artifact.policy
