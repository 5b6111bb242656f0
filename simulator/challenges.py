"""Challenges: buy so many times within so many days, and points are awarded.

A click on a challenge offer starts one if none runs. Each purchase is progress; completing it
awards points, whose liability falls due with that purchase. The pull grows with progress,

    purchase rate factor = 1 + goal_gradient * progress

(Kivetz, Urminsky & Zheng, "The goal-gradient hypothesis resurrected", JMR 43(1), 2006: visits
20 % more frequent near the reward).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.scenarios.sections import ChallengeSection

Float = NDArray[np.float64]
Int32 = NDArray[np.int32]


def progress(section: ChallengeSection, days: Int32, done: Int32) -> Float:
    """float64 (n,) in [0, 1): share of the target reached; 0 when no challenge runs."""
    return np.where(days > 0, done / section.target, 0.0)


def pull(section: ChallengeSection, share: Float) -> Float:
    """float64 (n,) >= 1: factor of the purchase rate at ``share`` of the target."""
    return 1.0 + section.goal_gradient * share


def completes(section: ChallengeSection, days: Int32, done: Int32) -> NDArray[np.bool_]:
    """Bool (n,): a purchase today would complete the challenge."""
    return (days > 0) & (done + 1 >= section.target)


def overnight(
    section: ChallengeSection,
    days: Int32,
    done: Int32,
    *,
    bought: NDArray[np.bool_],
    starts: NDArray[np.bool_],
) -> tuple[Int32, Int32]:
    """Days left and purchases done of the next morning, int32 (n,) each.

    Args:
        section: parameters.
        days: days left this morning, 0 when none runs.
        done: purchases made in it.
        bought: a purchase was made, bool (n,).
        starts: a challenge offer was clicked, bool (n,).
    """
    finished = bought & completes(section, days, done)
    running = days > 0
    left = np.where(running & ~finished, days - 1, 0)
    left = np.where(starts & ~running, section.days, left)
    made = np.where(running & bought & ~finished, done + 1, done)
    made = np.where(left > 0, np.where(running, made, 0), 0)
    return left.astype(np.int32), made.astype(np.int32)
