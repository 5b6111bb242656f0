"""Export: the decision log and what came of it, as the one schema learners read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from serving.decisioning.replay import Artifacts
from serving.decisions import configs
from serving.decisions.records import Decision, decode_record
from serving.storage.database import Database
from serving.storage.unit_of_work import UnitOfWork
from troth.contexts import ContextBatch
from troth.errors import FailedPrecondition, NotFound
from troth.guardrails.columns import FactsBatch
from troth.guardrails.told import MOST, ToldFact
from troth.logs.batches import LoggedBatch
from troth.logs.tables import places
from troth.objective import Objective
from troth.types import OutcomeKind, isoformat

WINDOW = timedelta(days=28)
"""How long after a decision outcomes count, unless said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A log and what did not make it into it.

    Attributes:
        batch: the decisions that a policy answered.
        unanswered: decisions nobody could answer; they have no policy to learn from.
    """

    batch: LoggedBatch
    unanswered: int


def export_log(
    database: Database,
    artifacts: Artifacts,
    *,
    now: datetime,
    objective: Objective | None = None,
    window: timedelta = WINDOW,
    catalogue_digest: str | None = None,
    told: Sequence[ToldFact] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """All decisions over one catalogue, in the order of commitment, with their rewards.

    The reward follows ``objective`` over margin (purchases as reported, so net of discounts
    and points), the cost of the contact, and opt-outs. Facts are what the guardrails were told;
    the mask is what they left.

    Args:
        database: decisions and outcomes.
        artifacts: to learn catalogue and feature schema from.
        now: aware UTC; decisions younger than ``window`` are marked censored.
        objective: by default margin minus the cost of the contact.
        window: how long after a decision its outcomes count.
        catalogue_digest: which catalogue; needed if decisions were made over several.
        told: facts that get a column beside those that decisions recorded, so that guardrails
            in force now can be judged on the log.
        on_progress: called with rows done and rows in all.

    Raises:
        NotFound: if there is no such decision, or the guardrails of one were never kept.
        FailedPrecondition: if there are several catalogues or feature schemas to choose from.
    """
    with database.read() as unit:
        decisions, unanswered = _decisions(unit, catalogue_digest, on_progress)
        margin, opt_outs = _outcomes(unit, decisions, window)
        listed = _listed(unit, decisions)
    artifact = artifacts.load(decisions[0].policy_digest)
    catalogue = artifact.catalogue
    action = np.array([d.action for d in decisions], dtype=np.int64)
    nothing = np.zeros(len(decisions), dtype=np.int64)
    reward = (objective or Objective()).reward(
        {
            "margin_minor": margin,
            "discount_minor": nothing,
            "points_minor": nothing,
            "contact_minor": catalogue.cost_minor[action],
            "opt_outs": opt_outs,
        }
    )
    customers = np.array([d.customer_id for d in decisions])
    times = np.array([_naive(d.decided_at) for d in decisions], dtype="datetime64[us]")
    batch = LoggedBatch(
        contexts=ContextBatch(artifact.schema, np.concatenate([d.raw for d in decisions])),
        catalogue=catalogue,
        mask=_masks(decisions, len(catalogue)),
        action=action,
        propensity=np.array([d.propensity for d in decisions]),
        reward_minor=reward,
        censored=np.array([d.decided_at + window > now for d in decisions]),
        customer_id=customers,
        episode=nothing,
        step=places(customers, times),
        decided_at=times,
        decision_id=np.array([d.decision_id for d in decisions]),
        policy_digest=np.array([d.policy_digest for d in decisions]),
        facts=replace(
            FactsBatch.of(
                [d.facts for d in decisions],
                catalogue,
                timedelta(hours=1),
                _told(decisions, told),
            ),
            listed_us=listed,
        ),
    )
    return Exported(batch=batch, unanswered=unanswered)


def _told(decisions: Sequence[Decision], wanted: Sequence[ToldFact]) -> list[ToldFact]:
    """``wanted``, and whatever else decisions recorded; what that was is not known any more."""
    facts = {name: _anything(name) for d in decisions for name in d.facts.told}
    facts |= {fact.name: fact for fact in wanted}
    return [facts[name] for name in sorted(facts)]


def _anything(name: str) -> ToldFact:
    return ToldFact(name=name, meaning="as recorded", low=-MOST, high=MOST)


def _decisions(
    unit: UnitOfWork,
    catalogue_digest: str | None,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[list[Decision], int]:
    """Decisions over one catalogue and schema, and how many nobody answered."""
    total = unit.decisions.count()
    decisions, unanswered = [], 0
    for done, row in enumerate(unit.decisions.records(), start=1):
        decision = decode_record(*row)
        if not decision.policy_digest:
            unanswered += 1
        elif catalogue_digest in (None, decision.catalogue_digest):
            decisions.append(decision)
        if on_progress is not None and (done % 1000 == 0 or done == total):
            on_progress(done, total)
    if not decisions:
        raise NotFound("there are no decisions to export", field="decisions")
    for field in ("catalogue_digest", "feature_schema_digest"):
        found = sorted({getattr(d, field) for d in decisions})
        if len(found) > 1:
            raise FailedPrecondition(
                f"decisions were made over several; choose one of {', '.join(found)}", field=field
            )
    return decisions, unanswered


def _outcomes(
    unit: UnitOfWork, decisions: Sequence[Decision], window: timedelta
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Margin in minor units and opt-outs of each decision, within the window."""
    margin = np.zeros(len(decisions), dtype=np.int64)
    opt_outs = np.zeros(len(decisions), dtype=np.int64)
    position = {d.decision_id: at for at, d in enumerate(decisions)}
    for kind in (OutcomeKind.PURCHASED, OutcomeKind.OPTED_OUT):
        for row in unit.outcomes.of_kind(kind.value):
            at = position.get(row.decision_id)
            if at is None or row.occurred_at >= isoformat(decisions[at].decided_at + window):
                continue
            if kind is OutcomeKind.PURCHASED:
                margin[at] += row.value_minor
            else:
                opt_outs[at] += 1
    return margin, opt_outs


def _listed(unit: UnitOfWork, decisions: Sequence[Decision]) -> NDArray[np.int64]:
    """How far the facts of each decision list contacts: as far as its guardrails looked.

    Troth's own: those of packages, which may be gone by now, can only have looked further.
    """
    windows = {
        digest: configs.recall_own(unit, digest).window // timedelta(microseconds=1)
        for digest in {d.guardrails_digest for d in decisions}
    }
    return np.array([windows[d.guardrails_digest] for d in decisions], dtype=np.int64)


def _masks(decisions: Sequence[Decision], actions: int) -> NDArray[np.bool_]:
    mask = np.zeros((len(decisions), actions), dtype=bool)
    for row, decision in enumerate(decisions):
        mask[row, list(decision.eligible)] = True
    return mask


def _naive(moment: datetime) -> datetime:
    """Without its zone, which is UTC: NumPy's times have none."""
    return moment.replace(tzinfo=None)
