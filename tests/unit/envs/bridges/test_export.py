"""Recordings as logs and as Minari's data sets: what is read back is what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from agents.ope.target import unguardable
from envs.bridges.export import to_log, write_minari
from envs.bridges.recording import PolicyActor, Recording, UniformActor, record
from envs.registration import DECISIONS, NEXT_BEST_ACTION, PROGRAMME_DESIGN
from envs.wrappers.budget_limit import VectorBudgetLimit
from simulator.scenarios import Scenario
from simulator.truth import one_step_oracle
from simulator.world import World
from troth.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from troth.guardrails.config import GuardrailConfig
from troth.guardrails.engine import GuardrailEngine
from troth.logs.batches import LoggedBatch
from troth.policy import normalise

N, DAYS = 7, 4


class Uneven:
    """Prefers later columns, so that a wrong column or propensity shows."""

    def distribution(self, contexts: Any, actions: Any, mask: Any) -> Any:
        """Weight k + 1 on column k."""
        return normalise(np.where(mask, 1.0 + np.arange(mask.shape[1]), 0.0), mask)


def vector(name: str, scenario: Scenario, n: int = N) -> Any:
    """Some customers for some days."""
    return gymnasium.make_vec(
        name, num_envs=n, vectorization_mode="vector_entry_point",
        scenario=scenario, horizon_days=DAYS,
    )  # fmt: skip


def recording(name: str, scenario: Scenario) -> Recording:
    """Two episodes under the uneven policy."""
    return record(vector(name, scenario), PolicyActor(Uneven()), episodes=2, seed=3)


@pytest.mark.parametrize("name", DECISIONS)
def test_log_holds_what_happened(name: str, brisk: Scenario, tmp_path: Path) -> None:
    """Replaying the logged actions brings the logged rewards; Parquet keeps all of it."""
    found = recording(name, brisk)
    log = to_log(found, "a" * 64)
    assert len(log) == 2 * N * DAYS
    assert len(set(log.decision_id)) == len(log)
    weights = np.where(log.mask, 1.0 + np.arange(log.mask.shape[1]), 0.0)
    chances = weights[np.arange(len(log)), log.action] / weights.sum(axis=1)
    assert log.propensity == pytest.approx(chances)
    env = vector(name, brisk)
    env.reset(seed=3)
    for row in range(0, len(log), N):
        today = slice(row, row + N)
        world = env.unwrapped.world
        assert np.array_equal(log.contexts.raw[today], world.contexts().raw, equal_nan=True)
        assert (log.customer_id[today] == world.customer_ids).all()
        assert not (log.mask[today] & ~world.mask()).any()
        columns = env.unwrapped.cohort.columns()
        assert np.array_equal(log.mask[today].sum(axis=1), (columns >= 0).sum(axis=1))
        actions = (columns == log.action[today][:, None]).argmax(axis=1)
        _, rewards, *_ = env.step(actions)
        assert log.reward_minor[today] == pytest.approx(100.0 * rewards)
    log.write(tmp_path / "log.parquet")
    again = LoggedBatch.read(tmp_path / "log.parquet")
    assert again.facts is not None
    assert log.facts is not None
    assert np.array_equal(again.facts.granted_today, log.facts.granted_today)
    for column in ("action", "propensity", "reward_minor", "mask", "decision_id", "step"):
        assert np.array_equal(getattr(again, column), getattr(log, column))


def test_the_oracle_decides_for_whoever_is_recorded(brisk: Scenario) -> None:
    """A policy that reads a world reads the recorded one, whichever it was made for."""
    other = World(brisk, N, 99)
    env = vector(NEXT_BEST_ACTION, brisk)
    env.reset(seed=3)
    world = env.unwrapped.world
    best = np.where(world.mask(), world.expected_rewards(), -np.inf).argmax(axis=1)
    found = record(env, PolicyActor(one_step_oracle(other)), episodes=1, seed=3)
    first = found.episodes[0].choices[0]
    np.testing.assert_array_equal(first.columns, best)
    assert (first.propensity == 1.0).all()
    seen = np.where(other.mask(), other.expected_rewards(), -np.inf).argmax(axis=1)
    assert not np.array_equal(seen, best)


@pytest.mark.parametrize("name", DECISIONS)
def test_minari_reads_back_what_was_recorded(
    name: str, brisk: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Observations, actions, rewards, masks and propensities, customer by customer."""
    import minari  # slow to load

    found = recording(name, brisk)
    about = {"author": "Troth", "description": "recorded in a test"}
    folder = write_minari(found, tmp_path, "troth/recorded-v0", **about)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    dataset = minari.load_dataset("troth/recorded-v0")
    assert folder == tmp_path / "troth" / "recorded-v0" / "data"
    assert dataset.total_episodes == 2 * N
    assert dataset.total_steps == 2 * N * DAYS
    env = vector(name, brisk)
    assert dataset.observation_space == env.single_observation_space
    assert dataset.action_space == env.single_action_space
    assert dataset.spec.env_spec.id == name
    for at, read in enumerate(dataset.iterate_episodes()):
        episode, i = found.episodes[at // N], at % N
        assert np.array_equal(read.observations, episode.observations[:, i])
        assert np.array_equal(read.actions, [c.actions[i] for c in episode.choices])
        assert np.array_equal(read.rewards, episode.rewards[:, i])
        assert read.truncations.tolist() == [False] * (DAYS - 1) + [True]
        assert not read.terminations.any()
        propensity = [c.propensity[i] for c in episode.choices]
        assert np.array_equal(read.infos["propensity"][:-1], propensity)
        assert np.isnan(read.infos["propensity"][-1])
        masks = [c.mask[i] for c in episode.choices if c.mask is not None]
        assert np.array_equal(read.infos["action_mask"][:-1], masks)
    with pytest.raises(AlreadyExists, match="dataset_id"):
        write_minari(found, tmp_path, "troth/recorded-v0", **about)


def test_minari_is_written_below_a_relative_root(
    brisk: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder named from where one stands is as good as any."""
    import minari  # slow to load

    monkeypatch.chdir(tmp_path)
    found = recording(DECISIONS[0], brisk)
    about = {"author": "Troth", "description": "recorded in a test"}
    folder = write_minari(found, Path("sets"), "troth/recorded-v0", **about)
    assert folder == tmp_path / "sets" / "troth" / "recorded-v0" / "data"
    assert minari.MinariDataset(folder).total_episodes == 2 * N


def test_minari_reads_back_continuous_actions(brisk: Scenario, tmp_path: Path) -> None:
    """Programmes are recorded with the density of their terms; a log of contacts they are not."""
    import minari  # slow to load

    env: Any = gymnasium.make_vec(
        PROGRAMME_DESIGN, num_envs=3, vectorization_mode="vector_entry_point",
        scenario=brisk, members=4, horizon_weeks=2,
    )  # fmt: skip
    found = record(env, UniformActor(np.random.default_rng(1)), episodes=2, seed=0)
    about = {"author": "Troth", "description": "recorded in a test"}
    dataset = minari.MinariDataset(write_minari(found, tmp_path, "troth/terms-v0", **about))
    assert dataset.total_steps == 2 * 3 * 2
    for at, read in enumerate(dataset.iterate_episodes()):
        episode, i = found.episodes[at // 3], at % 3
        assert np.array_equal(read.observations, episode.observations[:, i])
        assert np.array_equal(read.actions, [c.actions[i] for c in episode.choices])
        assert read.actions.dtype == np.float32
        assert read.infos["propensity"][:-1] == pytest.approx(1 / 16)
        assert "action_mask" not in read.infos
    with pytest.raises(FailedPrecondition, match="recording"):
        to_log(found, "a" * 64)


def test_refused_contacts_are_not_logged(brisk: Scenario) -> None:
    """What a shared budget refuses was not drawn by the policy, and has no propensity."""
    env = VectorBudgetLimit(vector(NEXT_BEST_ACTION, brisk, 60), budget_minor=8)
    with pytest.raises(FailedPrecondition, match="propensity"):
        record(env, PolicyActor(Uneven()), episodes=1, seed=0)
    with pytest.raises(InvalidArgument, match="episodes"):
        record(env, PolicyActor(Uneven()), episodes=0, seed=0)


def test_who_cannot_be_recorded_is_named(brisk: Scenario) -> None:
    """A single customer, an actor for other actions, a policy that gives no distribution."""
    uniform = UniformActor(np.random.default_rng(1))
    one: Any = gymnasium.make(DECISIONS[0], scenario=brisk)
    terms: Any = gymnasium.make_vec(PROGRAMME_DESIGN, num_envs=2, scenario=brisk, members=3)
    contacts = vector(DECISIONS[0], brisk)

    class Broken:
        """Weights, not normalised."""

        def distribution(self, contexts: Any, actions: Any, mask: Any) -> Any:
            """Ones."""
            return mask.astype(np.float64)

    for env, actor, says in (
        (one, PolicyActor(Uneven()), "env: .* is no population"),
        (terms, PolicyActor(Uneven()), "actor: ProgrammeDesignVectorEnv makes no contacts"),
        (contacts, uniform, "actor: .* has no continuous actions"),
        (contacts, PolicyActor(Broken()), "distribution: .* summing to 1"),
    ):
        with pytest.raises(InvalidArgument, match=says):
            record(env, actor, episodes=1, seed=0)


def test_a_recorded_log_can_be_judged_behind_guardrails(brisk: Scenario) -> None:
    """It says what was known each morning: yesterday's contacts are in today's facts."""
    log = to_log(recording(NEXT_BEST_ACTION, brisk), "a" * 64)
    assert log.facts is not None
    engine = GuardrailEngine(GuardrailConfig.shipped())
    assert unguardable(log, engine) is None
    mask, _ = engine.judge(log.mask, log.catalogue, log.facts)
    assert (mask != log.mask).any()
    day = log.step == 1
    yesterday = log.action[log.step == 0] != 0
    youngest = log.facts.contact_age_us[day].min(axis=1)
    assert (youngest[yesterday] < 2 * 86_400_000_000).all()
