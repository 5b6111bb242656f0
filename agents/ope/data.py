"""A log as off-policy evaluation uses it, with what it says whoever the target is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents.ope.copies import Copies, find_copies
from agents.ope.intervals import cluster_codes
from agents.ope.propensities import LoggedPropensities
from agents.ope.reward_model import FOLDS, cross_fit
from troth.errors import FailedPrecondition
from troth.logs.batches import LoggedBatch
from troth.logs.ids import AlikeIds, alike, plain


@dataclass(frozen=True)
class OpeData:
    """Decisions whose outcome is known, and what is found in them once for all policies.

    Attributes:
        logged: all n decisions.
        rows: int64 (m,), those whose outcome window is closed, m >= 1.
        folds: of customers, by which the reward model is cross-fitted.
    """

    logged: LoggedBatch
    rows: NDArray[np.int64]
    folds: int = FOLDS

    @classmethod
    def of(cls, log: LoggedBatch, *, folds: int = FOLDS) -> OpeData:
        """The closed decisions of ``log``.

        Raises:
            FailedPrecondition: if there are none.
        """
        rows = np.flatnonzero(~log.censored)
        if not len(rows):
            raise FailedPrecondition(
                f"no decision with a closed outcome window ({len(log)} are open)", field="log"
            )
        return cls(log, rows, folds)

    @property
    def open_rows(self) -> int:
        """How many decisions are left out."""
        return len(self.logged) - len(self.rows)

    @cached_property
    def log(self) -> LoggedBatch:
        """The m decisions."""
        return self.logged.take(self.rows) if self.open_rows else self.logged

    def closed(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        """The m rows of what is given for all n, float64 (n, K)."""
        return column[self.rows] if self.open_rows else column

    @cached_property
    def alike_ids(self) -> tuple[AlikeIds, ...]:
        """Ids that may be others'; rows are those of all n decisions."""
        found = (
            alike(plain(getattr(self.logged, name), name), name)
            for name in ("customer_id", "decision_id")
        )
        return tuple(each for each in found if each is not None)

    @cached_property
    def copies(self) -> Copies | None:
        """Decisions that are there under other ids too; rows are those of all n decisions."""
        found = find_copies(self.log, self._customers)
        if found is None:
            return None
        later, earlier = found.first
        return replace(found, first=(int(self.rows[later]), int(self.rows[earlier])))

    @cached_property
    def clusters(self) -> NDArray[np.int64]:
        """Codes 0..G-1 of customers, int64 (m,): one where ids or decisions say that it is one."""
        return self._customers if self.copies is None else self.copies.clusters

    @cached_property
    def propensities(self) -> LoggedPropensities:
        """What checks the propensities for each target."""
        return LoggedPropensities(self.log, self.clusters)

    @cached_property
    def q_hat(self) -> NDArray[np.float64]:
        """float64 (m, K): rewards predicted by models that have not seen the row's customer."""
        return cross_fit(self.log, folds=self.folds)

    @cached_property
    def _customers(self) -> NDArray[np.int64]:
        for found in self.alike_ids:
            if found.field == "customer_id":
                return cluster_codes(found.joined[self.rows])
        return cluster_codes(plain(self.log.customer_id, "customer_id"))
