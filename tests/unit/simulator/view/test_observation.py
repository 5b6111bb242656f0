"""What the firm sees: every feature worked out once more, triggers, and the mask."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenarios import Scenario
from simulator.world import World
from tests.support.worlds import any_contact, clock, lively, nobody, refreshed
from troth.catalogue import CHANNELS


@pytest.fixture(scope="module")
def lived() -> World:
    """A lively world after a month and a half."""
    world = World(lively(), 600, 9)
    rng = np.random.default_rng(0)
    for _ in range(45):
        world.step(any_contact(world, rng))
    return world


def by_hand(world: World) -> dict[str, np.ndarray]:
    """Every raw feature, before it is kept inside its range."""
    people, now, scenario = world.people, clock(world), world.scenario
    today = scenario.start.toordinal() + world.day
    day = scenario.start.fromordinal(today)
    above = np.array([*(t.from_spend_minor for t in scenario.tiers), 0])[people.tier + 1]
    top = people.tier == len(scenario.tiers) - 1
    running = people.challenge_end > 0
    weight = scenario.response.smoothing_clicks
    gap = now - people.last_contact
    ago = np.arange(29)[:, None] + gap  # of the contacts that the bits remember
    contacts = (people.recent[None] >> np.arange(29)[:, None]) & 1
    angle = 2.0 * np.pi * day.timetuple().tm_yday / 365.25
    features = {
        "recency_days": now - people.seen_order,
        "frequency_365": people.orders,
        "monetary_minor": people.lifetime_spend / people.lifetime_orders,
        "tenure_days": now - people.joined,
        "tier": people.tier,
        "points_balance": people.points,
        "points_to_next_tier": np.where(top, 0, np.maximum(above - people.spend, 0) / 100.0),
        "points_expiring_30d": people.point_buckets[(now // 30 + 1) % 12],
        "challenge_progress": np.where(
            running, people.challenge_done / np.maximum(people.challenge_target, 1), 0.0
        ),
        "open_tickets": people.tickets,
        "sentiment": people.signal,
        "contacts_7d": (contacts * (ago <= 7)).sum(axis=0),
        "contacts_28d": (contacts * (ago <= 28)).sum(axis=0),
        "days_since_contact": gap,
        "weekend": np.full(world.size, day.weekday() >= 5),
        "season_sin": np.full(world.size, np.sin(angle)),
        "season_cos": np.full(world.size, np.cos(angle)),
        "visits_28d": people.visits * np.exp(-(now - people.visits_day) / 28.0),
        "days_to_birthday": (people.birthday - (day.timetuple().tm_yday - 1)) % 365,
        "last_nps": np.where(people.nps < 0, np.nan, people.nps),
    }
    for part, name in enumerate(("discount_affinity", "points_affinity")):
        clicks = people.kind_clicks[part] + weight
        features[name] = clicks / (people.kind_expected[part] + weight)
    for c, channel in enumerate(CHANNELS[1:], start=1):
        base = weight / scenario.channels[channel].clicked
        features[f"permit_{channel}"] = world.permissions[:, c]
        clicks = people.clicks[c] + weight
        features[f"response_{channel}"] = clicks / (people.delivered[c] + base)
    return features


def test_every_feature_is_what_it_says(lived: World) -> None:
    """All raw columns against a second calculation from the state, kept inside their ranges."""
    check(lived)
    for at, feature in enumerate(lived.schema.features):
        if feature.name not in ("weekend", "season_sin", "season_cos"):
            seen = lived.contexts().raw[:, at]
            assert np.unique(seen[~np.isnan(seen)]).size > 1, f"{feature.name} does not vary"


def test_features_follow_every_world_apart(lived: World) -> None:
    """Forks that go their own ways, and the world they come from, each see themselves."""
    left, right = lived.fork(1), lived.fork(2)
    rng = np.random.default_rng(1)
    for _ in range(18):  # over a period's end
        left.step(any_contact(left, rng))
        right.step(nobody(right))
        check(left)
        check(right)
    check(lived)
    assert not np.array_equal(left.contexts().raw, right.contexts().raw)


def check(world: World) -> None:
    """Every raw feature of ``world``."""
    expected, raw = by_hand(world), world.contexts().raw
    assert set(expected) == set(world.schema.names)
    for at, feature in enumerate(world.schema.features):
        wanted = np.clip(expected[feature.name].astype(np.float64), feature.low, feature.high)
        np.testing.assert_allclose(raw[:, at], wanted, rtol=2e-6, atol=1e-6, err_msg=feature.name)


def test_features_are_kept_inside_their_ranges(lived: World) -> None:
    """The schema accepts every value, however odd the state."""
    world = lived.fork()
    people = world.people
    people.lifetime_spend[:] = 2**50
    people.points[:] = 2**40
    people.spend[:] = 2**40
    people.seen_order[:] = -5000
    people.signal[:] = -1.0
    people.visits[:] = 1e9
    people.clicks[:] = 30_000
    people.delivered[:] = 0
    world = refreshed(world)
    world.schema.validate(world.contexts().raw)
    assert np.isfinite(world.observe()).all()
    assert (world.contexts().column("recency_days") == 1095).all()


def test_triggers_are_the_scenario_s_conditions(lived: World) -> None:
    """A journey has started where every one of its conditions on the raw features holds."""
    started, contexts = lived.triggered(), lived.contexts()
    for at, section in enumerate(lived.scenario.journeys.values()):
        holds = np.ones(lived.size, dtype=bool)
        for when in section.when:
            column = contexts.raw[:, lived.schema.index(when.feature)]
            low = -np.inf if when.at_least is None else when.at_least
            high = np.inf if when.at_most is None else when.at_most
            holds &= (column >= low) & (column <= high)
        assert np.array_equal(started[:, at], holds)
    assert 0 < started.mean() < 1


def test_mask_is_candidates_permits_and_cap(reference: Scenario) -> None:
    """The compiled mask equals the catalogue's candidates under permissions and the cap."""
    world = World(reference.replace(warm_up={"days": 10}), 500, 9)
    rng = np.random.default_rng(0)
    capped_once = 0
    for _ in range(12):
        mask, catalogue = world.mask(), world.catalogue
        expected = catalogue.candidates(world.triggered())
        expected = expected & world.permissions[:, catalogue.channel]
        capped = world.contexts().column("contacts_7d") >= reference.fatigue.cap_contacts
        expected[capped, 1:] = False
        expected[:, 0] = True
        assert np.array_equal(mask, expected)
        assert not mask.flags.writeable
        capped_once += int(capped.sum())
        world.step(any_contact(world, rng))
    assert capped_once > 100


def test_contexts_are_of_their_morning(lived: World) -> None:
    """What was shown stays what it was when the day goes on, and cannot be written to."""
    world = lived.fork()
    shown = world.contexts()
    before = shown.raw.copy()
    world.step(nobody(world))
    np.testing.assert_array_equal(shown.raw, before)
    assert not np.array_equal(world.contexts().raw, before)
    with pytest.raises(ValueError, match="read-only"):
        shown.raw[0, 0] = 1.0
