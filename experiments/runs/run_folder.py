"""Where a run keeps what it makes: one folder, the same names in every run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from troth.streams import derive_seed


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run.

    Attributes:
        root: its path, e.g. ``runs/reference``.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The configuration the run was started with, as JSON."""
        return self.root / "config.json"

    @property
    def artifacts(self) -> Path:
        """The content-addressed artifact store."""
        return self.root / "artifacts"

    @property
    def results(self) -> Path:
        """What was measured, as JSON."""
        return self.root / "results.json"

    @property
    def logged(self) -> Path:
        """What was logged, as JSON."""
        return self.root / "logged.json"

    @property
    def trained(self) -> Path:
        """What was trained, as JSON."""
        return self.root / "trained.json"

    @property
    def served(self) -> Path:
        """What a served day came to, as JSON."""
        return self.root / "served.json"

    @property
    def checks(self) -> Path:
        """What was put to the test around it, as JSON."""
        return self.root / "checks.json"

    @property
    def report(self) -> Path:
        """The report, one HTML file without outside references."""
        return self.root / "report.html"

    def training_log(self, index: int) -> Path:
        """The training log of seed ``index``, Parquet."""
        return self.root / "logs" / f"seed-{index:02d}" / "train.parquet"

    def held_out_log(self, index: int) -> Path:
        """The log of customers that were never trained on, Parquet."""
        return self.root / "logs" / f"seed-{index:02d}" / "held_out.parquet"

    def held_out_truth(self, index: int) -> Path:
        """float64 (n, K) beside the held-out log: E[reward | state, action], minor units."""
        return self.root / "logs" / f"seed-{index:02d}" / "held_out_truth.npy"


def world_seed(seed: int, index: int, use: str) -> int:
    """Seed of a population: every (run seed, repetition, use) has customers of its own.

    Args:
        seed: the run's seed.
        index: the repetition, from 0.
        use: what the population is for: ``log``, ``environment``, ``evaluation``, ``serve``.
    """
    return derive_seed("experiments", seed, index, use)
