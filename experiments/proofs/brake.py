"""From the command that stops a model to its last answer, under load and in bad weather.

A service with two replicas answers eight requests at once. ``troth pause`` runs in a process
of its own, again and again, while the store is locked, damaged, tampered with or replaced;
the time counts from the start of that process. What the model answered after it is counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from statistics import median

from pydantic import BaseModel, ConfigDict

from experiments.benchmarks.deciding import POINT
from experiments.demo.governing import Governed
from experiments.proofs.pages import write as write_page
from experiments.proofs.under_load import AT_ONCE, SETTLE_S, Load, under_load
from experiments.runs.executors import OnProgress
from serving.governance import braking
from serving.governance.upkeep import try_record
from serving.storage import faults
from troth.clock import utc_now
from troth.errors import TrothError

PROMISE_S = 2.0
LOCK_S = 30.0
_AFTER_S = 2.5
"""How long answers are watched after a command has ended."""


class Stopped(BaseModel):
    """What came of pausing in one state.

    Attributes:
        state: what was wrong.
        times: how often it was tried.
        last_s: from the start of the command to the model's last answer, the longest time,
            seconds; 0 if the model had answered none since.
        median_s: the median of these.
        command_s: how long the command took, the longest time, seconds.
        taken_up: how often every replica was known to have taken it up.
        answered: answers of any kind in a second before the command, the median.
    """

    model_config = ConfigDict(frozen=True)

    state: str
    times: int
    last_s: float
    median_s: float
    command_s: float
    taken_up: int
    answered: float

    @property
    def kept(self) -> bool:
        """Whether the promise was kept every time."""
        return self.last_s < PROMISE_S


Weather = Callable[[Governed], AbstractContextManager[None]]
"""Makes something wrong, and right again afterwards."""


def brake(
    times: int = 50, weathered: int = 3, on_progress: OnProgress = lambda *_: None
) -> list[Stopped]:
    """Pause in every state, ``times`` in good weather and ``weathered`` in each other.

    Raises:
        Unavailable: if a service does not start, or the model does not answer before.
    """
    states: list[tuple[str, Weather, int]] = [("normal", _normal, times)]
    for name, weather in _WEATHERS.items():
        states.append((name, weather, 1 if weather is _locked else weathered))
    states.append(("store replaced", _replaced, 1))  # the last: no replica goes on after that
    total, found = sum(tries for *_, tries in states), []
    with under_load() as (governed, load_of, _):
        for name, weather, tries in states:
            found.append(_tried(governed, load_of, name, weather, tries))
            on_progress(sum(one.times for one in found), total)
    return found


def _tried(governed: Governed, asking: Load, state: str, weather: Weather, times: int) -> Stopped:
    last: list[float] = []
    commands: list[float] = []
    answered: list[int] = []
    taken_up = 0
    for _ in range(times):
        asking.await_model()
        time.sleep(1.0)
        with weather(governed):
            began = time.monotonic()
            answered.append(sum(at > began - 1.0 for at, _ in list(asking.answers)))
            taken_up += _pause(governed)
            commands.append(time.monotonic() - began)
            time.sleep(LOCK_S if weather is _locked else 0.0)
        time.sleep(_AFTER_S)
        late = asking.by_model_since(began)
        last.append(max(late) - began if late else 0.0)
        if weather is not _replaced:
            _resume(governed)
    return Stopped(
        state=state,
        times=times,
        last_s=max(last),
        median_s=median(last),
        command_s=max(commands),
        taken_up=taken_up,
        answered=median(answered),
    )


def _pause(governed: Governed) -> bool:
    """Run the command; whether it knew that every replica that runs took it up."""
    done = subprocess.run(  # noqa: S603  # our own command
        [
            sys.executable, "-c", "from troth.cli.entry import main; main()",
            "pause", POINT, "--home", str(governed.settings.home), "--json",
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    with suppress(ValueError, KeyError):
        replicas = json.loads(done.stdout)["replicas"]
        return done.returncode == 0 and bool(replicas["running"] == replicas["took_up"])
    return False


def _resume(governed: Governed) -> None:
    deadline = time.monotonic() + SETTLE_S
    while True:
        try:
            try_record(governed.database)
            braking.resume(
                governed.database,
                POINT,
                verifier=governed.verifier,
                now=utc_now(),
                by="troth prove",
            )
            return
        except TrothError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextmanager
def _normal(_: Governed) -> Iterator[None]:
    yield


@contextmanager
def _unreadable_row(governed: Governed) -> Iterator[None]:
    """A row of the registry whose role is none, and replicas have seen it."""
    with faults.unreadable_activation(governed.database):
        time.sleep(1.0)
        yield


@contextmanager
def _swallowing(governed: Governed) -> Iterator[None]:
    """Triggers that swallow the pause and its audit row."""
    with faults.swallowing(governed.database):
        yield


@contextmanager
def _locked(governed: Governed) -> Iterator[None]:
    """Another writer that does not let go."""
    with faults.locked(governed.database):
        yield


@contextmanager
def _jammed(governed: Governed) -> Iterator[None]:
    """A roster whose reading never ends: the watch over the registry hangs in it."""
    board = governed.settings.board
    aside = board.with_name("board.aside")
    board.rename(aside)
    os.mkfifo(board, 0o600)
    time.sleep(1.0)
    yield
    with board.open("wb") as pipe:  # whoever hangs in it reads an empty roster
        aside.rename(board.with_name("board.back"))
        board.with_name("board.back").replace(board)
        pipe.write(b"")


@contextmanager
def _damaged_log(governed: Governed) -> Iterator[None]:
    """A row of the audit log is gone."""
    with faults.without_audit_row(governed.database, 2):
        yield


@contextmanager
def _replaced(governed: Governed) -> Iterator[None]:
    """Another file in the place of the store, as after a restore."""
    faults.replace(governed.database)
    yield


_WEATHERS: dict[str, Weather] = {
    "unreadable row in the registry": _unreadable_row,
    "triggers that swallow": _swallowing,
    "watch jammed": _jammed,
    "audit log damaged": _damaged_log,
    "locked for 30 s": _locked,
}


STATES = ("normal", *_WEATHERS, "store replaced")
"""All that is tried, in order."""


def write(found: list[Stopped], folder: Path) -> Path:
    """Write ``brake.json`` and ``brake.md`` into ``folder``; returns the latter."""
    return write_page(
        "brake",
        found,
        folder,
        title="The brake",
        text="`troth pause` in a process of its own, while two replicas answer"
        f" {AT_ONCE} requests at once. Times count from the start of that process, Python's own"
        f" start included; promised is under {PROMISE_S:g} s to the model's last answer. *Taken"
        " up* is how often the command knew that both replicas obeyed. Where the store was"
        " replaced, the service ends within a second, and nobody answers until it is started"
        " again.",
        columns=(
            "state", "times", "last model answer, s, longest", "median", "command, s, longest",
            "taken up", "answers/s before",
        ),
        rows=[
            (
                row.state, row.times, f"{row.last_s:.2f}", f"{row.median_s:.2f}",
                f"{row.command_s:.2f}", f"{row.taken_up} of {row.times}", f"{row.answered:.0f}",
            )
            for row in found
        ],
    )  # fmt: skip
