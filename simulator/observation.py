"""What the firm sees of a population: raw features, their encoding, and the mask.

Left out on purpose: whether and when a customer leaves, his uplift group, rate, true
affinities and fits, fatigue, true sentiment, and purchases under an identifier that is not
linked; of these only traces show. Past clicks are smoothed,

    response_c = (clicks_c + w) / (delivered_c + w / clicked_c)

with w expected clicks of prior weight at the channel's base rate, the posterior mean of a
gamma-Poisson model. The order of the rows is that of :mod:`simulator.schema`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import columns as col
from simulator.contacts import C
from simulator.kernel import compiled, inlined
from simulator.vector import log
from simulator.visits import MEMORY

Row = NDArray[np.float32]
Ints = NDArray[np.int32]

_FADES = np.exp(-np.arange(512) / MEMORY).astype(np.float32)
MONTH_BITS, WEEK_BITS = 0x1FFFFFFE, 0xFE
"""Days 1 to 28 ago, days 1 to 7 ago."""


@inlined
def _within(x: Any, low: Any, high: Any) -> Any:
    """``x`` kept inside bounds, by selects that vectorise."""
    x = x if x > low else low
    return x if x < high else high


@inlined
def _ones(x: Any) -> Any:
    """Bits set in a uint32."""
    x = x - ((x >> np.uint32(1)) & np.uint32(0x55555555))
    x = (x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333))
    x = (x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    x = x + (x >> np.uint32(8))
    return (x + (x >> np.uint32(16))) & np.uint32(0x3F)


@compiled
def _plain(out: Row, column: NDArray[Any], a: int, b: int, low: Any, high: Any) -> None:
    for i in range(a, b):
        out[i] = _within(np.float32(column[i]), low, high)


@compiled
def _since(out: Row, day: Ints, clock: Any, a: int, b: int, low: Any, high: Any) -> None:
    """Days since ``day``."""
    today = np.int32(clock)
    for i in range(a, b):
        out[i] = _within(np.float32(today - day[i]), low, high)


@compiled
def _constant(out: Row, value: Any, a: int, b: int) -> None:
    for i in range(a, b):
        out[i] = value


@compiled
def _average(
    out: Row, total: NDArray[np.int64], count: Ints, a: int, b: int, low: Any, high: Any
) -> None:
    """``total`` per ``count``, 0 where there is none."""
    for i in range(a, b):
        divisor = np.float32(count[i]) if count[i] > 1 else np.float32(1.0)
        out[i] = _within(np.float32(total[i]) / divisor, low, high)


@compiled
def _contacts(
    out: Row, recent: Ints, last: Ints, clock: Any, bits: Any, a: int, b: int, high: Any
) -> None:
    """Contacts on the days that ``bits`` selects, by how many days ago they were."""
    today, window = np.int32(clock), np.uint32(bits)
    for i in range(a, b):
        since = today - last[i]
        since = since if since < np.int32(31) else np.int32(31)
        made = np.uint32(np.uint32(recent[i]) << np.uint32(since)) & window
        count = np.float32(_ones(made))
        out[i] = count if count < high else high


@compiled
def _clicks(
    out: Row, clicks: Ints, trials: NDArray[Any], weight: Any, prior: Any, a: int, b: int, high: Any
) -> None:
    """Smoothed clicks per trial."""
    w, p = np.float32(weight), np.float32(prior)
    for i in range(a, b):
        rate = (np.float32(clicks[i]) + w) / (np.float32(trials[i]) + p)
        out[i] = rate if rate < high else high


@compiled
def _permitted(out: Row, permits: Ints, channel: Any, a: int, b: int) -> None:
    shift = np.int32(channel)
    for i in range(a, b):
        out[i] = np.float32((permits[i] >> shift) & np.int32(1))


@compiled
def _to_next_tier(
    out: Row,
    tier: NDArray[np.uint8],
    spend: NDArray[np.int64],
    tiers: Any,
    a: int,
    b: int,
    high: Any,
) -> None:
    """Major units of spend to the next tier, 0 at the top."""
    top = tiers.shape[0] - 2
    above = np.empty(tiers.shape[0], dtype=np.float32)
    for t in range(top):
        above[t] = tiers[t + 1].threshold
    above[top] = 0.0
    for i in range(a, b):
        gap = (above[tier[i]] - np.float32(spend[i])) * np.float32(0.01)
        out[i] = _within(gap, np.float32(0.0), high)


@compiled
def _progress(out: Row, end: Ints, done: Ints, target: Ints, a: int, b: int) -> None:
    """Share of the running challenge's target."""
    for i in range(a, b):
        aim = np.float32(target[i]) if target[i] > 1 else np.float32(1.0)
        share = np.float32(done[i]) / aim
        out[i] = share if end[i] > 0 else np.float32(0.0)


