"""Times in which nobody bought, amid purchases: a file that is missing, or dates that are wrong."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.own_checks import quiet_times, visit_days
from simulator.calibration.own_data import read_transactions
from tests.support import own_files as made


def _shop(visits_a_day: float, days: int, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.poisson(visits_a_day * days)
    return pd.DataFrame(
        {
            "customer": rng.integers(0, 5000, size).astype(str),
            "date": np.datetime64("2024-01-01") + np.sort(rng.integers(0, days, size)),
            "amount": rng.gamma(2, 10, size).round(2) + 0.01,
        }
    )


def test_a_month_that_is_missing_is_told() -> None:
    """January and March are there: who bought in February is taken for somebody who paused."""
    shop = _shop(40, 91)
    february = (shop["date"] >= "2024-02-01") & (shop["date"] < "2024-03-01")
    (warning,) = read_transactions(shop[~february], {}).warnings
    told = re.fullmatch(
        r"date: nobody bought from 2024-02-01 to 2024-02-29, where ([\d,]+) visits .*", warning
    )
    assert told is not None
    assert 500 < int(told[1].replace(",", "")) < 2000, "40 a day, from fifty visits at either side"
    assert "is a file missing" in warning
    assert read_transactions(shop, {}).warnings == ()


def test_a_block_of_stray_dates_is_told() -> None:
    """More rows than an accident, all on one day at which the data do not end."""
    shop = _shop(40, 59)
    stray = shop.index[:90]
    shop.loc[stray, "date"] = pd.Timestamp("2025-01-01")
    (warning,) = read_transactions(shop, {}).warnings
    assert "nobody bought from 2024-02-29 to 2024-12-31" in warning


@pytest.mark.parametrize("seed", range(5))
def test_small_and_honest_shops_are_left_alone(seed: int) -> None:
    """Two visits a week leave weeks without one; a village shop closes for ten days."""
    few = _shop(2 / 7, 700, seed)
    assert quiet_times(_visits(few)) == []
    village = _shop(6, 365, seed)
    closed = (village["date"] >= "2024-08-01") & (village["date"] < "2024-08-11")
    assert quiet_times(_visits(village[~closed])) == []
    assert quiet_times(_visits(made.transactions(np.random.default_rng(seed), 100))) == []


def _visits(shop: pd.DataFrame) -> np.ndarray:
    days = shop["date"].to_numpy(dtype="datetime64[D]")
    return visit_days(pd.factorize(shop["customer"])[0].astype(np.int64), days)
