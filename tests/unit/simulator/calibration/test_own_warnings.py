"""What would make own figures wrong is said first, with what to do; clean data are quiet."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simulator.calibration import cdnow
from simulator.calibration.complete_journey import read_journey
from simulator.calibration.estimates import Estimates
from simulator.calibration.own import influence
from simulator.calibration.own.world import fit_own
from tests.support import own_files, purchase_logs
from tests.support.purchase_logs import START, log
from troth.errors import FailedPrecondition, InvalidArgument


def _value(found: Estimates, key: str) -> float:
    value = next(e.value for e in found.found if e.key == key)
    assert isinstance(value, float)
    return value


def _inside(found: Estimates, key: str, truth: float) -> bool:
    low, high = next((e.low, e.high) for e in found.found if e.key == key)
    assert isinstance(low, float)
    assert isinstance(high, float)
    return low < truth < high


def _till(rng: np.random.Generator, name: str, rows: int, days: int) -> pd.DataFrame:
    """Many people under one id."""
    return pd.DataFrame(
        {
            "customer": name,
            "date": START + rng.integers(0, days + 1, rows),
            "amount": np.exp(rng.normal(3.0, 0.7, rows)).round(2) + 0.01,
        }
    )


@pytest.mark.parametrize("name", ["GUEST", "0", "4711"])
def test_an_id_that_is_many_people_is_named(name: str) -> None:
    """Whatever it is called: its rows, what the fit is without it, and how to leave it out."""
    rng = np.random.default_rng(41)
    clean = log(rng, 1000, joined=(0, 300), days=600).astype({"customer": str})
    clean["customer"] = "c" + clean["customer"]
    table = pd.concat([clean, _till(rng, name, 3000, 600)], ignore_index=True)
    alone, odd = fit_own(clean), fit_own(table)
    assert not alone.warnings
    said = [line for line in odd.warnings if line.startswith("purchases: the figures hang on")]
    assert len(said) == 1
    assert f"{name!r} (3,000 of {len(table):,} rows" in said[0]
    assert f"--exclude {name!r}" in said[0]
    assert odd.warnings[0] == said[0]
    assert any(line.startswith("spend: the figures hang on") for line in odd.warnings)
    left = fit_own(table, exclude=[name])
    assert not left.warnings
    assert left.sections()["purchases"] == alone.sections()["purchases"]
    assert left.sections()["spend"] == alone.sections()["spend"]
    with pytest.raises(InvalidArgument, match="exclude: no customer 'nobody' is in the purchases"):
        fit_own(table, exclude=["nobody"])


def test_several_such_ids_are_all_named() -> None:
    """Two tills and a guest hide behind each other: each is found."""
    rng = np.random.default_rng(42)
    clean = log(rng, 1000, joined=(0, 300), days=600).astype({"customer": str})
    tills = [
        _till(rng, name, rows, 600) for name, rows in (("POS 1", 4000), ("x", 900), ("y", 700))
    ]
    (said, *_) = fit_own(pd.concat([clean, *tills], ignore_index=True)).warnings
    assert all(f"--exclude {name!r}" in said for name in ("POS 1", "x", "y"))


def test_an_id_without_which_nothing_is_left_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rest identify no process, the figures were those of the till."""
    rng = np.random.default_rng(48)
    clean = log(rng, 300, joined=(0, 300), days=600).astype({"customer": str})

    def nothing(*_: object) -> None:
        raise FailedPrecondition("no interior maximum", field="purchases")

    monkeypatch.setattr(influence, "fit_process", nothing)
    table = pd.concat([clean, _till(rng, "till", 3000, 600)], ignore_index=True)
    found = fit_own(table, process="pareto_nbd")
    assert "without it the data identify no process" in found.warnings[0]
    assert "--exclude 'till'" in found.warnings[0]


@pytest.mark.parametrize(("customers", "seeds"), [(150, 6), (1000, 2)])
def test_clean_data_are_quiet(customers: int, seeds: int) -> None:
    """Logs of plain customers: not a word."""
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        assert not fit_own(log(rng, customers, joined=(0, 300), days=600)).warnings, seed


def test_a_shop_with_seasons_is_quiet() -> None:
    """Months and weekdays that differ are nothing to be warned of."""
    assert not fit_own(own_files.transactions(np.random.default_rng(5), 1000)).warnings


def test_a_since_that_is_too_early_is_said_with_a_better_one() -> None:
    """A cut log: old customers pass for slow new ones until they have shown themselves."""
    rng = np.random.default_rng(43)
    table = log(rng, 20_000, joined=(-1500, 730), days=730)
    early = fit_own(table, process="pareto_nbd", since=START + 60)
    assert not _inside(early, "purchases.alpha_weeks", 10.0)
    warning = next(line for line in early.warnings if "had bought before" in line)
    better = np.datetime64(warning.split("--since ")[1][:10])
    assert START + 60 < better < START + 500
    late = fit_own(table, process="pareto_nbd", since=better)
    assert not late.warnings
    before, after = (abs(_value(f, "purchases.alpha_weeks") - 10.0) for f in (early, late))
    assert after < before / 2.0


