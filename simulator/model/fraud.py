"""Who cheats: adversarial members, and thieves of points.

An adversary takes every offer on purchases they would have made anyway and never buys because
of one. From time to time somebody asks for thousands of points at once from an account that
redeems a few hundred a month: an adversary from their own, a thief from another's, whose owner
complains. The ask is paid as far as the balance goes, and never further. Shares are knobs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import kernel
from simulator.compiled.kernel import compiled
from simulator.compiled.purposes import Purpose
from simulator.model.points_ledger import burn
from simulator.model.sentiment import complain, feel
from simulator.scenarios import Scenario
from simulator.state import columns as col
from simulator.state.population import Population


def assign(scenario: Scenario, people: Population, seed: int) -> None:
    """Draw who is an adversary."""
    u = kernel.uniforms(seed, people.index, purpose=Purpose.TRAIT_IDENTITY, step=0)
    people.adversary[:] = u[3] < scenario.fraud.adversary_share


@compiled
def ask(
    fs: NDArray[np.float32],
    ints: NDArray[np.int32],
    longs: NDArray[np.int64],
    bits: NDArray[np.uint8],
    i: Any,
    par: Any,
    today: Any,
) -> None:
    """Somebody asks for many points of customer ``i`` at once."""
    burn(ints, longs, i, min(longs[i, col.POINTS], par.fraud_ask_points), today.period)
    if bits[i, col.ADVERSARY] == 0:
        feel(fs, ints, i, -par.mood_ticket_shock, par, today.clock)
        complain(ints, i)
