"""Mood: sentiment, complaints and tickets, surveys.

Sentiment s in [-1, 1] returns to 0 with a time constant; a complaint lowers it and opens a
ticket, a purchase, a gift or an apology lifts it. Each day an open ticket is solved with some
chance, more likely when service recovery reaches them, and they may leave for good over it. While
it is open, any contact but service recovery puts them off: their own purchase of the day is at
risk, and an offer costs sentiment. Sentiment scales the response by exp(gain * s). The firm
sees only a signal: a noisy measurement of some past day, and the score of the last survey. All
figures are knobs: no sourced ones were found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled, drawn, normal
from simulator.compiled.purposes import Purpose
from simulator.model.chances import RECOVERY
from simulator.scenarios.schema import MOST_SCORE, MOST_TICKETS
from simulator.state import columns as col

TICKET, SIGNAL = int(Purpose.TICKET), int(Purpose.LIFE)


@compiled
def now(fs: NDArray[np.float32], ints: NDArray[np.int32], i: Any, par: Any, clock: Any) -> Any:
    """The sentiment of customer ``i`` today."""
    return fs[i, col.SENTIMENT] * par.derived_mood_keeps ** (clock - ints[i, col.SENTIMENT_DAY])


@compiled
def feel(
    fs: NDArray[np.float32], ints: NDArray[np.int32], i: Any, change: Any, par: Any, clock: Any
) -> Any:
    """Move the sentiment of customer ``i`` by ``change``; the sentiment after it."""
    moved = min(max(now(fs, ints, i, par, clock) + change, -1.0), 1.0)
    fs[i, col.SENTIMENT] = moved
    ints[i, col.SENTIMENT_DAY] = clock
    return moved


@compiled
def complain(ints: NDArray[np.int32], i: Any) -> None:
    """Open a ticket of customer ``i``."""
    ints[i, col.TICKETS] = min(ints[i, col.TICKETS] + 1, MOST_TICKETS)


@compiled
def put_off(group: Any, ticket: Any, par: Any) -> Any:
    """Share of today's own purchases that a contact destroys."""
    return max(group, par.mood_hurt_when_open if ticket else 0.0)


@compiled
def score(sentiment: Any, z: Any, par: Any) -> Any:
    """Answer to a survey, whole, 0..MOST_SCORE."""
    answer = par.mood_nps_mean + par.mood_nps_gain * sentiment + par.mood_nps_sd * z
    return int(min(max(round(answer), 0.0), float(MOST_SCORE)))


@compiled
def measure(
    fs: NDArray[np.float32],
    ints: NDArray[np.int32],
    i: Any,
    first: int,
    keys: Any,
    par: Any,
    clock: Any,
) -> None:
    """Refresh the firm's signal of customer ``i``."""
    u = drawn(first + i, SIGNAL, clock, keys[0], keys[1], keys[2])
    z = normal(u[0], u[1])
    heard = now(fs, ints, i, par, clock) + par.mood_signal_sd * z
    fs[i, col.SIGNAL] = min(max(heard, -1.0), 1.0)


@compiled
def tickets(
    ints: NDArray[np.int32],
    rows: NDArray[np.int64],
    low: int,
    flags: NDArray[np.uint8],
    first: int,
    keys: Any,
    par: Any,
    today: Any,
) -> None:
    """One more day of the open tickets of ``rows``: solved, or the last straw."""
    clock = today.clock
    for at in range(rows.shape[0]):
        i = rows[at]
        u = drawn(first + i, TICKET, clock, keys[0], keys[1], keys[2])
        solved = par.mood_solved_per_day
        if flags[i - low] & RECOVERY:
            solved = par.mood_solved_by_recovery
        if u[0] < solved:
            ints[i, col.TICKETS] -= 1
        if u[1] < par.mood_leaves_per_open_day:
            ints[i, col.LEAVES] = min(ints[i, col.LEAVES], clock + 1)