def test_a_cut_log_without_since_is_said_first() -> None:
    """The warning comes by itself, and a column joined takes it away."""
    rng = np.random.default_rng(44)
    whole = log(rng, 6000, joined=(0, 1000), days=1400)
    whole["joined"] = whole.groupby("customer")["date"].transform("min")
    cut = whole[whole["date"] >= START + 500].reset_index(drop=True)
    plain = fit_own(cut.drop(columns="joined"), process="pareto_nbd")
    assert any("had bought before" in line for line in plain.warnings)
    assert not fit_own(cut, process="pareto_nbd").warnings


def test_data_after_the_last_newcomer_are_said() -> None:
    """Nobody new came any more: those who first appear are old, and no since mends that."""
    rng = np.random.default_rng(45)
    table = log(rng, 8_000, joined=(-600, -10), days=700)
    for since in (None, START + 100):
        found = fit_own(table, process="pareto_nbd", since=since)
        assert not _inside(found, "purchases.r", 0.8)
        warning = next(line for line in found.warnings if "had bought before" in line)
        assert "as if nobody new came any more" in warning
        assert "column joined" in warning


@pytest.mark.parametrize(
    ("customers", "said"), [(3000, "as if nobody new came any more"), (600, "too few to tell")]
)
def test_acquisition_that_stopped_before_the_data_is_said(customers: int, said: str) -> None:
    """All who buy often show in the first weeks, and none are left to compare them with."""
    rng = np.random.default_rng(7)
    truth = purchase_logs.Process(1.5, 2.0, 0.6, 30.0)
    table = log(rng, customers, joined=(-2000, -400), days=700, truth=truth)
    (warning,) = (w for w in fit_own(table, process="pareto_nbd").warnings if "first purch" in w)
    assert said in warning
    assert "column joined" in warning
    began = log(rng, customers, joined=(0, 60), days=700, truth=truth)
    assert not any("first purch" in w for w in fit_own(began, process="pareto_nbd").warnings)


def test_fewer_and_fewer_newcomers_alone_are_no_fault() -> None:
    """A shop whose acquisition falls, seen whole, has nothing to be warned of."""
    rng = np.random.default_rng(46)
    parts = [
        log(rng, n, joined=(at, at + 100), days=700).assign(part=at)
        for at, n in ((0, 3000), (100, 1500), (200, 800), (300, 500), (400, 300), (500, 200))
    ]
    table = pd.concat(parts, ignore_index=True)
    table["customer"] = table["part"] * 100_000 + table["customer"]
    assert not fit_own(table.drop(columns="part"), process="pareto_nbd").warnings


@pytest.mark.parametrize("by_day", [True, False])
def test_whole_days_are_said_where_they_are_more_than_chance(by_day: bool) -> None:
    """Frequent customers: intervals hold days with a purchase; continuous rates stand beside."""
    truth = purchase_logs.Process(2.5 if by_day else 1.5, 2.0, 0.8, 25.0)
    rng = np.random.default_rng(47)
    table = log(rng, 5000, joined=(0, 200), days=400, truth=truth, by_day=by_day)
    found = fit_own(table, process="pareto_nbd")
    if by_day:
        assert any("dates are whole days, which moves" in line for line in found.warnings)
        for name in ("r", "alpha_weeks", "s", "beta_weeks"):
            assert _inside(found, f"purchases.{name}", getattr(truth, name)), name
        return
    warning = next(line for line in found.warnings if "as rates in continuous time" in line)
    said = dict(re.findall(r"(r|alpha_weeks) ([0-9.]+)", warning.split("would be")[1]))
    assert not _inside(found, "purchases.alpha_weeks", truth.alpha_weeks)
    assert float(said["r"]) == pytest.approx(truth.r, rel=0.06)
    assert float(said["alpha_weeks"]) == pytest.approx(truth.alpha_weeks, rel=0.08)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("shop", ["cdnow", "complete_journey"])
def test_the_figures_of_real_shops_hang_on_nobody(shop: str, data_dir: Path) -> None:
    """Heavy customers of two real shops are people: none is taken for a till."""
    if shop == "cdnow":
        bought = cdnow.read_log(data_dir / "cdnow" / cdnow.MASTER)
        table = pd.DataFrame(
            {"customer": bought.customer, "date": bought.day, "amount": bought.dollars}
        )
    else:
        table = read_journey(data_dir / "complete_journey").transactions
    assert not any("the figures hang on" in line for line in fit_own(table).warnings)
