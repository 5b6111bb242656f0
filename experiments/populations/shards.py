"""One shard lives from its last checkpoint to the end, and can be killed at any moment.

A checkpoint is three files in this order: the purchases since the last one, the world, the
progress. Each appears whole, and only the progress makes the other two count: whatever a kill
leaves behind is either complete or not looked at. All draws are keyed by customer and day, so
a life that is taken up again goes on to the same bit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.populations import fates
from experiments.populations.deciders import decider
from experiments.populations.folder import CensusFolder, ShardFolder, writing
from experiments.populations.memory import PeakMemory
from experiments.populations.plan import Plan, Shard
from experiments.populations.purchases import Purchases
from experiments.populations.totals import DailyTotals
from simulator.state import checkpoint
from simulator.world import World
from troth.files import write_whole

WAIT_S = 30.0
"""How long to wait for a worker of a killed run to notice that it is alone."""
BEAT_S = 0.25


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to be lived to the end.

    Attributes:
        plan: the run.
        shard: which customers.
        root: folder of the run.
        artifacts: store of the policy, if it is an artifact.
        checkpoint_every: days between checkpoints, >= 1.
        threads: that work on a day.
    """

    plan: Plan
    shard: Shard
    root: Path
    artifacts: Path
    checkpoint_every: int
    threads: int = 1


@dataclass(frozen=True, slots=True)
class ShardDone:
    """What living a shard took.

    Attributes:
        days: lived now, not before an interruption.
        seconds: wall-clock time, the world's past before day 0 included.
        peak_bytes: growth of the process per customer at its height.
        state_bytes: of it, the world's own state, per customer.
    """

    days: int
    seconds: float
    peak_bytes: float
    state_bytes: float


@dataclass
class Progress:
    """What is known of a shard up to a morning.

    Attributes:
        day: days lived.
        totals: their sums.
        hashes: uint64 (n,), a hash of each life so far.
    """

    day: int
    totals: DailyTotals
    hashes: fates.Hashes

    @classmethod
    def begin(cls, plan: Plan, shard: Shard) -> Progress:
        """Nothing lived yet."""
        return cls(0, DailyTotals.empty(plan.days), fates.born(shard.first, shard.size))

    @classmethod
    def read(cls, path: Path, plan: Plan) -> Progress:
        """The last checkpoint.

        Raises:
            NotFound: if there is none.
            FailedPrecondition: if it is of another plan.
            DataLoss: if it is damaged.
        """
        header, columns = checkpoint.load(path)
        checkpoint.require(path, header, plan=plan.digest)
        return cls(int(header["day"]), DailyTotals(columns["totals"]), columns["hashes"])

    def save(self, path: Path, plan: Plan) -> None:
        """Make it the last checkpoint."""
        checkpoint.save(
            path,
            columns={"totals": self.totals.values, "hashes": self.hashes},
            header={"day": self.day, "plan": plan.digest},
        )


def live_shard(task: ShardTask) -> ShardDone:
    """Live one shard to the end of the plan.

    Raises:
        Unavailable: if another process still writes this shard.
        DataLoss: if a checkpoint is damaged.
    """
    plan, shard = task.plan, task.shard
    place = CensusFolder(task.root).shard(shard.index)
    with writing(place.lock, patience_s=WAIT_S, what=str(place.root)):
        began, memory = time.perf_counter(), PeakMemory()
        if place.progress.is_file():
            progress = Progress.read(place.progress, plan)
        else:
            progress = Progress.begin(plan, shard)
        place.forget_after(progress.day)
        before = progress.day
        state = 0.0
        if progress.day < plan.days:
            world = _world(task, place, progress.day)
            state = world.memory_per_customer()
            _live(task, place, world, progress, memory)
        beat(place.beat, plan.days)
    return ShardDone(
        days=plan.days - before,
        seconds=time.perf_counter() - began,
        peak_bytes=memory.growth / shard.size,
        state_bytes=state,
    )


def _world(task: ShardTask, place: ShardFolder, day: int) -> World:
    scenario = task.plan.load_scenario()
    if day > 0:
        return World.restore(place.world(day), scenario, threads=task.threads)
    return World(
        scenario,
        task.shard.size,
        task.plan.seed,
        first_customer=task.shard.first,
        threads=task.threads,
    )


def _live(
    task: ShardTask, place: ShardFolder, world: World, progress: Progress, memory: PeakMemory
) -> None:
    """Step ``world`` to the end of the plan, with a checkpoint every so many days."""
    plan = task.plan
    decide = decider(plan.policy, world.scenario, task.artifacts)
    purchases = Purchases(task.shard.first)
    ledger, kept, beaten = world.ledger(), progress.day, -np.inf
    mask, result = None, None  # a day's memory serves for the next one, too
    while progress.day < plan.days:
        mask = world.mask(mask)
        actions = decide(world)
        result = world.step(actions, result)
        after = world.ledger()
        progress.totals.add(progress.day, world, actions, result, (ledger, after))
        fates.fold(progress.hashes, actions, result)
        if plan.transactions:
            purchases.add(progress.day, result)
        ledger = after
        progress.day += 1
        memory.take()
        if progress.day == plan.days or progress.day - kept >= task.checkpoint_every:
            _keep(plan, place, world, progress, purchases, kept)
            kept = progress.day
        if time.monotonic() - beaten >= BEAT_S:
            beat(place.beat, progress.day)
            beaten = time.monotonic()


def _keep(
    plan: Plan,
    place: ShardFolder,
    world: World,
    progress: Progress,
    purchases: Purchases,
    since: int,
) -> None:
    """A checkpoint; at the end of the plan without the world, which nobody needs any more."""
    if plan.transactions:
        purchases.save(place.purchases(since, progress.day))
    if progress.day < plan.days:
        world.save(place.world(progress.day))
    progress.save(place.progress, plan)
    place.forget_after(progress.day)


def beat(path: Path, day: int) -> None:
    """Tell how far a shard is; a reader sees a whole number at any time."""
    write_whole(path, str(day).encode(), mode=None, synced=False)
