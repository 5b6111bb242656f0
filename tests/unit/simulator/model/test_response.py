"""The response to a contact against its equations, worked out once more in plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import expit

from simulator.model.offers import GROUPS
from simulator.model.programme import Programme
from simulator.scenarios import Scenario
from simulator.state.columns import NEVER
from simulator.world import World
from tests.support.worlds import (
    Actions,
    all_groups,
    altered,
    any_contact,
    clock,
    eager,
    everybody,
    lively,
    nobody,
    still,
)
from troth.catalogue import CHANNELS, OFFER_KINDS

REDEEMS = 0.6
"""Share of the purchases that an offer brings on which it is used, in the lively scenario."""


@dataclass(frozen=True)
class Chances:
    """P(... | it arrives), float64 (n,), and P(it arrives)."""

    arrives: np.ndarray
    opens: np.ndarray
    clicks: np.ndarray
    buys: np.ndarray
    uses: np.ndarray
    refuses: np.ndarray


def by_the_equations(world: World, actions: Actions) -> Chances:
    """``response``, ``fatigue`` and ``offers`` of :mod:`simulator.model` in NumPy."""
    scenario, people, now = world.scenario, world.people, clock(world)
    catalogue, rows = world.catalogue, np.arange(world.size)
    channel, kind = catalogue.channel[actions], catalogue.kind[actions]

    def of_channel(name: str) -> np.ndarray:
        values = [0.0, *(getattr(scenario.channels[c], name) for c in CHANNELS[1:])]
        return np.array(values)

    def of_group(name: str) -> np.ndarray:
        groups = scenario.persuadability
        return np.array([getattr(getattr(groups, g), name) for g in GROUPS])[people.group]

    gap = now - people.wear_day
    recovery = of_channel("recovery_days")[1:]
    wear = np.zeros((len(CHANNELS), world.size))
    wear[1:] = people.wear[1:] * np.exp(-gap[None] / recovery[:, None])
    load = wear.sum(axis=0)
    tired = np.exp(
        -of_channel("wear")[channel] * wear[channel, rows] - scenario.fatigue.wear * load
    )
    affinity, fit = people.affinity[channel, rows], people.fit[kind, rows]
    ticket = people.tickets > 0
    keeps = np.exp(-1.0 / scenario.mood.recovery_days)
    sentiment = people.sentiment * keeps ** (now - people.sentiment_day)
    gone = people.leaves <= now

    email, response = scenario.email, scenario.response
    months = np.clip((now - people.seen_order) / 30.4375, 1.0, response.max_recency_months)
    history = np.log1p(np.maximum(people.spend / 100.0, response.min_history))
    visit = email.visit_intercept + email.visit_recency * months + email.visit_log_history * history
    lift = email.lift_intercept + email.lift_recency * months + email.lift_log_history * history
    base = (expit(visit + lift) - expit(visit)) * email.conversion_given_visit_email
    drive = base * of_group("gain") * np.exp(response.sentiment_gain * sentiment)
    drive = drive * np.where(gone, response.lapsed, 1.0)
    discount, points = catalogue.discount[actions], catalogue.points[actions]
    strength = (
        of_channel("response")[channel]
        * np.array([0.0, *(scenario.kinds[k].response for k in OFFER_KINDS[1:])])[kind]
    )
    strength = strength * np.where(
        discount > 0, np.maximum(discount / 0.1, 1e-9) ** response.discount_elasticity, 1.0
    )
    strength = strength * np.where(
        points > 0, np.maximum(points / 500.0, 1e-9) ** response.points_elasticity, 1.0
    )
    moment = np.array(
        [0.0, *(scenario.journeys[a.journey].response for a in catalogue.actions[1:])]
    )[actions]
    recovers = np.array([a.journey == "service_recovery" for a in catalogue.actions])[actions]
    buys = np.minimum(drive * strength * affinity * tired * fit * moment, response.ceiling)
    idle = (people.due_day == NEVER) & (people.adversary == 0) & (recovers | ~ticket)
    buys = np.where(idle, buys, 0.0)
    soon = 1.0 - np.exp(-people.own_rate.astype(float) * response.take_up_days)
    uses = response.take_up * fit * soon**response.take_up_power
    uses = np.minimum(uses, 1.0 - buys)
    uses = np.where(people.adversary > 0, 1.0, uses)
    offers = (discount > 0) | (points > 0)
    uses = np.where(offers & (people.redeem_day == NEVER), uses, 0.0)

    opens = np.minimum(of_channel("opened")[channel] * np.sqrt(affinity), 1.0)
    fading = (people.leaves != NEVER) & (now >= people.leaves - scenario.visits.fade_days)
    click = of_channel("clicked")[channel] * of_group("click") * affinity * fit * tired
    click = click * np.where(fading, scenario.visits.fade_clicks, 1.0)
    gain = 1.0 + scenario.fatigue.opt_out_gain * load
    refuses = of_channel("opt_out")[channel] * of_group("opt_out") * gain
    refuses = refuses * np.where(ticket, scenario.mood.opt_out_when_open, 1.0)
    reached = ((people.reach >> channel) & 1).astype(bool)
    return Chances(
        arrives=np.where(reached, of_channel("delivery")[channel], 0.0),
        opens=opens,
        clicks=np.minimum(click, opens),
        buys=buys,
        uses=uses,
        refuses=np.minimum(refuses, 1.0),
    )


@pytest.fixture(scope="module")
def morning() -> World:
    """A lively world after two weeks, without the pressures of tiers, expiry and challenges."""
    scenario = lively()
    journeys = {
        name: {**row.model_dump(), "pressure_gain": 0.0} for name, row in scenario.journeys.items()
    }
    scenario = altered(scenario, journeys=journeys).replace(firm={"outages_per_year": 0.0})
    world = World(scenario, 500, 6)
    rng = np.random.default_rng(0)
    for _ in range(15):
        world.step(any_contact(world, rng))
    return world


def test_answers_come_as_often_as_the_equations_say(morning: World) -> None:
    """Delivery, opening, click, opt-out, purchase and use have their probabilities, in all."""
    actions = any_contact(morning, np.random.default_rng(1))
    chances = by_the_equations(morning, actions)
    offers = np.array([a.discount > 0 or a.points > 0 for a in morning.catalogue.actions])[actions]
    lives = 500
    found = dict.fromkeys(("delivered", "opened", "clicked", "opted_out", "bought", "redeemed"), 0)
    for replicate in range(1, lives + 1):
        result = morning.fork(replicate).step(actions)
        for name in ("delivered", "opened", "clicked", "opted_out", "redeemed"):
            found[name] += int(getattr(result, name).sum())
        found["bought"] += int((result.delay["purchased"] >= 0).sum())
    given = {
        "delivered": 1.0,
        "opened": chances.opens,
        "clicked": chances.clicks,
        "opted_out": chances.refuses,
        "bought": chances.buys,
        "redeemed": chances.uses + chances.buys * offers * REDEEMS,
    }
    for name, count in found.items():
        p = np.where(actions > 0, chances.arrives * given[name], 0.0)
        error = np.sqrt(lives * (p * (1.0 - p)).sum())
        assert abs(count - lives * p.sum()) < 4 * error, name
        assert 4 * error < 0.05 * lives * p.sum(), f"{name} is not known well enough"


def test_expected_margins_and_opt_outs_are_those_of_the_equations(morning: World) -> None:
    """What a contact adds to the margin is arrives * added * what a basket of theirs earns."""
    actions = any_contact(morning, np.random.default_rng(1))
    chances = by_the_equations(morning, actions)
    scenario, people = morning.scenario, morning.people
    made = morning.expected_components(actions)
    left = morning.expected_components(np.zeros(morning.size, dtype=np.int64))
    shares = np.array([row.share for row in scenario.categories])
    factors = np.array([row.margin_factor for row in scenario.categories])
    loyal = scenario.population.category_loyalty
    factor = loyal * factors[people.favourite] + (1 - loyal) * (shares @ factors) / shares.sum()
    basket = 100.0 * np.exp(people.basket + 0.5 * scenario.spend.sigma_within**2)
    worth = basket * scenario.economics.margin_share * factor
    hurt = np.array([getattr(scenario.persuadability, g).hurt for g in GROUPS])[people.group]
    hurt = np.maximum(hurt, np.where(people.tickets > 0, scenario.mood.hurt_when_open, 0.0))
    recovers = [a.journey == "service_recovery" for a in morning.catalogue.actions]
    hurt = np.where(np.array(recovers)[actions], 0.0, hurt)
    contact = actions > 0
    added = chances.arrives * (chances.buys * worth - hurt * left["margin_minor"])
    np.testing.assert_allclose(
        (made["margin_minor"] - left["margin_minor"])[contact], added[contact], rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        made["opt_outs"][contact], (chances.arrives * chances.refuses)[contact], rtol=1e-4
    )
    assert not made["opt_outs"][~contact].any()


def test_the_funnel_narrows(lively: Scenario) -> None:
    """Every answer needs the one before it, and delays grow along the way."""
    world = World(lively, 2000, 7)
    rng = np.random.default_rng(0)
    for _ in range(4):
        actions = any_contact(world, rng)
        result = world.step(actions)
        assert (result.delivered <= (actions > 0)).all()
        assert (result.opened <= result.delivered).all()
        assert (result.clicked <= result.opened).all()
        assert (result.visited <= result.delivered).all()
        assert (result.redeemed <= result.delivered).all()
        assert (result.opted_out <= result.delivered).all()
        for name in ("opened", "clicked", "visited", "redeemed"):
            assert np.array_equal(result.delay[name] >= 0, getattr(result, name)), name
        assert (result.delay["clicked"] >= result.delay["opened"])[result.clicked].all()
        assert (result.purchased >= (result.delay["purchased"] >= 0)).all()
        assert result.clicked.sum() > 50


def test_one_purchase_at_a_time() -> None:
    """While a purchase is on their mind nothing else moves them; once it has landed they can be."""
    world = World(eager(), 200, 5, newcomers=True)
    orders = np.zeros(world.size, dtype=np.int64)
    begun = np.zeros(world.size, dtype=np.int64)
    for _ in range(25):
        busy = world.people.due_day != NEVER
        result = world.step(everybody(world, "welcome/1/welcome_story/email"))
        starts = result.delay["purchased"] >= 0
        assert not starts[busy].any()
        assert starts[~busy].all()
        begun += starts
        orders += result.orders
    under_way = world.people.due_day != NEVER
    assert np.array_equal(begun, orders + under_way)
    assert orders.min() >= 3


def test_one_offer_in_use_at_a_time() -> None:
    """A member who is about to use an offer on a purchase of their own uses no second one."""
    world = World(eager().replace(fraud={"adversary_share": 1.0}), 200, 5, newcomers=True)
    used = np.zeros(world.size, dtype=np.int64)
    for _ in range(20):
        busy = world.people.redeem_day != NEVER
        result = world.step(everybody(world, "welcome/3/points_300/email"))
        assert np.array_equal(result.redeemed, ~busy)
        used += result.redeemed
    landed = world.people.issued
    assert np.array_equal(landed, 300 * (used - (world.people.redeem_day != NEVER)))


def test_an_offer_also_sells_what_it_does_not_cover() -> None:
    """Of the purchases it brings, the share ``redeems`` use it and cost its discount and points."""
    offers = {name: {"redeems": 0.25} for name in ("ten_percent", "points_300")}
    world = World(eager().replace(offers=offers), 4000, 5, newcomers=True)
    for action, part in (
        ("welcome/2/ten_percent/email", "discount_minor"),
        ("welcome/3/points_300/email", "points_minor"),
    ):
        twin = world.fork()
        twin.set_programme(Programme(0.0, 1.0, 500))
        actions = everybody(twin, action)
        expected = twin.expected_components(actions)[part].sum()
        result = twin.step(actions)
        assert (result.delay["purchased"] >= 0).all()
        assert result.redeemed.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.1875 / 4000))
        assert np.array_equal(result.components[part] > 0, result.redeemed)
        assert result.components[part].sum() == pytest.approx(expected, rel=0.15)
        for _ in range(30):
            twin.step(nobody(twin))
        granted = 300 * result.redeemed if part == "points_minor" else 0
        assert np.array_equal(twin.people.issued, granted + 0 * twin.people.issued)


def test_sure_things_take_the_offer_and_would_have_bought_anyway() -> None:
    """Frequent buyers use discounts without buying more; a plain message costs nothing."""
    scenario = still().replace(
        purchases={"r": 60.0, "alpha_weeks": 20.0},
        persuadability=all_groups(still(), gain=0.0, hurt=0.0),
    )
    world = World(scenario, 3000, 5, newcomers=True)
    offer, story = "welcome/2/ten_percent/email", "welcome/1/welcome_story/email"
    made = {name: world.fork().step(everybody(world, name)) for name in (offer, story)}
    left = world.fork().step(nobody(world))
    rate = world.people.own_rate.astype(float)
    p = scenario.response.take_up * (1.0 - np.exp(-rate * scenario.response.take_up_days))
    p = p * world.people.fit[OFFER_KINDS.index("discount")]
    error = np.sqrt((p * (1 - p)).sum())
    assert abs(made[offer].redeemed.sum() - np.minimum(p, 1.0).sum()) < 4 * error
    assert (made[offer].components["discount_minor"] > 0).sum() == made[offer].redeemed.sum()
    assert not made[story].redeemed.any()
    for result in made.values():
        assert np.array_equal(result.components["margin_minor"], left.components["margin_minor"])
    assert not made[story].components["discount_minor"].any()


def test_adversaries_take_everything_and_buy_nothing() -> None:
    """Every offer that arrives is used, no purchase comes of it, and that is expected too."""
    world = World(eager().replace(fraud={"adversary_share": 0.5}), 1000, 5, newcomers=True)
    cheats = world.people.adversary.astype(bool)
    assert cheats.mean() == pytest.approx(0.5, abs=0.07)
    actions = everybody(world, "welcome/2/ten_percent/email")
    expected = world.expected_components(actions)
    left = world.expected_components(nobody(world))
    result = world.step(actions)
    assert result.redeemed[cheats].all()
    assert not (result.delay["purchased"] >= 0)[cheats].any()
    assert (result.delay["purchased"] >= 0)[~cheats].all()
    assert np.array_equal(expected["margin_minor"][cheats], left["margin_minor"][cheats])
    assert (expected["margin_minor"] > left["margin_minor"])[~cheats].all()
    basket = 100.0 * np.exp(
        world.people.basket[cheats] + 0.5 * world.scenario.spend.sigma_within**2
    )
    np.testing.assert_allclose(expected["discount_minor"][cheats], 0.1 * basket, rtol=1e-6)


def test_sleeping_dogs_are_put_off() -> None:
    """A contact that arrives destroys their own purchase of the day with the share given."""
    scenario = still().replace(
        purchases={"r": 60.0, "alpha_weeks": 5.0},
        persuadability=all_groups(still(), gain=0.0, hurt=0.6),
    )
    world = World(scenario, 4000, 5, newcomers=True)
    left = world.fork().step(nobody(world)).orders > 0
    made = world.fork().step(everybody(world, "welcome/1/welcome_story/email")).orders > 0
    assert not (made & ~left).any()
    lost = 1.0 - made.sum() / left.sum()
    assert lost == pytest.approx(0.6, abs=4 * np.sqrt(0.24 / left.sum()))
