"""Where a long run keeps what it makes, and who may write there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from troth import locks
from troth.errors import Unavailable
from troth.files import clear_partials


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """The folder of one shard while it lives.

    Attributes:
        root: its path.
    """

    root: Path

    @property
    def progress(self) -> Path:
        """How far the shard is; replacing it is what makes a checkpoint count."""
        return self.root / "progress.npz"

    @property
    def beat(self) -> Path:
        """Days lived, for the progress bar; nothing else reads it."""
        return self.root / "beat"

    @property
    def lock(self) -> Path:
        """Held by whoever writes here."""
        return self.root / "lock"

    def world(self, day: int) -> Path:
        """The world on the morning of ``day``."""
        return self.root / f"world-{day:05d}.npz"

    def purchases(self, begin: int, end: int) -> Path:
        """Purchases of the days from ``begin`` up to but without ``end``."""
        return self.root / f"purchases-{begin:05d}-{end:05d}.npz"

    def parts(self) -> list[tuple[int, int, Path]]:
        """(begin, end, path) of every file of purchases, in order of days."""
        found = []
        for path in self.root.glob("purchases-*-*.npz"):
            _, begin, end = path.stem.split("-")
            found.append((int(begin), int(end), path))
        return sorted(found)

    def forget_after(self, day: int) -> None:
        """Remove what an interrupted checkpoint left: anything that is not of ``day``."""
        for _, end, path in self.parts():
            if end > day:
                path.unlink()
        for path in self.root.glob("world-*.npz"):
            if path != self.world(day):
                path.unlink()
        clear_partials(self.root)


@dataclass(frozen=True, slots=True)
class CensusFolder:
    """The folder of a long run.

    Attributes:
        root: its path, e.g. ``runs/live``.
    """

    root: Path

    @property
    def plan(self) -> Path:
        """What was asked for, as JSON."""
        return self.root / "plan.json"

    @property
    def totals(self) -> Path:
        """A row per day over all customers, as Parquet."""
        return self.root / "totals.parquet"

    @property
    def transactions(self) -> Path:
        """A row per customer and day with a purchase, as Parquet."""
        return self.root / "transactions.parquet"

    @property
    def histories(self) -> Path:
        """A hash of each customer's life, so that two runs can be compared one by one."""
        return self.root / "histories.npz"

    @property
    def summary(self) -> Path:
        """What it came to, as JSON; written last."""
        return self.root / "summary.json"

    @property
    def shards(self) -> Path:
        """The shards while they live; gone when all is done."""
        return self.root / "shards"

    @property
    def lock(self) -> Path:
        """Held by the run that writes here."""
        return self.root / ".lock"

    def shard(self, index: int) -> ShardFolder:
        """The folder of one shard."""
        return ShardFolder(self.shards / f"{index:05d}")


@contextmanager
def writing(lock: Path, *, patience_s: float, what: str) -> Iterator[None]:
    """Be the one who writes ``what`` for the block.

    Args:
        lock: the file; its folder is made.
        patience_s: how long to wait for another, in seconds. A worker may outlive a killed run
            for a moment.
        what: is being written, for the message.

    Raises:
        Unavailable: if another still writes after that.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    refusal = Unavailable(f"another process is writing {what}", field="out")
    with locks.held(lock, refusal, patience_s=patience_s):
        yield
