"""What a contact is expected to bring, compiled: purchase probabilities and components.

The equations are in :mod:`simulator.response`. ``table`` is an
:class:`simulator.offers.ActionTable`, ``ready`` a :class:`simulator.response.Readiness`:
Numba reads named tuples by field.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.kernel import compiled
from simulator.offers import ActionTable
from simulator.response import Readiness

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]


@compiled
def _buys(organic: Any, hurt: Any, recovers: Any, added: Any, ceiling: Any) -> Any:
    """P(buys today | contact delivered); the equation is in simulator.response."""
    # Scalars in, scalar out: handing arrays or tuples to a helper costs ten times as much.
    if hurt > 0.0 and recovers == 0:
        return organic - hurt * organic
    return max(organic, min(organic + added, ceiling))


@compiled
def bought(
    out: Float, actions: Int64, table: ActionTable, ready: Readiness, ceiling: float
) -> None:
    """P(buys | delivered) of one action each, written to ``out``.

    Args:
        out: float64 (n,).
        actions: int64 (n,) columns of the catalogue; 0 leaves the organic probability.
        table: the catalogue.
        ready: the customers.
        ceiling: largest probability a contact can raise a purchase to.
    """
    for i in range(out.shape[0]):
        k = actions[i]
        added = (
            ready.drive[i]
            * table.strength[k]
            * ready.by_channel[table.channel[k], i]
            * ready.by_kind[table.kind[k], i]
            * ready.by_journey[table.journey[k], i]
        )
        hurt = ready.hurt[i] if k > 0 else 0.0
        out[i] = _buys(ready.organic[i], hurt, table.recovers[k], added, ceiling)


@compiled
def expect(
    out: Float,
    actions: Int64,
    table: ActionTable,
    ready: Readiness,
    ceiling: float,
    margin_share: float,
    weights: Float,
) -> None:
    """Expected components, or their weighted sum, of many pairs; written to ``out``.

    Args:
        out: float64 (P, n, A), the first four components but contact cost (P = 4) or with
            ``weights`` the reward (P = 1).
        actions: int64 (n, A), columns of the catalogue for each customer.
        table: the catalogue.
        ready: the customers.
        ceiling: as in :func:`bought`.
        margin_share: gross margin of a basket.
        weights: float64 (5,) in the order of :data:`troth.objective.COMPONENTS`, or (0,).
    """
    weighted = weights.size > 0
    for i in range(actions.shape[0]):
        organic, basket, completes = ready.organic[i], ready.basket[i], ready.completes[i]
        for at in range(actions.shape[1]):
            k = actions[i, at]
            c = table.channel[k]
            added = (
                ready.drive[i]
                * table.strength[k]
                * ready.by_channel[c, i]
                * ready.by_kind[table.kind[k], i]
                * ready.by_journey[table.journey[k], i]
            )
            # No contact is never delivered, so that what it would add does not matter.
            arrives = table.delivery[k]
            reached = arrives * _buys(organic, ready.hurt[i], table.recovers[k], added, ceiling)
            buys = (1.0 - arrives) * organic + reached
            margin = buys * basket * margin_share
            discount = reached * basket * table.discount[k]
            points = reached * table.promised_minor[k] + buys * completes
            opt_outs = arrives * ready.opts_out[c, i]
            if weighted:
                out[0, i, at] = (
                    weights[0] * margin
                    + weights[1] * discount
                    + weights[2] * points
                    + weights[3] * table.cost_minor[k]
                    + weights[4] * opt_outs
                )
            else:
                out[0, i, at] = margin
                out[1, i, at] = discount
                out[2, i, at] = points
                out[3, i, at] = opt_outs
