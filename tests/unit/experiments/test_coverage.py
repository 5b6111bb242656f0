"""The table of a coverage proof, by hand."""

from __future__ import annotations

import pytest

from experiments.proofs.coverage import summarise
from experiments.runs.results import OffPolicy


def judged(
    index: int, value: float | None, low: float | None, high: float | None, truth: float
) -> OffPolicy:
    """One estimate on one log; an end that is ``None`` is infinite."""
    return OffPolicy(
        policy="rfm",
        estimator="ips",
        seed_index=index,
        value=value,
        has_interval=value is not None,
        stderr=1.0,
        low=low,
        high=high,
        truth=truth,
        verdict="trust",
        effective_sample_size=100.0 * (index + 1),
        max_weight=2.0,
        unsupported_mass=0.0,
        rows=1000,
        warnings=(),
    )


def test_summary_by_hand() -> None:
    """Two of four intervals cover; bias and width are shares of the mean truth."""
    rows = [
        judged(0, 11.0, 9.0, 13.0, 10.0),
        judged(1, 13.0, 11.0, 15.0, 10.0),
        judged(2, 9.0, 7.0, 11.0, 10.0),
        judged(3, 7.0, 5.0, 9.0, 10.0),
    ]
    (summary,) = summarise(rows, 0.95)
    assert (summary.covered, summary.logs, summary.level) == (0.5, 4, 0.95)
    assert summary.bias == pytest.approx(0.0)
    assert summary.half_width == pytest.approx(0.2)
    assert summary.effective_sample_size == 250.0
    # Wilson (1927) for 2 of 4 at 95 %: centre 0.5, half-width 0.35 (1.96^2 = 3.8415).
    z2 = 3.841458820694124
    half = (z2 * (4 * 0.25 + z2 / 4)) ** 0.5 / (4 + z2)
    assert summary.covered_low == pytest.approx(0.5 - half)
    assert summary.covered_high == pytest.approx(0.5 + half)


def test_what_has_no_interval_is_not_judged() -> None:
    """A log without an estimate counts for nothing; an infinite interval has no width."""
    rows = [
        judged(0, 11.0, 9.0, 13.0, 10.0),
        judged(1, 13.0, None, 15.0, 10.0),
        judged(2, None, None, None, 10.0),
    ]
    (summary,) = summarise(rows, 0.95)
    assert (summary.logs, summary.intervals, summary.covered) == (3, 2, 1.0)
    assert summary.bias == pytest.approx(0.2)
    assert summary.half_width is None
    model = [row.model_copy(update={"has_interval": False}) for row in rows[:1]]
    (point,) = summarise(model, 0.95)
    assert (point.covered, point.covered_low, point.half_width) == (None, None, None)
    assert point.bias == pytest.approx(0.1)
