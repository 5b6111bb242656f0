"""Policies behind guardrails in a world: the served rule, day after day, each cap once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agents.baselines.rfm import RfmRules
from agents.policies.uniform import UniformPolicy
from experiments.runs.config import load as load_config
from experiments.runs.evaluate import OffPolicyTask, judge_log
from experiments.runs.guarding import MorningGuard
from experiments.runs.rollout import record, roll_out
from experiments.runs.run_folder import RunFolder
from experiments.runs.simulate import SeedTask
from simulator.known_facts import KnownFacts, day_start
from simulator.rollout import DecisionRound, decide, live
from simulator.scenarios import load
from simulator.truth import one_step_oracle
from simulator.world import World
from tests.support.packages import install_care
from tests.support.packages import site as site
from troth.catalogue import CHANNELS, OFFER_KINDS
from troth.errors import FailedPrecondition, InvalidArgument
from troth.guardrails import UNTOLD, GuardrailConfig, GuardrailEngine
from troth.guardrails.columns import GRANTED
from troth.policy import Policy

SIZE, DAYS = 300, 12
ENGINE = GuardrailEngine(GuardrailConfig.shipped())
SCENARIO = load("reference")
DISTURBING = [CHANNELS.index(c) for c in ENGINE.config.sections["quiet_hours"].channels]


def lifted() -> World:
    """Customers whom only guardrails protect."""
    return World(SCENARIO, SIZE, 11).without_cap()


def guardrails(world: World, engine: GuardrailEngine = ENGINE) -> MorningGuard:
    """With what the firm knows of ``world``."""
    config = engine.config
    known = KnownFacts(world, day_start(SCENARIO.start), config.window, config.told)
    return MorningGuard(engine, known)


MAKERS: list[Callable[[World], Policy]] = [
    lambda world: UniformPolicy(),
    lambda world: RfmRules(),
    one_step_oracle,
]


@pytest.mark.parametrize("make", MAKERS, ids=["uniform", "rfm", "oracle"])
def test_no_promise_is_broken(make: Callable[[World], Policy]) -> None:
    """By a plain reading of each day: consent, night, and contacts of the week before."""
    world = lifted()
    between = guardrails(world)
    watching = KnownFacts(world, day_start(SCENARIO.start), ENGINE.config.window)
    history: list[list[datetime]] = [[] for _ in range(SIZE)]
    contacts = at_night = 0
    lived = live(world, make(world), DAYS, guard=between)
    for _ in range(DAYS):
        facts, moments = watching.morning(), watching.moments()
        day = next(lived)
        watching.lived(day.action)
        for row in np.flatnonzero(day.action):
            channel = world.catalogue.channel[day.action[row]]
            now = datetime.fromisoformat(str(moments[row])).replace(tzinfo=UTC)
            hours = [(now - then).total_seconds() / 3600.0 for then in history[row]]
            assert facts.permissions[row, channel] == GRANTED
            assert sum(h < 24 for h in hours) < 1
            assert sum(h < 168 for h in hours) < 3
            if channel in DISTURBING:
                assert 8 * 60 <= facts.local_minute[row] < 21 * 60
            at_night += not 8 * 60 <= facts.local_minute[row] < 21 * 60
            history[row].append(now)
            contacts += 1
    assert contacts > SIZE / 3
    assert at_night  # what does not disturb may still go out
    took = {row.reason: row for row in between.took()}
    assert took["quiet_hours"].rows > 0.05
    assert took["unknown_consent"].rows == pytest.approx(0.02, abs=0.02)
    assert took["over_1_in_24h"].mass + took["over_3_in_168h"].mass > 0.0


def test_a_log_behind_guardrails_serves_nothing_that_its_own_facts_refuse() -> None:
    """Whoever lets a guarded policy live, the guard remembers each day."""
    world = lifted()
    log = record(
        world,
        UniformPolicy(),
        DAYS,
        start=day_start(SCENARIO.start),
        policy_digest="u",
        objective=SCENARIO.objective,
        guard=guardrails(world),
    ).batch
    assert log.facts is not None
    mask, taken = ENGINE.judge(log.mask, log.catalogue, log.facts)
    served = np.arange(len(log)), log.action
    assert mask[served].all()
    np.testing.assert_allclose(log.propensity, 1.0 / mask.sum(axis=1))
    capped = sum(np.count_nonzero(t.actions) for t in taken if t.guardrail == "frequency_cap")
    assert capped > SIZE


def test_a_log_that_reaches_less_far_is_judged_without_guardrails_and_says_why(
    tmp_path: Path,
) -> None:
    """Instead of ending the run."""
    made = record(
        World(SCENARIO, SIZE, 11),
        UniformPolicy(),
        3,
        start=day_start(SCENARIO.start),
        policy_digest="u",
        objective=SCENARIO.objective,
        expected=True,
    )
    log, truth = made.batch, made.expected_minor
    assert log.facts is not None
    assert truth is not None
    task = OffPolicyTask(SeedTask(load_config("reference"), RunFolder(tmp_path), 0), ())
    hour = replace(log.facts, listed_us=np.full(len(log), 3_600_000_000))
    rows = judge_log(task, replace(log, facts=hour), truth, ENGINE)
    alone = judge_log(task, log, truth)
    assert not any(row.guarded for row in rows)
    assert {row.warnings[-1] for row in rows} == {
        "judged without guardrails: the log lists contacts 1 hours far, and the guardrails look "
        "168 hours far"
    }
    assert alone == tuple(row.model_copy(update={"warnings": row.warnings[:-1]}) for row in rows)
    both = judge_log(task, log, truth, ENGINE)
    assert [row for row in both if not row.guarded] == list(alone)
    assert sum(row.guarded for row in both) == len(alone)


def test_a_guard_does_not_go_on_where_it_was_not_told_of_a_day() -> None:
    """Nor is it told of a day twice, nor asked about another world's customers."""
    world = lifted()
    between = guardrails(world)
    action = decide(DecisionRound.of(world), UniformPolicy(), guard=between).action
    with pytest.raises(FailedPrecondition, match="at day 0, not 1"):
        between.lived(action)
    world.step(action)
    with pytest.raises(FailedPrecondition, match="at day 1, not 0"):
        decide(DecisionRound.of(world), UniformPolicy(), guard=between)
    between.lived(action)
    with pytest.raises(FailedPrecondition, match="at day 1, not 2"):
        between.lived(action)
    decide(DecisionRound.of(world), UniformPolicy(), guard=between)
    with pytest.raises(InvalidArgument, match="another world"):
        decide(DecisionRound.of(world.fork()), UniformPolicy(), guard=between)


