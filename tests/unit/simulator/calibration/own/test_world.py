"""Own data: known figures come back with their intervals, and what is open is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.estimates import Estimates
from simulator.calibration.own.reading import Reading
from simulator.calibration.own.world import fit_own
from simulator.calibration.redemption import fit_delay
from simulator.calibration.season import Season
from tests.support import own_files as made
from troth.errors import FailedPrecondition, InvalidArgument


@pytest.fixture(scope="module")
def fitted() -> Estimates:
    """All three tables, fitted."""
    rng = np.random.default_rng(5)
    return fit_own(
        made.transactions(rng, 2500),
        made.responses(rng, 6000),
        made.campaigns(rng, 4000),
        columns={"responses.arm": "group", "control": "none"},
        process="pareto_nbd",
    )


def test_known_figures_come_back_inside_their_intervals(fitted: Estimates) -> None:
    """Each scalar truth is inside its interval, widened by half for the many looks."""
    truth = {
        **{f"purchases.{name}": value for name, value in made.TRUTH.items()},
        "spend.mu": made.MU,
        "spend.sigma_between": made.BETWEEN,
        "spend.sigma_within": made.WITHIN,
        "categories.shoes___bags": 0.3,
        "redemption.letter": 0.20,
        "redemption.flyer": 0.05,
        "delays.redeem.median_days": made.MEDIAN,
        "delays.redeem.sigma": made.SIGMA,
        "experiment.visit_effect": 0.1,
        "email.conversion_given_visit_email": 0.1,
        "email.visit_recency": 0.0,
    }
    found = {e.key: e for e in fitted.found}
    for key, value in truth.items():
        low, high = found[key].low, found[key].high
        assert isinstance(low, float)
        assert isinstance(high, float)
        assert low - (high - low) / 4 < value < high + (high - low) / 4, key
        assert found[key].origin.rows > 0
        assert len(found[key].origin.digest) == 64


def test_season_comes_back(fitted: Estimates) -> None:
    """Month and weekday factors are the truth within their errors, and average 1."""
    found = {e.key: e for e in fitted.found}
    for key, truth in (
        ("calendar.month_factors", made.SEASON.month),
        ("calendar.weekday_factors", made.SEASON.weekday),
    ):
        value = np.array(found[key].value)
        low, high = np.array(found[key].low), np.array(found[key].high)
        assert value.mean() == pytest.approx(1.0, abs=1e-5)
        error = np.log(high / low) / (2 * 1.96)
        assert (np.abs(np.log(value / truth)) < 3.5 * error).all()
        assert (error < 0.1).all()


def test_what_is_open_is_said(fitted: Estimates) -> None:
    """Absent columns are named; nothing that was found is called open."""
    left = {item.key: item.why for item in fitted.open}
    assert left == {"stores": "the purchases have no such column"}
    assert any("AIC of log-normal" in note for note in fitted.notes)


def test_places_of_purchase_are_the_scenarios_or_names() -> None:
    """Stores named store, web and app fill a scenario's shares; others keep their names."""
    rng = np.random.default_rng(10)
    bought = made.transactions(rng, 60, days=60)
    bought["store"] = np.where(rng.random(len(bought)) < 0.4, "web", "store")
    values = {e.key: e.value for e in fit_own(bought).found}
    assert values["stores.app"] == 0.0
    assert values["stores.web"] == pytest.approx((bought["store"] == "web").mean(), rel=1e-5)
    bought["store"] = "12 High Street " + bought["store"]
    keys = {e.key for e in fit_own(bought).found if e.key.startswith("stores.")}
    assert keys == {"stores.n12_high_street_web", "stores.n12_high_street_store"}


def test_little_data_leave_much_open() -> None:
    """A few weeks of a few customers: no season, no process, no effect, each with the reason."""
    rng = np.random.default_rng(6)
    few = made.transactions(rng, 60, days=60)
    left = {item.key: item.why for item in fit_own(few).open}
    assert "59 days watched" in left["calendar.month_factors"]
    assert "repeat purchases, needs 20 or more" in left["calendar.weekday_factors"]
    assert "customers bought again, needs 50 or more" in left["purchases"]
    assert "no responses given" in left["email"]
    assert "no campaigns given" in left["delays.redeem"]


