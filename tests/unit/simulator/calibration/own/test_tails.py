"""Many people under each of several ids, which hide behind each other; heavy tails of people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.own.tails import CHANCE, apart
from simulator.calibration.own.world import fit_own
from tests.support.purchase_logs import START, log

DAYS = 600


def _tills(rng: np.random.Generator, ids: int, rows: int, amount: float = 20.0) -> pd.DataFrame:
    size = ids * rows
    return pd.DataFrame(
        {
            "customer": np.repeat([f"T{at}" for at in range(ids)], rows),
            "date": START + rng.integers(0, DAYS + 1, size),
            "amount": (amount * np.exp(rng.normal(0.0, 0.7, size))).round(2) + 0.01,
        }
    )


def _shop(seed: int, customers: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = log(rng, customers, joined=(0, 300), days=DAYS)
    return table.assign(customer="c" + table["customer"].astype(str))


@pytest.mark.parametrize(
    ("ids", "rows", "customers"), [(6, 200, 300), (12, 120, 300), (12, 120, 3000), (30, 100, 1500)]
)
def test_tills_that_hide_behind_each_other_are_all_named(
    ids: int, rows: int, customers: int
) -> None:
    """Each with its rows and how to leave it out, at the top, with the figures without them all."""
    clean = _shop(51, customers)
    table = pd.concat([clean, _tills(np.random.default_rng(52), ids, rows)], ignore_index=True)
    found = fit_own(table, process="pareto_nbd")
    names = [f"T{at}" for at in range(ids)]
    first = found.warnings[0]
    assert first.startswith("purchases: the figures hang on")
    assert all(f"'{name}' ({rows} of {len(table):,} rows" in first for name in names)
    assert all(f"--exclude '{name}'" in first for name in names)
    assert first.count("--exclude 'c") <= 1, "who is nearer to the tills than to the others"
    left = fit_own(table, process="pareto_nbd", exclude=names)
    assert left.warnings == ()
    r = left.sections()["purchases"]["r"]
    assert r == fit_own(clean, process="pareto_nbd").sections()["purchases"]["r"]
    # The months were fitted with the tills in them: what is said is near, not the same.
    assert float(first.split("; without them r ")[1].split(" in")[0]) == pytest.approx(r, rel=0.15)


def test_tills_of_other_baskets_are_named_for_the_mean() -> None:
    """Six of them, of large baskets: none makes half of the variance alone."""
    table = pd.concat(
        [_shop(53, 1000), _tills(np.random.default_rng(54), 6, 100, 200.0)], ignore_index=True
    )
    (said,) = (w for w in fit_own(table).warnings if w.startswith("spend: the figures hang on"))
    assert all(f"--exclude 'T{at}'" in said for at in range(6))


@pytest.mark.parametrize("kind", ["gamma", "log-normal", "Pareto"])
@pytest.mark.parametrize("size", [200, 2000])
def test_a_heavy_tail_has_no_gap(kind: str, size: int) -> None:
    """However heavy: in hundreds of samples chance makes one as often as it may, or less."""
    falsely = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        values = {
            "gamma": rng.gamma(0.5, 1.0, size),
            "log-normal": np.exp(rng.normal(0.0, 1.5, size)),
            "Pareto": 1.0 + rng.pareto(1.5, size),
        }[kind]
        falsely += apart(values) > 0
        more = np.concatenate((values, values.max() * rng.uniform(8.0, 12.0, 8)))
        assert apart(more) >= 8
    assert falsely <= 2.0 * CHANCE * 300


@pytest.mark.parametrize("spread", [0.7, 1.5])
@pytest.mark.parametrize("seed", range(4))
def test_people_who_differ_much_are_quiet(spread: float, seed: int) -> None:
    """Rates that are log-normal, which neither process fits: nobody is taken for a till."""
    rng = np.random.default_rng(seed)
    customers = 800
    rate = np.exp(rng.normal(np.log(0.05), spread, customers)) / 7.0
    begun = rng.integers(0, 300, customers)
    later = rng.poisson(rate * (DAYS - begun))
    who = np.concatenate((np.arange(customers), np.repeat(np.arange(customers), later)))
    day = begun[who] + np.concatenate(
        (np.zeros(customers), rng.random(later.sum()) * (DAYS - begun[who[customers:]]))
    ).astype(np.int64)
    amount = np.exp(rng.normal(3.0, 0.7, len(who))).round(2) + 0.01
    table = pd.DataFrame({"customer": who, "date": START + day, "amount": amount})
    assert not any("hang on" in line for line in fit_own(table, process="pareto_nbd").warnings)


def test_few_values_have_no_tail() -> None:
    """Nothing can be said of a handful."""
    assert apart(np.array([1.0, 1.1, 900.0, 1000.0])) == 0
    assert apart(np.zeros(50)) == 0
