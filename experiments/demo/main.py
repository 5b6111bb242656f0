"""The demo from start to end."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.demo import governing, serving_day
from experiments.demo.calibration import calibrate_scenario
from experiments.demo.evidence import evidence_for
from experiments.demo.governing import Governed, establish, put_in_force, try_unapproved
from experiments.demo.population import served_midnight, settle
from experiments.demo.serving_day import HeldDay, channel_systems
from experiments.demo.stages import Stages, fresh
from experiments.demo.summary import summarise
from experiments.reports.report import render, write
from experiments.runs.apart import ApartRunner
from experiments.runs.baselines import NEVER_CONTACT, RFM, baselines
from experiments.runs.config import RunConfig, load
from experiments.runs.executors import executor_of
from experiments.runs.results import Checks, RunResults, write_record
from experiments.runs.run_folder import RunFolder
from experiments.runs.runner import Runner
from serving.governance.registry import Role
from simulator.scenarios import load as load_scenario
from simulator.world import World
from troth.cli.output import note, progress
from troth.files import write_text


@dataclass(frozen=True, slots=True)
class Finished:
    """What the demo leaves.

    Attributes:
        summary: as written to ``summary.json``.
        results: of the experiment.
        report: the HTML file.
        replay: a command that replays one of the decisions.
    """

    summary: dict[str, Any]
    results: RunResults
    report: Path
    replay: str


def run_demo(
    *,
    config: str,
    seed: int,
    home: Path,
    workers: int,
    data: Path | None = None,
    reproducible: bool = False,
) -> Finished:
    """Simulate, train, evaluate, approve, serve, check, report.

    Args:
        config: name or path of the run configuration.
        seed: in place of the configuration's.
        home: an empty folder, or that of an earlier demo, which is replaced.
        workers: Ray workers of the experiment; 0 computes it here.
        data: folder of data sets to fit the scenario to first; by default it is as it was
            fitted when it was shipped.
        reproducible: compute the experiment by kernels that every x86-64 has. The day is
            served by those of this machine, as any replay of its decisions will be.

    Raises:
        TrothError: naming what is wrong, for bad input and for anything that fails.
    """
    loaded = load(config).with_seed(seed).with_reproducible(reproducible)
    began = time.perf_counter()
    with fresh(home) as place, progress() as bars:
        stages = Stages(bars)
        if data is not None:
            loaded = _calibrated(loaded, place, data, stages)
        results = _experiment(loaded, place, workers, stages)
        note(governing.PLAYS)
        with stages.stage("approve"):
            governed = _approve(loaded, place, results)
        held = _serve(loaded, place, governed, stages)
        with stages.stage("check"):
            checks = _check(place, governed, results, held, stages)
        stages.seconds["total"] = time.perf_counter() - began
        results = results.model_copy(update={"seconds": dict(stages.seconds)})
        results.write(place.results)
        write_record(place.served, held.served)
        write_record(place.checks, checks)
        write(place.report, render(results, served=held.served, checks=checks))
        summary = summarise(results, held.served, checks)
        write_text(place.root / "summary.json", _json(summary))
        return Finished(
            summary,
            results,
            place.report,
            serving_day.decision_to_replay(place.root, held.decisions),
        )


def _calibrated(config: RunConfig, home: RunFolder, data: Path, stages: Stages) -> RunConfig:
    """The same run in the scenario as fitted to the data sets under ``data``."""
    with stages.stage("calibrate"):
        found = calibrate_scenario(
            home.root,
            config.scenario,
            data,
            on_stage=lambda _what, done, total: stages.update("calibrate", done, total),
        )
    note(str(found))
    return config.model_copy(update={"scenario": str(found.scenario)})


def _experiment(config: RunConfig, home: RunFolder, workers: int, stages: Stages) -> RunResults:
    if config.reproducible:
        apart = ApartRunner(config, home, workers, stages.update)
        results = apart.run()
        stages.seconds.update(apart.seconds)
        return results
    with ExitStack() as stack:
        with stages.stage("start workers"):
            executor = stack.enter_context(executor_of(workers))
        runner = Runner(config, home, executor, stages.update)
        results = runner.run()
    stages.seconds.update(runner.seconds)
    return results


def _approve(config: RunConfig, home: RunFolder, results: RunResults) -> Governed:
    """RFM rules as the baseline, then the best trained policy as the model before them."""
    governed = establish(serving_day.demo_settings(home))
    behind = governed.guardrails_digest
    scenario = load_scenario(config.scenario)
    world = World(scenario, 256, config.seed)
    baseline = governed.artifacts.save(
        baselines()[RFM],
        schema=world.schema,
        catalogue=world.catalogue,
        contexts=world.contexts(),
        mask=world.mask(),
        training={"learner": "none"},
    )
    rules = evidence_for(
        results, RFM, policy_digest=baseline, guardrails_digest=behind, against=NEVER_CONTACT
    )
    put_in_force(governed, baseline, Role.BASELINE, rules, "the rules in use so far")
    best = results.best
    model = results.digest_of(best.policy)
    case = evidence_for(
        results,
        best.policy,
        policy_digest=model,
        guardrails_digest=behind,
        against_digest=baseline,
    )
    reason = f"{results.served_standing(best.policy).over_rfm[0]:+.2f} per customer over RFM rules"
    put_in_force(governed, model, Role.MODEL, case, reason)
    return governed


def _serve(config: RunConfig, home: RunFolder, governed: Governed, stages: Stages) -> HeldDay:
    midnight = served_midnight()
    with channel_systems(home, midnight) as channels:
        with stages.stage("load customers"):
            population = settle(config, midnight)
            serving_day.load_crm(
                governed.database,
                population,
                lambda _what, done, total: stages.update("load customers", done, total),
            )
            channels.settle(stages.update)
        with stages.stage("start serving"):
            service, clock = serving_day.start(governed.settings, midnight)
        with service, stages.stage("served day"):
            return channels.hold(service, clock, stages.update)


def _check(
    home: RunFolder, governed: Governed, results: RunResults, held: HeldDay, stages: Stages
) -> Checks:
    served = results.digest_of(results.best.policy)
    other = next(row for row in results.trained if row.digest != served)
    case = evidence_for(
        results,
        other.learner,
        other.seed_index,
        policy_digest=other.digest,
        guardrails_digest=governed.guardrails_digest,
        against_digest=governed.active(Role.BASELINE),
    )
    refused = try_unapproved(governed, other.digest, case)
    replayed = serving_day.replay_some(
        governed.database,
        governed.settings,
        held.decisions,
        stages.update,
    )
    audit_ok, rows = serving_day.verify_audit(governed.database, stages.update)
    return Checks(
        audit_ok=audit_ok,
        audit_entries=rows,
        unapproved_refused=refused.ok,
        unapproved_reason=refused.by_replica or refused.by_registry,
        repeat_identical=held.served.repeats > 0 and held.served.repeats_differing == 0,
        replayed=replayed.decisions,
        replay_identical=replayed.identical,
    )


def _json(summary: dict[str, Any]) -> str:
    return json.dumps(summary, indent=2, allow_nan=False) + "\n"
