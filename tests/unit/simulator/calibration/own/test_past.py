"""Recency and history looked up in purchases that do not reach back, or on, far enough."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.own.world import fit_own
from tests.support import own_files as made

COLUMNS = {"responses.arm": "group", "control": "none"}


def _said(date: str, *given: str, joined: str = "") -> list[str]:
    """What is said of an experiment of ``date`` on customers of 2021-01-01 and later."""
    rng = np.random.default_rng(8)
    bought = made.transactions(rng, 400)
    if joined:
        bought["joined"] = joined
    trial = made.responses(rng, 400)
    trial = trial[["group", "visit", "conversion", *given]]
    trial["customer"], trial["date"] = np.arange(400), date
    found = fit_own(bought, trial, columns=COLUMNS, process="bg_nbd")
    return [line for line in found.warnings if line.startswith("responses:")]


def test_less_than_a_year_of_purchases_is_told() -> None:
    """With the days there are, the features that are short, and what to bring."""
    (said,) = _said("2021-06-30")
    assert "purchases begin on 2021-01-01, 180 days before the date of" in said
    assert "of who last bought before they begin recency is not known" in said
    assert "history holds less than the year's spend" in said
    assert "rows without a purchase in them are left out" in said
    assert "purchases from 2020-06-30 on, or columns recency and history" in said
    (said,) = _said("2021-06-30", "recency")
    assert "recency" not in said
    assert said.endswith("or columns history")
    (said,) = _said("2021-06-30", "history")
    assert "history" not in said


def test_a_whole_year_and_customers_who_joined_within_it_are_quiet() -> None:
    """So are features of the experiment's own."""
    assert _said("2022-01-01") == []
    assert len(_said("2021-12-31")) == 1
    assert _said("2021-06-30", "recency", "history") == []
    assert _said("2021-06-30", joined="2021-01-01") == []
    assert len(_said("2021-06-30", joined="2020-01-01")) == 1


@pytest.mark.parametrize(("date", "told"), [("2023-02-05", False), ("2023-03-12", True)])
def test_purchases_that_end_before_the_experiment_are_told(date: str, told: bool) -> None:
    """What was bought in between is in neither feature; a few days without a purchase are none."""
    said = _said(date)
    assert bool(said) is told
    if told:
        assert "purchases end on 2023-01-30, 40 days before the date of" in said[0]
        assert "missing from recency and history. Bring purchases until 2023-03-11" in said[0]


def test_dates_that_differ_are_told_by_their_rows() -> None:
    """Only the rows whose past is short count; one in a hundred is no matter."""
    rng = np.random.default_rng(8)
    bought = made.transactions(rng, 400)
    trial = made.responses(rng, 400)[["group", "visit", "conversion"]]
    trial["customer"], trial["date"] = np.arange(400), "2022-06-30"
    trial.loc[:1, "date"] = "2021-12-01"
    assert not any("responses:" in w for w in fit_own(bought, trial, columns=COLUMNS).warnings)
    trial.loc[:99, "date"] = pd.Series(["2021-11-01", "2021-12-01"] * 50)
    (said,) = (w for w in fit_own(bought, trial, columns=COLUMNS).warnings if "responses:" in w)
    assert "304 to 334 days before the date of" in said
