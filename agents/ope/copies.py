"""Decisions that a log holds more than once under other ids.

An export that was appended to itself, with ids given anew, looks like twice the evidence. Its
rows agree in everything else; but so do honest rows of a coarse log, of few features and few
different rewards. What tells them apart is the draw: of two decisions in one context the second
gets the action of the first with the first one's propensity, whoever decided, while copies
always have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.ope.propensities import TOLERANCE
from troth.logs.batches import LoggedBatch

CHANCE = 1e-6
"""Share of honest logs that may be said to hold copies."""
_CROWD = 32
"""Of so many decisions in one context, a copy or two change nothing that could be told."""
_ROWS = 8192
"""Rows hashed at a time: what lies in the cache."""

Codes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Rows that repeat others, more of them than chance allows.

    Attributes:
        rows: how many repeat an earlier one.
        by_chance: about how many would, if all were decisions of their own in these contexts.
        first: the first of them and the row that it repeats, counted from 0.
        clusters: int64 (n,), codes 0..G-1 of customers, those that share copies being one.
    """

    rows: int
    by_chance: float
    first: tuple[int, int]
    clusters: NDArray[np.int64]


def find_copies(log: LoggedBatch, customers: NDArray[np.int64]) -> Copies | None:
    """Rows that agree in moment, features, mask, action, propensity and reward beyond chance.

    Contexts (moment, features, mask) that occur m times, 2 <= m < 32, are compared: the share of
    their pairs that agree in all else, times floor(m / 2), is a U-statistic whose exponential
    moments are at most those of as many independent pairs (Hoeffding, section 5). Of K pairs
    in contexts of about one size, S agreeing where M are expected by the propensities,

        P(S or more) <= exp(-K kl(S / K, M / K)),   kl the relative entropy of two coins.

    Rows of different customers are compared so, and rows of one customer; of these more are
    expected to agree where a policy draws once per customer (:func:`_kept`).

    Whatever the propensities are, a log of J different rows of which each occurs a multiple of k
    times, k >= 2, is honest with a chance of at most 2^-J: counts of coincidences are as often odd.

    Args:
        log: n rows.
        customers: int64 (n,), codes 0..G-1.

    Returns:
        ``None`` where chance explains what agrees, at a level of one in a million.

    References:
        W. Hoeffding, "Probability inequalities for sums of bounded random variables", JASA 58
        (1963), theorem 1 and section 5.
    """
    n = len(log)
    if n < 2:
        return None
    context, content = _hashed(log)
    owner = customers.astype(np.uint64)
    own = _mixed(content, owner)
    alone = np.unique(own, return_index=True)[1]
    repeats = np.zeros(n, dtype=bool)
    linking = np.zeros(n, dtype=bool)
    by_chance = 0.0
    if len(alone) < n:
        expected = np.maximum(log.propensity, _kept(log, customers, context))
        found, chance = _beyond_chance(_mixed(context, owner), own, expected)
        repeats |= found
        by_chance += chance
    found, chance = _beyond_chance(context[alone], content[alone], log.propensity[alone])
    repeats[alone] |= found
    linking[alone] |= found
    by_chance += chance
    if _is_multiple(content):
        repeats[:] = True
        linking[:] = not _is_multiple(own, of=_times(content))
        by_chance = 0.0
    return _named(repeats, linking, content, customers, by_chance)


def _named(
    repeats: NDArray[np.bool_],
    linking: NDArray[np.bool_],
    content: Codes,
    customers: NDArray[np.int64],
    by_chance: float,
) -> Copies | None:
    """What is told of the rows in which a content that is there too often stands."""
    rows = np.flatnonzero(repeats)
    if not len(rows):
        return None
    _, first, which = np.unique(content[rows], return_index=True, return_inverse=True)
    later = np.flatnonzero(first[which] != np.arange(len(rows)))
    at = int(later[0])
    return Copies(
        rows=len(later),
        by_chance=min(by_chance, float(len(later))),
        first=(int(rows[at]), int(rows[first[which[at]]])),
        clusters=_linked(customers, content, linking),
    )


