"""A world of one's own beside one's own customers."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from simulator.calibration.estimates import Estimates
from simulator.calibration.own.data import read_transactions
from simulator.calibration.own.scenario import own_scenario, read_template
from simulator.calibration.own.world import fit_own
from simulator.calibration.own_moments import NAMES, OwnMoments, moments, own_moments
from simulator.scenarios import load
from simulator.validity import own_rows
from simulator.validity.own_rows import NOT_COMPARED, OwnCustomers, own_customers, watched
from simulator.validity.row import ValidityRow
from simulator.validity.study import Study
from simulator.validity.validate import NO_CUSTOMERS, validate
from tests.support import own_files as made
from troth.errors import InvalidArgument


@pytest.fixture(scope="module")
def fitted() -> Estimates:
    """Of 1,500 customers."""
    return fit_own(made.transactions(np.random.default_rng(31), 1500))


@pytest.fixture
def mine(fitted: Estimates, tmp_path: Path) -> Path:
    """A scenario made from them."""
    path = tmp_path / "mine.toml"
    path.write_text(own_scenario(read_template("reference"), fitted, name="mine").text)
    return path


def test_moments_are_those_of_the_purchases() -> None:
    """Worked out by hand: three customers, of whom one is left out, one buys once."""
    customer = np.array([0, 0, 0, 1, 2, 2])
    day = np.array([3, 5, 13, 9, 1, 2])
    amount = np.array([5.0, 0.0, 15.0, 40.0, 7.0, 7.0])
    found = dict(zip(NAMES, moments(customer, day, amount, np.array([1, 1, 0], bool)), strict=True))
    assert found["repeats"] == 1.0
    assert [found[f"share_{k}"] for k in ("none", "one", "two", "more")] == [0.5, 0.0, 0.5, 0.0]
    assert [found[f"gap_p{k}"] for k in (25, 50, 75)] == [3.5, 5.0, 6.5]
    assert (found["revenue"], found["basket_mean"], found["basket_p50"]) == (30.0, 20.0, 15.0)
    nobody = moments(customer[3:4] - 1, day[3:4], amount[3:4] * 0.0, np.ones(1, bool))
    assert np.isnan(nobody[5:8]).all()
    assert np.isnan(nobody[9:]).all()


def test_customers_are_those_who_begin_in_the_data() -> None:
    """Receipts of a day are one purchase; who bought before ``since`` is left out."""
    table = made.transactions(np.random.default_rng(32), 200)
    bought = read_transactions(table, {})
    since = np.datetime64("2021-06-01")
    found = own_moments(bought, since)
    first = table.groupby("customer")["date"].min()
    begun = first[first >= "2021-06-01"]
    days = table[table["customer"].isin(begun.index)].drop_duplicates(["customer", "date"])
    assert found.customers == len(begun)
    assert found.values["repeats"][0] == pytest.approx(len(days) / len(begun) - 1.0, rel=1e-4)
    ages = (bought.end - begun.to_numpy().astype("datetime64[D]")).astype(int)
    assert (found.ages[0], found.ages[-1]) == (ages.min(), ages.max())
    assert found.ages[25] == pytest.approx(np.median(ages), abs=4)
    assert watched(found).span.tolist() == [max(age, 1) for age in found.ages]


def test_what_stands_below_a_scenario_is_read_again(mine: Path, fitted: Estimates) -> None:
    """As it was; a shipped scenario has none, and one that is damaged is refused."""
    (source,) = own_customers(str(mine))
    assert source.own == fitted.moments
    assert own_customers("reference") == ()
    text = mine.read_text()
    mine.write_text("#: words of somebody else\n" + text.split("#: ")[0])
    assert own_customers(str(mine)) == ()
    for old, new, said in (
        ("#: customers = 1500", "#: customers = 0", "names no customers"),
        ("#: ages_days = [", "#: ages = [", r"mine.toml: \[moments\]: is not as"),
        ("#: customers = 1500", "#: customers 1500", "'#:' are not as"),
    ):
        assert old in text
        mine.write_text(text.replace(old, new))
        with pytest.raises(InvalidArgument, match=said):
            own_customers(str(mine))


def test_nothing_is_compared_where_purchases_are_not_estimated() -> None:
    """Ten customers identify no process; then the file has no moments."""
    few = fit_own(made.transactions(np.random.default_rng(33), 10))
    assert few.moments is None
    assert "moments" not in own_scenario(read_template("reference"), few, name="few").text


def _rows(source: OwnCustomers, scenario: str | Path, **spend: float) -> dict[str, ValidityRow]:
    world = load(scenario)
    world = world.replace(spend=spend) if spend else world
    return {row.id: row for row in source.measure(Study(world, 1000, 5, Path())).rows}


def test_a_world_is_told_from_another_by_its_own_customers(mine: Path) -> None:
    """What was fitted lies inside; baskets half as large again, or another shop, do not."""
    (source,) = own_customers(str(mine))
    rows = _rows(source, mine)
    assert [key.removeprefix("own.") for key in rows] == list(NAMES)
    for key in ("basket_mean", "basket_p50", "repeats"):
        row = rows[f"own.{key}"]
        assert row.inside, row
    dearer = _rows(source, mine, mu=load(mine).spend.mu + 0.4)
    assert not dearer["own.basket_mean"].inside
    assert not dearer["own.revenue"].inside
    assert dearer["own.repeats"].inside
    assert not _rows(source, "grocery")["own.repeats"].inside


def test_a_small_shop_is_allowed_its_chance(mine: Path) -> None:
    """The range is a tenth of the value, or two standard errors of so few customers."""
    (source,) = own_customers(str(mine))
    value = source.own.values["repeats"][0]
    for error, half in ((0.0, 0.1 * value), (value, 1.96 * value)):
        values = {**source.own.values, "repeats": (value, error)}
        own = dataclasses.replace(source.own, values=values)
        target = own_rows._target("repeats", *own.values["repeats"])
        assert math.isclose(target.high - value, half)


def test_the_report_says_what_is_not_compared(mine: Path) -> None:
    """Of one's own data the experiment; of a scenario without any customers, that."""
    (source,) = own_customers(str(mine))
    small = OwnCustomers(dataclasses.replace(source.own, ages=(20, 30)))
    world = load(mine)
    found = validate(world, Path(), customers=500, sources=(), own=(small,))
    assert found.not_measured[0] == NOT_COMPARED
    assert {row.group for row in found.rows} == {own_rows.GROUP}
    assert validate(world, Path(), customers=500, sources=()).not_measured[0] == NO_CUSTOMERS
    assert NO_CUSTOMERS not in validate(load(), Path(), customers=500, sources=()).not_measured


def test_moments_of_another_form_are_refused() -> None:
    """A key that is missing, or no number."""
    with pytest.raises(InvalidArgument, match="calibrate again"):
        OwnMoments.of_table({"source": "x"}, field="f")
