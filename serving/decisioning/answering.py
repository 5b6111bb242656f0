"""Who answers, and with what distribution: model, then baseline, then nobody."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from serving.decisioning.eligibility import candidates
from serving.decisioning.requests import DecideRequest
from serving.decisioning.servable import PolicySource, ServablePolicy
from serving.decisioning.time_budget import Late, TimeBudget
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument, NotFound
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.facts import Facts
from troth.guardrails.guarded import Guarded, guard

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PolicyAnswer:
    """What one answerer made of a request.

    Attributes:
        answerer: who.
        guarded: its guarded distribution, one row.
    """

    answerer: ServablePolicy
    guarded: Guarded


class Answering:
    """Asks the policies of a decision point in turn.

    Args:
        policies: who may answer.
        engine: the guardrails in force.
        budget_s: how long each answerer has, seconds.
    """

    def __init__(self, policies: PolicySource, engine: GuardrailEngine, budget_s: float) -> None:
        self._policies = policies
        self._engine = engine
        self._budget_s = budget_s
        self._budgets: dict[str, TimeBudget[Guarded]] = {}

    def ask(
        self, request: DecideRequest, facts: Facts, now: datetime
    ) -> tuple[PolicyAnswer | None, tuple[str, ...]]:
        """The first answer there is, and why those before it gave none.

        Args:
            request: what is asked.
            facts: what the guardrails are told.
            now: the server's clock, which approvals expire by.

        Returns:
            The answer, ``None`` if nobody could give one, and the reasons as slugs.

        Raises:
            InvalidArgument: if the request does not fit the schema or catalogue in force.
            NotFound: if there is no such decision point.
        """
        standing = self._policies.servable(request.decision_point)
        if not standing.known:
            raise NotFound(
                f"{request.decision_point[:64]!r} is no decision point of this installation",
                field="decision_point",
            )
        require_fit(request, standing.policies)
        reasons = list(standing.reasons)
        for answerer in standing.policies:
            outcome = self._try(answerer, request, facts, now)
            if isinstance(outcome, Guarded):
                return PolicyAnswer(answerer, outcome), (*reasons, f"approved_{answerer.role}")
            reasons.append(f"{answerer.role}_{outcome}")
        return None, (*reasons, "nobody_can_answer")

    def _try(
        self, answerer: ServablePolicy, request: DecideRequest, facts: Facts, now: datetime
    ) -> Guarded | str:
        """The guarded distribution, or a slug saying why there is none."""
        refusal = answerer.refusal(request.decision_point, request.customer_id, now)
        if refusal is not None:
            return refusal
        if answerer.schema.digest != request.feature_schema_digest:
            return "schema_differs"
        try:
            mask = candidates(answerer.catalogue, request.triggered_journeys)
        except InvalidArgument:  # the one in force knows these journeys, this one does not
            return "catalogue_differs"
        contexts = ContextBatch(answerer.schema, request.features[None, :])
        call = partial(
            guard,
            answerer.policy,
            self._engine,
            contexts,
            answerer.catalogue,
            mask,
            self._engine.columns([facts], answerer.catalogue),
        )
        try:
            return self._budget(answerer).run(call)
        except Late:
            log.warning("policy %s took over %g s", answerer.digest, self._budget_s)
            return "slow"
        except Exception:  # a broken model must not break the answer
            log.exception("policy %s failed", answerer.digest)
            return "broken"

    def _budget(self, answerer: ServablePolicy) -> TimeBudget[Guarded]:
        return self._budgets.setdefault(answerer.digest, TimeBudget(self._budget_s))


def require_fit(request: DecideRequest, policies: Sequence[ServablePolicy]) -> None:
    """Check the request against the first answerer whose schema it follows.

    Whether that one may answer does not matter here: bad input is refused in any case.
    Where there is no answerer at all, there is nothing to check against.

    Raises:
        InvalidArgument: naming the feature, the journey or the schema digest.
    """
    if not policies:
        return
    fitting = [a for a in policies if a.schema.digest == request.feature_schema_digest]
    if not fitting:
        raise InvalidArgument(
            f"{request.feature_schema_digest} is not the schema in force,"
            f" {policies[0].schema.digest}",
            field="feature_schema_digest",
        )
    fitting[0].schema.validate(request.features)
    candidates(fitting[0].catalogue, request.triggered_journeys)
