"""What the registry names now where a proposal is to answer."""

from __future__ import annotations

from dataclasses import dataclass

from serving.governance import decision_points, proposals, registry
from serving.governance.decision_points import State
from serving.governance.registry import Role
from serving.store import Database
from troth.errors import TrothError
from troth.types import Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class Incumbent:
    """What the registry names at one decision point in one role.

    Attributes:
        decision_point, role: where.
        proposal: under which it was activated; ``None`` if it cannot be read.
        paused: a person stopped the model there.
    """

    decision_point: str
    role: Role
    proposal: Proposal | None
    paused: bool


def roles(_proposal: Proposal) -> tuple[Role, ...]:
    """The roles that a proposal may have: which one, is chosen as it is activated."""
    return tuple(Role)


def incumbents(database: Database, proposal: Proposal) -> tuple[Incumbent, ...]:
    """What is active at the decision points of ``proposal``, in the roles it may have."""
    found = []
    for point in proposal.scope.decision_points:
        paused = decision_points.state(database, point) is not State.RUNNING
        for role in roles(proposal):
            try:
                active = registry.active(database, point, role)
                if active is None:
                    continue
                there = proposals.get(database, active.proposal_id)
            except TrothError:
                there = None
            found.append(Incumbent(decision_point=point, role=role, proposal=there, paused=paused))
    return tuple(found)
