"""Whether the truth is true: exact expected rewards against the mean of many lives.

Random customers and eligible actions of each environment, in the scenario as it ships. Each
morning is lived again under other chances, with the contact and without one; the difference
of the two in the same lives is compared with what the simulator says to expect, and the
expectation without a contact by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from envs.base.episodes import MINOR_PER_MAJOR
from envs.registration import DECISIONS
from experiments.benchmarks.worlds import CONTACTED, contacts
from experiments.proofs.pages import write as write_page
from experiments.runs.executors import OnProgress
from simulator.world import World

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

SEED = 21
ENOUGH = 25
"""Lives that must differ from a pair's typical one for its own standard error to mean much."""
ROUNDING = 1e-6
LIVED_DAYS = 20
"""Days under random contacts before the morning in question."""


class TruthAgreement(BaseModel):
    """Expected against lived rewards of one environment.

    Attributes:
        environment: its id.
        part: ``contact``, what the action adds to the day, or ``no contact``.
        pairs: customers with an action each.
        uncertain: of them, those whose lives differ often enough to be judged one by one.
        lives: alternative days of each.
        expected, lived: mean over the pairs, major units.
        lived_error: standard error of the latter.
        z: the difference in standard errors.
        beyond_two: share of the uncertain pairs more than two of their own standard errors
            away; 5 % are due to chance, somewhat more where an outcome is rare.
        largest: the largest distance of one of them, in standard errors.
    """

    model_config = ConfigDict(frozen=True)

    environment: str
    part: str
    pairs: int
    uncertain: int
    lives: int
    expected: float
    lived: float
    lived_error: float
    z: float
    beyond_two: float
    largest: float


def agree(
    scenario: str,
    *,
    pairs: int = 200,
    lives: int = 10_000,
    on_progress: OnProgress | None = None,
) -> list[TruthAgreement]:
    """Compare in every environment with one decision a day.

    Args:
        scenario: name or path.
        pairs: customers in each, >= 2.
        lives: alternative days of each, >= 2.
        on_progress: called with (environments done, in all).
    """
    found = []
    for done, name in enumerate(DECISIONS):
        if on_progress is not None:
            on_progress(done, len(DECISIONS))
        found += _environment(name, scenario, pairs, lives)
    if on_progress is not None:
        on_progress(len(DECISIONS), len(DECISIONS))
    return found


def _environment(name: str, scenario: str, pairs: int, lives: int) -> list[TruthAgreement]:
    env: Any = gymnasium.make_vec(
        name, num_envs=3 * pairs, vectorization_mode="vector_entry_point", scenario=scenario
    ).unwrapped
    env.reset(seed=SEED)
    generator = np.random.Generator(np.random.Philox(SEED))
    for _ in range(LIVED_DAYS):
        env.step(contacts(env.action_masks(), CONTACTED, generator))
    actions = contacts(env.action_masks(), 1.0, generator)
    rows = np.flatnonzero(actions)[:pairs]
    truth = env.expected_rewards()
    served = env.cohort.columns()[np.arange(env.num_envs), actions]
    contacted = _lived(env.world, served, lives)[:, rows]
    alone = _lived(env.world, np.zeros_like(served), lives)[:, rows]
    added = truth[rows, actions[rows]] - truth[rows, 0]
    env.close()
    return [
        judged(name, "contact", contacted - alone, added),
        judged(name, "no contact", alone, truth[rows, 0]),
    ]


def _lived(world: World, actions: Int64, lives: int) -> Float:
    """Rewards of a day in alternative lives, float64 (lives, n), major units."""
    goal = world.scenario.objective
    rewards = np.empty((lives, world.size))
    for life in range(lives):
        rewards[life] = world.fork(replicate=life).step(actions).reward(goal)
    return rewards / MINOR_PER_MAJOR


def judged(environment: str, part: str, lived: Float, expected: Float) -> TruthAgreement:
    """One row of the proof.

    Args:
        environment: what is compared.
        part: of it.
        lived: float64 (lives, pairs).
        expected: float64 (pairs,).
    """
    mean, error = lived.mean(axis=0), lived.std(axis=0, ddof=1) / np.sqrt(len(lived))
    typical = np.median(lived, axis=0)
    unsure = (np.abs(lived - typical) > ROUNDING).sum(axis=0) >= ENOUGH
    distance = np.abs(mean - expected)[unsure] / error[unsure]
    whole = lived.mean(axis=1)
    whole_error = float(whole.std(ddof=1) / np.sqrt(len(whole)))
    return TruthAgreement(
        environment=environment,
        part=part,
        pairs=lived.shape[1],
        uncertain=int(unsure.sum()),
        lives=len(lived),
        expected=float(expected.mean()),
        lived=float(mean.mean()),
        lived_error=whole_error,
        z=float(mean.mean() - expected.mean()) / whole_error,
        beyond_two=float((distance > 2.0).mean()) if unsure.any() else 0.0,
        largest=float(distance.max(initial=0.0)),
    )


def write(rows: list[TruthAgreement], scenario: str, folder: Path) -> Path:
    """Write ``truth.json`` and ``truth.md`` into ``folder``; returns the latter."""
    return write_page(
        "truth",
        rows,
        folder,
        title="Exact expected rewards against many lives",
        text=f"random customers and actions of `{scenario}`, each day lived {rows[0].lives:,} "
        "times. *Contact* is what the action adds to the day in the same lives. Major units per "
        "customer; *z* is the difference in standard errors, *beyond 2* the share of those "
        f"pairs with {ENOUGH} lives or more unlike the typical one that are more than two of their "
        "own standard errors away.",
        columns=(
            "environment", "part", "pairs", "expected", "lived", "z", "beyond 2", "largest",
        ),
        rows=[
            (
                row.environment,
                row.part,
                row.pairs,
                f"{row.expected:.5f}",
                f"{row.lived:.5f} ± {row.lived_error:.5f}",
                f"{row.z:+.2f}",
                f"{row.beyond_two:.1%}",
                f"{row.largest:.1f}",
            )
            for row in rows
        ],
    )  # fmt: skip
