"""Mood: sentiment and open tickets.

Sentiment s in [-1, 1] returns to 0 with a time constant; a complaint lowers it and opens a
ticket, a purchase or an apology lifts it. Each day an open ticket is solved with some chance,
and the customer may leave for good over it. While a ticket is open, any contact but service
recovery puts him off; sentiment scales the response by exp(gain * s). All figures are knobs:
no sourced ones were found.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.scenarios.sections import MoodSection

Float = NDArray[np.float64]

MAX_TICKETS = 9


def hurt(section: MoodSection, tickets: NDArray[np.int32], disposition: Float) -> Float:
    """float64 (n,): share of today's own purchases that a contact destroys.

    Args:
        section: parameters.
        tickets: open tickets (n,).
        disposition: the share for his uplift group (n,).
    """
    return np.maximum(disposition, np.where(tickets > 0, section.hurt_when_open, 0.0))


def opt_out_factor(section: MoodSection, tickets: NDArray[np.int32]) -> Float:
    """float64 (n,): how much readier he is to withdraw a permission."""
    return np.where(tickets > 0, section.opt_out_when_open, 1.0)


def overnight(
    section: MoodSection,
    sentiment: NDArray[np.float32],
    tickets: NDArray[np.int32],
    *,
    bought: NDArray[np.bool_],
    recovery: NDArray[np.bool_],
    complains: NDArray[np.bool_],
    uniform: Float,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Sentiment and tickets of the next morning.

    Args:
        section: parameters.
        sentiment: of this morning (n,).
        tickets: open this morning (n,).
        bought: a purchase was made, bool (n,).
        recovery: a service-recovery contact arrived, bool (n,).
        complains: a complaint was made, bool (n,).
        uniform: (n,) decides whether a ticket is solved.
    """
    solved = (tickets > 0) & (
        uniform < np.where(recovery, section.solved_by_recovery, section.solved_per_day)
    )
    moved = (
        sentiment * np.float32(np.exp(-1.0 / section.recovery_days))
        + np.float32(section.purchase_lift) * bought
        + np.float32(section.recovery_lift) * (recovery & (tickets > 0))
        - np.float32(section.ticket_shock) * complains
    )
    left = np.minimum(tickets - solved + complains, MAX_TICKETS)
    return np.clip(moved, -1.0, 1.0).astype(np.float32), left.astype(np.int32)