@compiled
def _visits(out: Row, visits: Row, day: Ints, clock: Any, a: int, b: int, high: Any) -> None:
    """Visits as they are remembered today."""
    today, fades = np.int32(clock), _FADES
    for i in range(a, b):
        gap = today - day[i]
        gap = gap if gap < np.int32(511) else np.int32(511)
        left = visits[i] * fades[gap]
        out[i] = left if left < high else high


@compiled
def _birthday(out: Row, birthday: Ints, day_of_year: Any, a: int, b: int) -> None:
    today = np.int32(day_of_year)
    for i in range(a, b):
        ahead = birthday[i] - today
        out[i] = np.float32(ahead + np.int32(365) if ahead < np.int32(0) else ahead)


@compiled
def _score(out: Row, score: Ints, a: int, b: int) -> None:
    """The last survey's score, NaN where there is none."""
    for i in range(a, b):
        out[i] = np.float32(score[i]) if score[i] >= 0 else np.float32(np.nan)


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
    clock = today.clock
    a, b = start, stop
    low, high = bounds[0], bounds[1]
    oldest = col.POINT_BUCKETS + (today.period + 1) % col.BUCKETS
    w = par.smoothing_clicks
    _since(out[0], ints[col.SEEN_ORDER], clock, a, b, low[0], high[0])
    _plain(out[1], ints[col.ORDERS], a, b, low[1], high[1])
    spent, bought = longs[col.LIFETIME_SPEND], ints[col.LIFETIME_ORDERS]
    _average(out[2], spent, bought, a, b, low[2], high[2])
    _since(out[3], ints[col.JOINED], clock, a, b, low[3], high[3])
    _plain(out[4], bits[col.TIER], a, b, low[4], high[4])
    _plain(out[5], longs[col.POINTS], a, b, low[5], high[5])
    _to_next_tier(out[6], bits[col.TIER], longs[col.SPEND], tables.tiers, a, b, high[6])
    _plain(out[7], ints[oldest], a, b, low[7], high[7])
    _progress(
        out[8], ints[col.CHALLENGE_END], ints[col.CHALLENGE_DONE], ints[col.CHALLENGE_TARGET], a, b
    )
    _plain(out[9], ints[col.TICKETS], a, b, low[9], high[9])
    _plain(out[10], fs[col.SIGNAL], a, b, low[10], high[10])
    recent, last = ints[col.RECENT], ints[col.LAST_CONTACT]
    _contacts(out[11], recent, last, clock, WEEK_BITS, a, b, high[11])
    _contacts(out[12], recent, last, clock, MONTH_BITS, a, b, high[12])
    _since(out[13], last, clock, a, b, low[13], high[13])
    for part in range(col.WATCHED_KINDS):
        clicked, hoped = ints[col.KIND_CLICKS + part], fs[col.KIND_EXPECTED + part]
        _clicks(out[14 + part], clicked, hoped, w, w, a, b, high[14 + part])
    _constant(out[16], np.float32(today.weekend), a, b)
    _constant(out[17], np.float32(today.season_sin), a, b)
    _constant(out[18], np.float32(today.season_cos), a, b)
    for c in range(1, C):
        _permitted(out[18 + c], ints[col.PERMITS], c, a, b)
        prior, row = w / tables.channels[c].clicked, 17 + C + c
        clicked, sent = ints[col.CLICKS + c], ints[col.DELIVERED + c]
        _clicks(out[row], clicked, sent, w, prior, a, b, high[row])
    row = 17 + 2 * C
    _visits(out[row], fs[col.VISITS], ints[col.VISITS_DAY], clock, a, b, high[row])
    _birthday(out[row + 1], ints[col.BIRTHDAY], today.day_of_year, a, b)
    _score(out[row + 2], ints[col.NPS], a, b)


