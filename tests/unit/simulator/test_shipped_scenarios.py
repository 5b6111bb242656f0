"""Every scenario that ships: whole, alive, of known origin, and what its name says."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from simulator.commands import register
from simulator.day.results import StepResult
from simulator.scenarios import Scenario, load, provenance, shipped
from simulator.scenarios.source import read
from simulator.world import World
from troth.catalogue import CHANNELS

app = typer.Typer()
register(app)

TRADES = ("airline", "coffee", "fashion", "grocery", "reference")
STRESS = ("adversarial_members", "data_gap", "drift", "outage", "recession")
NAMES = (*TRADES, *(f"stress/{name}" for name in STRESS))

CUSTOMERS, DAYS, SEED = 400, 60, 7


def uniform(world: World, rng: np.random.Generator) -> np.ndarray:
    """Any eligible action, all alike, *no contact* among them."""
    return np.where(world.mask(), rng.random(world.mask().shape), -1.0).argmax(axis=1)


def live(
    scenario: Scenario,
    customers: int,
    days: int,
    see: Callable[[World, np.ndarray, StepResult], None],
    *,
    contacts: bool = True,
) -> World:
    """Days under the uniform policy, or in silence; ``see`` is told each of them."""
    world, rng = World(scenario, customers, SEED), np.random.default_rng(SEED)
    for _ in range(days):
        actions = uniform(world, rng) if contacts else np.zeros(customers, dtype=np.int64)
        see(world, actions, world.step(actions))
    return world


def test_all_that_was_promised_ships() -> None:
    """The trades and the stresses, by their names; in a package, so that wheels have them."""
    assert shipped() == NAMES
    assert files("simulator.scenarios.stress").joinpath("recession.toml").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_sixty_days_go_by(name: str) -> None:
    """It lives under the uniform policy, sells, reaches people and shows features in bounds."""
    scenario = load(name)
    low = np.array([feature.low for feature in scenario.schema.features])
    high = np.array([feature.high for feature in scenario.schema.features])
    total = {"orders": 0, "arrived": 0}
    seen = np.zeros(len(scenario.catalogue), dtype=bool)

    def see(world: World, actions: np.ndarray, result: StepResult) -> None:
        raw = world.contexts().raw
        assert ((raw >= low) & (raw <= high) | np.isnan(raw)).all()
        total["orders"] += int(result.orders.sum())
        total["arrived"] += int(result.delivered.sum())
        seen[np.unique(actions)] = True

    live(scenario, CUSTOMERS, DAYS, see)
    assert total["orders"] > CUSTOMERS // 10
    assert total["arrived"] > CUSTOMERS
    assert seen.mean() > 0.8


@pytest.mark.parametrize("name", TRADES)
def test_trades_have_a_catalogue_of_their_own(name: str) -> None:
    """Eight channels or fewer in use, several tiers, offers and journeys that others have not."""
    scenario = load(name)
    others = set().union(*(load(other).offers for other in TRADES if other != name))
    assert len(set(scenario.offers) - others) >= 5
    assert 50 <= len(scenario.catalogue) <= 75
    assert len(scenario.tiers) >= 2
    assert len(scenario.journeys) >= 8


def test_trades_differ_as_trades_do() -> None:
    """Coffee is bought most often, a flight seldom and at the highest price."""
    orders, spend = {}, {}
    for name in TRADES:
        counts, paid = [], []

        def see(_world: World, _actions: np.ndarray, result: StepResult) -> None:
            counts.append(result.orders.sum())  # noqa: B023
            paid.append(result.spend_minor.sum())  # noqa: B023

        live(load(name), CUSTOMERS, 28, see, contacts=False)
        orders[name] = sum(counts) / CUSTOMERS
        spend[name] = sum(paid) / max(sum(counts), 1) / 100.0
    assert orders["coffee"] > orders["grocery"] > 5 * orders["fashion"]
    assert orders["airline"] < 0.5 * orders["grocery"]
    assert spend["coffee"] < 10.0 < spend["grocery"] < spend["airline"] > 200.0


# Origins.


@pytest.mark.parametrize("name", NAMES)
def test_every_value_has_an_origin(name: str) -> None:
    """Each key of the file carries a mark on its line or on a header."""
    origins = provenance(name)
    assert [origin.key for origin in origins if origin.kind is None] == []


@pytest.mark.parametrize("name", NAMES)
def test_provenance_leaves_no_value_out(name: str) -> None:
    """It has a row for every leaf in force, and none besides."""
    leaves: set[str] = set()

    def collect(value: object, prefix: str) -> None:
        if isinstance(value, dict) and not prefix.endswith("delivery."):
            for key, inner in value.items():
                collect(inner, f"{prefix}{key}.")
        elif (
            isinstance(value, list)
            and value
            and all(isinstance(x, dict) for x in value)
            and (prefix in ("tiers.", "categories.", "shocks."))
        ):
            for at, inner in enumerate(value):
                collect(inner, f"{prefix}{at}.")
        else:
            leaves.add(prefix.removesuffix("."))

    values = read(name).values()
    values["validity"].pop("reasons", None)  # prose, not parameters
    collect(values, "")
    keys = [origin.key for origin in provenance(name)]
    assert len(keys) == len(set(keys))
    assert set(keys) == leaves - {"name", "description"}


def test_marks_are_read_where_they_stand(tmp_path: Path) -> None:
    """On the line, above it, on the header, above the header, on a header around; # in strings."""
    (tmp_path / "x.toml").write_text(
        "a = 1  # [fit] on the line\n"
        "# [doc] above it,\n# over two lines\nb = 2\n"
        "c = '# [doc] no comment'\n"
        "[t]  # [knob] header\nd = 4\ne = 5  # [doc] its own\n"
        "f = [\n  1,  # [fit] not this\n]\n"
        "[t.u]\ng = 6\n"
        "# [fit] above a header\n[[v]]\nh = 7\n[[v]]\nh = 8\n",
        encoding="utf-8",
    )
    got = {o.key: (o.kind, o.note) for o in provenance(tmp_path / "x.toml")}
    assert got == {
        "a": ("fit", "on the line"),
        "b": ("doc", "above it, over two lines"),
        "c": (None, ""),
        "t.d": ("knob", "header"),
        "t.e": ("doc", "its own"),
        "t.f": ("knob", "header"),
        "t.u.g": ("knob", "header"),
        "v.0.h": ("fit", "above a header"),
        "v.1.h": ("fit", "above a header"),
    }


