"""A user's purchases, checked cell by cell, against splitting the same file and no more."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from experiments.benchmarks.harness import BenchmarkRow, Timing, compare
from simulator.calibration.own.data import read_transactions

ROWS = 50_000
_CUSTOMERS, _DAYS = 10_000, 730


def reading(timing: Timing) -> list[BenchmarkRow]:
    """``troth calibrate``'s reading against Python's ``csv.reader``, rows thrown away."""
    with TemporaryDirectory() as folder:
        path = _export(Path(folder) / "orders.csv", np.random.default_rng(1))

        def split() -> int:
            with path.open(newline="", encoding="utf-8") as stream:
                return sum(1 for _ in csv.reader(stream, strict=True)) - 1

        return [
            compare(
                "purchases read",
                "rows/s",
                lambda: len(read_transactions(path, {}).day),
                split,
                against="csv.reader, nothing kept or checked",
                timing=timing,
            )
        ]


def _export(path: Path, rng: np.random.Generator) -> Path:
    """Two years of purchases: customer, date, amount, category, store."""
    columns = (
        rng.integers(0, _CUSTOMERS, ROWS) + 100_000_000,
        np.datetime64("2022-01-01") + np.sort(rng.integers(0, _DAYS, ROWS)),
        np.exp(rng.normal(3.0, 1.0, ROWS)).round(2),
        np.array([f"category {at}" for at in range(25)])[rng.integers(0, 25, ROWS)],
        np.array(["store", "web", "app"])[rng.integers(0, 3, ROWS)],
    )
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("customer", "date", "amount", "category", "store"))
        writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
    return path
