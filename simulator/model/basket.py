"""What is in a basket: its value, its category and the place it is bought at.

    ln amount = mean_i + sigma_within * z + ln(basket factor of the day)
    P(category g) = l * [g is their favourite] + (1 - l) * share_g,   likewise for stores

with ``l`` the share of purchases that stay with the favourite, which itself is drawn by the
shares, so that the shares of the population are those of the scenario. Log-normal spend, see
:mod:`simulator.model.spend`.
"""

from __future__ import annotations

import math
from typing import Any

from simulator.compiled.kernel import compiled, normal
from simulator.model.spend import MINOR_PER_MAJOR

MOST = 2e9
"""Minor units: the most a basket can be worth, for the columns that hold it."""


@compiled
def contents(
    u: Any,
    mean: Any,
    favourite: Any,
    place: Any,
    categories: Any,
    stores: Any,
    par: Any,
    today: Any,
) -> Any:
    """(minor units, category, store) of one basket from four uniforms."""
    z = normal(u[0], u[1])
    major = math.exp(mean + par.spend_sigma_within * z)
    amount = round(min(major * MINOR_PER_MAJOR * today.basket, MOST))
    category = int(favourite)
    if u[2] >= par.population_category_loyalty:
        left = (u[2] - par.population_category_loyalty) / (1.0 - par.population_category_loyalty)
        category = 0
        while category < categories.shape[0] - 1 and categories[category].cumulative_share < left:
            category += 1
    store = int(place)
    if u[3] >= par.population_store_loyalty:
        left = (u[3] - par.population_store_loyalty) / (1.0 - par.population_store_loyalty)
        store = 0
        while store < stores.shape[0] - 1 and stores[store] < left:
            store += 1
    return max(amount, 1), category, store


@compiled
def mean_amount(mean: Any, par: Any, today: Any) -> Any:
    """E[value of one basket today], minor units, before it is rounded."""
    return math.exp(mean + 0.5 * par.spend_sigma_within**2) * MINOR_PER_MAJOR * today.basket


@compiled
def mean_margin(favourite: Any, categories: Any, par: Any) -> Any:
    """E[margin over value] of one basket, by its category."""
    before = 0.0
    mean = 0.0
    for g in range(categories.shape[0]):
        mean += (categories[g].cumulative_share - before) * categories[g].margin_factor
        before = categories[g].cumulative_share
    loyal = par.population_category_loyalty
    return par.economics_margin_share * (
        loyal * categories[int(favourite)].margin_factor + (1.0 - loyal) * mean
    )
