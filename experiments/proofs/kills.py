"""SIGKILL of each kind of process of a service under load: what its callers see, and how long.

Callers use the shipped client, with its own deadline. Of each kill it is told whether the
service goes on or ends, how long nobody was answered, and whether every answer that a caller
got is in the store.
"""

from __future__ import annotations

import subprocess
import time
from itertools import pairwise
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from experiments.proofs.pages import write as write_page
from experiments.proofs.under_load import AT_ONCE, DEADLINE_S, Load, under_load
from experiments.runs.executors import OnProgress
from serving.rpc.processes import SCRATCH, belonging, titled
from serving.rpc.service import Service
from serving.storage.database import Database

OWN = "the service's own"
KINDS: dict[str, str] = {
    OWN: "",
    "GCS": "gcs/gcs_server",
    "raylet": "raylet/raylet",
    "controller": "ray::ServeController",
    "replica": "ray::ServeReplica",
    "HAProxy": "bin/haproxy",
    "HAProxy's manager": "ray::HAProxyManager",
}
"""Each kind of process, and what its title holds."""
_BEFORE_S = 4.0
_AFTER_S = 20.0
_LOOK_EVERY_S = 0.02


class Killed(BaseModel):
    """What came of killing one process.

    Attributes:
        kind: of process.
        ended: exit code of the service, ``None`` if it went on.
        gone_s: until nothing of it ran, seconds; ``None`` if it went on.
        silent_s: the longest time in which nobody was answered, seconds; of a service that went on.
        unanswered: requests without an answer within the client's deadline; of such a one.
        answered, lost: answers that callers got in all, and those of them that the store lacks.
        twice: customers with the same contact twice on a day.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    ended: int | None
    gone_s: float | None
    silent_s: float | None
    unanswered: int | None
    answered: int
    lost: int
    twice: int


def kill_each(on_progress: OnProgress = lambda *_: None) -> list[Killed]:
    """Kill one process of each kind, each of a fresh service.

    Raises:
        Unavailable: if a service does not start.
    """
    found = []
    for done, kind in enumerate(KINDS, start=1):
        with under_load() as (governed, asking, service):
            asking.await_model()
            time.sleep(_BEFORE_S)
            found.append(_kill(kind, asking, service, governed.database))
        on_progress(done, len(KINDS))
    return found


def _kill(kind: str, asking: Load, service: Service, database: Database) -> Killed:
    own = psutil.Process(service.process.pid)
    scratch = next(
        Path(environment[SCRATCH])
        for child in own.children()
        if SCRATCH in (environment := child.environ())
    )
    processes = [own, *belonging(scratch)]
    victim = own if kind == OWN else titled(processes[1:], KINDS[kind])[0]
    errors = asking.errors.total()
    began = time.monotonic()
    victim.kill()
    gone = _until_gone(service.process, processes, began)
    silent = _longest_silence(asking, began)
    answered = list(asking.decisions)
    with database.read() as unit:
        stored, twice = unit.decisions.ids(), unit.contacts.granted_twice()
    ended = gone is not None
    return Killed(
        kind=kind,
        ended=service.process.returncode if ended else None,
        gone_s=gone,
        silent_s=None if ended else silent,
        unanswered=None if ended else asking.errors.total() - errors,
        answered=len(answered),
        lost=len(set(answered) - stored),
        twice=twice,
    )


def _until_gone(
    service: subprocess.Popen[bytes], processes: list[psutil.Process], began: float
) -> float | None:
    """Seconds until none of ``processes`` runs; ``None`` if the service goes on."""
    while time.monotonic() - began < _AFTER_S:
        if service.poll() is not None and not any(
            one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes
        ):
            return time.monotonic() - began
        time.sleep(_LOOK_EVERY_S)
    return None


def _longest_silence(asking: Load, began: float) -> float:
    moments = [began, *(at for at, _ in list(asking.answers) if at >= began), time.monotonic()]
    return max(later - earlier for earlier, later in pairwise(moments))


def write(found: list[Killed], folder: Path) -> Path:
    """Write ``kills.json`` and ``kills.md`` into ``folder``; returns the latter."""
    return write_page(
        "kills",
        found,
        folder,
        title="Killed processes",
        text=f"SIGKILL of one process of each kind, while {AT_ONCE} callers ask two replicas"
        f" through the shipped client, deadline {DEADLINE_S:g} s. A service that cannot go on"
        " ends within 5 s and leaves nothing running; its exit code is 7, or -9 where it was"
        " its own process that was killed. *Lost* are answers that a caller got and the store"
        " lacks.",
        columns=(
            "process", "the service", "nothing runs after, s", "nobody answered for, s",
            "requests unanswered", "answers", "lost", "contacts twice",
        ),
        rows=[
            (
                row.kind,
                "goes on" if row.ended is None else f"ends with {row.ended}",
                "" if row.gone_s is None else f"{row.gone_s:.1f}",
                "" if row.silent_s is None else f"{row.silent_s:.1f}",
                "" if row.unanswered is None else f"{row.unanswered}",
                f"{row.answered}", f"{row.lost}", f"{row.twice}",
            )
            for row in found
        ],
    )  # fmt: skip
