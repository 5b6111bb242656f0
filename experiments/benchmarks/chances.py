"""What common chances gain: the effect of a single e-mail, on one life or on two."""

from __future__ import annotations

import numpy as np

from agents.policies.uniform import NeverContact
from experiments.benchmarks.harness import BenchmarkRow, Timing, paired_row
from experiments.benchmarks.worlds import reference
from simulator.day.results import RewardKind
from simulator.truth import long_run_values
from simulator.world import World

CUSTOMERS = 4096
HORIZONS = (28, 90)
REPLICATES = 4
EMAIL = "engagement/1/news/email"
AGAINST = ("common chances", "common chances, each day with its expectation")


def common_chances(timing: Timing) -> list[BenchmarkRow]:
    """Variance of an e-mail's effect with chances of its own over that with common ones.

    Both lives of a customer begin alike, one with the e-mail and one without, and nobody is
    contacted afterwards; the effect is what the reward up to the horizon differs by. With
    common chances the lives meet the same replicate, without they meet different ones: what is
    left is whether the e-mail itself works, while the other variance grows with the horizon.
    Counting each day with its expectation takes that out, too. Each round is another population.
    """
    rows = []
    for days in HORIZONS:
        rounds = [_variances(seed, days) for seed in range(1, timing.rounds + 1)]
        rows += [
            paired_row(
                f"variance of one e-mail's effect over {days} days, chances of its own",
                "square minor units",
                [(each[0], each[at]) for each in rounds],
                against=against,
                goal=500.0,
                note=f"{CUSTOMERS:,} customers, {REPLICATES} lives each; no timing",
            )
            for at, against in enumerate(AGAINST, start=1)
        ]
    return rows


def _variances(seed: int, days: int) -> tuple[float, float, float]:
    """With chances of its own, common ones, common ones and expectations, per customer."""
    world = World(reference(), CUSTOMERS, seed)
    column = world.catalogue.index(EMAIL)
    reached = world.mask()[:, column]
    rewards: tuple[RewardKind, RewardKind] = ("sampled", "expected")
    (sent, unsent), (sent_mean, unsent_mean) = (
        [
            long_run_values(
                world,
                NeverContact(),
                np.full(CUSTOMERS, action),
                days,
                replicates=REPLICATES,
                reward=reward,
            )[:, reached]
            for action in (column, 0)
        ]
        for reward in rewards
    )
    apart = sent - np.roll(unsent, 1, axis=0)
    return float(apart.var()), float((sent - unsent).var()), float((sent_mean - unsent_mean).var())
