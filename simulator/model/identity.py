"""Who is who: identifiers that are linked late, and profiles merged with a stranger's.

A share of members has a second identifier (a guest checkout, a new device). Until it is linked
on a day drawn from an exponential distribution, part of their own purchases happen under it:
they earn nothing and the firm does not see them; then all appear at once. A share of profiles
is merged wrongly: a stranger's purchases turn up on them. The shares are knobs; that links are
late and wrong is the everyday of identity graphs (e.g. Lin & Misra, "Frontiers: the identity
fragmentation bias", Marketing Science 41(3), 2022).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import kernel
from simulator.compiled.kernel import compiled, drawn, normal
from simulator.compiled.purposes import Purpose
from simulator.model.points_ledger import qualify, tier_of
from simulator.model.spend import MINOR_PER_MAJOR
from simulator.scenarios import Scenario
from simulator.state import columns as col
from simulator.state.population import Blocks, Population

STRANGER = int(Purpose.LIFE)


def assign(scenario: Scenario, people: Population, seed: int, morning: int) -> None:
    """Draw who has a second identifier, when it is linked, and who is merged wrongly."""
    section = scenario.identity
    u = kernel.uniforms(seed, people.index, purpose=Purpose.TRAIT_IDENTITY, step=0)
    wait = np.minimum(1.0 - section.link_days * np.log(u[1]), col.LONGEST_WAIT)
    late = u[0] < section.late_share
    people.link_day[:] = np.where(late, morning + wait.astype(np.int64), morning)
    people.stranger[:] = u[2] < section.wrong_share


@compiled
def hide(ints: NDArray[np.int32], i: Any, amount: Any, clock: Any) -> None:
    """Book a purchase of customer ``i`` under the identifier that is not linked."""
    ints[i, col.SHADOW_ORDERS] += 1
    ints[i, col.SHADOW_SPEND] += amount
    ints[i, col.SHADOW_LAST] = clock


@compiled
def link(people: Blocks, i: Any, tiers: Any, morning: Any) -> None:
    """All that customer ``i`` bought under it appears on their profile, in yesterday's period.

    A period that begins on ``morning`` empties its own bucket yet.
    """
    days, ints, longs, bits = people.days, people.ints, people.longs, people.bytes
    orders, spend = ints[i, col.SHADOW_ORDERS], ints[i, col.SHADOW_SPEND]
    if orders == 0:
        return
    newest = ((morning - 1) // col.PERIOD_DAYS) % col.BUCKETS
    ints[i, col.ORDERS] += orders
    ints[i, col.LIFETIME_ORDERS] += orders
    ints[i, col.ORDER_BUCKETS + newest] += orders
    longs[i, col.SPEND] += spend
    longs[i, col.LIFETIME_SPEND] += spend
    ints[i, col.SPEND_BUCKETS + newest] += spend
    bits[i, col.TIER] = tier_of(longs[i, col.SPEND], bits[i, col.TIER], tiers)
    days[col.SEEN_ORDER, i] = max(days[col.SEEN_ORDER, i], ints[i, col.SHADOW_LAST])
    ints[i, col.SHADOW_ORDERS] = 0
    ints[i, col.SHADOW_SPEND] = 0


@compiled
def stranger(
    people: Blocks,
    i: Any,
    first: int,
    keys: Any,
    tables: Any,
    par: Any,
    today: Any,
) -> None:
    """A stranger's purchase turns up on the profile of customer ``i``."""
    fs, ints, longs, bits = people.floats, people.ints, people.longs, people.bytes
    u = drawn(first + i, STRANGER, today.clock, keys[0], keys[1], keys[2])
    z = normal(u[2], u[3])
    major = math.exp(fs[i, col.BASKET] + par.spend_sigma_within * z)
    amount = max(round(major * MINOR_PER_MAJOR), 1)
    qualify(ints, longs, bits, i, amount, today.period, tables.tiers)
    people.days[col.SEEN_ORDER, i] = today.clock
