"""Linear Thompson sampling, one batch after the other."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from agents.learners.bandits.linear_posterior import (
    PosteriorSettings,
    policy_of,
    posterior_of,
    require_rows,
)
from agents.models.bilinear import BilinearMoments
from agents.policies.linear import LinearThompsonPolicy
from troth.catalogue import Catalogue
from troth.errors import FailedPrecondition, InvalidArgument
from troth.features import FeatureSchema
from troth.logs.batches import LoggedBatch


class OnlineLinearThompson(PosteriorSettings):
    """Linear Thompson sampling that keeps sums and forgets the rows.

    The model is that of :mod:`agents.learners.bandits.linear_posterior`. Its sums are sufficient
    as long as all rows weigh the same, so batches may come in any size and order, from several
    workers at once, and what they come to is what the whole log would have: K (P^2 + P) numbers
    for P columns, however long the log. What it gives up for that is the weights of
    :class:`~agents.learners.bandits.linear_thompson.LinearThompson`, which no sum can follow: they
    need all rows to sort customers into classes.
    """

    title: ClassVar[str] = "Linear Thompson sampling, online"

    def begin(self, schema: FeatureSchema, catalogue: Catalogue) -> LinearSums:
        """No rows yet."""
        return LinearSums(self, schema, catalogue)


class LinearSums:
    """What is known after some batches: the sums of their rows.

    Args:
        settings: how a policy is made of it.
        schema: what contexts follow.
        catalogue: the actions.

    Attributes:
        rows: how many were learned from.
        moments: their sums.
    """

    def __init__(
        self, settings: OnlineLinearThompson, schema: FeatureSchema, catalogue: Catalogue
    ) -> None:
        self._settings, self._schema, self._catalogue = settings, schema, catalogue
        self.rows = 0
        self.moments = BilinearMoments(schema.width, catalogue.features)

    def update(self, log: LoggedBatch) -> None:
        """Learn from the rows whose outcome window is closed; the others may come again.

        Raises:
            FailedPrecondition: if the log is of another schema or catalogue.
        """
        for name, mine, other in (
            ("contexts", self._schema.digest, log.contexts.schema.digest),
            ("catalogue", self._catalogue.digest, log.catalogue.digest),
        ):
            if mine != other:
                raise FailedPrecondition(f"{other[:12]} is not {mine[:12]}", field=f"log.{name}")
        kept = np.flatnonzero(~log.censored)
        self.moments.add(log.contexts.encoded[kept], log.action[kept], log.reward_minor[kept])
        self.rows += kept.size

    def merge(self, other: Self) -> Self:
        """The sums of both; neither is changed.

        Raises:
            InvalidArgument: if they are of different settings, schemas or catalogues.
        """
        for name in ("settings", "schema", "catalogue"):
            if getattr(self, f"_{name}") != getattr(other, f"_{name}"):
                raise InvalidArgument(f"has other {name}", field="other")
        both = type(self)(self._settings, self._schema, self._catalogue)
        both.rows = self.rows + other.rows
        both.moments = self.moments + other.moments
        return both

    def policy(self, rng: np.random.Generator) -> LinearThompsonPolicy:
        """The posterior's draws by ``rng``.

        Raises:
            FailedPrecondition: if no more rows were learned from than the model has weights.
        """
        require_rows(self.rows, self._schema, self._catalogue)
        given = (self._schema, self._catalogue, self._settings)
        return policy_of(posterior_of(self.moments, self.rows, *given), *given, rng)
