"""The decision pipeline: from a request to a durable, replayable decision."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from serving.clock import Clock, ServiceClock, server_clock
from serving.customers import contact_ledger, permission_reports
from serving.customers.permission_reports import PermissionReport
from serving.decisioning import composing, decision_transaction, outcomes, validity
from serving.decisioning.answering import Answering
from serving.decisioning.decision_transaction import Draft, Job, Permit, Report, Result
from serving.decisioning.group_commit import GroupCommitter
from serving.decisioning.requests import DecideRequest
from serving.decisioning.servable import PolicySource
from serving.decisions import configs
from serving.decisions.idempotency import find_answer
from serving.decisions.records import Decision
from serving.storage.database import Database
from serving.storage.unit_of_work import UnitOfWork
from troth.errors import InvalidArgument, Unavailable
from troth.guardrails.engine import GuardrailEngine
from troth.reports import PermissionSet, Recorded
from troth.types import Outcome, isoformat

MOST_ATTEMPTS = 8
"""How often a decision is drawn again because its customer's ledger moved; then no contact.
Each time another contact was granted meanwhile, so the frequency cap bounds it in any case."""


class DecisionPipeline:
    """Answers requests; the order of steps is that of the design.

    Safe to call from many threads; the ``async`` twins from an event loop. Two pipelines on
    one database, in one process or several, never grant one contact twice: a decision rests
    on facts read before the policy is asked, and is committed only if a second reading,
    inside the write transaction, gives the same, and neither its time nor its policy has been
    taken away meanwhile. Otherwise it is masked and drawn again from the new facts with the
    same stream key.

    Args:
        database: profiles, ledger, decisions, outcomes, audit.
        policies: who may answer.
        engine: the guardrails in force.
        max_clock_skew: how far a caller's clock may be from the server's.
        model_budget_s: how long a policy has to answer, seconds.
        clock: the server's clock.
    """

    def __init__(
        self,
        database: Database,
        policies: PolicySource,
        engine: GuardrailEngine,
        *,
        max_clock_skew: timedelta = timedelta(seconds=300),
        model_budget_s: float = 0.05,
        clock: Clock = server_clock,
    ) -> None:
        self._database = database
        self._policies = policies
        self._answering = Answering(policies, engine, model_budget_s)
        self._engine = engine
        self._window = engine.config.window
        self._skew = max_clock_skew
        self._clock = clock
        self._always = ("other_clock",) if isinstance(clock, ServiceClock) else ()
        with database.write() as unit:
            configs.remember(unit, engine.config)
        self._committer: GroupCommitter[Job, Result] = GroupCommitter(
            database, partial(decision_transaction.apply, holds=self._holds)
        )

    def decide(self, request: DecideRequest) -> Decision:
        """Answer ``request``, durably, before returning.

        Raises:
            InvalidArgument: naming the field; nothing was stored.
            NotFound: if there is no such decision point; nothing was stored.
            AlreadyExists: if ``request_id`` was used to ask something else.
            Unavailable, DataLoss: if the store does not work; nothing was granted.
        """
        for step in self._steps(request):
            if isinstance(step, Decision):
                return step
            result = self._committer.submit(step).result()
            if isinstance(result, Decision):
                return result
        raise Unavailable("the customer's ledger did not settle")

    async def decide_async(self, request: DecideRequest) -> Decision:
        """As :meth:`decide`, leaving the event loop free while the commit is under way."""
        for step in self._steps(request):
            if isinstance(step, Decision):
                return step
            result = await asyncio.wrap_future(self._committer.submit(step))
            if isinstance(result, Decision):
                return result
        raise Unavailable("the customer's ledger did not settle")

    def record_outcome(self, outcome: Outcome) -> Recorded:
        """Store what came of a decision, durably, before returning.

        Raises:
            InvalidArgument, NotFound, AlreadyExists: naming the field; nothing was stored.
        """
        return _recorded(self._committer.submit(self._report(outcome)).result())

    async def record_outcome_async(self, outcome: Outcome) -> Recorded:
        """As :meth:`record_outcome`, leaving the event loop free."""
        future = self._committer.submit(self._report(outcome))
        return _recorded(await asyncio.wrap_future(future))

    def set_permission(self, report: PermissionReport) -> PermissionSet:
        """Store what a customer permits or refuses, durably, before returning.

        Raises:
            InvalidArgument, AlreadyExists: naming the field; nothing was stored.
        """
        return _acknowledged(self._committer.submit(self._permit(report)).result())

    async def set_permission_async(self, report: PermissionReport) -> PermissionSet:
        """As :meth:`set_permission`, leaving the event loop free."""
        future = self._committer.submit(self._permit(report))
        return _acknowledged(await asyncio.wrap_future(future))

    def close(self) -> None:
        """Commit what is under way and stop."""
        self._committer.close()

    def _steps(self, request: DecideRequest) -> Iterator[Decision | Draft]:
        """The stored answer, or one draft after another, each from fresh facts."""
        for attempt in range(MOST_ATTEMPTS + 1):
            yield self._propose(request, contended=attempt == MOST_ATTEMPTS)

    def _propose(self, request: DecideRequest, *, contended: bool) -> Decision | Draft:
        now = self._clock()
        with self._database.read() as unit:
            stored = find_answer(unit, request.request_id, request.digest)
            if stored is not None:
                return self._marked(unit, stored, now)
            # What a caller's clock says does not move the night: the later one counts.
            moment = max(self._decided_at(request, now), now)
            facts = contact_ledger.facts(unit, request.customer_id, moment, self._window)
        answer, reasons = self._answering.ask(request, facts, now)
        if contended:
            answer, reasons = None, (*reasons, "ledger_contended")
        decision = composing.compose(
            request,
            facts,
            answer,
            (*self._always, *reasons),
            engine=self._engine,
            now=now,
        )
        return Draft.of(decision, self._window)

    def _marked(self, unit: UnitOfWork, stored: Decision, now: datetime) -> Decision:
        """The stored answer, with why it does not hold any more."""
        standing = self._policies.servable(stored.decision_point)
        reasons = validity.void_reasons(unit, stored, standing, self._engine, now)
        return replace(stored, void_reasons=reasons)

    def _holds(self, decision: Decision) -> bool:
        """Whether a decision that waited for its commit may still be made."""
        standing = self._policies.servable(decision.decision_point)
        return not validity.lapsed(decision, standing, self._clock())

    def _decided_at(self, request: DecideRequest, now: datetime) -> datetime:
        decided_at = request.decided_at or now
        if abs(decided_at - now) > self._skew:
            raise InvalidArgument(
                f"{isoformat(decided_at)} is more than {self._skew.total_seconds():g} s from"
                f" the server's clock {isoformat(now)}",
                field="decided_at",
            )
        return decided_at

    def _report(self, outcome: Outcome) -> Report:
        now = self._clock()
        return Report(outcomes.checked(outcome, now, self._skew), now, self._skew)

    def _permit(self, report: PermissionReport) -> Permit:
        now = self._clock()
        return Permit(permission_reports.checked(report, now, self._skew), now, self._skew)


def _acknowledged(result: Result) -> PermissionSet:
    if not isinstance(result, PermissionSet):
        raise TypeError(f"{result!r} does not acknowledge a permission")
    return result


def _recorded(result: Result) -> Recorded:
    if not isinstance(result, Recorded):
        raise TypeError(f"{result!r} does not acknowledge an outcome")
    return result
