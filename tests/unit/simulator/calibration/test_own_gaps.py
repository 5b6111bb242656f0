"""Times in which nobody bought, amid purchases: a file that is missing, or dates that are wrong."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.own.data import read_transactions
from simulator.calibration.own.pace import quiet_times, thin_ends, visits
from tests.support import own_files as made
from tests.support import purchase_logs


def _shop(visits_a_day: float, days: int, seed: int = 1, customers: int = 5000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.poisson(visits_a_day * days)
    return pd.DataFrame(
        {
            "customer": rng.integers(0, customers, size).astype(str),
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
    assert _found(few) == []
    village = _shop(6, 365, seed)
    closed = (village["date"] >= "2024-08-01") & (village["date"] < "2024-08-11")
    assert _found(village[~closed]) == []
    assert _found(made.transactions(np.random.default_rng(seed), 100)) == []


@pytest.mark.parametrize("left", [0.0, 0.01, 0.04])
@pytest.mark.parametrize("weeks", [2, 5])
def test_weeks_that_are_all_but_empty_are_told(left: float, weeks: int) -> None:
    """Where 400 a day are bought, a few rows of a forgotten month came with another file."""
    shop = _shop(400, 120)
    rng = np.random.default_rng(2)
    hole = shop["date"].between("2024-02-10", np.datetime64("2024-02-09") + 7 * weeks)
    gone = hole & (rng.random(len(shop)) >= left)
    (warning,) = read_transactions(shop[~gone], {}).warnings
    last = np.datetime64("2024-02-09") + 7 * weeks
    assert f"from 2024-02-10 to {last}, where" in warning
    visits_there = int(re.search(r"where ([\d,]+) visits", warning)[1].replace(",", ""))  # type: ignore[index]
    assert visits_there == pytest.approx(2800 * weeks, rel=0.05)


@pytest.mark.parametrize("share", [0.015, 0.03])
@pytest.mark.parametrize("years", [-1, 1])
@pytest.mark.parametrize("rows_a_day", [6, 400])
def test_a_block_of_dates_a_year_off_is_told(share: float, years: int, rows_a_day: int) -> None:
    """Spread over a year beside the others, or on one day of it, without a gap or with one."""
    shop = _shop(rows_a_day, 330, customers=50 * rows_a_day)
    rng = np.random.default_rng(3)
    wrong = rng.random(len(shop)) < share
    for date in (
        shop["date"] + pd.Timedelta(days=365 * years),
        pd.Timestamp("2024-01-01") + pd.Timedelta(days=500 if years > 0 else -170),
    ):
        table = shop.assign(date=shop["date"].mask(wrong, date))
        (warning,) = read_transactions(table, {}).warnings
        assert "visits were to be expected" in warning or "were to be expected:" in warning
        edge = r"2024-1(1-2|2-0)" if years > 0 else r"to (2023-12-[23]|2024-01-0)"
        assert re.search(edge, warning)


@pytest.mark.parametrize("seed", range(5))
def test_shops_that_grow_ebb_or_close_for_a_feast_are_left_alone(seed: int) -> None:
    """A launch, a cohort of which most never come again, a season, a quiet week at the end."""
    rng = np.random.default_rng(seed)
    grows = rng.poisson(2.0 * np.exp(np.arange(500) / 80.0))
    season = rng.poisson(60.0 * (1.02 + np.sin(np.arange(900) / 58.0)))
    feast = np.where((np.arange(400) > 200) & (np.arange(400) < 207), 0, rng.poisson(50, 400))
    for daily in (grows, grows[::-1], season, feast, feast[:207]):
        assert _found(_of(rng, daily)) == []
    cohort = purchase_logs.log(rng, 5000, joined=(0, 20), days=500)
    assert _found(cohort) == []


def _of(rng: np.random.Generator, daily: np.ndarray) -> pd.DataFrame:
    day = np.repeat(np.arange(len(daily)), daily)
    return pd.DataFrame(
        {"customer": rng.integers(0, 800, len(day)), "date": np.datetime64("2024-01-01") + day}
    )


def _found(shop: pd.DataFrame) -> list[object]:
    who, day = visits(
        pd.factorize(shop["customer"])[0].astype(np.int64),
        shop["date"].to_numpy(dtype="datetime64[D]"),
    )
    return [*quiet_times(day), *thin_ends(who, day)]
