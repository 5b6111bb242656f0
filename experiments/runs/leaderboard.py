"""The standings: every policy over all seeds, against uniform, RFM rules and the oracle."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.runs.baselines import ORACLE, RFM, UNIFORM
from experiments.runs.intervals import MeanInterval, student
from experiments.runs.results import Played, Standing
from troth.errors import InvalidArgument


def standings(
    played: Sequence[Played], *, trained: Collection[str], level: float
) -> tuple[Standing, ...]:
    """Rank policies by mean value per customer, best first.

    All comparisons are paired: on one seed every policy met the same customers with the
    same luck. The share of the gap is a ratio per seed,
    (v - v_uniform) / (v_oracle - v_uniform), whose mean and interval are over seeds.

    Args:
        played: one record per policy and seed, complete.
        trained: names of the policies that were learnt.
        level: confidence level.

    Raises:
        InvalidArgument: if a policy lacks a seed, a reference policy is missing, or the
            oracle is not above uniform on some seed.
    """
    seeds = sorted({row.seed_index for row in played})
    names = list(dict.fromkeys(row.policy for row in played))
    table = {(row.policy, row.seed_index): row for row in played}
    for name in dict.fromkeys((UNIFORM, RFM, ORACLE, *names)):
        for seed in seeds:
            if (name, seed) not in table:
                raise InvalidArgument(f"{name!r} was not played on seed {seed}", field="played")

    def values(name: str) -> NDArray[np.float64]:
        return np.array([table[name, seed].value for seed in seeds])

    uniform, rfm, oracle = values(UNIFORM), values(RFM), values(ORACLE)
    if (oracle <= uniform).any():
        raise InvalidArgument("the oracle is not above uniform, no gap to close", field="played")
    rows = []
    for name in names:
        value = values(name)
        own = student(value, level)
        rows.append(
            Standing(
                policy=name,
                mean=own.mean,
                low=own.low,
                high=own.high,
                over_uniform=_triple(student(value - uniform, level)),
                over_rfm=_triple(student(value - rfm, level)),
                gap_closed=_triple(student((value - uniform) / (oracle - uniform), level)),
                contacts_per_customer=float(
                    np.mean([sum(table[name, seed].contacts.values()) for seed in seeds])
                ),
                seeds=tuple(float(v) for v in value),
                trained=name in trained,
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.mean))


def changes(
    unguarded: Sequence[Standing], guarded: Sequence[Standing], *, level: float
) -> dict[str, tuple[float, float, float]]:
    """What guardrails change in the value of each policy, by name; paired over seeds.

    Raises:
        InvalidArgument: if the two are not of the same policies and seeds.
    """
    before = {row.policy: np.array(row.seeds) for row in unguarded}
    after = {row.policy: np.array(row.seeds) for row in guarded}
    if {name: len(v) for name, v in before.items()} != {name: len(v) for name, v in after.items()}:
        raise InvalidArgument("not the same policies and seeds", field="guarded")
    return {name: _triple(student(after[name] - before[name], level)) for name in after}


def _triple(interval: MeanInterval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high
