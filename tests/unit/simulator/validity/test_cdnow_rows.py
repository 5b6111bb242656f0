"""Moments of a cohort."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simulator.validity import cdnow_rows
from simulator.validity.transactions import TransactionLog, from_dates


def _two() -> TransactionLog:
    """Two customers of 78 weeks: one returns in weeks 10 and 50, the other never."""
    origin = np.datetime64("1997-01-01")
    day = origin + np.array([0, 70, 350, 7])
    return from_dates(
        np.array([0, 0, 0, 1]), day, np.full(4, 10.0), origin + 7 * cdnow_rows.LAST_WEEK
    )


def test_repeats_count_by_calendar_week() -> None:
    """The curve steps up in the weeks of the repeat purchases and leaves the first ones out."""
    curve = cdnow_rows.repeats_by_week(_two(), np.array([9.0, 10.0, 49.0, 50.0, 78.0]))
    assert curve.tolist() == [0.0, 0.5, 0.5, 1.0, 1.0]


def test_halves_split_at_week_39() -> None:
    """Repeats up to week 39 and purchases after it are told apart."""
    before, after = cdnow_rows.halves(_two())
    assert before.tolist() == [1, 0]
    assert after.tolist() == [1, 0]


def test_silence_is_measured_at_week_39() -> None:
    """Whoever last bought 29 weeks before week 39 and returns is in that class alone."""
    shares = cdnow_rows.returns_by_silence(_two())
    assert shares[3] == 0.5  # 29 and 38 weeks of silence
    assert np.isnan(shares[:3]).all()


def test_a_cohort_like_the_real_one_is_inside(
    cohort: TransactionLog, make_cohort: Callable[..., TransactionLog]
) -> None:
    """Against itself every row is inside; against fewer returns the repeat rows are not."""
    same = cdnow_rows.compare(cohort, cohort).rows
    assert all(row.inside for row in same)
    fewer = {row.id: row for row in cdnow_rows.compare(cohort, make_cohort(4, weekly=0.03)).rows}
    for key in ("repeats_week_78", "holdout", "share_more"):
        assert not fewer[f"cdnow.{key}"].inside
    assert fewer["cdnow.basket_p50"].inside


def test_ids_are_unique_and_charts_match(cohort: TransactionLog) -> None:
    """A scenario's reason names one row, and every chart has both series."""
    found = cdnow_rows.compare(cohort, cohort)
    assert len({row.id for row in found.rows}) == len(found.rows)
    assert all(len(chart.series) == 2 for chart in found.charts)


@pytest.mark.data
def test_real_cohort_has_the_published_moments(data_dir: Path) -> None:
    """The reader gives the figures known of the file: half return, median gap 34, p90 200."""
    from simulator.scenarios import load
    from simulator.validity.study import Study

    real = cdnow_rows.read(Study(load(), 500, 1, data_dir))
    assert real.customers == 23570
    assert cdnow_rows.frequencies(real)[0] == pytest.approx(1 - 0.489, abs=5e-4)
    assert cdnow_rows.gap_quantiles(real)[[2, 4]].tolist() == [34.0, 200.0]
