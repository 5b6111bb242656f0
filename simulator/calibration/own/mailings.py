"""What a user's experiment and campaigns say of the response to a contact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.calibration import email
from simulator.calibration.estimates import MIN_CLUSTERS, FittedParameter, Unidentified, estimate
from simulator.calibration.hillstrom import EmailTrial
from simulator.calibration.maximum import share_error
from simulator.calibration.own.balance import warn_of_imbalance
from simulator.calibration.own.data import Campaigns, Responses, Transactions
from simulator.calibration.own.past import before, short_past
from simulator.calibration.redemption import fit_delay
from troth.errors import FailedPrecondition
from troth.tables.names import bare
from troth.text import quoted

DAYS_PER_MONTH = 30.4375
_TEMPLATE = "the template's"


def fit_responses(
    answered: Responses | None,
    bought: Transactions,
    found: list[FittedParameter],
    left: list[Unidentified],
    warnings: list[str],
) -> None:
    """Add the e-mail response to ``found``, or to ``left`` why it is not identified."""
    if answered is None:
        left.append(
            Unidentified("email", f"no responses given: the effect of a contact is {_TEMPLATE}")
        )
        return
    _effects(answered, found, left, warnings)
    trial, why = _trial(answered, bought, warnings)
    if trial is None:
        left.append(Unidentified("email", why))
        return
    if len(trial) < len(answered.treated):
        left.append(Unidentified("email for rows without a purchase before their date", why))
    warn_of_imbalance(trial, warnings)
    if few := _too_few(trial):
        left.append(Unidentified("email", few))
        return
    try:
        values, errors, _ = email.fit_visits(trial)
    except FailedPrecondition as error:
        left.append(Unidentified("email", error.message))
        return
    where = answered.sheet.origin(
        len(trial),
        "logit of the visit with interactions with the contact, maximum likelihood",
    )
    for name, value in values.items():
        found.append(estimate(f"email.{name}", value, errors[name], where))
    found += _limits(trial, answered)
    if answered.conversion is None:
        left.append(
            Unidentified("email.conversion_given_visit", "the responses have no conversion")
        )
        return
    try:
        shares, share_errors = email.fit_conversions(trial)
    except FailedPrecondition as error:
        left.append(Unidentified("email.conversion_given_visit", error.message))
        return
    for name, value in shares.items():
        arm = trial.emailed == email.CONVERSIONS[name]
        where = answered.sheet.origin(int(trial.visited[arm].sum()), "share of the arm's visitors")
        found.append(estimate(f"email.{name}", value, share_errors[name], where, "logit"))


_BEYOND = 0.01
"""Share of an experiment's customers beyond whose recency or history no response is taken."""
_MONTHS, _HISTORY = (1.0, 60.0), (0.0, 10_000.0)
"""What a scenario allows of them."""


def _limits(trial: EmailTrial, answered: Responses) -> list[FittedParameter]:
    """How far the response reaches: to the recency and history of the experiment, not beyond.

    A hundredth of the customers lies outside, so that one odd row does not stretch it.
    """
    limits = []
    for name, values, level, allowed, what in (
        ("max_recency_months", trial.recency, 1.0 - _BEYOND, _MONTHS, "99 % quantile of recency"),
        ("min_history", trial.history, _BEYOND, _HISTORY, "1 % quantile of history"),
    ):
        value = float(np.clip(np.quantile(values, level), *allowed))
        where = answered.sheet.origin(len(trial), f"{what} in the experiment")
        limits.append(estimate(f"response.{name}", value, None, where))
    return limits


def _effects(
    answered: Responses, found: list[FittedParameter], left: list[Unidentified], warnings: list[str]
) -> None:
    """The mean effect of the contact on each outcome, treated less control."""
    arm = answered.treated
    few = int(min(arm.sum(), (~arm).sum()))
    if (who := answered.customer) is not None and (people := len(np.unique(who))) < len(who):
        why = (
            f"{len(who):,} rows are of {people:,} customers and count as independent: their "
            "intervals are too narrow"
        )
        left.append(Unidentified("experiment, how far rows depend on each other", why))
        warnings.append(f"responses: {why}")
    where = answered.sheet.origin(len(arm), "difference of the arms' means, Welch interval")
    for name in ("visit", "conversion", "spend"):
        outcome: NDArray[np.float64] | NDArray[np.bool_] | None = getattr(answered, name)
        if outcome is None:
            continue
        key = f"experiment.{name}_effect"
        with_contact, without = outcome[arm].astype(np.float64), outcome[~arm].astype(np.float64)
        if few < MIN_CLUSTERS:
            left.append(
                Unidentified(key, f"{few} rows in the smaller arm, needs {MIN_CLUSTERS} or more")
            )
            continue
        error = float(
            np.sqrt(with_contact.var(ddof=1) / arm.sum() + without.var(ddof=1) / (~arm).sum())
        )
        if not error > 0.0:
            left.append(Unidentified(key, f"{name} does not vary within the arms"))
            continue
        difference = float(with_contact.mean() - without.mean())
        found.append(estimate(key, difference, error, where))


def _too_few(trial: EmailTrial) -> str:
    """Why the visits do not identify the response; empty where they may."""
    for arm, chosen in (("with", trial.emailed), ("without", ~trial.emailed)):
        rows, visits = int(chosen.sum()), int(trial.visited[chosen].sum())
        if min(visits, rows - visits) < MIN_CLUSTERS:
            return (
                f"{visits} of {rows} customers {arm} a contact visited: needs {MIN_CLUSTERS} or "
                "more who did, and who did not"
            )
    return ""