def _beyond_chance(
    context: Codes, content: Codes, expected: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], float]:
    """Rows of contexts in which too many agree, bool (n,), and how many repeats chance gives.

    Args:
        context: uint64 (n,).
        content: uint64 (n,), of which each lies in one context.
        expected: float64 (n,), the chance that another decision in its context agrees with each.
    """
    _, of, size = np.unique(context, return_inverse=True, return_counts=True)
    _, first, which, times = np.unique(
        content, return_index=True, return_inverse=True, return_counts=True
    )
    pairs = np.bincount(of[first], weights=0.5 * times * (times - 1.0), minlength=len(size))
    half = (size // 2).astype(np.float64)
    agreeing = half * pairs / np.maximum(0.5 * size * (size - 1.0), 1.0)
    mean = np.bincount(of, weights=expected) / size
    likely = half * np.minimum(mean * (1.0 + TOLERANCE), 1.0)
    repeats = np.bincount(of[first], weights=times - 1.0, minlength=len(size))
    suspect, chance = np.zeros(len(size), dtype=bool), 0.0
    for inside in _of_like_size(size):
        total, seen, most = (float(each[inside].sum()) for each in (half, agreeing, likely))
        if seen > most and total * _relative_entropy(seen / total, most / total) > -np.log(CHANCE):
            suspect |= inside
            chance += float(repeats[inside].sum()) * most / seen
    rows: NDArray[np.bool_] = suspect[of] & (times[which] > 1)
    return rows, chance


def _of_like_size(size: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
    """2 and 3 alike, 4 to 7, ...: where copies are a part of a coarse log, they show in some."""
    least = 2
    while least < _CROWD:
        inside = (size >= least) & (size < 2 * least)
        if inside.any():
            yield inside
        least *= 2


def _relative_entropy(seen: float, expected: float) -> float:
    """kl(a, b) = a log(a / b) + (1 - a) log((1 - a) / (1 - b)), for a >= b > 0."""
    found = seen * np.log(seen / expected)
    if seen < 1.0:
        found += (1.0 - seen) * np.log((1.0 - seen) / (1.0 - expected))
    return float(found)


def _kept(log: LoggedBatch, customers: NDArray[np.int64], context: Codes) -> float:
    """The chance that two rows of one customer in one context agree, if no draw parts them.

    It is how often a customer's next decision, in another context, has the action of the one
    before; where no customer is there in two contexts, the chance that two rows are of one
    moment: moments that are all alike do not say which rows lie apart. Rewards part such rows
    too: at least half as often as those of two customers who got the same action.
    """
    order = np.lexsort((log.decided_at, customers))
    who, where, action = customers[order], context[order], log.action[order]
    apart = (who[1:] == who[:-1]) & (where[1:] != where[:-1])
    if apart.any():
        kept = float((action[1:] == action[:-1])[apart].mean())
    else:
        shares = np.unique(log.decided_at, return_counts=True)[1] / len(log)
        kept = float(shares @ shares)
    brought = _mixed(log.action.astype(np.uint64), (log.reward_minor + 0.0).view(np.uint64))
    _, first, times = np.unique(brought, return_index=True, return_counts=True)
    alike = (times**2 / np.bincount(log.action)[log.action[first]]).sum() / len(log)
    return min(kept, 0.5 + 0.5 * float(alike))


def _times(content: Codes) -> int:
    """The largest k of which all counts are multiples."""
    return int(np.gcd.reduce(np.unique(content, return_counts=True)[1]))


def _is_multiple(content: Codes, of: int = 2) -> bool:
    """Whether all counts are multiples of one number >= ``of``, and chance does not make them."""
    times = np.unique(content, return_counts=True)[1]
    return int(np.gcd.reduce(times)) >= of and len(times) * np.log(2.0) > -np.log(CHANCE)


def _linked(
    customers: NDArray[np.int64], content: Codes, linking: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Customers (n,), those that have a content of ``linking`` rows in common being one."""
    rows = np.flatnonzero(linking)
    if not len(rows):
        return customers
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, first, which = np.unique(content[rows], return_index=True, return_inverse=True)
    one, other = customers[rows], customers[rows[first[which]]]
    size = int(customers.max()) + 1
    links = coo_array((np.ones(len(rows), dtype=np.int8), (one, other)), shape=(size, size))
    linked: NDArray[np.int64] = connected_components(links, directed=False)[1][customers].astype(
        np.int64
    )
    return linked


def _hashed(log: LoggedBatch) -> tuple[Codes, Codes]:
    """64-bit hashes of each row's context, and of all but its ids: uint64 (n,) each."""
    n, raw = len(log), log.contexts.raw
    context = log.decided_at.astype("datetime64[us]").view(np.uint64).copy()
    for start in range(0, n, _ROWS):
        rows = slice(start, start + _ROWS)
        values = raw[rows] + np.float32(0.0)  # a zero is a zero, whatever its sign
        values[np.isnan(values)] = np.nan  # and what is missing is missing
        bits = np.packbits(log.mask[rows], axis=1).astype(np.uint64)
        block = context[rows]
        for column in (*values.view(np.uint32).astype(np.uint64).T, *bits.T):
            block = _mixed(block, column)
        context[rows] = block
    content = _mixed(context, log.action.astype(np.uint64))
    for numbers in (log.propensity, log.reward_minor):
        content = _mixed(content, (numbers.astype(np.float64) + 0.0).view(np.uint64))
    return context, content


def _mixed(code: Codes, more: Codes) -> Codes:
    """A hash of both: the finaliser of SplitMix64 (Steele, Lea and Flood 2014) of a chain."""
    mixed = (code * np.uint64(0x9E3779B97F4A7C15)) ^ more
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