def test_months_of_the_template_count_where_none_are_identified() -> None:
    """Purchases are fitted under the months that the scenario will run with."""
    rng = np.random.default_rng(7)
    half = made.transactions(rng, 1500, days=180)  # January to June
    slow = Season.of([0.5] * 6 + [1.5] * 6)
    alpha = [
        {e.key: e.value for e in fit_own(half, season=season, process="bg_nbd").found}[
            "purchases.alpha_weeks"
        ]
        for season in (None, slow)
    ]
    assert isinstance(alpha[0], float)
    assert alpha[1] == pytest.approx(alpha[0] / 2.0, rel=1e-4)


def test_recency_and_history_come_from_the_purchases() -> None:
    """Without those columns, customer and date look them up; who never bought is left out."""
    rng = np.random.default_rng(8)
    bought = made.transactions(rng, 400)
    trial = made.responses(rng, 400).drop(columns=["recency", "history"])
    trial["customer"], trial["date"] = np.arange(400), "2022-06-30"
    columns = {"responses.arm": "group", "control": "none"}
    result = fit_own(bought, trial, columns=columns, process="bg_nbd")
    keys = {e.key: e for e in result.found}
    before = bought[bought["date"] < "2022-06-30"]["customer"].nunique()
    assert keys["email.visit_recency"].origin.rows == before
    left = {item.key: item.why for item in result.open}
    assert before == 400
    assert "email for rows without a purchase before their date" not in left
    nothing = trial.drop(columns=["customer"])
    left = {item.key: item.why for item in fit_own(bought, nothing, columns=columns).open}
    assert "neither recency and history nor customer and date" in left["email"]
    unseen = trial.drop(columns=["visit"])
    left = {item.key: item.why for item in fit_own(bought, unseen, columns=columns).open}
    assert "no visit" in left["email"]


def test_ids_that_occur_in_no_purchase_are_counted() -> None:
    """An experiment whose ids lost their zeros is not one on customers who never bought."""
    rng = np.random.default_rng(8)
    bought = made.transactions(rng, 400)
    bought["customer"] = bought["customer"].map("{:05d}".format)
    trial = made.responses(rng, 400).drop(columns=["recency", "history"])
    trial["customer"], trial["date"] = [f"{at:05d}" for at in range(400)], "2022-06-30"
    trial.loc[:149, "customer"] = [str(at) for at in range(150)]
    trial.loc[399, "date"] = "2020-06-30"
    columns = {"responses.arm": "group", "control": "none"}
    result = fit_own(bought, trial, columns=columns, process="bg_nbd")
    (warning,) = (w for w in result.warnings if w.startswith("responses:"))
    said = "150 of 400 ids occur in no purchase, such as '0'; 150 of them would but for zeros"
    assert warning.startswith(f"responses: {said}")
    assert "'0' for '00000'" in warning
    left = {item.key: item.why for item in result.open}
    why = left["email for rows without a purchase before their date"]
    assert why.startswith(f"151 of 400 rows have no purchase before their date: {said}")


