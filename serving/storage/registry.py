"""Governance as rows: proposals, votes, activations, states, and the generation of them all."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from serving.storage.session import Session
from serving.storage.statements import Statement, decoded, stored_text, upsert
from serving.storage.tables import (
    activations,
    decision_point_states,
    generations,
    proposals,
    votes,
)


class StoredProposal(NamedTuple):
    """A proposal as stored."""

    proposal_id: str
    statement: str


class StoredVote(NamedTuple):
    """A signed vote as stored."""

    proposal_id: str
    member: str
    vote: str
    signed_at: str
    reason: str
    signature: bytes


class RawActivation(NamedTuple):
    """A row of the registry before anything is believed; see :func:`decoded`."""

    decision_point: bytes | str
    role: bytes | str
    proposal_id: bytes | str
    activated_at: bytes | str


_v, _a, _s, _g = votes.c, activations.c, decision_point_states.c, generations.c
_ADD_PROPOSAL = Statement(insert(proposals).inline(), StoredProposal._fields)
_PROPOSALS = select(proposals.c.proposal_id, proposals.c.statement)
_PROPOSAL = Statement(_PROPOSALS.where(proposals.c.proposal_id == bindparam("proposal_id")))
_ALL_PROPOSALS = Statement(_PROPOSALS.order_by(proposals.c.proposal_id))
_COUNT_PROPOSALS = Statement(select(func.count()).select_from(proposals))
_STATEMENTS = Statement(select(stored_text(proposals.c.statement)))
_ADD_VOTE = Statement(insert(votes).inline(), StoredVote._fields)
_VOTES = select(*(votes.c[name] for name in StoredVote._fields))
_VOTES_ON = Statement(_VOTES.where(_v.proposal_id == bindparam("proposal_id")))
_ALL_VOTES = Statement(_VOTES)
_ACTIVATE = upsert(activations, RawActivation._fields, over=("proposal_id", "activated_at"))
_ACTIVATIONS = select(*(stored_text(activations.c[name]) for name in RawActivation._fields))
_AT = (_a.decision_point == bindparam("decision_point"), _a.role == bindparam("role"))
_ACTIVE = Statement(_ACTIVATIONS.where(*_AT))
_ALL_ACTIVE = Statement(_ACTIVATIONS.order_by(_a.decision_point, _a.role))
_DEACTIVATE = Statement(delete(activations).where(*_AT))
_PUT_STATE = upsert(
    decision_point_states,
    ("decision_point", "state", "changed_at"),
    over=("state", "changed_at"),
)
_STATE = Statement(
    select(stored_text(_s.state)).where(_s.decision_point == bindparam("decision_point"))
)
_STATES = Statement(
    select(stored_text(_s.decision_point), stored_text(_s.state)).order_by(_s.decision_point)
)
_ONE: ColumnElement[int] = literal_column("1")
_GENERATION = Statement(select(_g.generation).where(_g.id == _ONE))
_BUMP = Statement(update(generations).where(_g.id == _ONE).values(generation=_g.generation + _ONE))
_TOUCH = Statement(update(generations).values(generation=_g.generation))


class RegistryRepository:
    """Governance in one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_proposal(self, proposal_id: str, statement: str) -> None:
        """Store a proposal."""
        self._session.change(_ADD_PROPOSAL, proposal_id=proposal_id, statement=statement)

    def proposal(self, proposal_id: str) -> StoredProposal | None:
        """One proposal."""
        row = self._session.row(_PROPOSAL, proposal_id=proposal_id)
        return None if row is None else StoredProposal._make(row)

    def proposals(self) -> list[StoredProposal]:
        """All proposals, oldest first."""
        return [StoredProposal._make(row) for row in self._session.rows(_ALL_PROPOSALS)]

    def count_proposals(self) -> int:
        """How many proposals there are."""
        return int(self._session.row(_COUNT_PROPOSALS)[0])

    def statements(self) -> list[bytes | str]:
        """The statements of all proposals, whatever they hold."""
        return [row[0] for row in self._session.rows(_STATEMENTS)]

    def add_vote(self, vote: StoredVote) -> None:
        """Store a vote."""
        self._session.add(_ADD_VOTE, vote)

    def votes(self, proposal_id: str) -> list[StoredVote]:
        """The votes on a proposal."""
        rows = self._session.rows(_VOTES_ON, proposal_id=proposal_id)
        return [StoredVote._make(row) for row in rows]

    def all_votes(self) -> list[StoredVote]:
        """The votes on all proposals."""
        return [StoredVote._make(row) for row in self._session.rows(_ALL_VOTES)]

    def activate(self, decision_point: str, role: str, proposal_id: str, activated_at: str) -> None:
        """Have a proposal answer a decision point in a role, in place of any other."""
        self._session.change(
            _ACTIVATE,
            decision_point=decision_point,
            role=role,
            proposal_id=proposal_id,
            activated_at=activated_at,
        )

    def deactivate(self, decision_point: str, role: str) -> None:
        """Have nothing answer a decision point in a role."""
        self._session.change(_DEACTIVATE, decision_point=decision_point, role=role)

    def active(self, decision_point: str, role: str) -> RawActivation | None:
        """What answers a decision point in a role."""
        row = self._session.row(_ACTIVE, decision_point=decision_point, role=role)
        return None if row is None else RawActivation._make(row)

    def activations(self) -> list[RawActivation]:
        """What answers anywhere, by decision point and role."""
        return [RawActivation._make(row) for row in self._session.rows(_ALL_ACTIVE)]

    def put_state(self, decision_point: str, state: str, changed_at: str) -> None:
        """Store the state of a decision point in place of any other."""
        self._session.change(
            _PUT_STATE, decision_point=decision_point, state=state, changed_at=changed_at
        )

    def state(self, decision_point: str) -> str | None:
        """The state of a decision point, ``None`` if none is stored; what is no text is ``?``."""
        row = self._session.row(_STATE, decision_point=decision_point)
        return None if row is None else decoded(row[0], "replace")

    def states(self) -> list[tuple[str, str]]:
        """All states, by decision point."""
        return [
            (decoded(row[0], "replace"), decoded(row[1], "replace"))
            for row in self._session.rows(_STATES)
        ]

    def generation(self) -> int:
        """The generation."""
        return int(self._session.row(_GENERATION)[0])

    def bump(self) -> int:
        """Raise the generation and return it."""
        self._session.change(_BUMP)
        return self.generation()

    def touch(self) -> None:
        """Write, and change nothing: whether the store takes anything."""
        self._session.change(_TOUCH)
