"""Offers with the same attributes and different worth are told apart by the linear bandit."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.learners.bandits.linear_thompson import LinearThompson
from agents.learners.toy import Problem
from agents.policies.linear import LinearThompsonPolicy
from agents.policies.uniform import UniformPolicy
from experiments.runs.rollout import record
from simulator.known_facts import day_start
from simulator.scenarios import load
from simulator.world import World
from tests.support.hillstrom import hillstrom
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.logs.batches import LoggedBatch

WORTH, POOR = 2, 8
"""Columns of two offers with the same attributes."""
GAP = 60.0


@dataclass(frozen=True)
class Twins(Problem):
    """The problem with a ninth action like the third, which is worth less."""

    def expected(self, contexts: ContextBatch, catalogue: Catalogue | None = None) -> NDArray:
        """True mean rewards, (n, K)."""
        means = super().expected(contexts, catalogue)
        means[:, WORTH] += GAP / 2
        means[:, POOR] -= GAP / 2
        return means


@pytest.fixture(scope="module")
def twins(problem: Any) -> Twins:
    """The problem with twins."""
    poor = replace(problem.catalogue.actions[WORTH], action_id="poor_twin")
    actions = (*problem.catalogue.actions, poor)
    return Twins(problem.schema, Catalogue(actions, problem.catalogue.journeys), problem.theta)


def fit(log: LoggedBatch) -> LinearThompsonPolicy:
    """A bandit from a log."""
    return LinearThompson(draws=200).fit(log, np.random.default_rng(2))


def gap(policy: LinearThompsonPolicy) -> NDArray[np.float64]:
    """Draws of how much better the worthy twin is, (S,)."""
    assert policy.own_effects is not None
    return policy.own_effects.draws[:, WORTH] - policy.own_effects.draws[:, POOR]


def test_the_better_twin_is_preferred(twins: Twins) -> None:
    """From noisy decisions it knows the gap, with its doubt, and decides accordingly."""
    log = twins.log(40_000, np.random.default_rng(1))
    policy = fit(log)
    drawn = gap(policy)
    assert abs(drawn.mean() - GAP) < 3.0 * drawn.std()
    assert drawn.mean() > 4.0 * drawn.std()
    answer = policy.distribution(log.contexts, twins.catalogue, log.mask)
    both = log.mask[:, WORTH] & log.mask[:, POOR]
    assert answer[both, WORTH].mean() > 10.0 * answer[both, POOR].mean()


def test_a_twin_of_few_rows_stays_with_the_other(twins: Twins) -> None:
    """Five rows part it from the other by a fraction of what all rows say."""
    log = twins.log(40_000, np.random.default_rng(1))
    rows = np.flatnonzero(log.action == POOR)
    rare = fit(log.take(np.delete(np.arange(len(log)), rows[5:])))
    assert abs(gap(rare).mean()) < 0.6 * gap(fit(log)).mean()


def test_an_offer_of_yesterday_is_its_attributes_in_doubt(twins: Twins) -> None:
    """A third of the same attributes is scored between the two, and less surely than either."""
    policy = fit(twins.log(40_000, np.random.default_rng(1)))
    third = replace(twins.catalogue.actions[WORTH], action_id="added_yesterday")
    wider = Catalogue((*twins.catalogue.actions, third), twins.catalogue.journeys)
    scores = policy.scores(twins.contexts(50, np.random.default_rng(7)), wider)
    assert (scores[:, POOR] < scores[:, -1]).all()
    assert (scores[:, -1] < scores[:, WORTH]).all()
    assert policy.own_effects is not None
    drawn = policy.own_effects.of(wider)
    assert drawn[:, -1].mean() == pytest.approx(0.0, abs=1e-9)
    doubt = np.std(drawn[:, -1] - drawn[:, WORTH])
    assert doubt > 1.5 * gap(policy).std()


@pytest.mark.data
def test_hillstroms_mails_are_told_apart(data_dir: Path) -> None:
    """By visits the men's mail is the better one, by most of what its arm says."""
    log = hillstrom(data_dir)
    policy = fit(log)
    means = [log.reward_minor[log.action == at].mean() for at in (1, 2)]
    scores = policy.scores(log.contexts, log.catalogue).mean(axis=0)
    assert 0.6 * (means[0] - means[1]) < scores[1] - scores[2] < means[0] - means[1]


def test_twins_of_the_grocer_are_ordered_as_they_are() -> None:
    """Where the data suffice: every action of every context with its exact expected reward.

    The coupons that look alike differ by about a cent per decision, which sampled baskets of
    thirty dollars hide for good; two messages are worth exactly the same.
    """
    scenario = load("grocery")
    world = World(scenario, 400, seed=5)
    lived = record(
        world,
        UniformPolicy(),
        10,
        start=day_start(scenario.start),
        policy_digest="0" * 64,
        objective=scenario.objective,
        expected=True,
    )
    log, truth, catalogue = lived.batch, lived.expected_minor, scenario.catalogue
    assert truth is not None
    row, action = np.nonzero(log.mask)
    taken = {
        field.name: getattr(log, field.name)[row]
        for field in fields(log)
        if field.name not in {"contexts", "catalogue", "facts"}
    }
    complete = LoggedBatch(
        contexts=log.contexts.take(row),
        catalogue=catalogue,
        **taken
        | {
            "action": action,
            "reward_minor": truth[row, action],
            "propensity": np.ones(len(row)),
            "decision_id": np.array([f"{r}-{k}" for r, k in zip(row, action, strict=True)]),
        },
    )
    policy = fit(complete)
    pairs = twin_pairs(catalogue)
    assert len(pairs) == 5
    for first, second in pairs:
        rows = np.flatnonzero(log.mask[:, first] & log.mask[:, second])
        true = (truth[rows, second] - truth[rows, first]).mean()
        scores = policy.scores(log.contexts.take(rows), catalogue)
        found = (scores[:, second] - scores[:, first]).mean()
        if "recipe" in catalogue.actions[first].action_id:
            assert true == pytest.approx(0.0, abs=1e-6)
            assert found == pytest.approx(0.0, abs=0.05)
        else:
            assert true > 0.1
            assert 0.1 * true < found < 1.2 * true


def twin_pairs(catalogue: Catalogue) -> list[tuple[int, int]]:
    """Columns of actions that share all attributes."""
    _, group = np.unique(catalogue.features, axis=0, return_inverse=True)
    members = [np.flatnonzero(group.reshape(-1) == at) for at in range(group.max() + 1)]
    return [(int(pair[0]), int(pair[1])) for pair in members if len(pair) == 2]
