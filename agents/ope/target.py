"""What a target policy would have done in every logged row, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from troth.contexts import ContextBatch
from troth.errors import FailedPrecondition
from troth.features import FeatureSchema
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.guarded import Tally, Took, guard
from troth.logs.batches import LoggedBatch
from troth.policy import Distribution, Policy, check_distribution, read_only

CHUNK = 16_384
"""Rows asked at a time: bounds a policy's scratch memory, and paces the progress bar."""

OnRows = Callable[[int], None]
"""Called with the number of rows done since the last call."""


def target_distribution(
    policy: Policy,
    log: LoggedBatch,
    *,
    schema: FeatureSchema | None = None,
    catalogue_digest: str | None = None,
    on_rows: OnRows | None = None,
) -> Distribution:
    """The policy's distribution at the log's contexts, under the masks the logging policy saw.

    Args:
        policy: any policy, as it stands; :func:`guarded_target` guards it.
        log: n logged decisions.
        schema: what the policy was trained on, if it is to be compared.
        catalogue_digest: the same of its catalogue.
        on_rows: hears of progress.

    Returns:
        float64 (n, K), rows sum to 1, 0 where the mask is false.

    Raises:
        FailedPrecondition: if the log's features or catalogue are not the policy's.
        InvalidArgument: if the policy refuses the rows or returns no distribution.
    """
    _require_same(log, schema, catalogue_digest)
    whole = np.empty((len(log), len(log.catalogue)), dtype=np.float64)
    for rows in _chunks(log, on_rows):
        contexts, mask = ContextBatch(log.contexts.schema, log.contexts.raw[rows]), log.mask[rows]
        whole[rows] = check_distribution(
            policy.distribution(contexts, log.catalogue, read_only(mask)), mask
        )
    return whole


@dataclass(frozen=True)
class GuardedTarget:
    """What a policy would have done in every logged row, without guardrails and behind them.

    Attributes:
        unguarded: float64 (n, K), that of :func:`target_distribution`.
        guarded: float64 (n, K), what would have been served; in a row whose outcome window is
            open, and whose contacts are listed less far than a cap reaches, as unguarded.
        took: what each guardrail took, over the rows whose outcome window is closed.
    """

    unguarded: Distribution
    guarded: Distribution
    took: tuple[Took, ...]


def unguardable(log: LoggedBatch, engine: GuardrailEngine) -> str | None:
    """Why guardrails cannot be applied to a policy on this log, in words; ``None`` if they can.

    Nothing is estimated from rows whose outcome window is open, so that they do not matter.
    """
    if log.facts is None:
        return "the log does not say what was known of the customers"
    least = int(log.facts.listed_us[~log.censored].min(initial=engine.reach_us))
    if least < engine.reach_us:
        return (
            f"the log lists contacts {least / 3.6e9:g} hours far, and the guardrails look "
            f"{engine.reach_us / 3.6e9:g} hours far"
        )
    for fact in engine.config.told:
        if fact.name not in log.facts.told:
            return (
                f"the log has no column fact.{fact.name} ({fact.meaning}), which a guardrail needs"
            )
    return None


def guarded_target(
    policy: Policy,
    log: LoggedBatch,
    engine: GuardrailEngine,
    *,
    schema: FeatureSchema | None = None,
    catalogue_digest: str | None = None,
    on_rows: OnRows | None = None,
) -> GuardedTarget:
    """The policy with and without guardrails, by the rule that serves: see :func:`guard`.

    Candidates are the masks the logging policy saw: guardrails narrow them further. The
    arguments, and what is raised, are those of :func:`target_distribution`.

    Raises:
        FailedPrecondition: also if the facts are missing or do not reach far enough.
    """
    _require_same(log, schema, catalogue_digest)
    why_not = unguardable(log, engine)
    if log.facts is None or why_not is not None:
        raise FailedPrecondition(f"{why_not}: no guardrail can be applied", field="log.facts")
    shape = (len(log), len(log.catalogue))
    unguarded, served = np.empty(shape, dtype=np.float64), np.empty(shape, dtype=np.float64)
    tally = Tally()
    short = log.facts.listed_us < engine.reach_us  # open rows alone, as was just made sure of
    for chunk in _chunks(log, on_rows):
        rows: slice | NDArray[np.int64] = chunk
        if short[chunk].any():
            if short[chunk].all():
                continue
            rows = chunk.start + np.flatnonzero(~short[chunk])
        contexts, mask = ContextBatch(log.contexts.schema, log.contexts.raw[rows]), log.mask[rows]
        found = guard(policy, engine, contexts, log.catalogue, mask, log.facts.take(rows))
        unguarded[rows], served[rows] = found.proposed, found.distribution
        tally.add(found, ~log.censored[rows])
    if short.any():
        alone = target_distribution(policy, log.take(short))
        unguarded[short] = served[short] = alone
    return GuardedTarget(unguarded, served, tally.took())


def _require_same(
    log: LoggedBatch, schema: FeatureSchema | None, catalogue_digest: str | None
) -> None:
    if schema is not None and schema.digest != log.contexts.schema.digest:
        raise FailedPrecondition(
            f"the policy encodes features by schema {schema.digest[:12]}, the log by "
            f"{log.contexts.schema.digest[:12]}",
            field="log.features",
        )
    if catalogue_digest is not None and catalogue_digest != log.catalogue.digest:
        raise FailedPrecondition(
            f"the policy's catalogue is {catalogue_digest[:12]}, the log's "
            f"{log.catalogue.digest[:12]}",
            field="log.catalogue",
        )


def _chunks(log: LoggedBatch, on_rows: OnRows | None) -> Iterator[slice]:
    """Slices of the log's rows, each told of when the next is asked for."""
    for start in range(0, len(log), CHUNK):
        stop = min(start + CHUNK, len(log))
        yield slice(start, stop)
        if on_rows is not None:
            on_rows(stop - start)
