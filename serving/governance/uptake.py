"""Whether the replicas took up what was taken away."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.governance import presence
from serving.governance.braking import Braked
from serving.installation import SERVICE_FILE
from troth.cli.output import emit, note, say
from troth.digests import parse_json
from troth.errors import Unavailable

WITHIN_S = 2.0
"""A stop that has not been taken up by then is not known to hold."""
_LOOK_EVERY_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Uptake:
    """How many replicas said that they saw a stop.

    Attributes:
        running: replicas that live.
        took_up: those of them that saw it.
        service: a service says that it runs.
    """

    running: int
    took_up: int
    service: bool

    @property
    def is_known(self) -> bool:
        """Whether every replica there may be is known to have seen it."""
        return self.took_up == self.running and not (self.service and self.running == 0)

    def __str__(self) -> str:
        if self.running == 0 and not self.service:
            return "no replica is running"
        return f"taken up by {self.took_up} of {self.running} replicas"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"running": self.running, "took_up": self.took_up}

    def require_known(self) -> None:
        """Raise :class:`Unavailable` unless everybody took it up."""
        if not self.is_known:
            raise Unavailable(
                f"in force for whoever looks, but only {self.took_up} of {self.running or 'the'}"
                f" replicas said so within {WITHIN_S:g} s; `troth registry` shows them, and"
                " ending their processes stops them",
                field="replicas",
            )


def await_uptake(home: Path, names: Set[str], *, within_s: float) -> Uptake:
    """Wait until every living replica knows the stops in ``names``, or time is up."""
    deadline = time.monotonic() + within_s
    while True:
        seen = presence.living(home)
        uptake = Uptake(
            running=len(seen),
            took_up=sum(one.halted or names <= one.stops for one in seen),
            service=_service_lives(home),
        )
        if uptake.is_known or time.monotonic() >= deadline:
            return uptake
        time.sleep(_LOOK_EVERY_S)


def _service_lives(home: Path) -> bool:
    try:
        pid = int(parse_json((home / SERVICE_FILE).read_bytes())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    with contextlib.suppress(PermissionError):  # it is there, and another user's
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


def tell(home: Path, braked: Braked, facts: Mapping[str, Any], as_json: bool) -> None:
    """Say what was taken away, whether it is recorded, and how many replicas took it up.

    Args:
        home: the installation.
        braked: what was taken away.
        facts: what the command says of it.
        as_json: as a JSON document instead of lines.

    Raises:
        Unavailable: if it cannot be known that every replica took it up.
    """
    uptake = await_uptake(home, braked.names, within_s=WITHIN_S)
    if as_json:
        emit(
            {
                **facts,
                "generation": braked.generation,
                "recorded": not braked.unrecorded,
                "unrecorded": braked.unrecorded,
                "replicas": uptake.to_dict(),
            }
        )
    else:
        told = {**facts, "generation": braked.generation}
        say(", ".join(f"{name} {value}" for name, value in told.items() if value is not None))
        if braked.unrecorded:
            note(f"in force; recorded when the store is free: {braked.unrecorded}")
        say(str(uptake))
    uptake.require_known()
