"""What purchases tell of each customer's time before an experiment, and where they are too short.

Recency and history of an experiment's customers are looked up in the purchases given. An export
that begins less than a year before has a part of the year's spend, and of the customers who last
bought before it nothing; one that ends before the experiment misses what was bought since.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.own.data import Responses, Transactions

YEAR = 365
"""Days of which history is the spend."""
_MOST_SHORT = 0.01
"""Of the rows used, those whose past may be short without a word."""
_MOST_UNSEEN = 7
"""Days between the last purchase and an experiment: nobody need have bought in them."""
_SHORT = {
    "recency": "of who last bought before they begin recency is not known",
    "history": "history holds less than the year's spend that it stands for",
}


def before(
    answered: Responses, bought: Transactions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Days since the last purchase before each row's date (NaN: none), spend of the year before."""
    who_answered, asked_on = answered.customer, answered.day
    rows = len(answered.treated)
    if who_answered is None or asked_on is None:
        return np.full(rows, np.nan), np.zeros(rows)
    order = np.lexsort((bought.day.astype(np.int64), bought.customer))
    who, day = bought.customer[order], bought.day[order].astype(np.int64)
    spent = np.concatenate(((0.0,), np.cumsum(bought.amount[order])))
    at = _places(who_answered, bought.names)
    mine = bought.names[at] == who_answered
    # Customer and day as one number, so that one search finds the place in every history.
    width = np.int64(1 << 20)
    place = who * width + day
    when = at * width + asked_on.astype("datetime64[D]").astype(np.int64)
    until = np.searchsorted(place, when, side="left")
    since = np.searchsorted(place, when - YEAR, side="left")
    last = np.maximum(until - 1, 0)
    seen = mine & (until > 0) & (who[last] == at)
    days = np.where(seen, when - place[last], np.nan)
    return days, np.where(seen, spent[until] - spent[since], 0.0)


def short_past(
    answered: Responses, bought: Transactions, used: NDArray[np.bool_], features: Sequence[str]
) -> list[str]:
    """Where purchases begin too late, or end too early, for what is looked up in them.

    Args:
        answered: the experiment.
        bought: the purchases.
        used: bool (n,), its rows with a purchase before their date.
        features: what is looked up: recency, history, or both.

    Returns:
        one sentence each.
    """
    if answered.customer is None or answered.day is None or not used.any():
        return []
    begin, end, named = bought.day.min(), bought.end, " and ".join(features)
    asked = answered.day.astype("datetime64[D]")
    whole = asked[used]
    at = _places(answered.customer[used], bought.names)
    watched = (whole - begin).astype(np.int64)
    # Who joined within the data bought nothing before them.
    older = np.ones(len(whole), dtype=np.bool_)
    if bought.joined is not None:
        older = ~bought.newcomers(None)[at]
    short = older & (watched < YEAR)
    said = []
    if short.sum() > _MOST_SHORT * len(whole):
        lost = int((~used & (asked >= begin)).sum())
        what = " and ".join(_SHORT[name] for name in features)
        said.append(
            f"purchases begin on {begin}, {_span(watched[short])} days before the date of "
            f"{int(short.sum()):,} of {len(whole):,} rows: {what}"
            f"{f'; {lost:,} rows without a purchase in them are left out' if lost else ''}. Unless "
            f"nobody bought earlier, bring purchases from {whole[short].min() - YEAR} on, or "
            f"columns {named}"
        )
    unseen = (whole - 1 - end).astype(np.int64)
    late = unseen > _MOST_UNSEEN
    if late.sum() > _MOST_SHORT * len(whole):
        said.append(
            f"purchases end on {end}, {_span(unseen[late])} days before the date of "
            f"{int(late.sum()):,} of {len(whole):,} rows: what was bought in them is missing from "
            f"{named}. Bring purchases until {whole[late].max() - 1}, or columns {named}"
        )
    return said


def _span(days: NDArray[np.int64]) -> str:
    low, high = int(days.min()), int(days.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _places(wanted: NDArray[np.str_], names: NDArray[np.str_]) -> NDArray[np.int64]:
    """Where each of ``wanted`` (n,) stands in the sorted ``names``, or would, int64 (n,)."""
    return np.minimum(np.searchsorted(names, wanted), len(names) - 1).astype(np.int64)
