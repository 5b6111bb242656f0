"""A whole run, small: stages fit together, results repeat, wrong settings are refused early."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.artifacts.artifact import ArtifactStore
from agents.learners.bandits.online_linear_thompson import LinearSums
from experiments.proofs.coverage import cover, write
from experiments.reports.report import render
from experiments.runs.config import RunConfig, load, parse
from experiments.runs.evaluate import OffPolicyTask, PlayTask, judge_off_policy, play
from experiments.runs.executors import RayExecutor, SerialExecutor
from experiments.runs.results import RunResults
from experiments.runs.run_folder import RunFolder, world_seed
from experiments.runs.runner import Runner
from experiments.runs.simulate import SeedTask, read_truth, simulate
from experiments.runs.train import TrainTask, train
from troth.errors import FailedPrecondition, InvalidArgument, NotFound
from troth.guardrails import GuardrailConfig
from troth.logs.batches import LoggedBatch
from troth.policy import greedy


def _config(learners: tuple[str, ...] = ("linear_thompson",), **settings: Any) -> RunConfig:
    data = load("reference").model_dump(mode="json")
    data["log"] |= {"customers": 1500, "days": 3, "held_out_customers": 200}
    data["evaluation"] |= {"seeds": 5, "customers": 2000, "days": 12}
    data["learners"] = [row for row in data["learners"] if row["name"] in learners]
    for row in data["learners"]:
        row["settings"] |= settings
        if row["environment"]:
            row["environment"] |= {"customers": 64, "horizon_days": 4}
    return parse(data, source="test")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, RunResults]:
    """A small run of the bandit, computed here."""
    home = RunFolder(tmp_path_factory.mktemp("run"))
    return home, Runner(_config(draws=8, iterations=2), home, SerialExecutor()).run()


def test_run_leaves_everything(finished: tuple[RunFolder, RunResults]) -> None:
    """Logs, truth, artifacts and results are where the layout says, and fit together."""
    home, results = finished
    assert RunResults.read(home.results) == results
    log = LoggedBatch.read(home.held_out_log(0))
    truth = read_truth(home, 0)
    assert truth.shape == log.mask.shape
    training = LoggedBatch.read(home.training_log(0))
    assert not set(training.customer_id) & set(log.customer_id)
    digest = results.digest_of("linear_thompson")
    artifact = ArtifactStore(home.artifacts).load(digest)
    assert artifact.manifest["training"]["decisions"] == len(training)
    assert results.best.policy == "linear_thompson"
    assert {row.policy for row in results.standings} == {
        "uniform",
        "never_contact",
        "rfm",
        "linear_thompson",
        "oracle",
    }
    assert len(results.off_policy) == 5 * 5 * 4
    behind = results.guarded
    assert behind is not None
    assert behind.guardrails_digest == GuardrailConfig.shipped().digest
    assert len(behind.off_policy) == 5 * 5 * 4
    assert len(behind.played) == len(results.played) == 5 * 5
    assert all(row.guarded for row in (*behind.played, *behind.off_policy))
    assert not any(row.guarded for row in (*results.played, *results.off_policy))
    assert {row.policy for row in behind.standings} == {row.policy for row in results.standings}
    silent = behind.changes["never_contact"]
    assert silent == pytest.approx((0.0, 0.0, 0.0))  # the same lives, without a contact
    assert sum(row.mass for row in behind.took("uniform")) > 0.1
    assert sum(row.mass for row in behind.took("never_contact")) == 0.0
    assert "Linear Thompson sampling" in render(results)


def test_truth_of_the_logging_policy_is_near_its_log(
    finished: tuple[RunFolder, RunResults],
) -> None:
    """For uniform, IPS is the plain mean of the log, and the truth that of E[r | state, a]."""
    home, results = finished
    log, truth = LoggedBatch.read(home.held_out_log(0)), read_truth(home, 0)
    row = next(
        r
        for r in results.off_policy
        if (r.policy, r.estimator, r.seed_index) == ("uniform", "ips", 0)
    )
    assert row.value == pytest.approx(log.reward_minor.mean() / 100)
    served = truth[log.mask] / np.repeat(log.mask.sum(axis=1), log.mask.sum(axis=1))
    assert row.truth == pytest.approx(served.sum() / len(log) / 100)
    assert row.effective_sample_size == pytest.approx(len(log))


def test_same_seed_same_values(finished: tuple[RunFolder, RunResults], tmp_path: Path) -> None:
    """A second run elsewhere gives the same values to the last digit, another seed others."""
    _, results = finished
    config, home = _config(draws=8, iterations=2), RunFolder(tmp_path)
    here = SerialExecutor()  # one thread, as in the run: more add up in another order
    here.map(simulate, [SeedTask(config, home, 1)])
    [again] = here.map(train, [TrainTask(config, home, 1, config.learners[0])])
    assert again.digest == results.digest_of("linear_thompson", 1)
    [played] = here.map(play, [PlayTask(config, home, 1, "linear_thompson", again.digest)])
    task = OffPolicyTask(SeedTask(config, home, 1), (("linear_thompson", again.digest),))
    [estimates] = here.map(judge_off_policy, [task])
    assert played.value == next(
        r.value for r in results.played if (r.policy, r.seed_index) == ("linear_thompson", 1)
    )
    assert results.guarded is not None
    both = (*results.off_policy, *results.guarded.off_policy)
    assert sorted(map(str, estimates)) == sorted(str(row) for row in both if row.seed_index == 1)
    [guarded] = here.map(
        play, [PlayTask(config, home, 1, "linear_thompson", again.digest, guarded=True)]
    )
    assert guarded.value == next(
        r.value
        for r in results.guarded.played
        if (r.policy, r.seed_index) == ("linear_thompson", 1)
    )
    assert world_seed(7, 0, "log") != world_seed(8, 0, "log")
    assert world_seed(7, 0, "log") != world_seed(7, 0, "evaluation")


def test_a_log_without_facts_is_judged_without_guardrails(
    finished: tuple[RunFolder, RunResults], tmp_path: Path
) -> None:
    """The estimates are those of an earlier version, nothing is made up, and it is said."""
    home, results = finished
    copy = RunFolder(tmp_path)
    shutil.copytree(home.root, tmp_path, dirs_exist_ok=True)
    log = LoggedBatch.read(copy.held_out_log(0))
    replace(log, facts=None).write(copy.held_out_log(0))
    digest = results.digest_of("linear_thompson")
    config = _config(draws=8, iterations=2)
    task = OffPolicyTask(SeedTask(config, copy, 0), (("linear_thompson", digest),))
    [estimates] = SerialExecutor().map(judge_off_policy, [task])
    said = "judged without guardrails: the log does not say what was known of the customers"
    assert list(estimates) == [
        row.model_copy(update={"warnings": (*row.warnings, said)})
        for row in results.off_policy
        if row.seed_index == 0
    ]


@pytest.mark.slow
def test_ray_gives_the_same_run(finished: tuple[RunFolder, RunResults], tmp_path: Path) -> None:
    """Ray workers find what this process finds, for both learners."""
    _, results = finished
    with RayExecutor(2) as executor:
        again = Runner(_config(draws=8, iterations=2), RunFolder(tmp_path), executor).run()
        ppo = _config(("masked_ppo",), total_steps=512, batch_size=128)
        far = Runner(ppo, RunFolder(tmp_path / "far"), executor)
        far.simulate()
        distant = far.train()
    near = Runner(ppo, RunFolder(tmp_path / "near"), SerialExecutor())
    near.simulate()
    assert [row.digest for row in near.train()] == [row.digest for row in distant]
    assert distant[0].curve
    assert [row.seeds for row in again.standings] == [row.seeds for row in results.standings]


def test_training_without_a_log_is_refused(tmp_path: Path) -> None:
    """The error names the missing file and the command that makes it."""
    runner = Runner(_config(), RunFolder(tmp_path), SerialExecutor())
    with pytest.raises(NotFound, match=r"logged\.json does not exist; `troth simulate`"):
        runner.train()


def test_logs_of_other_settings_are_not_trained_on(
    finished: tuple[RunFolder, RunResults], tmp_path: Path
) -> None:
    """Logs of another seed, or left by a run that was cut off, are found out."""
    home = RunFolder(tmp_path / "copy")
    shutil.copytree(finished[0].root, home.root)
    config = _config(draws=8, iterations=2)
    with pytest.raises(FailedPrecondition, match="another seed, scenario or"):
        Runner(config.with_seed(config.seed + 1), home, SerialExecutor()).train()
    home.training_log(1).unlink()
    with pytest.raises(NotFound, match=r"train\.parquet does not exist; `troth simulate`"):
        Runner(config, home, SerialExecutor()).train()

    class Killed(SerialExecutor):
        """Dies in the middle."""

        def map(self, *given: Any, **options: Any) -> Any:
            """Before the first log."""
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Runner(config, home, Killed()).simulate()
    with pytest.raises(NotFound, match=r"logged\.json does not exist"):
        Runner(config, home, SerialExecutor()).train()


@pytest.mark.parametrize(
    ("learner", "settings", "field"),
    [
        ("linear_thompson", {"colour": 1}, "learners.linear_thompson.settings.colour"),
        ("linear_thompson", {"draws": 3}, "learners.linear_thompson.settings.draws"),
        ("linear_thompson", {"draws": "many"}, "learners.linear_thompson.settings.draws"),
        ("masked_ppo", {"gamma": 2.0}, "learners.masked_ppo.settings.gamma"),
    ],
)
def test_wrong_setting_is_named(learner: str, settings: dict[str, Any], field: str) -> None:
    """Before anything is simulated, the learner, the setting and its value are named."""
    with pytest.raises(InvalidArgument) as caught:
        _config((learner,), **settings)
    assert caught.value.field == field


def test_an_online_learner_is_fed_day_after_day(
    finished: tuple[RunFolder, RunResults], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, each decision once, and its policy is kept as any other."""
    home, _ = finished
    data = _config(draws=8, iterations=2).model_dump(mode="json")
    data["learners"][0]["kind"] = "online_linear_thompson"
    config = parse(data, source="test")
    fed: list[tuple[int, int]] = []
    update = LinearSums.update

    def watched(sums: LinearSums, log: LoggedBatch) -> None:
        fed.append((int(log.step.min()), len(log)))
        update(sums, log)

    monkeypatch.setattr(LinearSums, "update", watched)
    found = train(TrainTask(config, home, 0, config.learners[0]))
    assert fed == [(0, 1500), (1, 1500), (2, 1500)]
    artifact = ArtifactStore(home.artifacts).load(found.digest)
    assert artifact.manifest["training"]["learner"]["kind"] == "online_linear_thompson"
    assert found.decisions == 4500


