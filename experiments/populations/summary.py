"""What a long run came to: figures that any run of the plan has, and those of this one."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from experiments.populations.plan import Plan
from experiments.populations.totals import CHANNEL_NAMES, COLUMNS, DailyTotals
from experiments.runs.results import read_optional, write_record

LAST_OF = ("points_outstanding", *(f"permissions_{name}" for name in CHANNEL_NAMES))
"""Columns that are levels, not flows: of them the last day counts."""


class RunCost(BaseModel):
    """What this run took on this machine, since it was last taken up.

    Attributes:
        workers: Ray workers; 0 for this process.
        threads: in each of them.
        customer_days: lived in that time.
        seconds: wall-clock time.
        customer_days_per_second: over all workers, checkpoints included.
        peak_bytes_per_customer: growth of a worker at its height, over its shard.
        state_bytes_per_customer: of it, the world's own state.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: int
    threads: int
    customer_days: int
    seconds: float
    customer_days_per_second: float
    peak_bytes_per_customer: float
    state_bytes_per_customer: float


class Summary(BaseModel):
    """A finished run.

    Attributes:
        plan: what was asked for.
        digest: SHA-256 over the hashes of all lives, in order of customers. Equal for equal
            histories, whatever the shards, workers, checkpoints and interruptions were.
        totals: each column of the daily totals, summed up, or its last day for levels.
        transactions: rows of the transactions file; ``None`` if they were not kept.
        measured: what it took.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    plan: Plan
    digest: str
    totals: dict[str, int]
    transactions: int | None
    measured: RunCost

    def write(self, path: Path) -> None:
        """Write JSON; the file appears whole or not at all."""
        write_record(path, self)

    @classmethod
    def read_if_there(cls, path: Path) -> Summary | None:
        """The summary in ``path``, ``None`` if there is none; :class:`DataLoss` if damaged."""
        return read_optional(cls, path)


def summed(totals: DailyTotals) -> dict[str, int]:
    """Each column over all days."""
    return {
        name: int(totals.column(name)[-1] if name in LAST_OF else totals.column(name).sum())
        for name in COLUMNS
    }
