"""Writing down what is in force already.

A stop holds from the moment its file is there. Its row and its audit row follow, at once if
the store is free, else from the next act of governance or from a running service, which
looks every few seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from serving.audit.signed_heads import governed
from serving.governance import decision_points, proposals, registry, signatures, stops, votes
from serving.governance.board import Board
from serving.governance.decision_points import EVERYWHERE, PointState, Transition
from serving.governance.stops import Stop
from serving.storage.database import Database
from serving.storage.driver import BUSY_TIMEOUT_S
from serving.storage.unit_of_work import UnitOfWork
from troth import locks
from troth.brake import STOPS
from troth.clock import utc_now
from troth.errors import TrothError, Unavailable
from troth.settings import BOARD_FILE
from troth.types import SignedVote, parse_time

_LOCK = ".lock"
"""In the folder of the stops, where names that begin with a dot are none."""


def record(database: Database, *, patience_s: float = BUSY_TIMEOUT_S) -> tuple[str, ...]:
    """Give every stop and refusal its row and its audit row; returns names of those without.

    Raises:
        Unavailable: if the store cannot be written now.
        DataLoss: if it is damaged, or swallows what is written.
    """
    with alone(database.home, patience_s=patience_s):
        return _record_all(database, patience_s)


@contextmanager
def alone(home: Path, *, patience_s: float) -> Iterator[None]:
    """Keep others from recording or lifting stops meanwhile; to put one, nobody waits.

    Who gives back writes the row first and takes the file away last: between the two, it
    looks like a stop that waits for its row.

    Raises:
        Unavailable: if somebody else does for longer than ``patience_s`` seconds.
    """
    refusal = Unavailable("another act is under way", field=STOPS)
    with locks.held(home / STOPS / _LOCK, refusal, patience_s=patience_s):
        yield


def _record_all(database: Database, patience_s: float) -> tuple[str, ...]:
    done = [_record_refusal(database, vote, patience_s) for vote in _refusals(database)]
    with database.read() as unit:
        waiting = any(
            _is_pending(unit, stop, stops.facts_of(database.home, stop.name))
            for stop in stops.listed(database.home)
        )
    if not waiting:
        return tuple(done)
    with governed(database, restricting=True, patience_s=patience_s) as unit:
        for stop in stops.listed(database.home):
            facts = stops.facts_of(database.home, stop.name)
            if _is_pending(unit, stop, facts):
                _record(unit, stop, facts)
                done.append(stop.name)
    return tuple(done)


def _refusals(database: Database) -> tuple[SignedVote, ...]:
    """Refusals on the host that the store does not tell of, on proposals that it has.

    Only those signed by a member: what anybody put there is no vote, though it stops.
    """
    found = []
    with database.read() as unit:
        for vote in votes.kept(database.home):
            if votes.has(unit, vote):
                continue
            try:
                board = Board.load(database.home / BOARD_FILE)
                signatures.verify(proposals.fetch(unit, vote.proposal_id), vote, board)
            except (TrothError, OSError):
                continue
            found.append(vote)
    return tuple(found)


def _record_refusal(database: Database, vote: SignedVote, patience_s: float) -> str:
    proposals.write_down(database, vote, patience_s=patience_s)
    return stops.refusal_name(vote.proposal_id)


def _is_pending(unit: UnitOfWork, stop: Stop, facts: dict[str, Any]) -> bool:
    if stop.kind in ("all", "point"):
        point = stop.point or EVERYWHERE
        if stop.point and stop.point not in decision_points.known(unit):
            return False  # given in error, and about to be taken back
        return decision_points.fetch_state(unit, point) is PointState.RUNNING
    if stop.role is not None:
        found = registry.fetch_active(unit, stop.point, stop.role)
        # Of another proposal: that one was activated since, in its place.
        return found is not None and found.proposal_id == facts.get("proposal_id")
    return False


def _record(unit: UnitOfWork, stop: Stop, facts: dict[str, Any]) -> None:
    by, reason = str(facts.get("by", "unknown")), str(facts.get("reason", ""))
    if stop.role is None:
        decision_points.change_state(
            unit,
            stop.point or EVERYWHERE,
            Transition.PAUSE,
            now=_moment(facts),
            by=by,
            reason=reason,
        )
        return
    found = registry.fetch_active(unit, stop.point, stop.role)
    if found is not None:
        registry.take_out(unit, found, by=by, reason=reason)


def _moment(facts: dict[str, Any]) -> datetime:
    try:
        return parse_time(str(facts.get("at")))
    except TrothError:  # made by hand
        return utc_now()