def test_the_command_lists_and_shows() -> None:
    """``troth scenarios`` names all; with a name it tells key, value, origin and file."""
    listed = json.loads(CliRunner().invoke(app, ["scenarios", "--json"]).stdout)
    assert [row["name"] for row in listed] == list(NAMES)
    assert listed[NAMES.index("grocery")]["fit"] > 30
    shown = json.loads(CliRunner().invoke(app, ["scenarios", "stress/drift", "--json"]).stdout)
    assert shown["files"] == ["stress/drift.toml", "reference.toml"]
    rows = {row["key"]: row for row in shown["values"]}
    assert rows["calendar.drift_rate"]["value"] == load("stress/drift").calendar.drift_rate
    assert rows["calendar.drift_rate"]["origin"] == "knob"
    assert rows["calendar.drift_rate"]["file"] == "stress/drift.toml"
    assert rows["tiers.1.earn_factor"]["file"] == "reference.toml"
    assert rows["purchases.r"]["origin"] == "fit"
    plain = CliRunner().invoke(app, ["scenarios", "coffee"])
    assert plain.exit_code == 0
    assert "knob" in plain.stdout
    assert "coffee" in plain.stdout


# One scenario based on another.


def base_of(name: str) -> Scenario:
    """The scenario without its shocks, but with all else it changes."""
    return Scenario.model_validate({**load(name).model_dump(mode="python"), "shocks": ()})


def test_recession_takes_purchases_and_gives_them_back() -> None:
    """A quarter fewer purchases and smaller baskets while it lasts, as many as ever after it."""
    scenario = load("stress/recession")
    shock = scenario.shocks[0]
    counts, spends = [], []
    for each in (scenario, base_of("stress/recession")):
        orders, spend = [], []

        def see(_world: World, _actions: np.ndarray, result: StepResult) -> None:
            orders.append(result.orders.sum())  # noqa: B023
            spend.append(result.spend_minor.sum())  # noqa: B023

        live(each, 6000, shock.start_day + shock.days + 60, see, contacts=False)
        counts.append(np.array(orders, dtype=float))
        spends.append(np.array(spend, dtype=float))
    days = np.arange(counts[0].size)
    during = (days >= shock.start_day) & (days < shock.start_day + shock.days)
    after = days >= shock.start_day + shock.days
    ratio = counts[0][during].sum() / counts[1][during].sum()
    assert ratio == pytest.approx(shock.rate, abs=0.05)
    basket = (spends[0] / counts[0])[during].mean() / (spends[1] / counts[1])[during].mean()
    assert basket == pytest.approx(shock.basket, abs=0.05)
    before = days < shock.start_day
    assert (counts[0][before] == counts[1][before]).all()
    assert counts[0][after].sum() / counts[1][after].sum() > 0.95
    assert scenario.population.price_sensitivity_sigma > (
        load("reference").population.price_sensitivity_sigma
    )


