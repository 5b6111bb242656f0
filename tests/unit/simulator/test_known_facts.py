"""What a firm knows of simulated customers, against a slow and plain reading of the same days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agents.policies.uniform import UniformPolicy
from experiments.runs.rollout import record
from simulator.known_facts import REMEMBERED, ZONES, KnownFacts, day_start
from simulator.scenarios import load
from simulator.world import World
from tests.support.logs import same
from troth.catalogue import CHANNELS, NO_CONTACT
from troth.guardrails import Contact, Facts, FactsBatch, GuardrailConfig, GuardrailEngine
from troth.guardrails.columns import GRANTED, NEVER_US, UNKNOWN, UNKNOWN_CHANNEL
from troth.guardrails.facts import local_day
from troth.logs.batches import LoggedBatch
from troth.policy import sample

SIZE, DAYS = 60, 9
WEEK = timedelta(days=7)


def world(**changes: int) -> World:
    """A few customers in the spring night in which an hour is left out."""
    scenario = load("reference")
    return World(
        scenario.replace(warm_up={"days": 40}, **({"fatigue": changes} if changes else {})), SIZE, 5
    )


def aware(moment: np.datetime64) -> datetime:
    """With its zone, which is UTC."""
    return datetime.fromisoformat(str(moment)).replace(tzinfo=UTC)


def zone_of(number: int, minute: int) -> str | None:
    """The zone a customer's number stands for, if they have one."""
    return None if minute < 0 else ZONES[number % len(ZONES)]