def test_delay_allows_for_expiry() -> None:
    """Truncated at the offer's life, the delay of all would-be redeemers comes back."""
    rng = np.random.default_rng(9)
    days = np.floor(np.exp(rng.normal(np.log(12.0), 0.9, 6000))).astype(np.int64)
    life = np.full(6000, 28.0)
    seen = days <= 28
    cut, free = fit_delay(days[seen]), fit_delay(days[seen], life[seen])
    assert abs(free.median_days - 12.0) < 3.5 * free.errors["median_days"]
    assert abs(free.sigma - 0.9) < 3.5 * free.errors["sigma"]
    assert cut.median_days < 10.0
    with pytest.raises(FailedPrecondition, match="19 redemptions, needs 20"):
        fit_delay(days[:19])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("amount", "x", "transactions:row 3:amount: 'x' is not a number in [0, 1e+09]"),
        ("amount", -1.0, "transactions:row 3:amount: '-1.0' is not a number in [0, 1e+09]"),
        ("date", "2021-02-30", "transactions:row 3:date: '2021-02-30' is not a date in [1900"),
        ("customer", None, "transactions:row 3:customer: "),
    ],
)
def test_wrong_values_are_refused_where_they_stand(column: str, value: object, said: str) -> None:
    """Table, row, column, value and what is allowed, in one line."""
    table = made.transactions(np.random.default_rng(1), 5, days=30).astype(object)
    table.loc[3, column] = value
    with pytest.raises(InvalidArgument) as caught:
        fit_own(table)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_contradicting_mailings_and_trials_are_refused() -> None:
    """Redeemed before it was sent, after it expired; a purchase without a visit; one arm only."""
    rng = np.random.default_rng(2)
    bought = made.transactions(rng, 30, days=60)
    mail = made.campaigns(rng, 10)
    mail["redeemed"] = mail["sent"] - pd.Timedelta(days=1)
    with pytest.raises(InvalidArgument, match=r"campaigns:row 0:redeemed: .* before the mailing"):
        fit_own(bought, campaigns=mail)
    mail["redeemed"], mail["expires"] = mail["sent"] + pd.Timedelta(days=9), mail["sent"]
    with pytest.raises(InvalidArgument, match=r"redeemed: .* after the offer expired"):
        fit_own(bought, campaigns=mail)
    trial = made.responses(rng, 50)
    columns = {"responses.arm": "group", "control": "none"}
    with pytest.raises(InvalidArgument, match=r"conversion: '1' is for a customer who did not"):
        fit_own(bought, trial.assign(visit=0, conversion=1), columns=columns)
    with pytest.raises(InvalidArgument, match="with a contact and without"):
        fit_own(bought, trial.assign(group="none"), columns=columns)
    with pytest.raises(InvalidArgument, match="needs a column treated"):
        fit_own(bought, trial)
    with pytest.raises(InvalidArgument, match="names no column"):
        fit_own(bought, columns={"price": "amount"})


def test_a_wrong_year_is_refused() -> None:
    """One date far from all others would be the end of the data: it is refused where it stands."""
    table = made.transactions(np.random.default_rng(3), 60, days=60)
    for when, at in (("2099-01-01", "2021-03-01 to 2099-01-01"), ("1970-01-01", "1970-01-01 to")):
        wrong = table.astype({"date": object})
        wrong.loc[7, "date"] = when
        with pytest.raises(InvalidArgument, match=rf"row 7:date: '{when}' is beyond .*{at}.* 366"):
            fit_own(wrong)


def test_who_bought_before_the_data_begin_is_left_out() -> None:
    """A log that is cut at the left overstates the pace: said, and mended by since or joined."""
    rng = np.random.default_rng(4)
    whole = made.transactions(rng, 2500)
    whole["joined"] = whole.groupby("customer")["date"].transform("min")
    cut = whole[whole["date"] >= made.START + 200].reset_index(drop=True)
    columns = [name for name in cut.columns if name != "joined"]
    plain = fit_own(cut[columns], process="pareto_nbd")
    assert any("some who seem to begin in the data had bought before" in w for w in plain.warnings)
    late = fit_own(cut[columns], process="pareto_nbd", since=made.START + 290)
    joined = fit_own(cut, process="pareto_nbd")
    fits = [{e.key: e for e in found.found} for found in (plain, late, joined)]
    shape = [float(found["purchases.r"].value) for found in fits]  # type: ignore[arg-type]
    assert shape[0] > shape[1] > 0.0
    low, high = fits[2]["purchases.r"].low, fits[2]["purchases.r"].high
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert low < made.TRUTH["r"] < high < shape[0] + 2.0
    new = (whole.groupby("customer")["joined"].first() >= made.START + 200).sum()
    assert fits[2]["purchases.r"].origin.rows == new
    assert any(f"fitted on {new:,} of" in note for note in joined.notes)
    with pytest.raises(InvalidArgument, match=r"since: 2030-01-01 is not in \[2021-07-20, "):
        fit_own(cut, since=np.datetime64("2030-01-01"))
    nobody = fit_own(cut.assign(joined="2020-01-01"))
    assert "none of" in {item.key: item.why for item in nobody.open}["purchases"]


