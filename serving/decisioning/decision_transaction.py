"""What a group commit does: outcomes, then decisions, then one audit row for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from serving.audit import audit_log
from serving.audit.kinds import AuditKind
from serving.customers import contact_ledger, permission_reports
from serving.customers.permission_reports import PermissionReport
from serving.decisioning import outcomes
from serving.decisions.idempotency import find_answer, reused
from serving.decisions.records import Decision, encode_record
from serving.storage.decisions import NewDecision
from serving.storage.unit_of_work import UnitOfWork
from troth.errors import TrothError
from troth.reports import PermissionSet, Recorded
from troth.types import Outcome, isoformat


@dataclass(frozen=True)
class Draft:
    """A decision that waits for its commit.

    Attributes:
        decision: as it will be answered.
        text, digest: its record.
        window: reach of the facts it rests on.
    """

    decision: Decision
    text: str
    digest: str
    window: timedelta

    @classmethod
    def of(cls, decision: Decision, window: timedelta) -> Draft:
        """Encode ``decision`` now, outside the write lock."""
        return cls(decision, *encode_record(decision), window)


@dataclass(frozen=True)
class Stale:
    """The answer to a draft whose facts or policy no longer hold: judge and draw again."""


STALE = Stale()


@dataclass(frozen=True)
class Report:
    """An outcome that waits for its commit, in canonical form.

    Attributes:
        outcome: what to store.
        now: the server's clock when it came in.
        skew: see :func:`serving.decisioning.outcomes.record`.
    """

    outcome: Outcome
    now: datetime
    skew: timedelta


@dataclass(frozen=True)
class Permit:
    """A permission that waits for its commit, in canonical form.

    Attributes:
        report: what to take up.
        now: the server's clock when it came in.
        skew: how far ahead of it the reporter's clock may be.
    """

    report: PermissionReport
    now: datetime
    skew: timedelta


Job = Draft | Report | Permit
Result = Decision | Recorded | PermissionSet | Stale


def apply(
    unit: UnitOfWork, jobs: Sequence[Job], *, holds: Callable[[Decision], bool]
) -> list[Result | TrothError]:
    """Do ``jobs`` inside one write transaction; one result each, in order.

    Outcomes and permissions go first, so that an opt-out holds for the decisions beside it.

    Args:
        unit: inside a write transaction.
        jobs: what is waiting.
        holds: whether clock and approvals still allow a decision, asked at its turn: it may
            have waited for the write lock while night fell.
    """
    results: dict[int, Result | TrothError] = {}
    granted: list[Draft] = []
    for at, job in enumerate(jobs):
        if isinstance(job, (Report, Permit)):
            results[at] = _record(unit, job)
    # Decisions are inserted last, all with the number of their audit row, so a request that
    # is twice in this group is found here rather than in the table.
    here: dict[str, Decision] = {}
    for at, job in enumerate(jobs):
        if isinstance(job, Draft):
            results[at] = _grant(unit, job, granted, here, holds)
    _write(unit, granted)
    return [results[at] for at in range(len(jobs))]


def _record(unit: UnitOfWork, job: Report | Permit) -> Recorded | PermissionSet | TrothError:
    try:
        if isinstance(job, Permit):
            return permission_reports.take(unit, job.report, now=job.now, tolerance=job.skew)
        return outcomes.record(unit, job.outcome, now=job.now, skew=job.skew)
    except TrothError as error:
        return error


def _grant(
    unit: UnitOfWork,
    draft: Draft,
    granted: list[Draft],
    here: dict[str, Decision],
    holds: Callable[[Decision], bool],
) -> Decision | Stale | TrothError:
    decision = draft.decision
    twin = here.get(decision.request_id)
    if twin is not None and twin.request_digest == decision.request_digest:
        return twin
    try:
        if twin is not None:
            return reused(decision.request_id)
        answered = find_answer(unit, decision.request_id, decision.request_digest)
        if answered is not None:
            return answered
        if not holds(decision):
            return STALE
        if decision.contacts and not _still_holds(unit, draft):
            return STALE
    except TrothError as error:
        return error
    here[decision.request_id] = decision
    granted.append(draft)
    return decision


def _still_holds(unit: UnitOfWork, draft: Draft) -> bool:
    """Whether the facts are as they were, and the contact could be booked."""
    decision = draft.decision
    now = contact_ledger.facts(unit, decision.customer_id, decision.send_at, draft.window)
    return now == decision.facts and contact_ledger.reserve(unit, decision)


def _write(unit: UnitOfWork, granted: Sequence[Draft]) -> None:
    if not granted:
        return
    digests = [draft.digest for draft in granted]
    seq = audit_log.append(
        unit,
        AuditKind.DECISIONS_COMMITTED,
        {"count": len(digests), "digest": audit_log.decisions_digest(digests)},
    )
    unit.decisions.add(
        [
            NewDecision(
                decision_id=draft.decision.decision_id,
                request_id=draft.decision.request_id,
                request_digest=draft.decision.request_digest,
                customer_id=draft.decision.customer_id,
                decided_at=isoformat(draft.decision.decided_at),
                record=draft.text,
                record_digest=draft.digest,
                audit_seq=seq,
            )
            for draft in granted
        ]
    )