def test_the_scenarios_cap_is_lifted_and_nothing_else() -> None:
    """The same people on the same morning; only the mask is wider, and the other is as it was."""
    capped = World(SCENARIO, SIZE, 11)
    free = capped.without_cap()
    np.testing.assert_array_equal(capped.contexts().raw, free.contexts().raw)
    np.testing.assert_array_equal(capped.permissions, free.permissions)
    assert (free.mask() >= capped.mask()).all()
    assert (free.mask() != capped.mask()).any(axis=1).any()
    np.testing.assert_array_equal(
        free.mask(),
        free.catalogue.candidates(free.triggered()) & free.permissions[:, free.catalogue.channel],
    )
    assert capped.scenario is SCENARIO
    free.step(np.zeros(SIZE, dtype=np.int64))
    assert capped.day == 0


def test_without_anything_to_refuse_a_guard_changes_nothing() -> None:
    """The draws are the policy's own; a tally of zero says that nothing was taken."""
    loose = GuardrailConfig.from_dict(
        {
            "quiet_hours": {"start": "03:00", "end": "03:01", "channels": []},
            "frequency_cap": {"rules": [{"hours": 1, "contacts": 1000}]},
        }
    )
    world = lifted()
    between = guardrails(world, GuardrailEngine(loose))
    guarded = roll_out(world, RfmRules(), 5, objective=SCENARIO.objective, guard=between)
    alone = roll_out(lifted(), RfmRules(), 5, objective=SCENARIO.objective)
    took = {row.reason: row for row in between.took()}
    lost = took["unknown_consent"].mass
    assert lost > 0.0  # of two in a hundred nothing is known
    assert sum(row.mass for row in between.took()) == lost
    differs = np.flatnonzero(guarded.value_minor != alone.value_minor)
    unknown = KnownFacts(lifted(), day_start(SCENARIO.start)).morning().local_minute < 0
    assert unknown[differs].all()


def test_a_day_is_asked_in_pieces_with_the_facts_of_its_rows() -> None:
    """Whoever is asked about first, each customer is judged by what is known of them."""
    world = lifted()
    policy = UniformPolicy()
    asked = DecisionRound.of(world)
    whole = guardrails(world)(policy, asked)(slice(0, SIZE))
    parts = guardrails(world)(policy, asked)
    expected = whole.distribution(asked.contexts, world.catalogue, asked.mask)
    for rows in (slice(200, SIZE), slice(0, 7), slice(7, 200)):
        found = parts(rows).distribution(
            asked.contexts.take(rows), world.catalogue, asked.mask[rows]
        )
        np.testing.assert_array_equal(found, expected[rows])


def test_a_guardrail_of_another_package_acts_in_the_closed_loop(site: Path) -> None:
    """By what its fact is in a world; where it does not say, nobody is known not to be in care."""
    told = ENGINE.config.to_dict() | {"care": {"kinds": list(OFFER_KINDS[1:])}}
    install_care(site)
    engine = GuardrailEngine(GuardrailConfig.from_dict(told))
    world = lifted()
    between = guardrails(world, engine)
    lived = list(live(world, UniformPolicy(), 3, guard=between))
    odd = np.arange(SIZE) % 2 == 1
    assert not any(day.action[odd].any() for day in lived)
    assert any(day.action[~odd].any() for day in lived)
    took = {row.reason: row.mass for row in between.took() if row.guardrail == "care"}
    assert took["in_care"] > 0.1
    assert took["unknown_care"] == 0.0
    (nothing,) = (replace(fact, in_world=None) for fact in engine.config.told)
    silent = KnownFacts(lifted(), day_start(SCENARIO.start), engine.config.window, [nothing])
    assert (silent.morning().told["in_care"] == UNTOLD).all()