def test_rows_that_repeat_are_counted() -> None:
    """A file joined to itself shows: how many rows, whose, from when to when, how many twice."""
    table = made.transactions(np.random.default_rng(12), 60, days=60)
    notes = fit_own(table).notes
    who = table["customer"].nunique()
    begin = table["date"].min().date()
    assert any(f"{len(table)} rows of {who} customers, {begin} to" in note for note in notes)
    assert not any("are like another" in note for note in notes)
    twice = pd.concat([table, table], ignore_index=True)
    with pytest.raises(InvalidArgument, match="was it exported twice"):
        fit_own(twice)
    notes = fit_own(twice, reading=Reading(repeats="keep")).notes
    assert any(f"{len(table)} rows are like another in every column read" in n for n in notes)


def test_few_give_no_interval() -> None:
    """One customer, or a handful per arm, has no standard error: open, and no width of zero."""
    rng = np.random.default_rng(13)
    one = made.transactions(rng, 400).assign(customer="me", store="web")
    result = fit_own(one)
    left = {item.key: item.why for item in result.open}
    assert left["calendar.weekday_factors"] == "1 customers bought again, needs 20 or more"
    assert left["categories"] == left["stores"] == "1 customers, needs 20 or more"
    assert not result.found
    few = made.transactions(rng, 60, days=60)
    columns = {"responses.arm": "group", "control": "none"}
    for trial, why in (
        (made.responses(rng, 12), "rows in the smaller arm, needs 20 or more"),
        (made.responses(rng, 500).assign(visit=0, conversion=0), "does not vary within the arms"),
    ):
        result = fit_own(few, trial, columns=columns)
        left = {item.key: item.why for item in result.open}
        assert why in left["experiment.visit_effect"]
        assert "visited: needs 20 or more who did, and who did not" in left["email"]
        assert not any(e.key.startswith(("email", "experiment")) for e in result.found)


def test_customers_who_spend_alike_are_estimated_together() -> None:
    """No variance between customers is no reason to lose the mean: held, said, and estimated."""
    rng = np.random.default_rng(14)
    table = made.transactions(rng, 300, days=120)
    table["amount"] = np.exp(rng.normal(made.MU, made.WITHIN, len(table)))
    for seed in range(20):  # until the fit has its maximum at no difference
        table["amount"] = table["amount"].sample(frac=1, random_state=seed).to_numpy()
        result = fit_own(table)
        left = {item.key: item.why for item in result.open}
        if "spend.sigma_between" in left:
            break
    found = {e.key: e for e in result.found}
    assert "held at 0.01" in left["spend.sigma_between"]
    assert found["spend.sigma_between"].low is None
    for key, truth in (("spend.mu", made.MU), ("spend.sigma_within", made.WITHIN)):
        low, high = found[key].low, found[key].high
        assert isinstance(low, float)
        assert isinstance(high, float)
        assert 2 * low - high < truth < 2 * high - low
    table["amount"] = 0.0
    assert "above 0" in {item.key: item.why for item in fit_own(table).open}["spend"]


def test_rows_of_the_same_customer_are_said_to_depend() -> None:
    """A trial with several rows per customer has intervals that are too narrow, and says so."""
    rng = np.random.default_rng(15)
    trial = made.responses(rng, 300)
    trial["customer"] = np.arange(300) % 100
    columns = {"responses.arm": "group", "control": "none"}
    left = {
        item.why for item in fit_own(made.transactions(rng, 60, 60), trial, columns=columns).open
    }
    assert any("300 rows are of 100 customers" in why for why in left)
    mail = made.campaigns(rng, 200)
    for customers, said in ((200, False), (50, True)):
        mail["customer"] = np.arange(200) % customers
        notes = fit_own(made.transactions(rng, 60, 60), campaigns=mail).notes
        assert any("200 mailings went to 50 customers" in note for note in notes) == said
