"""Whether logged propensities fit the actions that were served.

If p_i is the probability of the action a_i served in row i, then for any function h of context
and action

    D_ik = 1{a_i = k} h(x_i, k) / p_i - h(x_i, k)

has mean 0 wherever k can be served. The mean weight is the sum over k with h the target; one
action's excess hides another's lack in it, and one kind of context's another's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from agents.ope.terms import Float64
from troth.logs.batches import LoggedBatch
from troth.policy import Distribution

FALSE_ALARMS = 1e-3
"""Share of sound logs that may be called wrong, over all that is looked at (Bonferroni)."""
TOLERANCE = 2e-3
"""Relative: propensities are written with three digits, or in single precision."""
_ROWS = 8192
"""Rows looked at together: bounds the memory."""
_SPARSE = 0.1
"""Share of a target's probabilities that are not 0, below which only those are looked at."""
_ROUNDING = 1e-12
"""A sum of squares that is smaller than this, relative to its terms, is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """What the propensities get wrong, where they do so most clearly.

    Attributes:
        what: the sums that should agree, in words.
        errors: how many standard errors they are apart, > 0; may be infinite.
    """

    what: str
    errors: float


class LoggedPropensities:
    """A log's propensities, checked for any number of targets.

    What the log alone decides is worked out once: where each feature is low, high or missing,
    and whether actions were served more often than they were eligible. Rows are gone through
    block after block, so that no array of rows x actions is made beside the target's.

    Args:
        log: n >= 1 rows.
        clusters: int64 (n,), customer codes 0..G-1.
    """

    def __init__(self, log: LoggedBatch, clusters: NDArray[np.int64]) -> None:
        self._log, self._clusters = log, clusters
        self._names = [action.action_id for action in log.catalogue.actions]
        self._served = np.bincount(log.action, minlength=len(self._names)) > 0

    def misfit(self, distribution: Distribution, q_hat: Float64 | None = None) -> Misfit | None:
        """The clearest sign that propensities are wrong; ``None`` if there is none.

        Looks at each action, in all rows and in those where a feature is low, high or missing:
        whether it was served, by 1 / p, as often as the target would (h the target's
        probability where the log can speak), and no more often than it was eligible (h = 1;
        less often is a policy's right). And whether IPS and DR agree: h the target times a
        model of the reward.

        The variance of a sum is the larger of what D shows, and of what the whole log's weights
        let expect where an action happened not to be served; customers whose rows move together
        multiply it.

        Args:
            distribution: float64 (n, K), the target.
            q_hat: float64 (n, K), expected rewards by a model of other customers; ``None``
                leaves IPS and DR uncompared.

        References:
            J. A. Hausman, "Specification tests in econometrics", Econometrica 46 (1978), for
            two estimates that must agree.
        """
        eligible, looked = self._eligibility
        found = [eligible]
        errors, ratio = self._apart(distribution)
        looked += int(np.isfinite(ratio).sum())
        found.append(self._worst(np.abs(errors), ratio, "the target would play it"))
        if q_hat is not None:
            looked += 1
            found.append(self._disagreement(distribution, q_hat))
        worst = max(found, key=lambda each: each.errors)
        most = -NormalDist().inv_cdf(FALSE_ALARMS / (2 * looked))
        return worst if worst.errors > most else None

    @cached_property
    def _eligibility(self) -> tuple[Misfit, int]:
        """What was served more often than it was eligible, and how much was looked at."""
        errors, ratio = self._apart(None)
        return self._worst(errors, ratio, "it was eligible"), int(np.isfinite(ratio).sum())

    def _worst(self, size: Float64, ratio: Float64, aim: str) -> Misfit:
        at = np.unravel_index(int(size.argmax()), size.shape)
        return Misfit(
            what=f"{self._names[at[1]]} was served{self._cells.labels[at[0]]}, by 1 / propensity, "
            f"{ratio[at]:.3g} times as often as {aim}",
            errors=float(size[at]),
        )

    @cached_property
    def _cells(self) -> _Cells:
        return _Cells.of_log(self._log)

    @cached_property
    def _blocks(self) -> list[NDArray[np.int64]]:
        """All rows, those of a customer together, :data:`_ROWS` at a time."""
        order = np.argsort(self._clusters, kind="stable")
        return np.split(order, np.arange(_ROWS, len(order), _ROWS))

    def _supported(self, rows: NDArray[np.int64] | slice) -> NDArray[np.bool_]:
        """What was eligible in these rows and was ever served, bool (m, K)."""
        return self._log.mask[rows] & self._served

    def _apart(self, target: Distribution | None) -> tuple[Float64, Float64]:
        """By cell and action, float64 (C, K): distance of the sums in errors, and their ratio.

        ``target`` gives h where the log can speak; without one h is 1 there. 0 and NaN where
        h is 0.
        """
        log, cells = self._log, self._cells
        n, k = log.mask.shape
        played = np.ones(n) if target is None else target[np.arange(n), log.action]
        weighted = played / log.propensity
        unit = float(weighted.max()) or 1.0  # weights near the largest float overflow as squares
        weighted, played = weighted / unit, played / unit
        sums = _Sums(len(cells.labels), k)
        for rows in self._blocks:
            h = self._supported(rows) / unit
            if target is not None:
                h *= target[rows]
            sums.add(h, cells.of[:, rows], log.action[rows], weighted[rows], self._clusters[rows])
        expected, squares = sums.expected, sums.squares
        seen = cells.sums(log.action, weighted, k)
        spread = squares + cells.sums(log.action, weighted * (weighted - 2.0 * played), k)
        spread[spread < _ROUNDING * squares] = 0.0
        first = np.bincount(log.action, weights=weighted, minlength=k)
        second = np.bincount(log.action, weights=weighted**2, minlength=k)
        typical = np.divide(second, first, out=np.zeros(k), where=first > 0)
        with np.errstate(over="ignore", invalid="ignore"):
            drawn = np.fmax(typical * expected, _mean_inverse(log, k) * squares) - squares
            variance = np.fmax(spread, drawn)
        variance *= sums.design_effect
        excess = seen - expected
        beyond = np.sign(excess) * np.maximum(np.abs(excess) - TOLERANCE * expected, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = np.where(beyond == 0.0, 0.0, beyond / np.sqrt(variance))
            ratio = np.where(expected > 0.0, seen / expected, np.nan)
        return errors, ratio

    def _disagreement(self, distribution: Distribution, q_hat: Float64) -> Misfit:
        """How far IPS and DR are apart, in errors of their difference."""
        log = self._log
        blocks = [slice(start, start + _ROWS) for start in range(0, len(log), _ROWS)]
        mass, total = 0.0, 0.0
        for rows in blocks:
            played = distribution[rows] * self._supported(rows)
            mass += float(played.sum())
            total += float(np.vdot(played, q_hat[rows]))
        centre = total / mass if mass > 0.0 else 0.0
        apart, size = np.empty(len(log)), 0.0
        for rows in blocks:
            # What all rewards have in common is the mean weight's matter.
            h = (q_hat[rows] - centre) * distribution[rows] * self._supported(rows)
            weighted = h[np.arange(len(h)), log.action[rows]] / log.propensity[rows]
            apart[rows] = weighted - h.sum(axis=1)
            size += float(np.abs(h, out=h).sum())
        unit = float(np.abs(apart).max()) or 1.0
        sums = np.bincount(self._clusters, weights=apart / unit)
        excess = max(abs(float(sums.sum())) - TOLERANCE * size / unit, 0.0)
        error = float(np.sqrt(sums @ sums))
        return Misfit(
            what="IPS and DR differ by more than the draw of actions explains",
            errors=excess / error if error > 0.0 else 0.0,
        )


class _Sums:
    """Of h over the rows of each cell, of its squares, and of what customers add together.

    Attributes:
        expected, squares: float64 (C, K).
    """

    def __init__(self, cells: int, actions: int) -> None:
        self.expected, self.squares = (np.zeros((cells, actions)) for _ in range(2))
        self._together, self._alone, self._open = (np.zeros(actions) for _ in range(3))
        self._customer = -1

    def add(
        self,
        h: Float64,
        cells: NDArray[np.int32],
        action: NDArray[np.int64],
        weighted: Float64,
        clusters: NDArray[np.int64],
    ) -> None:
        """Add m rows, those of a customer one after another, also from one call to the next.

        Args:
            h: float64 (m, K); written over.
            cells: int32 (f, m), in which cells each row lies.
            action: int64 (m,).
            weighted: float64 (m,), h / p of the action served.
            clusters: int64 (m,), ascending.
        """
        rows = np.arange(len(h))
        if np.count_nonzero(h) < _SPARSE * h.size:
            self._add_sparse(h, cells)
        else:
            inside = np.zeros((len(h), len(self.expected) + 1))
            for column in cells:
                inside[rows, column] = 1.0
            self.expected += inside[:, :-1].T @ h
            self.squares += inside[:, :-1].T @ h**2
        h[rows, action] -= weighted  # now it is -D
        self._alone += np.einsum("nk,nk->k", h, h)
        starts = np.flatnonzero(np.diff(clusters, prepend=-1))
        sums = h if len(starts) == len(h) else np.add.reduceat(h, starts, axis=0)
        if clusters[0] == self._customer:
            sums[0] += self._open
        else:
            self._together += self._open**2
        self._open, self._customer = sums[-1].copy(), int(clusters[-1])
        self._together += np.einsum("nk,nk->k", sums[:-1], sums[:-1])

    def _add_sparse(self, h: Float64, cells: NDArray[np.int32]) -> None:
        """Of a target that plays few actions in each row, only those."""
        size, k = self.expected.shape
        end = (size + 1) * k
        rows, actions = np.nonzero(h)
        played = h[rows, actions]
        for column in cells:
            at = column[rows] * k + actions
            for sums, values in ((self.expected, played), (self.squares, played**2)):
                sums += np.bincount(at, weights=values, minlength=end).reshape(-1, k)[:-1]

    @property
    def design_effect(self) -> Float64:
        """What rows of one customer multiply each action's variance by, float64 (K,), >= 1."""
        together = self._together + self._open**2
        found = np.divide(
            together, self._alone, out=np.ones_like(together), where=self._alone > 0.0
        )
        return np.maximum(found, 1.0)


def _mean_inverse(log: LoggedBatch, k: int) -> Float64:
    """The mean of 1 / p over all rows, by action, float64 (K,), from those it was served in."""
    least = float(log.propensity.min())
    shares = least / log.propensity
    held = np.bincount(log.action, weights=shares, minlength=k)
    squares = np.bincount(log.action, weights=shares**2, minlength=k)
    found: Float64 = np.divide(squares, held * least, out=np.zeros(k), where=held > 0)
    return found


@dataclass(frozen=True)
class _Cells:
    """All rows, and those where a feature is low, high or missing: C cells.

    Attributes:
        of: int32 (f, n), the cells that each row lies in: 0, which is all rows', and one of
            each feature, which is C, none, if the feature has none for the row.
        labels: C, what to call each.
    """

    of: NDArray[np.int32]
    labels: list[str]

    @classmethod
    def of_log(cls, log: LoggedBatch) -> _Cells:
        """The halves of each feature of ``log``."""
        raw = log.contexts.raw
        columns, labels = [np.zeros(len(raw), dtype=np.int32)], [""]
        for at, name in enumerate(log.contexts.schema.names):
            column = np.full(len(raw), -1, dtype=np.int32)
            for inside, label in _halves(raw[:, at], name):
                column[inside] = len(labels)
                labels.append(label)
            if column.max() > 0:
                columns.append(column)
        of = np.array(columns)
        of[of < 0] = len(labels)
        return cls(of, labels)

    def sums(self, action: NDArray[np.int64], values: Float64, k: int) -> Float64:
        """Of ``values``, float64 (n,), by cell and action: float64 (C, K)."""
        found = np.zeros((len(self.labels) + 1) * k)
        for column in self.of:
            found += np.bincount(column * k + action, weights=values, minlength=len(found))
        return found.reshape(-1, k)[:-1]


def _halves(values: NDArray[np.float32], name: str) -> Iterator[tuple[NDArray[np.bool_], str]]:
    missing = np.isnan(values)
    if missing.any():
        yield missing, f" where {name} is missing"
    known = values[~missing]
    if not len(known) or known.min() == known.max():
        return
    middle = float(np.median(known))
    if middle == known.max():  # then as for a flag that most have: below it, and at it
        middle = float(known[known < middle].max())
    yield values <= middle, f" where {name} is at most {middle:g}"
    yield values > middle, f" where {name} is above {middle:g}"
