"""A run from start to end: simulate, train, evaluate; each stage is tasks on an executor."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from typing import TypeVar

from experiments.runs.config import RunConfig
from experiments.runs.evaluate import OffPolicyTask, judge_off_policy, play, play_tasks
from experiments.runs.executors import Executor
from experiments.runs.leaderboard import changes, standings
from experiments.runs.numerics import Machine, observed, require_reproducible
from experiments.runs.results import (
    BehindGuardrails,
    Logged,
    LoggedAll,
    OffPolicy,
    Played,
    Provenance,
    RunResults,
    Trained,
    TrainedAll,
    UsedExtension,
    read_optional,
    write_record,
)
from experiments.runs.run_folder import RunFolder
from experiments.runs.simulate import SeedTask, simulate
from experiments.runs.train import train, train_tasks
from simulator.scenarios import load as load_scenario
from troth.clock import utc_now
from troth.digests import digest
from troth.errors import FailedPrecondition, NotFound
from troth.guardrails.config import GuardrailConfig
from troth.types import isoformat

Task = TypeVar("Task")
Result = TypeVar("Result")
OnStage = Callable[[str, int, int], None]
"""Called with (stage, tasks done, tasks in all); first with 0 done."""

LIBRARIES = ("numpy", "numba", "torch", "stable-baselines3", "sb3-contrib", "gymnasium", "ray")


class Runner:
    """Carries one configuration through its stages.

    Args:
        config: what to do.
        home: where results go.
        executor: computes the tasks.
        on_stage: hears of progress.

    Raises:
        FailedPrecondition: if the run is to be reproducible and this process is not.
    """

    def __init__(
        self,
        config: RunConfig,
        home: RunFolder,
        executor: Executor,
        on_stage: OnStage | None = None,
    ) -> None:
        if config.reproducible:
            require_reproducible(observed())
        self.config = config
        self.home = home
        self.seconds: dict[str, float] = {}
        self._executor = executor
        self._on_stage = on_stage or (lambda stage, done, total: None)
        home.root.mkdir(parents=True, exist_ok=True)
        write_record(home.config, config)

    def simulate(self) -> list[Logged]:
        """Write the logs of every seed."""
        self.home.logged.unlink(missing_ok=True)  # until all are written, they may be a mixture
        machine = self._machine
        logged = self._stage("simulate", simulate, self._seeds())
        record = LoggedAll(
            rows=tuple(logged), settings_digest=self._log_settings(), machine=machine
        )
        write_record(self.home.logged, record)
        return logged

    def train(self) -> list[Trained]:
        """Train every learner on every seed.

        Raises:
            NotFound: if a seed's log has not been simulated.
            FailedPrecondition: if the logs are those of other settings, or not reproducible
                where the run is to be.
        """
        machine = self._machine
        logged = read_optional(LoggedAll, self.home.logged)
        if logged is None:
            raise NotFound(
                f"{self.home.logged} does not exist; `troth simulate` makes it, when it is done",
                field="log",
            )
        if logged.settings_digest != self._log_settings():
            raise FailedPrecondition(
                f"the logs in {self.home.root} were simulated with another seed, scenario or "
                "[log]; `troth simulate` makes them anew",
                field="log",
            )
        if self.config.reproducible and not logged.machine.reproducible:
            raise FailedPrecondition(
                f"the logs in {self.home.root} were simulated without --reproducible; `troth"
                " simulate --reproducible` makes them anew",
                field="log",
            )
        for index in range(self.config.evaluation.seeds):
            path = self.home.training_log(index)
            if not path.is_file():
                raise NotFound(f"{path} does not exist; `troth simulate` makes it", field="log")
        trained = self._stage("train", train, train_tasks(self.config, self.home))
        write_record(self.home.trained, TrainedAll(rows=tuple(trained), machine=machine))
        return trained

    @cached_property
    def _machine(self) -> Machine:
        """Of the processes that compute, as one of them tells; checked where it matters."""
        (machine,) = self._executor.map(observed, [None])
        if self.config.reproducible:
            require_reproducible(machine)
        return machine

    def _log_settings(self) -> str:
        """SHA-256 of what the logs follow from: seed, scenario and ``[log]``."""
        config = self.config
        log = config.log.model_dump(mode="json")
        scenario = load_scenario(config.scenario).digest
        return digest({"seed": config.seed, "scenario": scenario, "log": log})

    def play(self, trained: Sequence[Trained]) -> list[Played]:
        """Every policy in closed loop on every seed."""
        digests = {(row.learner, row.seed_index): row.digest for row in trained}
        return self._stage("closed loop", play, play_tasks(self.config, self.home, digests))

    def judge(self, trained: Sequence[Trained]) -> list[OffPolicy]:
        """Every policy off-policy on every seed's held-out log."""
        tasks = [
            OffPolicyTask(
                seed,
                tuple((row.learner, row.digest) for row in trained if row.seed_index == seed.index),
            )
            for seed in self._seeds()
        ]
        return [row for rows in self._stage("off-policy", judge_off_policy, tasks) for row in rows]

    def run(self) -> RunResults:
        """All stages; writes and returns the results."""
        logged = self.simulate()
        trained = self.train()
        return self.finish(logged, trained, self.play(trained), self.judge(trained))

    def finish(
        self,
        logged: Sequence[Logged],
        trained: Sequence[Trained],
        played: Sequence[Played],
        off_policy: Sequence[OffPolicy],
    ) -> RunResults:
        """Put the stages' findings together and write them."""
        config = self.config
        scenario = load_scenario(config.scenario)
        names, level = {learner.name for learner in config.learners}, config.evaluation.level
        alone, behind = (
            [row for row in played if row.guarded is guarded] for guarded in (False, True)
        )
        ranked = standings(alone, trained=names, level=level)
        served = standings(behind, trained=names, level=level, gap_of=alone)
        order = {learner.name: at for at, learner in enumerate(config.learners)}
        results = RunResults(
            name=config.name,
            seed=config.seed,
            level=config.evaluation.level,
            currency=config.currency,
            objective=scenario.objective.to_dict(),
            days=config.evaluation.days,
            customers=config.evaluation.customers,
            logged_decisions=sum(row.rows for row in logged),
            held_out_decisions=sum(row.held_out_rows for row in logged),
            provenance=Provenance(
                troth=version("troth"),
                python=platform.python_version(),
                platform=platform.platform(),
                scenario=scenario.name,
                scenario_digest=scenario.digest,
                catalogue_digest=scenario.catalogue.digest,
                schema_digest=scenario.schema.digest,
                config_digest=config.digest,
                created_at=isoformat(utc_now()),
                libraries={name: version(name) for name in LIBRARIES},
                machine=self._machine,
                extensions=tuple(
                    UsedExtension(group=each.group, name=each.name, **each.to_dict())
                    for each in config.extensions()
                ),
            ),
            standings=ranked,
            trained=tuple(sorted(trained, key=lambda row: (order[row.learner], row.seed_index))),
            played=tuple(alone),
            off_policy=tuple(row for row in off_policy if not row.guarded),
            seconds=dict(self.seconds),
            guarded=BehindGuardrails(
                guardrails_digest=GuardrailConfig.shipped().digest,
                standings=served,
                changes=changes(ranked, served, level=level),
                played=tuple(behind),
                off_policy=tuple(row for row in off_policy if row.guarded),
            ),
        )
        results.write(self.home.results)
        return results

    def _seeds(self) -> list[SeedTask]:
        return [
            SeedTask(self.config, self.home, index) for index in range(self.config.evaluation.seeds)
        ]

    def _stage(
        self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> list[Result]:
        self._on_stage(stage, 0, len(tasks))
        with timed(self.seconds, stage):
            return self._executor.map(
                function, tasks, lambda done, total: self._on_stage(stage, done, total)
            )


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the wall-clock seconds of a block to ``seconds[stage]``."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - began