def test_outages_stop_their_channel_on_their_days() -> None:
    """Nothing arrives by a failed channel on those days; much does on others."""
    scenario = load("stress/outage")
    arrived = {name: [] for name in ("email", "push")}

    def see(world: World, actions: np.ndarray, result: StepResult) -> None:
        used = world.catalogue.channel[actions]
        for name, counts in arrived.items():
            counts.append(int((result.delivered & (used == CHANNELS.index(name))).sum()))

    live(scenario, 600, 45, see)
    down = {name: np.zeros(45, dtype=bool) for name in arrived}
    for shock in scenario.shocks:
        for channel in shock.delivery:
            if channel in down and shock.delivery[channel] == 0.0:
                down[channel][shock.start_day : shock.start_day + shock.days] = True
    for name, counts in arrived.items():
        assert down[name].sum() >= 7
        assert np.array(counts)[down[name]].sum() == 0
        assert (np.array(counts)[~down[name]] > 0).mean() > 0.7
    assert sum("email" in shock.delivery for shock in scenario.shocks) >= 3
    for name in arrived:
        assert scenario.channels[CHANNELS[CHANNELS.index(name)]].latency_days >= 1


def test_a_data_gap_hides_features_on_its_days_only() -> None:
    """Two weeks of NaN in the columns named, everywhere else as in the world without it."""
    scenario = load("stress/data_gap")
    start, days = scenario.shocks[0].start_day, scenario.shocks[0].days
    assert days == 14
    hidden = sorted({scenario.schema.index(n) for shock in scenario.shocks for n in shock.hides})
    never = [scenario.schema.index("last_nps")]
    shown = {name: [] for name in ("gap", "base")}
    for key, each in (("gap", scenario), ("base", base_of("stress/data_gap"))):
        live(
            each, 50, start + days + 5,
            lambda world, _a, _r, key=key: shown[key].append(world.contexts().raw),
            contacts=False,
        )  # fmt: skip
    # The world has moved on when it is looked at: entry d shows the morning of day d + 1.
    for day, (gap, base) in enumerate(zip(shown["gap"], shown["base"], strict=True), start=1):
        missing = np.isnan(gap)
        if start <= day < start + days:
            assert missing[:, hidden].all()
            seen = [f for f in range(gap.shape[1]) if f not in hidden]
            assert np.array_equal(gap[:, seen], base[:, seen])
        else:
            assert not np.delete(missing, never, axis=1).any()
            assert np.array_equal(gap, base, equal_nan=True)


def test_adversaries_redeem_and_do_not_buy() -> None:
    """A tenth of the members: offers used at once, nothing bought because of one, fraud."""
    counts = {}
    for key, each in (("stress", load("stress/adversarial_members")), ("base", load("reference"))):
        tally = {"redeemed": 0, "added": 0, "fraud": 0, "contacts": 0}

        def see(world: World, actions: np.ndarray, result: StepResult) -> None:
            mean = world.people.adversary.astype(bool)
            offered = mean & result.delivered & (world.catalogue.discount[actions] > 0)
            tally["contacts"] += int(offered.sum())  # noqa: B023
            tally["redeemed"] += int((result.redeemed & offered).sum())  # noqa: B023
            tally["added"] += int((mean & (result.delay["purchased"] >= 0)).sum())  # noqa: B023
            tally["fraud"] += int(result.fraud.sum())  # noqa: B023

        world = live(each, 2000, 45, see)
        counts[key] = (tally, world.people.adversary.mean())
    tally, share = counts["stress"]
    assert share == pytest.approx(0.10, abs=0.02)
    assert counts["base"][1] < 0.02
    assert tally["contacts"] > 200
    assert tally["redeemed"] > 0.5 * tally["contacts"]
    assert tally["added"] == 0
    assert tally["fraud"] > 10 * max(counts["base"][0]["fraud"], 1)


def test_drift_wears_contacts_out() -> None:
    """What an e-mail is expected to add falls month by month; so do purchases against the base."""
    scenario, base = load("stress/drift"), load("reference")
    nobody = np.zeros(3000, dtype=np.int64)
    gains, orders = {}, {}
    for key, each in (("drift", scenario), ("base", base)):
        world, gain, count = World(each, 3000, SEED), [], []
        email = np.full(3000, world.catalogue.index("engagement/1/news/email"))
        for day in range(241):
            if day % 60 == 0:
                new = world.expected_components(email)["margin_minor"]
                gain.append((new - world.expected_components(nobody)["margin_minor"]).mean())
            count.append(world.step(nobody).orders.sum())
        gains[key], orders[key] = np.array(gain), np.array(count, dtype=float)
    relative = gains["drift"] / gains["base"]
    assert relative[0] == pytest.approx(1.0, abs=0.02)
    assert (np.diff(relative) < 0.0).all()
    assert relative[-1] < 0.6
    late = slice(181, 241)
    assert orders["drift"][late].sum() / orders["base"][late].sum() < 0.9


def test_comments_say_which_data_were_fitted() -> None:
    """A fitted value names its data set."""
    for name in NAMES:
        for origin in provenance(name):
            if origin.kind == "fit":
                assert re.search("CDNOW|Hillstrom|Complete Journey", origin.note), origin


def test_files_are_toml() -> None:
    """Each parses on its own."""
    for name in NAMES:
        path = files("simulator.scenarios").joinpath(*f"{name}.toml".split("/"))
        assert tomllib.loads(path.read_text(encoding="utf-8"))
