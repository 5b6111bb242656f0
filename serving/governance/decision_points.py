"""Decision points and whether they run.

To stop one is a file first (:mod:`serving.governance.braking`). To let it run again, here,
needs signatures and a whole log, and takes the file away last. States change by the
transitions of one table alone (Google AIP-216).
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from enum import StrEnum
from typing import Any

from serving.audit import chain
from serving.audit.kinds import AuditKind
from serving.governance import registry_version
from serving.store import Database
from troth.brake import POINT
from troth.digests import parse_json
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound
from troth.types import isoformat

EVERYWHERE = "*"
"""The state that stands for all decision points: where it is paused, nobody is contacted."""


class PointState(StrEnum):
    """What a decision point does."""

    RUNNING = "running"
    PAUSED = "paused"
    """The model is not served; the baseline answers."""


class Transition(StrEnum):
    """What changes a decision point's state."""

    PAUSE = "pause"
    RESUME = "resume"


TRANSITIONS: dict[tuple[PointState, Transition], PointState] = {
    (PointState.RUNNING, Transition.PAUSE): PointState.PAUSED,
    (PointState.PAUSED, Transition.RESUME): PointState.RUNNING,
}
"""Every change of state there is; any other is refused."""


def change_state(
    connection: sqlite3.Connection,
    decision_point: str,
    transition: Transition,
    *,
    now: datetime,
    by: str,
    reason: str = "",
) -> int:
    """Apply ``transition`` inside the caller's write transaction; returns the new generation.

    Raises:
        FailedPrecondition: if the transition does not start from the present state.
        DataLoss: if the store swallows the change.
    """
    before = fetch_state(connection, decision_point)
    after = TRANSITIONS.get((before, transition))
    if after is None:
        raise FailedPrecondition(f"{decision_point!r} is {before} already", field="decision_point")
    connection.execute(
        "INSERT INTO decision_point_states VALUES (?, ?, ?)"
        " ON CONFLICT (decision_point) DO UPDATE"
        " SET state = excluded.state, changed_at = excluded.changed_at",
        (decision_point, str(after), isoformat(now)),
    )
    if fetch_state(connection, decision_point) is not after:
        raise DataLoss(
            f"the store did not take the state of {decision_point!r}: a trigger swallows it",
            field="decision_point_states",
        )
    generation = registry_version.bump(connection)
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


def state(database: Database, decision_point: str) -> PointState:
    """Whether ``decision_point`` is running by the store; stops may hold it besides."""
    with database.read() as connection:
        return fetch_state(connection, decision_point)


def fetch_state(connection: sqlite3.Connection, decision_point: str) -> PointState:
    """As :func:`state`, inside the caller's transaction; an unknown state counts as paused."""
    row = connection.execute(
        "SELECT CAST(state AS BLOB) FROM decision_point_states WHERE decision_point = ?",
        (decision_point,),
    ).fetchone()
    if row is None or row[0] == PointState.RUNNING.encode():
        return PointState.RUNNING
    return PointState.PAUSED


def known(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The decision points there are: active, proposed or with a state.

    What cannot be read is none.
    """
    found: set[str] = set()
    for table in ("activations", "decision_point_states"):
        rows = connection.execute(f"SELECT CAST(decision_point AS BLOB) FROM {table}")  # noqa: S608
        found.update(bytes(row[0]).decode(errors="replace") for row in rows)
    for row in connection.execute("SELECT CAST(statement AS BLOB) FROM proposals"):
        found.update(_scope(row[0]))
    return tuple(sorted(point for point in found if POINT.fullmatch(point)))


def require_known(connection: sqlite3.Connection, decision_point: str) -> None:
    """Raise :class:`NotFound`, naming those there are, unless ``decision_point`` is one."""
    there = known(connection)
    if decision_point not in there:
        raise NotFound(
            f"{decision_point[:64]!r} is no decision point of this installation;"
            f" there are: {', '.join(there) or 'none'}",
            field="decision_point",
        )


def require_point(decision_point: str) -> None:
    """Raise :class:`InvalidArgument` unless ``decision_point`` is a slug."""
    if not POINT.fullmatch(decision_point):
        raise InvalidArgument(
            f"{decision_point[:64]!r} is not a slug of a-z, 0-9, dots, - and _",
            field="decision_point",
        )


def _scope(statement: bytes) -> set[str]:
    try:
        data: Any = parse_json(statement)
        return {str(point) for point in data["scope"]["decision_points"]}
    except (ValueError, KeyError, TypeError):
        return set()