@compiled
def _unless(
    words: NDArray[np.uint32], column: Row, low: Any, high: Any, bit: Any, a: int, b: int
) -> None:
    """Take ``bit`` out of the words of those whose feature is outside the bounds, or unknown."""
    at_least, at_most = np.float32(low), np.float32(high)
    other = np.uint32(~np.uint32(bit))
    for i in range(a, b):
        x = column[i]
        kept = words[i] & other
        kept = words[i] if x >= at_least else kept
        words[i] = kept if x <= at_most else words[i] & other


@compiled
def _open(
    words: NDArray[np.uint32],
    triggered: NDArray[np.uint32],
    permits: Ints,
    recent: Ints,
    last: Ints,
    clock: Any,
    window: Any,
    cap: Any,
    a: int,
    b: int,
) -> None:
    """Journeys and channels that are open to each customer, as bits; none under the cap."""
    today, days, most = np.int32(clock), np.uint32(window), np.uint32(cap)
    for i in range(a, b):
        since = today - last[i]
        since = since if since < np.int32(31) else np.int32(31)
        made = np.uint32(np.uint32(recent[i]) << np.uint32(since)) & days
        channels = np.uint32(np.uint32(permits[i]) & np.uint32(0x1FE)) << np.uint32(23)
        word = triggered[i] | np.uint32(channels)
        words[i] = word if _ones(made) < most else np.uint32(0)


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
    triggered[start:stop] = np.uint32((1 << journeys) - 1)
    for m in range(conditions.shape[0]):
        when = conditions[m]
        column, bit = raw[when.feature], np.uint32(1 << when.journey)
        _unless(triggered, column, when.low, when.high, bit, start, stop)
    words = np.empty(triggered.shape[0], dtype=np.uint32)
    _open(
        words,
        triggered,
        ints[col.PERMITS],
        ints[col.RECENT],
        ints[col.LAST_CONTACT],
        clock,
        (1 << (cap_days + 1)) - 2,
        cap,
        start,
        stop,
    )
    _spread(out, words, need, start, stop)


@compiled
def _spread(
    out: NDArray[np.bool_],
    words: NDArray[np.uint32],
    need: NDArray[np.uint32],
    start: int,
    stop: int,
) -> None:
    """One truth value per action from the words (n,)."""
    actions = need.shape[0]
    for i in range(start, stop):
        word = words[i]
        for k in range(actions):
            out[i, k] = (need[k] & ~word) == np.uint32(0)


@compiled
def _standard(out: Row, column: Row, instead: Any, loc: Any, scale: Any, a: int, b: int) -> None:
    for i in range(a, b):
        x = column[i]
        x = x if x == x else instead  # noqa: PLR0124  # only NaN differs from itself
        out[i] = (x - loc) / scale


@compiled
def _logarithm(out: Row, column: Row, instead: Any, loc: Any, scale: Any, a: int, b: int) -> None:
    for i in range(a, b):
        x = column[i]
        x = x if x == x else instead  # noqa: PLR0124
        out[i] = (log(x + np.float32(1.0)) - loc) / scale


@compiled
def _level(out: Row, column: Row, instead: Any, level: Any, a: int, b: int) -> None:
    for i in range(a, b):
        x = column[i]
        x = x if x == x else instead  # noqa: PLR0124
        out[i] = np.float32(1.0) if x == level else np.float32(0.0)


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
        column = raw[source[d]]
        if kind[d] == 0:
            _standard(out[d], column, missing[d], loc[d], scale[d], start, stop)
        elif kind[d] == 1:
            _logarithm(out[d], column, missing[d], loc[d], scale[d], start, stop)
        else:
            _level(out[d], column, missing[d], np.float32(kind[d] - 2), start, stop)