@pytest.mark.parametrize(
    "start", [datetime(2026, 3, 25, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC)]
)
def test_columns_are_those_of_the_facts_one_by_one(start: datetime) -> None:
    """Day after day, each contact remembered as the ledger of a service would remember it."""
    people = world(cap_contacts=28, cap_days=1)
    known = KnownFacts(people, start, WEEK)
    rng = np.random.default_rng(1)
    ledger: list[list[Contact]] = [[] for _ in range(SIZE)]
    repeated = 0
    for _ in range(DAYS):
        found, moments = known.morning(), known.moments()
        rows = []
        for row in range(SIZE):
            minute = int(found.local_minute[row])
            zone = zone_of(row, minute)
            permitted = {
                c: bool(people.permissions[row, at]) for at, c in enumerate(CHANNELS) if at
            }
            rows.append(
                Facts(
                    permissions=permitted if zone else {},
                    zone=zone,
                    decided_at=aware(moments[row]),
                    contacts=tuple(reversed(ledger[row])),
                )
            )
        expected = FactsBatch.of(rows, people.catalogue, WEEK)
        since = found.contact_channel != UNKNOWN_CHANNEL  # the rest is of the warm-up
        assert (found.permissions == expected.permissions).all()
        assert (found.local_minute == expected.local_minute).all()
        assert (found.granted_today == expected.granted_today).all()
        repeated += int(found.granted_today.sum())
        for row in range(SIZE):
            near = expected.contact_age_us[row] <= found.contact_age_us[row][since[row]].max(
                initial=-1
            )
            assert found.contact_age_us[row][since[row]].tolist() == (
                expected.contact_age_us[row][near].tolist()
            )
            assert found.contact_channel[row][since[row]].tolist() == (
                expected.contact_channel[row][near].tolist()
            )
            missed = expected.contact_age_us[row][~near]
            assert (missed[missed != NEVER_US] >= WEEK // timedelta(microseconds=1)).all()
        mask = people.mask()
        action = sample(
            UniformPolicy().distribution(people.contexts(), people.catalogue, mask),
            rng.random(SIZE),
        )
        people.step(action)
        known.lived(action)
        for row in np.flatnonzero(action):
            one = people.catalogue.actions[action[row]]
            zone = zone_of(row, int(found.local_minute[row]))
            at = aware(moments[row])
            ledger[row].append(
                Contact(
                    at=at,
                    channel=one.channel,
                    action_id=one.action_id,
                    day=local_day(at, zone),
                    zone=zone,
                )
            )
    assert repeated  # a contact late at night was on the customer's next day
    assert (found.permissions[:, 1:] == GRANTED).any()


@pytest.mark.parametrize("split", [1, 3, 5])
def test_a_log_in_two_parts_has_the_facts_of_one_in_whole(split: int) -> None:
    """Contacts of days that were lived before were made when they were, at night too."""

    def logged(people: World, days: int) -> LoggedBatch:
        start = day_start(people.scenario.start)
        policy, objective = UniformPolicy(), people.scenario.objective
        return record(
            people, policy, days, start=start, policy_digest="u", objective=objective
        ).batch

    scenario, size, days = load("reference"), 400, 6
    whole = logged(World(scenario, size, 7), days)
    people = World(scenario, size, 7)
    parts = LoggedBatch.concatenate([logged(people, split), logged(people, days - split)])
    assert whole.facts is not None
    assert parts.facts is not None
    np.testing.assert_array_equal(parts.action, whole.action)
    for name in ("permissions", "local_minute", "listed_us"):
        np.testing.assert_array_equal(getattr(parts.facts, name), getattr(whole.facts, name))
    np.testing.assert_array_equal(
        np.sort(parts.facts.contact_age_us, axis=1), np.sort(whole.facts.contact_age_us, axis=1)
    )
    engine = GuardrailEngine(GuardrailConfig.shipped())
    masks = [engine.judge(log.mask, log.catalogue, log.facts)[0] for log in (parts, whole)]
    np.testing.assert_array_equal(*masks)


def test_contacts_of_the_warm_up_are_known() -> None:
    """As many as the world remembers, on days before the first, through a channel nobody knows."""
    people = world()
    found = KnownFacts(people, day_start(people.scenario.start)).morning()
    clock = people.scenario.warm_up.days
    real = found.contact_age_us != NEVER_US
    bits = [
        sum(
            int(recent) >> bit & 1 for bit in range(29) if clock - last + bit <= REMEMBERED.days + 1
        )
        for recent, last in zip(people.people.recent, people.people.last_contact, strict=True)
    ]
    assert real.sum(axis=1).tolist() == bits
    assert sum(bits)
    assert (found.contact_channel == UNKNOWN_CHANNEL).all()
    assert not found.granted_today.any()


def test_a_contact_that_no_budget_paid_for_was_not_made() -> None:
    """What the world made of a decision counts."""
    scenario = load("reference")
    people = World(scenario.replace(firm={"budget_minor_per_customer": 0.001}), SIZE, 5)
    known = KnownFacts(people, day_start(scenario.start))
    mask = people.mask()[:, 1:]
    action = np.where(mask.any(axis=1), 1 + mask.argmax(axis=1), NO_CONTACT)
    paid = people.affordable(action)
    assert 0 < np.count_nonzero(paid) < np.count_nonzero(action)  # some cost nothing
    people.step(action)
    known.lived(action)
    through_a_known_channel = (known.morning().contact_channel != UNKNOWN_CHANNEL).sum(axis=1)
    assert through_a_known_channel.tolist() == (paid != NO_CONTACT).astype(int).tolist()


def test_somebody_has_no_record_and_somebody_is_asked_at_night() -> None:
    """Of many, about one in fifty and one in seven."""
    scenario = load("reference")
    people = World(scenario, 4_000, 5)
    known = KnownFacts(people, day_start(scenario.start))
    facts, moments = known.morning(), known.moments()
    lost = (facts.permissions == UNKNOWN).all(axis=1)
    assert (lost == (facts.local_minute < 0)).all()
    assert 0.01 < lost.mean() < 0.03
    hour = moments.astype("datetime64[h]").astype(int) % 24
    assert 0.12 < ((hour >= 22) | (hour < 8)).mean() < 0.18


def test_a_simulated_log_carries_its_facts() -> None:
    """Row by row those of the mornings, at the moment that its decision has."""
    scenario = load("reference")

    def logged() -> World:
        return World(scenario, SIZE, 5)

    objective = scenario.objective
    log = record(
        logged(),
        UniformPolicy(),
        3,
        start=day_start(scenario.start),
        policy_digest="u",
        objective=objective,
    ).batch
    again = record(
        logged(),
        UniformPolicy(),
        3,
        start=day_start(scenario.start),
        policy_digest="u",
        objective=objective,
    ).batch
    assert log.facts is not None
    assert same(log, again)
    first = KnownFacts(logged(), day_start(scenario.start))
    assert (log.decided_at[:SIZE] == first.moments()).all()
    morning, logged_facts = first.morning(), log.facts.take(slice(0, SIZE))
    for name in ("permissions", "local_minute", "granted_today", "listed_us"):
        assert (getattr(logged_facts, name) == getattr(morning, name)).all()
    assert (
        np.sort(logged_facts.contact_age_us, axis=1)[:, : morning.contact_age_us.shape[1]]
        == morning.contact_age_us
    ).all()
    contacted = log.action[:SIZE] > 0
    second = log.facts.take(slice(SIZE, 2 * SIZE))
    age = (log.decided_at[SIZE : 2 * SIZE] - log.decided_at[:SIZE]).astype(np.int64)
    assert (second.contact_age_us.min(axis=1)[contacted] == age[contacted]).all()
    assert (
        log.facts.listed_us >= GuardrailConfig.shipped().window // timedelta(microseconds=1)
    ).all()
