"""Watching shards live, in whichever process: the number of customer-days done so far."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from experiments.populations.folder import CensusFolder
from experiments.populations.plan import Plan
from experiments.runs.executors import OnProgress

EVERY_S = 0.5


@contextmanager
def watched(plan: Plan, folder: CensusFolder, on_progress: OnProgress | None) -> Iterator[None]:
    """Call ``on_progress`` with (customer-days done, in all) now and then during the block.

    The calls come from a thread of their own, one at a time; the first before the block, the
    last after it.
    """
    if on_progress is None:
        yield
        return
    over = threading.Event()

    def look() -> None:
        while not over.wait(EVERY_S):
            on_progress(done(plan, folder), plan.customer_days)

    on_progress(done(plan, folder), plan.customer_days)
    thread = threading.Thread(target=look, name="census-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        on_progress(done(plan, folder), plan.customer_days)


def done(plan: Plan, folder: CensusFolder) -> int:
    """Customer-days lived so far, by the beats of the shards."""
    total = 0
    for shard in plan.shards():
        beat = folder.shard(shard.index).beat
        if beat.is_file():
            total += int(beat.read_text(encoding="ascii")) * shard.size
    return total
