"""What the firm sees of a population: raw features, their encoding, and the mask.

Left out on purpose: whether and when a customer leaves, his uplift group, rate, true
affinities and fits, fatigue, true sentiment, and purchases under an identifier that is not
linked; of these only traces show. Past clicks are smoothed,

    response_c = (clicks_c + w) / (delivered_c + w / clicked_c)

with w expected clicks of prior weight at the channel's base rate, the posterior mean of a
gamma-Poisson model. The order of the rows is that of :mod:`simulator.schema`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import columns as col
from simulator.contacts import C
from simulator.kernel import compiled
from simulator.visits import MEMORY

_FADES = np.exp(-np.arange(512) / MEMORY).astype(np.float32)
MONTH_BITS, WEEK_BITS = 0x1FFFFFFE, 0xFE
"""Days 1 to 28 ago, days 1 to 7 ago."""


@compiled
def _count(x: Any) -> Any:
    """Bits set in a non-negative integer below 2**31."""
    x = x - ((x >> 1) & 0x55555555)
    x = (x & 0x33333333) + ((x >> 2) & 0x33333333)
    return (((x + (x >> 4)) & 0x0F0F0F0F) * 0x01010101 & 0xFFFFFFFF) >> 24


@compiled
def raw_features(
    out: NDArray[np.float32],
    fs: NDArray[np.float32],
    ints: NDArray[np.int32],
    longs: NDArray[np.int64],
    bits: NDArray[np.uint8],
    start: int,
    stop: int,
    bounds: NDArray[np.float32],
    tables: Any,
    par: Any,
    today: Any,
) -> None:
    """Raw features of customers ``start`` to ``stop``, written to ``out`` float32 (F, n).

    Args:
        out: written, kept inside ``bounds``.
        fs, ints, longs, bits: the population's blocks.
        start, stop: positions.
        bounds: float32 (2, F), lowest and highest value of each feature.
        tables, par, today: as in :func:`simulator.day.live`.
    """
    clock, period = today.clock, today.period
    oldest = col.POINT_BUCKETS + (period + 1) % col.BUCKETS
    weight = par.smoothing_clicks
    last = tables.tiers.shape[0] - 2
    fades = _FADES
    for i in range(start, stop):
        out[0, i] = clock - ints[col.SEEN_ORDER, i]
        out[1, i] = ints[col.ORDERS, i]
        out[2, i] = longs[col.LIFETIME_SPEND, i] / max(ints[col.LIFETIME_ORDERS, i], 1)
        out[3, i] = clock - ints[col.JOINED, i]
        tier = bits[col.TIER, i]
        out[4, i] = tier
        out[5, i] = longs[col.POINTS, i]
        missing = max(tables.tiers[tier + 1].threshold - longs[col.SPEND, i], 0) / 100.0
        out[6, i] = missing if tier < last else 0.0
        out[7, i] = ints[oldest, i]
        running = ints[col.CHALLENGE_END, i] > 0
        share = ints[col.CHALLENGE_DONE, i] / max(ints[col.CHALLENGE_TARGET, i], 1)
        out[8, i] = share if running else 0.0
        out[9, i] = ints[col.TICKETS, i]
        out[10, i] = fs[col.SIGNAL, i]
        since = clock - ints[col.LAST_CONTACT, i]
        recent = np.int64(ints[col.RECENT, i]) << min(since, 30)
        out[11, i] = _count(recent & WEEK_BITS)
        out[12, i] = _count(recent & MONTH_BITS)
        out[13, i] = since
    for part in range(col.WATCHED_KINDS):
        for i in range(start, stop):
            clicked = ints[col.KIND_CLICKS + part, i] + weight
            out[14 + part, i] = clicked / (fs[col.KIND_EXPECTED + part, i] + weight)
    for i in range(start, stop):
        out[16, i] = today.weekend
        out[17, i] = today.season_sin
        out[18, i] = today.season_cos
    for c in range(1, C):
        base = weight / tables.channels[c].clicked
        for i in range(start, stop):
            out[18 + c, i] = (ints[col.PERMITS, i] >> c) & 1
            sent = ints[col.DELIVERED + c, i] + base
            out[17 + C + c, i] = (ints[col.CLICKS + c, i] + weight) / sent
    row = 17 + 2 * C
    for i in range(start, stop):
        gap = min(clock - ints[col.VISITS_DAY, i], 511)
        out[row, i] = fs[col.VISITS, i] * fades[gap]
        ahead = ints[col.BIRTHDAY, i] - today.day_of_year
        out[row + 1, i] = ahead + 365 if ahead < 0 else ahead
        out[row + 2, i] = ints[col.NPS, i]
    for feature in range(out.shape[0]):
        low, high = bounds[0, feature], bounds[1, feature]
        column = out[feature]
        for i in range(start, stop):
            column[i] = min(max(column[i], low), high)
    for i in range(start, stop):
        if ints[col.NPS, i] < 0:
            out[row + 2, i] = math.nan


@compiled
def eligible(
    out: NDArray[np.bool_],
    triggered: NDArray[np.uint32],
    raw: NDArray[np.float32],
    ints: NDArray[np.int32],
    start: int,
    stop: int,
    conditions: Any,
    journeys: int,
    need: NDArray[np.uint32],
    cap: int,
    cap_days: int,
    clock: int,
) -> None:
    """The mask (n, K) and the triggered journeys as bits (n,) of ``start`` to ``stop``.

    An action is eligible if its journey has been triggered, its channel is permitted and the
    programme's cap leaves a contact; column 0 always is.
    """
    everything = np.uint32((1 << journeys) - 1)
    for i in range(start, stop):
        triggered[i] = everything
    for m in range(conditions.shape[0]):
        feature = conditions[m].feature
        low, high = conditions[m].low, conditions[m].high
        bit = np.uint32(1 << conditions[m].journey)
        column = raw[feature]
        for i in range(start, stop):
            holds = (column[i] >= low) & (column[i] <= high)
            triggered[i] &= ~(bit * np.uint32(not holds))
    days = np.int64((1 << (cap_days + 1)) - 2)
    actions = need.shape[0]
    for i in range(start, stop):
        since = min(clock - ints[col.LAST_CONTACT, i], 30)
        recent = np.int64(ints[col.RECENT, i]) << since
        have = np.uint32(0)
        if _count(recent & days) < cap:
            have = triggered[i] | (np.uint32(ints[col.PERMITS, i] & 0x1FE) << np.uint32(23))
        row = out[i]
        for k in range(actions):
            row[k] = (have & need[k]) == need[k]


@compiled
def encode_columns(
    out: NDArray[np.float32],
    raw: NDArray[np.float32],
    start: int,
    stop: int,
    source: NDArray[np.int64],
    kind: NDArray[np.int64],
    missing: NDArray[np.float32],
    loc: NDArray[np.float32],
    scale: NDArray[np.float32],
) -> None:
    """:func:`troth.features.encode` for columns in structure-of-arrays layout.

    Args:
        out: float32 (D, n), written.
        raw: float32 (F, n) inside the features' bounds, or NaN.
        start, stop: positions.
        source: int64 (D,), the raw column of each encoded one.
        kind: int64 (D,): 0 as it is, 1 logarithmic, 2 + level for a category.
        missing, loc, scale: float32 (D,).
    """
    for d in range(out.shape[0]):
        column, into = raw[source[d]], out[d]
        instead, centre, width = missing[d], loc[d], scale[d]
        if kind[d] == 0:
            for i in range(start, stop):
                x = column[i]
                x = x if x == x else instead  # only NaN differs from itself
                into[i] = (x - centre) / width
        elif kind[d] == 1:
            for i in range(start, stop):
                x = column[i]
                x = x if x == x else instead
                into[i] = (np.float32(math.log1p(x)) - centre) / width
        else:
            level = np.float32(kind[d] - 2)
            for i in range(start, stop):
                x = column[i]
                x = x if x == x else instead
                into[i] = np.float32(x == level)
