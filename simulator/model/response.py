"""What a contact does, and what it is expected to do.

For customer i and action k on channel c, of kind o, in journey j:

    arrives_ic = delivery_c today, if the channel physically reaches them
    base_i     = [sigma(v_i + l_i) - sigma(v_i)] * conversion   (one e-mail, Hillstrom)
    v_i        = visit_intercept + visit_recency * m_i + visit_log_history * log1p(h_i)
    l_i        = lift_intercept + lift_recency * m_i + lift_log_history * log1p(h_i)
    drive_i    = base_i * gain[group_i] * exp(s * sentiment_i) * (lapsed, if they have left) * day
    added_ik   = min(drive_i * strength_k * affinity_ic * tired_ic * fit_io * moment_ij, ceiling)
    uses_ik    = take_up_k * fit_io * P(own purchase within take_up_days) ** take_up_power

and, given that it arrives, they buy because of it with probability added_ik, or else use the
offer on a purchase that they would have made anyway with probability uses_ik; of the purchases
it brings, the share redeems_k uses the offer; today's own purchase is lost with probability
hurt_i where contacts put them off. Both answers are settled in their mind on the day of the
contact and land after delays of their own (:mod:`simulator.model.delays`); while one is on its way
there is no second of its kind. So the expectation of all that a decision brings is exact given
the state of its morning, even though it comes in over weeks. m_i are months since the last
purchase and h_i is spend of the past year, both kept inside the range of Hillstrom's
experiment. Other channels, offers and moments multiply the e-mail's effect: these multiples
are explicit knobs of the scenario.

An e-mail is read more often than clicked: Hillstrom's brought six more visitors per hundred,
click rates are near two. So P(visits because of it | arrived) = added_ik / conversion, and
those who buy because of it are among those visitors.

Clicks carry what a firm can learn of hidden tastes:
P(clicked | arrived) = clicked_c * click[group_i] * affinity_ic * fit_io * tired_ic.

The functions take scalars and are compiled into the kernels.
"""

from __future__ import annotations

import math
from typing import Any

from simulator.compiled.kernel import compiled, survives
from simulator.model.spend import MINOR_PER_MAJOR

DAYS_PER_MONTH = 30.4375


@compiled
def _logistic(x: Any) -> Any:
    return 1.0 / (1.0 + math.exp(-x))


@compiled
def drive(
    par: Any, today: Any, recency: Any, spend: Any, gain: Any, sentiment: Any, gone: Any
) -> Any:
    """drive_i from days since the last purchase and a year's spend in minor units."""
    months = min(max(recency / DAYS_PER_MONTH, 1.0), par.response_max_recency_months)
    history = math.log1p(max(spend / MINOR_PER_MAJOR, par.response_min_history))
    visit = (
        par.email_visit_intercept
        + par.email_visit_recency * months
        + par.email_visit_log_history * history
    )
    lift = (
        par.email_lift_intercept
        + par.email_lift_recency * months
        + par.email_lift_log_history * history
    )
    base = (_logistic(visit + lift) - _logistic(visit)) * par.email_conversion_given_visit_email
    share = par.response_lapsed if gone else 1.0
    return base * gain * math.exp(par.response_sentiment_gain * sentiment) * share * today.response


@compiled
def added(drives: Any, strength: Any, taste: Any, ceiling: Any) -> Any:
    """added_ik, with ``taste`` the product of affinity, tired, fit and moment."""
    return min(drives * strength * taste, ceiling)


@compiled
def comes(added_here: Any, conversion: Any) -> Any:
    """P(visits because of the contact, now or by way of a click | arrived)."""
    return min(added_here / conversion, 1.0)


@compiled
def uses(take_up: Any, fit: Any, own_rate: Any, days: Any, power: Any, added_here: Any) -> Any:
    """uses_ik, at most what ``added`` leaves."""
    anyway = (1.0 - survives(own_rate * days)) ** power
    return min(take_up * fit * anyway, 1.0 - added_here)


@compiled
def opening(opened: Any, affinity: Any) -> Any:
    """P(opened | arrived)."""
    return min(opened * math.sqrt(affinity), 1.0)


@compiled
def clicking(clicked: Any, group: Any, affinity: Any, fit: Any, tiredness: Any, open_: Any) -> Any:
    """P(clicked | opened)."""
    return min(clicked * group * affinity * fit * tiredness / max(open_, 1e-12), 1.0)
