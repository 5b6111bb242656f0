"""What the registry names now where a proposal is to answer."""

from __future__ import annotations

from dataclasses import dataclass

from serving.governance import decision_points, proposals, registry, stops
from serving.governance.decision_points import PointState
from serving.storage.database import Database
from troth.errors import TrothError
from troth.types import Proposal, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Incumbent:
    """What the registry names at one decision point in one role.

    Attributes:
        decision_point, role: where.
        proposal: under which it was activated; ``None`` if it cannot be read.
        held: why it does not answer though it is active, such as ``paused``; empty if it may.
    """

    decision_point: str
    role: Role
    proposal: Proposal | None
    held: str


def incumbents(database: Database, proposal: Proposal) -> tuple[Incumbent, ...]:
    """What is active at the decision points of ``proposal``, in every role."""
    found, stopped = [], stops.look(database.home)
    for point in proposal.scope.decision_points:
        paused = decision_points.state(database, point) is not PointState.RUNNING
        for role in Role:
            try:
                active = registry.active(database, point, role)
                if active is None:
                    continue
                there = proposals.get(database, active.proposal_id)
            except TrothError:
                there = None
            held = stopped.everything or ("paused" if paused and role is Role.MODEL else "")
            if there is not None and not held:
                named = there.policy_digest, there.proposal_id
                held = stopped.hold(point, role, *named) or ""
            found.append(Incumbent(decision_point=point, role=role, proposal=there, held=held))
    return tuple(found)
