"""Fatigue: what too many contacts do.

Each delivered contact adds 1 to a per-channel load w_ic that decays with time constant tau_c:

    w_ic <- w_ic * exp(-1 / tau_c) + delivered_ic
    response factor   = exp(-beta_c * w_ic - beta * sum_c w_ic)
    P(opts out of c)  = opt_out_c * (1 + g * sum_c w_ic) * ...   per delivered contact
    P(leaves for good) = irritation * sum_c w_ic                 per delivered contact

The optimum this makes, about seven e-mails a month, is that of Zhang, Kumar & Cosguner,
"Dynamically managing a profitable email marketing program", JMR 54(6), 2017. The programme's
own rule caps contacts: at most ``cap_contacts`` in the past ``cap_days``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.channels import ChannelTable
from simulator.scenarios.sections import FatigueSection

Float = NDArray[np.float64]

MEMORY_DAYS = 28
"""Days of contact history kept as bits."""


def total_load(wear: NDArray[np.float32]) -> Float:
    """sum_c w_ic, float64 (n,)."""
    return np.asarray(wear.sum(axis=0, dtype=np.float64))


def response_factor(
    section: FatigueSection, table: ChannelTable, wear: NDArray[np.float32]
) -> Float:
    """float64 (C, n) in (0, 1]: what is left of the response, from the load (C, n)."""
    left: Float = np.exp(-(table.wear[:, None] * wear + section.wear * total_load(wear)))
    return left


def opt_out_factor(section: FatigueSection, wear: NDArray[np.float32]) -> Float:
    """float64 (n,) >= 1: how much readier he is to withdraw a permission."""
    return 1.0 + section.opt_out_gain * total_load(wear)


def leaves(section: FatigueSection, wear: NDArray[np.float32]) -> Float:
    """P(leaves for good | a contact is delivered), float64 (n,) in [0, 1]."""
    return np.minimum(section.irritation * total_load(wear), 1.0)


def decay(table: ChannelTable) -> NDArray[np.float32]:
    """float32 (C, 1): what a day leaves of the load."""
    return np.exp(-1.0 / table.recovery_days).astype(np.float32)[:, None]


def contacts_within(recent: NDArray[np.uint32], days: int) -> NDArray[np.int64]:
    """int64 (n,): contacts in the past ``days`` (at most 28), today excluded."""
    count: NDArray[np.int64] = np.bitwise_count(recent & np.uint32((1 << days) - 1)).astype(
        np.int64
    )
    return count


def capped(section: FatigueSection, recent: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Bool (n,): no contact is left under the programme's rule."""
    return contacts_within(recent, section.cap_days) >= section.cap_contacts


def remember(recent: NDArray[np.uint32], contacted: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """The contact bits of the next morning, uint32 (n,)."""
    kept = np.uint32((1 << MEMORY_DAYS) - 1)
    return ((recent << np.uint32(1)) | contacted.astype(np.uint32)) & kept
