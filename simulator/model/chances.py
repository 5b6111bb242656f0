"""Who does something of their own accord today: the one pass over everybody.

    P(own purchase) = 1 - exp(-own_rate_i * factor_t)
    P(visit)        = visit_rate_i,     P(an unplanned event) = sum of its chances

Most people do nothing on most days. This pass draws for all, reads three columns and writes a
byte; everything else is done for the few whom it marks. Written so that LLVM vectorises it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled, draw, inlined, survives
from simulator.compiled.purposes import Purpose

OWN, EVENT, VISIT, DUE, RECOVERY, SOON, SERVED, BIRTHDAY = 1, 2, 4, 8, 16, 32, 64, 128
"""Bits of ``flags``: own purchase, unplanned event, visit, something is due today, a service
recovery has arrived, something changes tonight, there is a contact, it is the birthday."""
DAY = int(Purpose.DAY)
ROUNDING = 1e-7
"""More than :func:`simulator.compiled.kernel.survives` may be off by."""


@inlined
def own_chance(rate: Any, factor: Any) -> Any:
    """P(own purchase today)."""
    return 1.0 - survives(rate * factor)


@compiled
def mark(
    flags: NDArray[np.uint8],
    own_rate: NDArray[np.float32],
    visit_rate: NDArray[np.float32],
    wake: NDArray[np.int32],
    birthday: NDArray[np.int32],
    chosen: NDArray[np.int64],
    first: Any,
    clock: int,
    day_of_year: int,
    factor: float,
    event_chance: float,
    replicate: Any,
    k0: Any,
    k1: Any,
) -> None:
    """Write the bits of every customer's day to ``flags``, uint8 (n,).

    Args:
        flags: written.
        own_rate, visit_rate: float32 (n,) per day.
        wake: int32 (n,) days on which something is due.
        birthday: int32 (n,), days of the year.
        chosen: int64 (n,), actions.
        first: uint64 number of the first customer.
        clock: the day.
        day_of_year: likewise.
        factor: of purchase rates, of the calendar.
        event_chance: P(an unplanned event).
        replicate, k0, k1: address of the draws, uint64.
    """
    step = np.uint64(clock)
    purpose = np.uint64(DAY)
    tomorrow = np.int32(clock + 1)
    today = np.int32(clock)
    born = np.int32(day_of_year)
    for i in range(flags.shape[0]):
        u = draw(first + np.uint64(i), purpose, step, replicate, k0, k1)
        # 1 - exp(-x) <= x: the few that this lets through are looked at again.
        own = u[0] < np.float64(own_rate[i]) * factor + ROUNDING
        event = u[1] < event_chance
        visits = u[2] < visit_rate[i]
        flags[i] = (
            np.uint8(own) * np.uint8(OWN)
            + np.uint8(event) * np.uint8(EVENT)
            + np.uint8(visits) * np.uint8(VISIT)
            + np.uint8(wake[i] <= today) * np.uint8(DUE)
            + np.uint8(wake[i] <= tomorrow) * np.uint8(SOON)
            + np.uint8(chosen[i] > 0) * np.uint8(SERVED)
            + np.uint8(birthday[i] == born) * np.uint8(BIRTHDAY)
        )
