"""A world from own data sells what was sold: the mean basket closes, its error is honest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simulator.calibration import cdnow, spend
from simulator.calibration.estimates import Estimates
from simulator.calibration.histories import histories
from simulator.calibration.own.scenario import own_scenario, read_template
from simulator.calibration.own.world import fit_own
from simulator.calibration.process import expected_purchases
from simulator.scenarios import Scenario, load
from simulator.scenarios.processes import ParetoFigures, SpendFigures
from simulator.validity.cdnow_rows import imitate
from simulator.validity.study import Study
from simulator.validity.transactions import from_dates
from tests.support import purchase_logs


def _values(found: Estimates, section: str) -> dict[str, object]:
    return dict(found.sections()[section])


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_mean_basket_and_revenue_close(correlation: float) -> None:
    """However rate and spend go together, the mean basket and what is sold are the data's."""
    rng = np.random.default_rng(31)
    table = purchase_logs.log(rng, 4000, joined=(0, 300), days=700, correlation=correlation)
    found = fit_own(table, process="pareto_nbd")
    basket = table.groupby(["customer", "date"])["amount"].sum()
    mean = spend.mean_spend(SpendFigures.model_validate(_values(found, "spend")))
    assert mean == pytest.approx(basket.mean(), rel=1e-4)
    figures = ParetoFigures.model_validate(_values(found, "purchases"))
    customer, day = table["customer"].to_numpy(), table["date"].to_numpy("datetime64[D]")
    ids, data = histories(customer, day, day.max())
    purchases = len(ids) + expected_purchases(figures, data.age).sum()
    assert purchases * mean == pytest.approx(table["amount"].sum(), rel=0.01)


def test_the_error_of_the_closed_mean_is_that_of_repeated_samples() -> None:
    """Over 60 data sets in which the frequent spend more, mu scatters as its error says."""
    rng = np.random.default_rng(32)
    found = []
    for _ in range(60):
        table = purchase_logs.log(rng, 500, joined=(0, 300), days=700, correlation=0.6)
        customer, amount = table["customer"].to_numpy(), table["amount"].to_numpy()
        figures, _, best = spend.fit(customer, amount)
        closed, error = spend.sold(figures, best, customer, amount)
        assert closed.sigma_within == figures.sigma_within
        assert spend.mean_spend(closed) == pytest.approx(amount.mean())
        found.append((closed.mu, error))
    mus, errors = np.array(found).T
    assert 0.7 < mus.std(ddof=1) / errors.mean() < 1.4


def test_customers_who_spend_alike_sell_what_was_sold() -> None:
    """Also where no variance between customers can be told, and amounts are not log-normal."""
    rng = np.random.default_rng(33)
    customer = np.repeat(np.arange(300), 3)
    amount = rng.gamma(0.5, 40.0, 900) + 0.01
    figures, errors = spend.fit_alike(customer, amount)
    assert spend.mean_spend(figures) == pytest.approx(amount.mean())
    assert 0.0 < errors["mu"] < 0.3


def test_days_on_which_nothing_was_paid_are_said_first() -> None:
    """They count as purchases, each of which the world is paid for: how much more it sells."""
    table = purchase_logs.log(np.random.default_rng(34), 300, joined=(0, 100), days=300)
    assert not fit_own(table).warnings
    table["amount"] = table["amount"].where(np.arange(len(table)) % 10 > 0, 0.0)
    (warning,) = fit_own(table).warnings
    assert "nothing was paid" in warning
    paid = table.groupby(["customer", "date"])["amount"].sum().gt(0).mean()
    assert f"{1 / paid - 1:.1%} more than was sold" in warning


def _own_cdnow(data_dir: Path, path: Path) -> tuple[Scenario, pd.DataFrame]:
    log = cdnow.read_log(data_dir / "cdnow" / cdnow.MASTER)
    table = pd.DataFrame({"customer": log.customer, "date": log.day, "amount": log.dollars})
    path.write_text(own_scenario(read_template("reference"), fit_own(table), name="mine").text)
    return load(path), table


@pytest.mark.slow
@pytest.mark.data
def test_own_world_of_cdnow_sells_what_its_customers_bought(data_dir: Path, tmp_path: Path) -> None:
    """Revenue per customer and basket of the simulated cohort are the real ones, to 1 %."""
    scenario, table = _own_cdnow(data_dir, tmp_path / "mine.toml")
    real = from_dates(
        table["customer"].to_numpy(),
        table["date"].to_numpy("datetime64[D]"),
        table["amount"].to_numpy(),
        table["date"].max().to_datetime64(),
    )
    world = imitate(Study(scenario, 100_000, 1, data_dir), real)
    paid = [log.amount[log.amount > 0.0] for log in (world, real)]
    assert paid[0].mean() == pytest.approx(paid[1].mean(), rel=0.01)
    revenue = [log.spend().mean() for log in (world, real)]
    assert revenue[0] == pytest.approx(revenue[1], rel=0.01)
