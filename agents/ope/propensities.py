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
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from agents.ope.estimators import Float64
from troth.batches import LoggedBatch
from troth.policy import Distribution

FALSE_ALARMS = 1e-3
"""Share of sound logs that may be called wrong, over all that is looked at (Bonferroni)."""
TOLERANCE = 2e-3
"""Relative: propensities are written with three digits, or in single precision."""
_ROWS = 16_384
"""Rows looked at together: bounds the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """What the propensities get wrong, where they do so most clearly.

    Attributes:
        what: the sums that should agree, in words.
        errors: how many standard errors they are apart, > 0; may be infinite.
    """

    what: str
    errors: float


def misfit(
    log: LoggedBatch,
    distribution: Distribution,
    clusters: NDArray[np.int64],
    q_hat: Float64 | None = None,
) -> Misfit | None:
    """The clearest sign that propensities are wrong; ``None`` if there is none.

    Looks at each action, in all rows and in those where a feature is low, high or missing:
    whether it was served, by 1 / p, as often as the target would (h the target's probability
    where the log can speak), and no more often than it was eligible (h = 1; less often is a
    policy's right). And whether IPS and DR agree: h the target times a model of the reward.

    The variance of a sum is the larger of what D shows, and of what the whole log's weights
    let expect where an action happened not to be served; customers whose rows move together
    multiply it.

    Args:
        log: n rows.
        distribution: float64 (n, K), the target.
        clusters: int64 (n,), customer codes 0..G-1.
        q_hat: float64 (n, K), expected rewards by a model of other customers; ``None`` leaves
            IPS and DR uncompared.

    References:
        J. A. Hausman, "Specification tests in econometrics", Econometrica 46 (1978), for two
        estimates that must agree.
    """
    names = [action.action_id for action in log.catalogue.actions]
    cells, labels = _cells(log)
    served = np.bincount(log.action, minlength=len(names)) > 0
    supported = log.mask & served
    found: list[Misfit] = []
    looked = 0
    for h, aim, both in (
        (distribution * supported, "the target would play it", True),
        (supported.astype(np.float64), "it was eligible", False),
    ):
        errors, ratio = _apart(h, log, clusters, cells)
        looked += int(np.isfinite(ratio).sum())
        size = np.abs(errors) if both else errors
        at = np.unravel_index(int(size.argmax()), size.shape)
        found.append(
            Misfit(
                what=f"{names[at[1]]} was served{labels[at[0]]}, by 1 / propensity, "
                f"{ratio[at]:.3g} times as often as {aim}",
                errors=float(size[at]),
            )
        )
    if q_hat is not None:
        looked += 1
        found.append(_disagreement(log, distribution * supported, clusters, q_hat))
    worst = max(found, key=lambda each: each.errors)
    most = -NormalDist().inv_cdf(FALSE_ALARMS / (2 * looked))
    return worst if worst.errors > most else None


def _apart(
    h: Float64, log: LoggedBatch, clusters: NDArray[np.int64], cells: NDArray[np.bool_]
) -> tuple[Float64, Float64]:
    """By cell and action, float64 (C, K): distance of the sums in errors, and their ratio.

    0 and NaN where h is 0.
    """
    n, k = h.shape
    weighted = h[np.arange(n), log.action] / log.propensity
    unit = float(weighted.max()) or 1.0  # weights near the largest float overflow as squares
    h, weighted = h / unit, weighted / unit
    shape = cells.shape[1], k
    expected, squares, seen, spread = (np.zeros(shape) for _ in range(4))
    for start in range(0, n, _ROWS):
        rows = slice(start, start + _ROWS)
        part, of = h[rows], cells[rows].T.astype(np.float64)
        actual = np.zeros_like(part)
        actual[np.arange(len(part)), log.action[rows]] = weighted[rows]
        expected += of @ part
        squares += of @ part**2
        seen += of @ actual
        spread += of @ (actual - part) ** 2
    first = np.bincount(log.action, weights=weighted, minlength=k)
    second = np.bincount(log.action, weights=weighted**2, minlength=k)
    typical = np.divide(second, first, out=np.zeros(k), where=first > 0)
    with np.errstate(over="ignore", invalid="ignore"):
        drawn = np.fmax(typical * expected, _mean_inverse(log, k) * squares) - squares
        variance = np.fmax(spread, drawn)
    variance *= _design_effect(h, weighted, log.action, clusters)
    excess = seen - expected
    beyond = np.sign(excess) * np.maximum(np.abs(excess) - TOLERANCE * expected, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(beyond == 0.0, 0.0, beyond / np.sqrt(variance))
        ratio = np.where(expected > 0.0, seen / expected, np.nan)
    return errors, ratio


def _mean_inverse(log: LoggedBatch, k: int) -> Float64:
    """The mean of 1 / p over all rows, by action, float64 (K,), from those it was served in."""
    least = float(log.propensity.min())
    shares = least / log.propensity
    held = np.bincount(log.action, weights=shares, minlength=k)
    squares = np.bincount(log.action, weights=shares**2, minlength=k)
    found: Float64 = np.divide(squares, held * least, out=np.zeros(k), where=held > 0)
    return found


def _design_effect(
    h: Float64, weighted: Float64, action: NDArray[np.int64], clusters: NDArray[np.int64]
) -> Float64:
    """What rows of one customer multiply each action's variance by, float64 (K,), >= 1."""
    found = np.ones(h.shape[1])
    if int(clusters.max()) + 1 == len(clusters):
        return found
    for k in range(len(found)):
        apart = np.where(action == k, weighted, 0.0) - h[:, k]
        alone = float(apart @ apart)
        sums = np.bincount(clusters, weights=apart)
        if alone > 0.0:
            found[k] = max(1.0, float(sums @ sums) / alone)
    return found


def _disagreement(
    log: LoggedBatch, played: Float64, clusters: NDArray[np.int64], q_hat: Float64
) -> Misfit:
    """How far IPS and DR are apart, in errors of their difference."""
    mass = float(played.sum())
    centre = float((played * q_hat).sum()) / mass if mass > 0.0 else 0.0
    h = played * (q_hat - centre)  # what all rewards have in common is the mean weight's matter
    apart = h[np.arange(len(h)), log.action] / log.propensity - h.sum(axis=1)
    unit = float(np.abs(apart).max()) or 1.0
    h, apart = h / unit, apart / unit
    sums = np.bincount(clusters, weights=apart)
    excess = max(abs(float(apart.sum())) - TOLERANCE * float(np.abs(h).sum()), 0.0)
    error = float(np.sqrt(sums @ sums))
    return Misfit(
        what="IPS and DR differ by more than the draw of actions explains",
        errors=excess / error if error > 0.0 else 0.0,
    )


def _cells(log: LoggedBatch) -> tuple[NDArray[np.bool_], list[str]]:
    """All rows, and halves by each feature: bool (n, C), and what to call each."""
    raw = log.contexts.raw
    columns, labels = [np.ones(len(raw), dtype=bool)], [""]
    for at, name in enumerate(log.contexts.schema.names):
        for inside, label in _halves(raw[:, at], name):
            columns.append(inside)
            labels.append(label)
    return np.column_stack(columns), labels


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
