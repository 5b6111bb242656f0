"""Which mechanism a random number belongs to: the second word of every Philox counter.

Numbers are never reused or renumbered: a new mechanism takes a new one, so that it shifts
no draw of the others.
"""

from __future__ import annotations

from enum import IntEnum


class Purpose(IntEnum):
    """Purpose word of :func:`troth.streams.uniforms`."""

    TRAIT_PURCHASE = 1
    """Rate, drop-out, mean basket (two words)."""
    TRAIT_PERSON = 2
    """Tenure, persuadability, price sensitivity, engagement."""
    TRAIT_CHANNEL = 3
    """Affinity to channels; the step word is the position in the channel table."""
    TRAIT_REACH = 4
    """Whether a channel reaches the customer; the step word as above."""
    TRAIT_OFFER = 5
    """Fit of offer kinds; the step word is the position in the kind table."""
    HISTORY_PURCHASE = 10
    """Interval, drop-out and basket of past purchases; the step word counts them."""
    HISTORY_CLICK = 11
    """Clicks on past contacts; the step word is channel, kind and block."""
    WARM_UP = 12
    """Whether and how the plain programme before day 0 contacts a customer."""
    CONTACT = 20
    """Delivered, opened, clicked, opted out."""
    PURCHASE = 21
    """Bought, left after it, left over too many contacts, complained after buying."""
    BASKET = 22
    """Size of the basket (two words), redeems points, (free)."""
    MOOD = 23
    """Complaint out of the blue, ticket solved, left over an open ticket, (free)."""
    POLICY = 30
    """The draw of an action from a policy's distribution in a roll-out."""
