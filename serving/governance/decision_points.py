"""Decision points and whether they run.

To stop one is a file first (:mod:`serving.governance.braking`). To let it run again, here,
needs signatures and a whole log, and takes the file away last. States change by the
transitions of one table alone (Google AIP-216).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from serving.audit import chain
from serving.audit.kinds import AuditKind
from serving.governance import registry_version
from serving.storage.database import Database
from serving.storage.statements import decoded
from serving.storage.unit_of_work import UnitOfWork
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
    unit: UnitOfWork,
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
    before = fetch_state(unit, decision_point)
    after = TRANSITIONS.get((before, transition))
    if after is None:
        raise FailedPrecondition(f"{decision_point!r} is {before} already", field="decision_point")
    unit.registry.put_state(decision_point, str(after), isoformat(now))
    if fetch_state(unit, decision_point) is not after:
        raise DataLoss(
            f"the store did not take the state of {decision_point!r}: a trigger swallows it",
            field="decision_point_states",
        )
    generation = registry_version.bump(unit)
    chain.append(
        unit,
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
    with database.read() as unit:
        return fetch_state(unit, decision_point)


def fetch_state(unit: UnitOfWork, decision_point: str) -> PointState:
    """As :func:`state`, inside the caller's transaction; an unknown state counts as paused."""
    found = unit.registry.state(decision_point)
    return PointState.RUNNING if found in (None, PointState.RUNNING) else PointState.PAUSED


def known(unit: UnitOfWork) -> tuple[str, ...]:
    """The decision points there are: active, proposed or with a state.

    What cannot be read is none.
    """
    found = {decoded(row.decision_point, "replace") for row in unit.registry.activations()}
    found.update(point for point, _ in unit.registry.states())
    for statement in unit.registry.statements():
        found.update(_scope(statement))
    return tuple(sorted(point for point in found if POINT.fullmatch(point)))


def require_known(unit: UnitOfWork, decision_point: str) -> None:
    """Raise :class:`NotFound`, naming those there are, unless ``decision_point`` is one."""
    there = known(unit)
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


def _scope(statement: bytes | str) -> set[str]:
    try:
        data: Any = parse_json(statement)
        return {str(point) for point in data["scope"]["decision_points"]}
    except (ValueError, KeyError, TypeError):
        return set()
