"""A long run from plan to summary: shards live, are summed up, and leave what can be compared."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.populations import purchases
from experiments.populations.deciders import decider
from experiments.populations.folder import CensusFolder, writing
from experiments.populations.plan import Plan
from experiments.populations.shards import Progress, ShardDone, ShardTask, beat, live_shard
from experiments.populations.summary import RunCost, Summary, summed
from experiments.populations.totals import DailyTotals
from experiments.populations.watching import watched
from experiments.runs.executors import Executor, OnProgress
from experiments.runs.results import read_optional, write_record
from simulator.scenarios.sections import StoresSection
from simulator.state import checkpoint
from troth.digests import array_digest
from troth.errors import FailedPrecondition, InvalidArgument
from troth.files import clear_partials


def live(
    plan: Plan,
    root: Path,
    executor: Executor,
    *,
    artifacts: Path,
    checkpoint_every: int = 30,
    resume: bool = False,
    workers: int = 0,
    threads: int = 1,
    on_progress: OnProgress | None = None,
) -> Summary:
    """Let the whole population live, and write what :class:`CensusFolder` names.

    Args:
        plan: the run.
        root: folder of its own; made if need be.
        executor: where shards are lived; the result is the same.
        artifacts: store of the policy, if it is an artifact.
        checkpoint_every: days between checkpoints, >= 1; the result is the same.
        resume: go on with the run in ``root``, if there is one.
        workers: of the executor, for the record.
        threads: that work on a day in each worker; the result is the same.
        on_progress: called with customer-days (done, in all), from another thread.

    Raises:
        InvalidArgument: for ``checkpoint_every`` below 1.
        NotFound: if the store has no such artifact.
        FailedPrecondition: if ``root`` holds something else, a run of another plan, or one
            that is not to be resumed; or if the artifact is for another scenario.
        Unavailable: if another process is writing there.
    """
    if checkpoint_every < 1:
        raise InvalidArgument(f"{checkpoint_every} is below 1", field="checkpoint_every")
    folder = CensusFolder(root)
    # Refused before the folder is this run's, so that it stays free for the next attempt.
    decider(plan.policy, plan.load_scenario(), artifacts)
    with writing(folder.lock, patience_s=0.0, what=str(root)):
        _claim(plan, folder, resume=resume)
        finished = Summary.read_if_there(folder.summary)
        if finished is not None:
            shutil.rmtree(folder.shards, ignore_errors=True)
            return finished
        began = time.perf_counter()
        tasks = [
            ShardTask(plan, shard, root, artifacts, checkpoint_every, threads)
            for shard in plan.shards()
            if _lived(plan, folder, shard.index) < plan.days
        ]
        with watched(plan, folder, on_progress):
            done = executor.map(live_shard, tasks)
        summary = _sum_up(plan, folder, tasks, done, began, workers)
        summary.write(folder.summary)
        shutil.rmtree(folder.shards)
    return summary


def _claim(plan: Plan, folder: CensusFolder, *, resume: bool) -> None:
    """Make the folder this plan's, or make sure that it is."""
    clear_partials(folder.root, folder.plan.name)  # killed before it was a run
    begun = read_optional(Plan, folder.plan)
    if begun is None:
        if any(entry != folder.lock for entry in folder.root.iterdir()):
            raise FailedPrecondition(
                f"{folder.root} is not empty and holds no run; choose another folder", field="out"
            )
        write_record(folder.plan, plan)
        return
    if not resume:
        raise FailedPrecondition(
            f"{folder.root} holds a run; --resume goes on with it", field="out"
        )
    plan.require_same(begun, str(folder.root))
    clear_partials(folder.root)


def _lived(plan: Plan, folder: CensusFolder, index: int) -> int:
    """Days that a shard has lived for certain; its beat may have been ahead of that."""
    place = folder.shard(index)
    if not place.progress.is_file():
        place.beat.unlink(missing_ok=True)
        return 0
    day = Progress.read(place.progress, plan).day
    beat(place.beat, day)
    return day


def _sum_up(
    plan: Plan,
    folder: CensusFolder,
    tasks: Sequence[ShardTask],
    done: Sequence[ShardDone],
    began: float,
    workers: int,
) -> Summary:
    """Everything but the summary itself is written here."""
    shards = [folder.shard(shard.index) for shard in plan.shards()]
    parts = [Progress.read(place.progress, plan) for place in shards]
    totals = DailyTotals.total([part.totals for part in parts])
    totals.write(folder.totals)
    hashes = np.concatenate([part.hashes for part in parts])
    digest = array_digest(hashes)
    checkpoint.save(folder.histories, columns={"history": hashes}, header={"digest": digest})
    rows = None
    if plan.transactions:
        scenario = plan.load_scenario()
        rows = purchases.write(
            folder.transactions,
            (purchases.by_customer([path for *_, path in place.parts()]) for place in shards),
            start=scenario.start,
            categories=[category.name for category in scenario.categories],
            stores=list(StoresSection.model_fields),
        )
    lived = sum(task.shard.size * part.days for task, part in zip(tasks, done, strict=True))
    seconds = time.perf_counter() - began
    return Summary(
        plan=plan,
        digest=digest,
        totals=summed(totals),
        transactions=rows,
        measured=RunCost(
            workers=workers,
            threads=tasks[0].threads if tasks else 1,
            customer_days=lived,
            seconds=seconds,
            customer_days_per_second=lived / seconds,
            peak_bytes_per_customer=max((part.peak_bytes for part in done), default=0.0),
            state_bytes_per_customer=max((part.state_bytes for part in done), default=0.0),
        ),
    )