def _trial(
    answered: Responses, bought: Transactions, warnings: list[str]
) -> tuple[EmailTrial | None, str]:
    """The experiment with recency and history, from its own columns or from the purchases."""
    if answered.visit is None:
        return None, (
            "the responses have no visit, through which the simulator's contacts act: the effect "
            f"of a contact is {_TEMPLATE}"
        )
    recency, history = answered.recency, answered.history
    known = np.ones(len(answered.treated), dtype=np.bool_)
    why = ""
    if recency is None or history is None:
        if answered.customer is None or answered.day is None:
            return None, (
                "the responses have neither recency and history nor customer and date, by which "
                f"the purchases would give them: the effect of a contact is {_TEMPLATE}"
            )
        days, spent = before(answered, bought)
        known = ~np.isnan(days)
        looked_up = [
            name for name, given in (("recency", recency), ("history", history)) if given is None
        ]
        warnings += [
            f"responses: {said}" for said in short_past(answered, bought, known, looked_up)
        ]
        strange = _unknown_ids(answered.customer, bought.names)
        if strange:
            warnings.append(f"responses: {strange}")
        why = f"{int((~known).sum()):,} of {len(known):,} rows have no purchase before their date"
        why += f": {strange}" if strange else ""
        if not known.any():
            return None, why
        recency = days / DAYS_PER_MONTH if recency is None else recency
        history = spent if history is None else history
    converted = answered.conversion
    if converted is None:
        converted = np.zeros(len(known), dtype=np.bool_)
    return (
        EmailTrial(
            recency=recency[known],
            history=history[known],
            emailed=answered.treated[known],
            visited=answered.visit[known],
            converted=converted[known],
        ),
        why,
    )


def _unknown_ids(mine: NDArray[np.str_], theirs: NDArray[np.str_]) -> str:
    """How many of the experiment's ids occur in no purchase, and whether they may be others'.

    Args:
        mine: text (n,), of the experiment.
        theirs: text (k,), of the purchases.
    """
    ids = np.unique(mine)
    unknown = ids[~np.isin(ids, theirs)]
    if not len(unknown):
        return ""
    said = (
        f"{len(unknown):,} of {len(ids):,} ids occur in no purchase, such as "
        f"{quoted(str(unknown[0]))}"
    )
    known = {bare(name): name for name in theirs.tolist()}
    alike = [name for name in unknown.tolist() if bare(name) in known]
    if alike:
        said += (
            f"; {len(alike):,} of them would but for zeros in front, capitals or blanks, such as "
            f"{quoted(alike[0])} for {quoted(known[bare(alike[0])])}"
        )
    return said


def fit_campaigns(
    mailed: Campaigns | None,
    found: list[FittedParameter],
    left: list[Unidentified],
    notes: list[str],
) -> None:
    """Add redemption shares by type and the delay to ``found``, or to ``left`` why not."""
    if mailed is None:
        why = f"no campaigns given: {_TEMPLATE}"
        left += [Unidentified("redemption", why), Unidentified("delays.redeem", why)]
        return
    redeemed = ~np.isnan(mailed.delay)
    if mailed.customers is not None and mailed.customers < len(redeemed):
        notes.append(
            f"redemption: {len(redeemed):,} mailings went to {mailed.customers:,} customers and "
            "count as independent: the intervals are too narrow"
        )
    for name in np.unique(mailed.type).tolist():
        chosen = mailed.type == name
        hits, rows = int((redeemed & chosen).sum()), int(chosen.sum())
        where = mailed.sheet.origin(rows, "share of mailings redeemed, binomial")
        if 0 < hits < rows:
            key = "".join(c if c.isascii() and c.isalnum() else "_" for c in str(name).lower())
            error = share_error(hits, rows)
            found.append(estimate(f"redemption.{key}", hits / rows, error, where, "logit"))
        else:
            left.append(Unidentified(f"redemption.{name}", f"{hits} of {rows} mailings redeemed"))
    days = mailed.delay[redeemed].astype(np.int64)
    try:
        delay = fit_delay(days)
    except FailedPrecondition as error:
        left.append(Unidentified("delays.redeem", error.message))
        return
    where = mailed.sheet.origin(
        delay.rows, "log-normal of whole days among the redeemed, maximum likelihood"
    )
    for key, value in (("median_days", delay.median_days), ("sigma", delay.sigma)):
        found.append(estimate(f"delays.redeem.{key}", value, delay.errors[key], where, "log"))
    notes.append(_cut_short(mailed, redeemed, days))


def _cut_short(mailed: Campaigns, redeemed: NDArray[np.bool_], days: NDArray[np.int64]) -> str:
    """What expiry and the end of the data hide of the delay."""
    life = mailed.life[redeemed]
    if not np.isfinite(life).any():
        return (
            "delays.redeem: no expiry is given; mailings still open when the data end count as "
            "not redeemed, which cuts the longest delays"
        )
    said = (
        f"delays.redeem: offers live {np.median(life[np.isfinite(life)]):.0f} days in the median, "
        "and later redemptions are not seen; the figures are of those seen"
    )
    try:
        free = fit_delay(days, life)
    except FailedPrecondition:
        return said
    return (
        f"{said}; allowing for it (truncated at expiry) gives median_days "
        f"{free.median_days:.1f}, sigma {free.sigma:.2f}"
    )
