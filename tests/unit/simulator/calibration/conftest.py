"""Small data sets in the public files' formats, made from known figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


def _log_rows(rng: np.random.Generator, customers: int) -> list[str]:
    """Receipts of customers who join in January and buy at gamma rates until June."""
    rows = []
    for customer in range(1, customers + 1):
        rate, leaving = rng.gamma(1.0, 0.05), rng.beta(0.6, 1.2)
        level = rng.normal(3.0, 0.5)
        days = [int(rng.integers(0, 30))]
        while len(days) == 1 or (rng.random() > leaving and days[-1] < 180):
            days.append(days[-1] + 1 + int(rng.exponential(1.0 / max(rate, 1e-4))))
        for day in (d for d in days if d <= 180):
            date = np.datetime64("2001-01-01") + day
            dollars = np.exp(rng.normal(level, 0.6))
            rows.append(f" {customer:05d} {str(date).replace('-', '')}  1 {dollars:7.2f}")
    return rows


def _trial_rows(rng: np.random.Generator, customers: int) -> list[str]:
    rows = []
    for _ in range(customers):
        arm = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")[rng.integers(3)]
        recency, history = rng.integers(1, 13), np.exp(rng.normal(5.0, 1.0))
        visit = rng.random() < (0.2 if arm == "No E-Mail" else 0.3)
        conversion = visit and rng.random() < 0.3
        rows.append(f"{recency},{history:.2f},{arm},{int(visit)},{int(conversion)},0.0")
    return rows


@pytest.fixture
def small_data(tmp_path: Path) -> Path:
    """A data folder with a log of 900 customers and a trial of 1,500, no summary."""
    rng = np.random.default_rng(20240517)
    data = tmp_path / "data"
    (data / "cdnow").mkdir(parents=True)
    (data / "hillstrom").mkdir()
    header = " customer_id  date number_of_cds  dollar_value"
    text = "\n".join([header, *_log_rows(rng, 900)]) + "\n"
    (data / "cdnow" / "CDNOW_master.txt").write_text(text)
    header = "recency,history,segment,visit,conversion,spend"
    text = "\n".join([header, *_trial_rows(rng, 1500)]) + "\n"
    (data / "hillstrom" / "trial.csv").write_text(text)
    return data
