"""Decision points and whether they run: changed by transition methods alone (Google AIP-216)."""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime
from enum import StrEnum

from serving.governance import chain, generations
from serving.governance.kinds import AuditKind
from serving.governance.sealing import governed
from serving.store import Database
from troth.errors import FailedPrecondition, InvalidArgument
from troth.types import isoformat

_POINT = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class State(StrEnum):
    """What a decision point does."""

    RUNNING = "running"
    PAUSED = "paused"
    """The model is not served; the baseline answers."""


class Transition(StrEnum):
    """A method that changes a decision point's state."""

    PAUSE = "pause"
    RESUME = "resume"


TRANSITIONS: dict[tuple[State, Transition], State] = {
    (State.RUNNING, Transition.PAUSE): State.PAUSED,
    (State.PAUSED, Transition.RESUME): State.RUNNING,
}
"""Every change of state there is; any other is refused."""


def pause(
    database: Database, decision_point: str, *, now: datetime, by: str, reason: str = ""
) -> int:
    """Stop serving the model at ``decision_point``; raises as :func:`change_state`."""
    return change_state(database, decision_point, Transition.PAUSE, now=now, by=by, reason=reason)


def resume(
    database: Database, decision_point: str, *, now: datetime, by: str, reason: str = ""
) -> int:
    """Serve the model again; raises as :func:`change_state`."""
    return change_state(database, decision_point, Transition.RESUME, now=now, by=by, reason=reason)


def change_state(
    database: Database,
    decision_point: str,
    transition: Transition,
    *,
    now: datetime,
    by: str,
    reason: str = "",
) -> int:
    """Apply ``transition``; returns the new generation.

    Raises:
        FailedPrecondition: if the transition does not start from the present state.
        DataLoss: if a transition gives something back and the audit log was tampered with.
    """
    require_point(decision_point)
    # To pause is only to take away, and is done even on a damaged log.
    restricting = transition is Transition.PAUSE
    with governed(database, restricting=restricting) as connection:
        before = fetch_state(connection, decision_point)
        after = TRANSITIONS.get((before, transition))
        if after is None:
            raise FailedPrecondition(
                f"{decision_point!r} is {before}; cannot {transition} it", field="decision_point"
            )
        connection.execute(
            "INSERT INTO decision_point_states VALUES (?, ?, ?)"
            " ON CONFLICT (decision_point) DO UPDATE"
            " SET state = excluded.state, changed_at = excluded.changed_at",
            (decision_point, str(after), isoformat(now)),
        )
        generation = generations.bump(connection)
        chain.append(
            connection,
            AuditKind.STATE_CHANGED,
            {
                "decision_point": decision_point,
                "before": str(before),
                "after": str(after),
                "by": by,
                "reason": reason,
                "generation": generation,
            },
        )
    return generation


def state(database: Database, decision_point: str) -> State:
    """Whether ``decision_point`` is running."""
    with database.read() as connection:
        return fetch_state(connection, decision_point)


def fetch_state(connection: sqlite3.Connection, decision_point: str) -> State:
    """As :func:`state`, inside the caller's transaction; an unknown state counts as paused."""
    row = connection.execute(
        "SELECT state FROM decision_point_states WHERE decision_point = ?", (decision_point,)
    ).fetchone()
    if row is None:
        return State.RUNNING
    return State(row["state"]) if row["state"] in set(State) else State.PAUSED


def require_point(decision_point: str) -> None:
    """Raise :class:`InvalidArgument` unless ``decision_point`` is a slug."""
    if not _POINT.fullmatch(decision_point):
        raise InvalidArgument(
            f"{decision_point!r} is not a slug of a-z, 0-9, dots, - and _", field="decision_point"
        )
