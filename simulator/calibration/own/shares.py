"""How a user's purchases divide among categories and stores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.estimates import (
    MIN_CLUSTERS,
    EstimateOrigin,
    FittedParameter,
    Unidentified,
    estimate,
)
from simulator.calibration.own.data import Transactions

MOST_LABELS = 12
"""Categories or stores kept by name; the rest is ``other``."""

PLACES = ("store", "web", "app")
"""A scenario's places of purchase."""


def fit_shares(
    bought: Transactions, found: list[FittedParameter], left: list[Unidentified]
) -> None:
    """Add the shares of purchases by category and by store, clustered by customer."""
    for section, labels in (("categories", bought.category), ("stores", bought.store)):
        if labels is None:
            left.append(Unidentified(section, "the purchases have no such column"))
            continue
        if (who := len(bought.names)) < MIN_CLUSTERS:
            left.append(Unidentified(section, f"{who} customers, needs {MIN_CLUSTERS} or more"))
            continue
        names, at = np.unique(labels, return_inverse=True)
        where = bought.sheet.origin(len(at), "share of purchases, clustered by customer")
        if section == "stores" and set(names.tolist()) <= set(PLACES):
            found += [
                _share(f"stores.{place}", labels == place, bought.customer, where)
                for place in PLACES
            ]
            continue
        total = np.bincount(at)
        order = np.argsort(-total, kind="stable")
        kept = order if len(order) <= MOST_LABELS else order[: MOST_LABELS - 1]
        used: set[str] = set()
        for label in kept.tolist():
            slug = _slug(str(names[label]), used)
            found.append(_share(f"{section}.{slug}", at == label, bought.customer, where))
        if len(kept) < len(order):
            other = ~np.isin(at, kept)
            found.append(_share(f"{section}.{_slug('other', used)}", other, bought.customer, where))


def _share(
    key: str, mine: NDArray[np.bool_], customer: NDArray[np.int64], where: EstimateOrigin
) -> FittedParameter:
    share = float(mine.mean())
    total = np.bincount(customer).astype(np.float64)
    off = np.bincount(customer, weights=mine) - share * total
    error = float(np.sqrt((off**2).sum()) / len(customer))
    certain = not 0.0 < share < 1.0
    return estimate(key, share, None if certain else error, where, "logit")


def _slug(name: str, used: set[str]) -> str:
    """A TOML bare key that is not taken yet."""
    base = "".join(c if c.isascii() and c.isalnum() else "_" for c in name.lower()).strip("_")
    if not base or not base[0].isalpha():
        base = f"n{base}"
    slug, number = base, 1
    while slug in used:
        number += 1
        slug = f"{base}_{number}"
    used.add(slug)
    return slug
