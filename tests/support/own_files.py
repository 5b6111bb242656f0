"""A user's own files, made from known figures: two years of purchases, a trial, mailings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from simulator.calibration.season import Season

START = np.datetime64("2021-01-01")
SEASON = Season.of(
    [0.8, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 0.9, 1.0, 1.0, 1.2, 1.4],
    [1.0, 0.8, 0.8, 0.9, 1.1, 1.4, 1.0],
)
TRUTH = {"r": 1.2, "alpha_weeks": 5.0, "s": 0.8, "beta_weeks": 25.0}
MU, BETWEEN, WITHIN = 3.0, 0.5, 0.7
MEDIAN, SIGMA, REDEEMED = 9.0, 0.8, {"letter": 0.20, "flyer": 0.05}


def transactions(rng: np.random.Generator, customers: int, days: int = 760) -> pd.DataFrame:
    """Purchases by Pareto/NBD under :data:`SEASON`, log-normal amounts, two categories."""
    rate = rng.gamma(TRUTH["r"], 1.0 / TRUTH["alpha_weeks"], customers) / 7.0
    life = rng.exponential(1.0, customers) / rng.gamma(
        TRUTH["s"], 1.0 / TRUTH["beta_weeks"], customers
    )
    joined = rng.integers(0, days // 2, customers)
    level = rng.normal(MU, BETWEEN, customers)
    who, amount = [], []
    for day, factor in enumerate(SEASON.daily(int(START.astype(np.int64)) + np.arange(days))):
        alive = (day > joined) & ((day - joined) / 7.0 < life)
        bought = (rng.random(customers) < -np.expm1(-rate * factor)) & alive | (joined == day)
        who.append(np.flatnonzero(bought))
        amount.append(np.exp(rng.normal(level[who[-1]], WITHIN)))
    table = pd.DataFrame(
        {
            "customer": np.concatenate(who),
            "date": START + np.repeat(np.arange(days), [len(each) for each in who]),
            "amount": np.concatenate(amount).round(2) + 0.01,
        }
    )
    table["category"] = np.where(rng.random(len(table)) < 0.3, "Shoes & Bags", "other")
    return table


def responses(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """A trial in which the contact lifts the visit from 20 % to 30 %, and a tenth then buy."""
    arm = rng.choice(["none", "letter"], rows)
    visit = rng.random(rows) < np.where(arm == "letter", 0.3, 0.2)
    return pd.DataFrame(
        {
            "group": arm,
            "recency": rng.integers(1, 13, rows),
            "history": np.exp(rng.normal(5.0, 1.0, rows)).round(2),
            "visit": visit.astype(int),
            "conversion": (visit & (rng.random(rows) < 0.1)).astype(int),
        }
    )


def campaigns(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """Mailings of two types, log-normal delays in whole days."""
    kind = rng.choice(list(REDEEMED), rows)
    sent = START + rng.integers(0, 600, rows)
    delay = np.floor(np.exp(rng.normal(np.log(MEDIAN), SIGMA, rows))).astype(np.int64)
    redeemed = rng.random(rows) < np.array([REDEEMED[str(name)] for name in kind])
    return pd.DataFrame(
        {
            "customer": np.arange(rows),
            "type": kind,
            "sent": sent,
            "redeemed": np.where(redeemed, sent + delay, np.datetime64("NaT")),
        }
    )


def write(folder: Path, rng: np.random.Generator, customers: int) -> dict[str, Path]:
    """The three tables as files with other column names."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "transactions": folder / "tx.csv.gz",
        "responses": folder / "trial.csv",
        "campaigns": folder / "mail.parquet",
    }
    bought = transactions(rng, customers).rename(columns={"customer": "cust_id", "date": "dt"})
    bought.to_csv(paths["transactions"], index=False)
    responses(rng, 3000).to_csv(paths["responses"], index=False)
    campaigns(rng, 3000).to_parquet(paths["campaigns"])
    return paths


COLUMNS = "transactions.customer=cust_id,date=dt,responses.arm=group,control=none"
