"""The standings: every policy over all seeds, against uniform, RFM rules and the oracle."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.runs.baselines import ORACLE, RFM, UNIFORM
from experiments.runs.results import Played, Standing
from troth.errors import InvalidArgument
from troth.statistics import MeanInterval, student


def standings(
    played: Sequence[Played],
    *,
    trained: Collection[str],
    level: float,
    gap_of: Sequence[Played] | None = None,
) -> tuple[Standing, ...]:
    """Rank policies by mean value per customer, best first.

    All comparisons are paired: on one seed every policy met the same customers with the
    same luck. The share of the gap is a ratio per seed,
    (v - v_uniform) / (v_oracle - v_uniform), whose mean and interval are over seeds.

    Args:
        played: one record per policy and seed, complete.
        trained: names of the policies that were learnt.
        level: confidence level.
        gap_of: whose uniform and oracle make the gap, on the same seeds; ``played`` by default.
            Behind guardrails it is that without them, so that shares of both are of one gap.

    Raises:
        InvalidArgument: if a policy lacks a seed, a reference policy is missing, or the
            oracle is not above uniform on some seed.
    """
    table = {(row.policy, row.seed_index): row for row in played}
    seeds = sorted({row.seed_index for row in played})
    names = list(dict.fromkeys(row.policy for row in played))
    uniform, rfm = (_values(played, name, seeds) for name in (UNIFORM, RFM))
    gap = played if gap_of is None else gap_of
    floor, oracle = (_values(gap, name, seeds) for name in (UNIFORM, ORACLE))
    if (oracle <= floor).any():
        raise InvalidArgument("the oracle is not above uniform, no gap to close", field="played")
    rows = []
    for name in names:
        value = _values(played, name, seeds)
        own = student(value, level)
        rows.append(
            Standing(
                policy=name,
                mean=own.mean,
                low=own.low,
                high=own.high,
                over_uniform=_triple(student(value - uniform, level)),
                over_rfm=_triple(student(value - rfm, level)),
                gap_closed=_triple(student((value - floor) / (oracle - floor), level)),
                contacts_per_customer=float(
                    np.mean([sum(table[name, seed].contacts.values()) for seed in seeds])
                ),
                seeds=tuple(float(v) for v in value),
                trained=name in trained,
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.mean))


def _values(played: Sequence[Played], name: str, seeds: Sequence[int]) -> NDArray[np.float64]:
    """The value of a policy on each seed, float64 (s,)."""
    found = {row.seed_index: row.value for row in played if row.policy == name}
    for seed in seeds:
        if seed not in found:
            raise InvalidArgument(f"{name!r} was not played on seed {seed}", field="played")
    return np.array([found[seed] for seed in seeds])


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
