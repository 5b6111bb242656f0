"""Taking away, which is easy, and giving back, which is hard.

What takes away is a file first, whatever state the store is in, and is written down
afterwards. What gives back needs a whole log and approvals that verify, and takes the file
away last.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from serving.audit import audit_log
from serving.audit.checks import (
    check_governing_indexes,
    check_registry,
    check_schema,
    check_votes,
)
from serving.audit.signed_heads import governed
from serving.governance import (
    decision_points,
    pending,
    presence,
    proposals,
    registry,
    registry_version,
    stops,
    votes,
)
from serving.governance.decision_points import EVERYWHERE, PointState, Transition
from serving.governance.registry import Activation
from serving.governance.verification import Verifier
from serving.installation import ID_FILE
from serving.storage.database import Database
from serving.storage.driver import BUSY_TIMEOUT_S
from troth.errors import DataLoss, FailedPrecondition, NotFound, TrothError, Unavailable
from troth.settings import DATABASE_FILE, Settings
from troth.types import Role, SignedVote, isoformat

_PATIENCE_S = 0.5
"""How long a stop waits for the store to write it down; a service or the next act does it."""
_GOVERNING = (check_schema, check_governing_indexes, check_votes, check_registry)
"""What must be whole beside the log for anything to be given back."""
_STORE_FAULTS = (TrothError, OSError)


@dataclass(frozen=True, kw_only=True)
class Braked:
    """Something was taken away, and is in force.

    Attributes:
        names: the stops that say so.
        generation: of the registry; ``None`` if it is not written down yet.
        unrecorded: why it is not; empty if it is.
    """

    names: frozenset[str]
    generation: int | None
    unrecorded: str = ""


def pause(home: Path, decision_point: str, *, now: datetime, by: str, reason: str = "") -> Braked:
    """Stop the model at ``decision_point``, and its policy wherever else it answers.

    Raises:
        InvalidArgument, NotFound: if there is no such decision point, or no installation.
        FailedPrecondition: if it is paused already.
        Unavailable: if not even a file can be written.
    """
    decision_points.require_point(decision_point)
    point = stops.point_name(decision_point)
    with _store(home) as database:
        again = False
        if database is not None:
            _require_point(database, decision_point, by_stops=False)
            again = _is_held(database, point) and _is_paused(database, decision_point)
        policies = sorted(_models(home, database, decision_point))
        facts = {"by": by, "reason": reason, "at": isoformat(now), "policies": policies}
        names = [point, *(stops.policy_name(digest, decision_point) for digest in policies)]
        for name in names:
            stops.put(home, name, facts)
        if again:  # put anew all the same: somebody may be giving it back just now
            raise FailedPrecondition(
                f"{decision_point!r} is paused already", field="decision_point"
            )
        return _recorded(database, names)


def pause_all(home: Path, *, now: datetime, by: str, reason: str = "") -> Braked:
    """Stop all contact at every decision point; raises as :func:`pause`."""
    with _store(home) as database:
        again = (
            database is not None
            and _is_held(database, stops.ALL)
            and _is_paused(database, EVERYWHERE)
        )
        stops.put(home, stops.ALL, {"by": by, "reason": reason, "at": isoformat(now)})
        if again:
            raise FailedPrecondition("everything is paused already", field="decision_point")
        return _recorded(database, [stops.ALL])


def deactivate(
    home: Path, decision_point: str, role: Role, *, now: datetime, by: str, reason: str = ""
) -> Braked:
    """Take out what answers ``decision_point`` in ``role``.

    Raises:
        InvalidArgument: if ``decision_point`` is no slug.
        NotFound: if nothing is active there, or there is no installation.
        Unavailable: if not even a file can be written.
    """
    decision_points.require_point(decision_point)
    with _store(home) as database:
        active = None
        if database is not None:
            _require_point(database, decision_point)
            active, is_known = None, False
            with contextlib.suppress(*_STORE_FAULTS):
                active = registry.active(database, decision_point, role)
                is_known = True  # a registry that cannot be read does not say that there is none
            if is_known and active is None and not _served(home, decision_point, role):
                raise NotFound(f"no {role} is active at {decision_point!r}", field="decision_point")
        name = stops.role_name(role, decision_point)
        facts: dict[str, Any] = {"by": by, "reason": reason, "at": isoformat(now)}
        if active is not None:
            facts["proposal_id"] = active.proposal_id
        stops.put(home, name, facts)
        return _recorded(database, [name])


def refused(database: Database, vote: SignedVote) -> Braked:
    """A refusal as what it is: taken away from the moment its file was there."""
    names = frozenset({stops.refusal_name(vote.proposal_id)})
    try:
        with database.read() as unit:
            if votes.has(unit, vote):
                return Braked(names=names, generation=registry_version.fetch(unit))
    except _STORE_FAULTS as error:
        return Braked(names=names, generation=None, unrecorded=str(error))
    return Braked(names=names, generation=None, unrecorded="the store was busy or damaged")


def resume(
    database: Database,
    decision_point: str,
    *,
    verifier: Verifier,
    now: datetime,
    by: str,
    reason: str = "",
) -> int:
    """Let the model of ``decision_point`` answer again; returns the new generation.

    Raises:
        InvalidArgument, NotFound: if there is no such decision point.
        FailedPrecondition: if it is not paused.
        NotApproved: if what would answer then is not approved, in every detail.
        DataLoss: if the audit log or the schema was tampered with.
        Unavailable: if the store cannot be written.
    """
    decision_points.require_point(decision_point)
    _require_point(database, decision_point)
    names = [
        stop.name
        for stop in stops.listed(database.home)
        if stop.point == decision_point and stop.kind in ("point", "policy")
    ]
    held = stops.held(database.home, *names)
    if not held and not _is_paused(database, decision_point):
        raise FailedPrecondition(f"{decision_point!r} is not paused", field="decision_point")
    active = [row for row in _readable(database) if row.decision_point == decision_point]
    return _release(database, decision_point, held, active, verifier, now=now, by=by, reason=reason)


def resume_all(
    database: Database, *, verifier: Verifier, now: datetime, by: str, reason: str = ""
) -> int:
    """Let contacts be made again; raises as :func:`resume`.

    Decision points that are paused by themselves stay so.
    """
    held = stops.held(database.home, stops.ALL)
    if not held and not _is_paused(database, EVERYWHERE):
        raise FailedPrecondition("not everything is paused", field="decision_point")
    active = [
        row
        for row in _readable(database)
        if row.role is Role.BASELINE or not _is_paused(database, row.decision_point)
    ]
    return _release(database, EVERYWHERE, held, active, verifier, now=now, by=by, reason=reason)


def _release(
    database: Database,
    point: str,
    held: dict[str, stops.StopSeen],
    active: list[Activation],
    verifier: Verifier,
    *,
    now: datetime,
    by: str,
    reason: str,
) -> int:
    pending.record(database)  # so that the log tells of the stop before its end
    report = audit_log.verify(database, checks=_GOVERNING)
    if not report.ok:
        raise DataLoss(
            f"the log is not whole: {report.findings[0].message}; `troth audit verify` tells more",
            field="audit",
        )
    with pending.alone(database.home, patience_s=BUSY_TIMEOUT_S):
        with governed(database) as unit:
            for row in active:
                proposal = proposals.fetch(unit, row.proposal_id)
                cast = votes.fetch(unit, database.home, row.proposal_id)
                verifier.verify(
                    proposal, cast, decision_point=row.decision_point, role=row.role, now=now
                )
            if decision_points.fetch_state(unit, point) is PointState.RUNNING:
                generation = registry_version.fetch(unit)  # a policy's stop alone has no row
            else:
                generation = decision_points.change_state(
                    unit, point, Transition.RESUME, now=now, by=by, reason=reason
                )
        stops.lift(database.home, held)
    return generation


@contextmanager
def _store(home: Path) -> Iterator[Database | None]:
    """The store, ``None`` if it cannot be opened: a stop must not depend on it."""
    try:
        place = Settings(home=home).database
    except (ValidationError, TrothError):  # nor on settings that cannot be
        place = home / DATABASE_FILE
    is_there = not isinstance(place, Path) or place.is_file()
    if not (home / ID_FILE).is_file() and not (isinstance(place, Path) and is_there):
        raise NotFound(f"{home} is no installation; `troth board init` makes one", field="home")
    database = None
    if is_there:  # opening would make one
        with contextlib.suppress(*_STORE_FAULTS):
            database = Database(place, home=home, make=False)
    try:
        yield database
    finally:
        if database is not None:
            database.close()


def _recorded(database: Database | None, names: list[str]) -> Braked:
    if database is None:
        return Braked(
            names=frozenset(names), generation=None, unrecorded="the store cannot be opened"
        )
    try:
        pending.record(database, patience_s=_PATIENCE_S)
        generation = registry_version.current(database)
    except _STORE_FAULTS as error:
        return Braked(names=frozenset(names), generation=None, unrecorded=str(error))
    return Braked(names=frozenset(names), generation=generation)


def _require_point(database: Database, decision_point: str, *, by_stops: bool = True) -> None:
    """Refuse a decision point that is not there; a store that cannot be read knows none.

    What is stopped must be known to be resumed; but a pause may have put its file already.
    """
    if by_stops and any(stop.point == decision_point for stop in stops.listed(database.home)):
        return
    if any(decision_point in seen.standing for seen in presence.living(database.home)):
        return
    try:
        with database.read() as unit:
            decision_points.require_known(unit, decision_point)
    except (Unavailable, DataLoss):
        return


def _is_held(database: Database, name: str) -> bool:
    """Whether somebody else has put the stop: a service may have recorded our own already."""
    home = database.home
    return name in stops.look(home).names and not stops.was_put_first(home, name)


def _is_paused(database: Database, point: str) -> bool:
    try:
        return decision_points.state(database, point) is PointState.PAUSED
    except TrothError:
        return False


def _active(database: Database, decision_point: str, role: Role) -> Activation | None:
    with contextlib.suppress(*_STORE_FAULTS):
        return registry.active(database, decision_point, role)
    return None


def _readable(database: Database) -> tuple[Activation, ...]:
    with database.read() as unit:
        rows, faults = registry.readable(unit)
    if faults:
        raise DataLoss(f"the registry cannot be read: {faults[0]}", field="activations")
    return rows


def _models(home: Path, database: Database | None, decision_point: str) -> set[str]:
    """Digests of what answers as the model: by the registry, and by what replicas say."""
    found = {str(one["policy_digest"]) for one in _served(home, decision_point, Role.MODEL)}
    if database is not None and (row := _active(database, decision_point, Role.MODEL)):
        with contextlib.suppress(*_STORE_FAULTS):
            found.add(proposals.get(database, row.proposal_id).policy_digest)
    return found


def _served(home: Path, decision_point: str, role: Role) -> list[dict[str, Any]]:
    """What living replicas say answers there in ``role``."""
    return [
        one
        for seen in presence.living(home)
        for one in seen.standing.get(decision_point, {}).get("answerers", ())
        if one["role"] == role
    ]
