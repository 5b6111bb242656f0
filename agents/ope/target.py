"""What a target policy would have done in every logged row, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from troth.contexts import ContextBatch
from troth.errors import FailedPrecondition
from troth.features import FeatureSchema
from troth.logs.batches import LoggedBatch
from troth.policy import Distribution, Policy, check_distribution

CHUNK = 16_384
"""Rows asked at a time: bounds a policy's scratch memory, and paces the progress bar."""


def target_distribution(
    policy: Policy,
    log: LoggedBatch,
    *,
    schema: FeatureSchema | None = None,
    catalogue_digest: str | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Distribution:
    """The policy's distribution at the log's contexts, under the masks the logging policy saw.

    Args:
        policy: any policy; behind guardrails if it is to be served so.
        log: n logged decisions.
        schema: what the policy was trained on, if it is to be compared.
        catalogue_digest: the same of its catalogue.
        on_rows: called with the number of rows done since the last call.

    Returns:
        float64 (n, K), rows sum to 1, 0 where the mask is false.

    Raises:
        FailedPrecondition: if the log's features or catalogue are not the policy's.
        InvalidArgument: if the policy refuses the rows or returns no distribution.
    """
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
    whole = np.empty((len(log), len(log.catalogue)), dtype=np.float64)
    for start in range(0, len(log), CHUNK):
        rows = slice(start, min(start + CHUNK, len(log)))
        contexts = ContextBatch(log.contexts.schema, log.contexts.raw[rows])
        mask = log.mask[rows]
        whole[rows] = check_distribution(policy.distribution(contexts, log.catalogue, mask), mask)
        if on_rows is not None:
            on_rows(len(mask))
    return whole
