"""What the stages of the demo share: where they work, how long they took, what they say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress, TaskID

from experiments.runs.run_folder import RunFolder
from experiments.runs.runner import timed
from troth import locks
from troth.errors import FailedPrecondition

MARKER = "demo.txt"
"""Tells a folder that a demo made from any other."""


@dataclass
class Stages:
    """Progress bars and the clock of each stage.

    Attributes:
        bars: where bars are drawn.
        seconds: wall-clock seconds by stage, in order.
    """

    bars: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    _tasks: dict[str, TaskID] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage and show a bar for it, full when the stage ends."""
        self.update(name, 0, 1)
        with timed(self.seconds, name):
            yield
        task = self.bars.tasks[self._tasks[name]]
        self.bars.update(task.id, completed=task.total)

    def update(self, name: str, done: int, total: int) -> None:
        """Move the bar of ``name``; it appears at the first call."""
        if name not in self._tasks:
            self._tasks[name] = self.bars.add_task(name, total=total)
        self.bars.update(self._tasks[name], completed=done, total=total)


@contextmanager
def fresh(root: Path) -> Iterator[RunFolder]:
    """An empty folder for one demo at a time; what an earlier one left there is removed.

    Raises:
        FailedPrecondition: if the folder holds something that no demo made, or a demo is
            running in it.
    """
    marker = root / MARKER
    if root.is_dir() and any(root.iterdir()) and not marker.is_file():
        raise FailedPrecondition(
            f"{root} is not empty and was not made by a demo; choose another folder",
            field="home",
        )
    root.mkdir(parents=True, exist_ok=True)
    running = FailedPrecondition(
        f"a demo is running in {root}; choose another folder", field="home"
    )
    with locks.held(marker, running):
        # Into the file that is locked: another in its place would not be.
        marker.write_text(
            "Made by `troth demo`, which empties this folder when it runs again.\n",
            encoding="utf-8",
        )
        for entry in root.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != MARKER:
                entry.unlink()
        yield RunFolder(root)