def test_environment_goes_with_acting() -> None:
    """A learner of logs has no environment, one that acts needs one."""
    config = _config(("linear_thompson", "masked_ppo"))
    for name, environment in (
        ("linear_thompson", {"customers": 10, "horizon_days": 5}),
        ("masked_ppo", None),
    ):
        data = config.model_dump(mode="json")
        for row in data["learners"]:
            if row["name"] == name:
                row["environment"] = environment
        with pytest.raises(InvalidArgument) as caught:
            parse(data, source="test")
        assert caught.value.field == f"learners.{name}.environment"


def test_greedy_takes_the_best_eligible() -> None:
    """The highest score may be masked; of equals the first is taken."""
    scores = np.array([[1.0, 9.0, 2.0], [3.0, 3.0, 1.0]])
    mask = np.array([[True, False, True], [True, True, True]])
    np.testing.assert_array_equal(greedy(scores, mask), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def test_coverage_is_judged_on_fresh_logs(
    finished: tuple[RunFolder, RunResults], tmp_path: Path
) -> None:
    """Logs differ from each other, every policy is judged on each, and the page says how many."""
    home, _ = finished
    rows = cover(home, 6, SerialExecutor())
    assert rows == cover(home, 6, SerialExecutor())
    assert {row.logs for row in rows} == {6}
    assert {(row.policy, row.estimator) for row in rows} >= {
        ("uniform", "ips"),
        ("linear_thompson", "dr"),
        ("oracle", "dm"),
    }
    page = write(rows, tmp_path).read_text()
    assert "6 fresh logs" in page
    assert page.count("\n| ") == len(rows) + 1
    with pytest.raises(NotFound, match="home"):
        cover(RunFolder(tmp_path / "nowhere"), 6, SerialExecutor())
