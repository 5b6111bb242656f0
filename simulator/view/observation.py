"""What the firm sees of a population: raw features and the mask.

Left out on purpose: whether and when a customer leaves, their uplift group, rate, true
affinities and fits, fatigue, true sentiment, and purchases under an identifier that is not
linked; of these only traces show. Past clicks are smoothed,

    response_c = (clicks_c + w) / (delivered_c + w / clicked_c)

with w expected clicks of prior weight at the channel's base rate, the posterior mean of a
gamma-Poisson model. The rows are those of :mod:`simulator.view.feature_rows`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled, inlined
from simulator.model.rules import Records
from simulator.model.spend import MINOR_PER_MAJOR
from simulator.model.visits import MEMORY
from simulator.state import columns as col
from simulator.state.codes import CONTACT_BITS, DISCOUNT_KIND, FIRST_CHANNEL_BIT, C
from simulator.state.population import Blocks
from simulator.view import feature_rows as row

Row = NDArray[np.float32]
Ints = NDArray[np.int32]

_FADES = np.exp(-np.arange(512) / MEMORY).astype(np.float32)
_FORGOTTEN = np.int32(_FADES.size - 1)
MONTH_BITS, WEEK_BITS = ((1 << (days + 1)) - 2 for days in (28, 7))
"""Days 1 to 28 ago, days 1 to 7 ago."""
_LAST_BIT = np.int32(31)


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
def _since(out: Row, day: Ints, clock: Any, low: Any, high: Any) -> None:
    """Days since ``day``."""
    today = np.int32(clock)
    for i in range(out.shape[0]):
        out[i] = _within(np.float32(today - day[i]), low, high)


@compiled
def _contacts(out: Row, recent: Ints, last: Ints, clock: Any, bits: Any, high: Any) -> None:
    """Contacts on the days that ``bits`` selects, by how many days ago they were."""
    today, window = np.int32(clock), np.uint32(bits)
    for i in range(out.shape[0]):
        since = today - last[i]
        since = since if since < _LAST_BIT else _LAST_BIT
        made = np.uint32(np.uint32(recent[i]) << np.uint32(since)) & window
        count = np.float32(_ones(made))
        out[i] = count if count < high else high


@compiled
def _visits(out: Row, visits: Row, day: Ints, clock: Any, high: Any) -> None:
    """Visits as they are remembered today."""
    today, fades = np.int32(clock), _FADES
    for i in range(out.shape[0]):
        gap = today - day[i]
        gap = gap if gap < _FORGOTTEN else _FORGOTTEN
        left = visits[i] * fades[gap]
        out[i] = left if left < high else high


@compiled
def _birthday(out: Row, birthday: Ints, day_of_year: Any) -> None:
    today = np.int32(day_of_year)
    for i in range(out.shape[0]):
        ahead = birthday[i] - today
        out[i] = np.float32(ahead + np.int32(col.BIRTHDAYS) if ahead < np.int32(0) else ahead)


@compiled
def _response(ints: NDArray[np.int32], i: Any, c: Any, weight: Any, prior: Any) -> Any:
    """Smoothed clicks per contact of customer ``i`` on channel ``c``, at most 1."""
    clicks = np.float32(ints[i, col.CLICKS + c]) + weight
    return min(clicks / (np.float32(ints[i, col.DELIVERED + c]) + prior), np.float32(1.0))


@compiled
def _taste(
    fs: NDArray[np.float32], ints: NDArray[np.int32], i: Any, part: Any, weight: Any, high: Any
) -> Any:
    """Clicks of customer ``i`` on a watched kind over those to be expected, at most ``high``."""
    clicks = np.float32(ints[i, col.KIND_CLICKS + part]) + weight
    return min(clicks / (fs[i, col.KIND_EXPECTED + part] + weight), high)


@compiled
def told(
    out: NDArray[np.float32],
    people: Blocks,
    rows: NDArray[np.int64],
    chosen: NDArray[np.int64],
    high: Row,
    tables: Any,
    par: Any,
) -> None:
    """Features of ``rows`` that a contact which changes nothing else, or a signal, changes.

    Arguments as of :func:`settled`; ``chosen`` are the day's actions, int64 (n,).
    """
    fs, ints = people.floats, people.ints
    weight = np.float32(par.response_smoothing_clicks)
    for at in range(rows.shape[0]):
        i = rows[at]
        out[row.SENTIMENT, i] = fs[i, col.SIGNAL]
        action = tables.actions[chosen[i]]
        c = action.channel
        if c == 0:
            continue
        prior = np.float32(par.response_smoothing_clicks / tables.channels[c].clicked)
        out[row.RESPONSE + c, i] = _response(ints, i, c, weight, prior)
        part = action.kind - DISCOUNT_KIND
        if 0 <= part < col.WATCHED_KINDS:
            at_most = high[row.AFFINITY + part]
            out[row.AFFINITY + part, i] = _taste(fs, ints, i, part, weight, at_most)


@compiled
def settled(
    out: NDArray[np.float32],
    people: Blocks,
    rows: NDArray[np.int64],
    high: Row,
    tables: Any,
    par: Any,
    morning: int,
) -> None:
    """Features that change only when something happens, of ``rows``, to whom something has.

    Args:
        out: float32 (F, n), written inside the features' bounds.
        people: the population.
        rows: int64 (m,), positions.
        high: float32 (F,), highest value of each feature.
        tables, par: as in :func:`simulator.day.contacts.contact`.
        morning: the day that is about to begin.
    """
    fs, ints, longs, bits = people.floats, people.ints, people.longs, people.bytes
    oldest = col.POINT_BUCKETS + (morning // col.PERIOD_DAYS + 1) % col.BUCKETS
    weight = np.float32(par.response_smoothing_clicks)
    top = tables.tiers.shape[0] - 2
    prior = np.empty(C, dtype=np.float32)
    for c in range(C):
        prior[c] = par.response_smoothing_clicks / tables.channels[c].clicked
    for at in range(rows.shape[0]):
        i = rows[at]
        out[row.FREQUENCY, i] = min(np.float32(ints[i, col.ORDERS]), high[row.FREQUENCY])
        bought = np.float32(max(ints[i, col.LIFETIME_ORDERS], 1))
        spent = np.float32(longs[i, col.LIFETIME_SPEND])
        out[row.MONETARY, i] = min(spent / bought, high[row.MONETARY])
        tier = bits[i, col.TIER]
        out[row.TIER, i] = tier
        out[row.POINTS_BALANCE, i] = min(np.float32(longs[i, col.POINTS]), high[row.POINTS_BALANCE])
        gap = 0.0
        if tier < top:
            gap = (
                max(tables.tiers[tier + 1].from_spend_minor - longs[i, col.SPEND], 0)
                / MINOR_PER_MAJOR
            )
        out[row.TO_NEXT_TIER, i] = min(np.float32(gap), high[row.TO_NEXT_TIER])
        out[row.EXPIRING, i] = min(np.float32(ints[i, oldest]), high[row.EXPIRING])
        share = np.float32(0.0)
        if ints[i, col.CHALLENGE_END] > 0:
            aim = np.float32(max(ints[i, col.CHALLENGE_TARGET], 1))
            share = np.float32(ints[i, col.CHALLENGE_DONE]) / aim
        out[row.CHALLENGE_PROGRESS, i] = share
        out[row.OPEN_TICKETS, i] = np.float32(ints[i, col.TICKETS])
        out[row.SENTIMENT, i] = fs[i, col.SIGNAL]
        for part in range(col.WATCHED_KINDS):
            at_most = high[row.AFFINITY + part]
            out[row.AFFINITY + part, i] = _taste(fs, ints, i, part, weight, at_most)
        permits = people.days[col.PERMITS, i]
        for c in range(1, C):
            out[row.PERMIT + c, i] = np.float32((permits >> c) & 1)
            out[row.RESPONSE + c, i] = _response(ints, i, c, weight, prior[c])
        score = ints[i, col.NPS]
        out[row.LAST_SCORE, i] = np.float32(score) if score >= 0 else np.float32(np.nan)


@compiled
def settled_features(
    out: NDArray[np.float32],
    people: Blocks,
    start: int,
    stop: int,
    bounds: NDArray[np.float32],
    tables: Any,
    pars: Records,
    morning: int,
) -> None:
    """:func:`settled` of everyone from ``start`` to ``stop``.

    ``bounds`` are float32 (2, F), the lowest and highest value of each feature.
    """
    settled(out, people, np.arange(start, stop), bounds[1], tables, pars[0], morning)


@compiled
def passing_features(
    out: NDArray[np.float32],
    people: Blocks,
    start: int,
    stop: int,
    bounds: NDArray[np.float32],
    todays: Records,
) -> None:
    """Features that change by the mere passing of a day; arguments as above."""
    today = todays[0]
    rates, days = people.rates, people.days
    clock, low, high = today.clock, bounds[0], bounds[1]
    seen, joined = days[col.SEEN_ORDER, start:stop], days[col.JOINED, start:stop]
    _since(out[row.RECENCY, start:stop], seen, clock, low[row.RECENCY], high[row.RECENCY])
    _since(out[row.TENURE, start:stop], joined, clock, low[row.TENURE], high[row.TENURE])
    recent, last = days[col.RECENT, start:stop], days[col.LAST_CONTACT, start:stop]
    week, month, since = row.CONTACTS_WEEK, row.CONTACTS_MONTH, row.SINCE_CONTACT
    _contacts(out[week, start:stop], recent, last, clock, WEEK_BITS, high[week])
    _contacts(out[month, start:stop], recent, last, clock, MONTH_BITS, high[month])
    _since(out[since, start:stop], last, clock, low[since], high[since])
    out[row.WEEKEND, start:stop] = np.float32(today.weekend)
    out[row.SEASON_SIN, start:stop] = np.float32(today.season_sin)
    out[row.SEASON_COS, start:stop] = np.float32(today.season_cos)
    visits, counted = rates[col.VISITS, start:stop], days[col.VISITS_DAY, start:stop]
    _visits(out[row.VISITS, start:stop], visits, counted, clock, high[row.VISITS])
    born = days[col.BIRTHDAY, start:stop]
    _birthday(out[row.BIRTHDAY, start:stop], born, today.day_of_year)


@compiled
def _unless(words: NDArray[np.uint32], column: Row, low: Any, high: Any, bit: Any) -> None:
    """Take ``bit`` out of the words of those whose feature is outside the bounds, or unknown."""
    at_least, at_most = np.float32(low), np.float32(high)
    other = np.uint32(~np.uint32(bit))
    for i in range(words.shape[0]):
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
) -> None:
    """Journeys and channels that are open to each customer, as bits; none under the cap."""
    today, days, most = np.int32(clock), np.uint32(window), np.uint32(cap)
    for i in range(words.shape[0]):
        since = today - last[i]
        since = since if since < _LAST_BIT else _LAST_BIT
        made = np.uint32(np.uint32(recent[i]) << np.uint32(since)) & days
        channels = np.uint32(np.uint32(permits[i]) & np.uint32(CONTACT_BITS)) << np.uint32(
            FIRST_CHANNEL_BIT
        )
        word = triggered[i] | np.uint32(channels)
        words[i] = word if _ones(made) < most else np.uint32(0)


@compiled
def eligible(
    out: NDArray[np.bool_],
    triggered: NDArray[np.uint32],
    words: NDArray[np.uint32],
    raw: NDArray[np.float32],
    people: Blocks,
    start: int,
    stop: int,
    conditions: Any,
    journeys: int,
    need: NDArray[np.uint32],
    cap_contacts: int,
    cap_days: int,
    clock: int,
) -> None:
    """The mask (n, K), the triggered journeys and what is open as bits (n,), in place.

    Of ``start`` to ``stop``. An action is eligible if its journey has been triggered, its
    channel is permitted and the programme's cap leaves a contact; column 0 always is.
    """
    days = people.days
    started = triggered[start:stop]
    started[:] = np.uint32((1 << journeys) - 1)
    for m in range(conditions.shape[0]):
        when = conditions[m]
        column, bit = raw[when.feature, start:stop], np.uint32(1 << when.journey)
        _unless(started, column, when.at_least, when.at_most, bit)
    _open(
        words[start:stop],
        started,
        days[col.PERMITS, start:stop],
        days[col.RECENT, start:stop],
        days[col.LAST_CONTACT, start:stop],
        clock,
        (1 << (cap_days + 1)) - 2,
        cap_contacts,
    )
    _spread(out[start:stop], words[start:stop], need)


@compiled
def _spread(out: NDArray[np.bool_], words: NDArray[np.uint32], need: NDArray[np.uint32]) -> None:
    """One truth value per action from the words (n,)."""
    for i in range(words.shape[0]):
        closed = ~words[i]
        for k in range(need.shape[0]):
            out[i, k] = (need[k] & closed) == np.uint32(0)


@compiled
def first_refused(
    actions: NDArray[np.int64], words: NDArray[np.uint32], need: NDArray[np.uint32]
) -> int:
    """Position of the first action, each a column, that is not eligible, or -1.

    By the words that :func:`eligible` made the mask of, which are a fraction of its memory.
    """
    for i in range(actions.shape[0]):
        if need[actions[i]] & ~words[i] != np.uint32(0):
            return i
    return -1
