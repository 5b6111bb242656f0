"""What each replica really does, written by itself into a file of the installation.

A lock that the process holds is the proof that it lives; beside it lies a small JSON
document, written anew when anything in it changes. Its thread looks at the stops and at
nothing that could make it wait: neither the store nor the watch over the registry.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.governance import stops
from serving.installation import REPLICAS
from troth import locks
from troth.clock import utc_now
from troth.digests import canonical_json, parse_json, require_digest
from troth.errors import TrothError, Unavailable
from troth.files import clear_partials, write_whole
from troth.types import isoformat

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
"""How soon a replica says that it saw a stop; it obeys it before its next answer in any case."""
HEARTBEAT_S = 5.0
"""How often the file is written anew if nothing changes."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One living replica, as it describes itself.

    Attributes:
        pid: of its process; 0 if its file cannot be read.
        at: when it wrote, as text; empty if its file cannot be read.
        stops: names of the stops it knows.
        halted: it can tell of no stop, and therefore contacts nobody.
        generation: of the registry as it last read it; ``None`` before that.
        standing: by decision point: ``answerers``, each with role, policy_digest and
            proposal_id, and ``reasons`` why others are not among them.
        health: why it is not well; empty if it is.
        clock: which clock it decides by.
    """

    pid: int = 0
    at: str = ""
    stops: frozenset[str] = frozenset()
    halted: bool = False
    generation: int | None = None
    standing: dict[str, Any]
    health: tuple[str, ...] = ()
    clock: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "pid": self.pid,
            "at": self.at,
            "stops": sorted(self.stops),
            "generation": self.generation,
            "standing": self.standing,
            "health": list(self.health),
            "clock": self.clock,
        }


class Presence:
    """A process's own file among the replicas, kept true by a thread.

    Args:
        home: the installation.
        report: what to write beside the stops: generation, standing, health, clock. Quick.
    """

    def __init__(self, home: Path, report: Callable[[], dict[str, Any]]) -> None:
        self._home = home
        self._report = report
        self._path = home / REPLICAS / f"{os.getpid()}-{os.urandom(4).hex()}.json"
        self._started_at = isoformat(utc_now())
        self._lock = contextlib.ExitStack()
        self._written: dict[str, Any] = {}
        self._due = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="troth-presence", daemon=True)

    def start(self) -> None:
        """Appear, and stay until :meth:`stop` or the end of the process.

        Raises:
            Unavailable: if the folder cannot be written: commands could not tell who serves.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = self._path.with_suffix(".lock")
            self._lock.enter_context(locks.held(lock))
            self.tell()
        except OSError as error:
            raise Unavailable(f"cannot be written: {error}", field=REPLICAS) from error
        self._thread.start()

    def stop(self) -> None:
        """Disappear."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        self._path.unlink(missing_ok=True)
        self._path.with_suffix(".lock").unlink(missing_ok=True)
        self._lock.close()

    def tell(self) -> None:
        """Write the file if what it says has changed, or now and then."""
        seen = stops.look(self._home)
        content = {
            "pid": os.getpid(),
            "started_at": self._started_at,
            "stops": sorted(seen.names),
            "halted": bool(seen.unreadable),
            **self._report(),
        }
        if content == self._written and time.monotonic() < self._due:
            return
        data = canonical_json({**content, "at": isoformat(utc_now())}) + b"\n"
        # Whole, but not synced: it tells of a process that a power cut ends, and a command waits.
        write_whole(self._path, data, mode=None, synced=False)
        self._written, self._due = content, time.monotonic() + HEARTBEAT_S

    def _watch(self) -> None:
        failing = False
        while not self._end.wait(LOOK_EVERY_S):
            try:
                self.tell()
                failing = False
            except Exception:  # the thread must outlive whatever the disk does
                if not failing:
                    log.exception("what this replica does could not be written")
                failing = True


def living(home: Path) -> tuple[Seen, ...]:
    """The replicas of the installation that live, by process id; what others left is cleared."""
    found = []
    for lock in sorted((home / REPLICAS).glob("*.lock")):
        if locks.is_held(lock):
            found.append(_read(lock.with_suffix(".json")))
        else:
            with contextlib.suppress(OSError):
                clear_partials(lock.parent, lock.with_suffix(".json").name)
            for end in (".json", ".lock"):
                with contextlib.suppress(OSError):
                    lock.with_suffix(end).unlink()
    return tuple(sorted(found, key=lambda seen: seen.pid))


def _read(path: Path) -> Seen:
    try:
        data = parse_json(path.read_bytes())
        return Seen(
            pid=int(data["pid"]),
            at=str(data["at"]),
            stops=frozenset(str(name) for name in data["stops"]),
            halted=bool(data["halted"]),
            generation=data.get("generation"),
            standing={str(point): _held(found) for point, found in data["standing"].items()}
            if "standing" in data
            else {},
            health=tuple(str(slug) for slug in data.get("health", ())),
            clock=str(data.get("clock", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, TrothError):
        return Seen(standing={}, health=("unreadable",))


def _held(found: Any) -> dict[str, Any]:
    """What a file says of one decision point, in the form that is read of it."""
    return {
        "answerers": [
            {
                "role": str(one["role"]),
                "policy_digest": require_digest(one["policy_digest"], "policy_digest"),
                "proposal_id": str(one["proposal_id"]),
            }
            for one in found["answerers"]
        ],
        "reasons": [str(reason) for reason in found["reasons"]],
    }
