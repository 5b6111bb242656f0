"""Which mechanism a random number belongs to: the second word of every Philox counter.

Numbers are never reused or renumbered: a new mechanism takes a new one, so that it shifts
no draw of the others. 20, 21 and 23 belonged to mechanisms that are gone.
"""

from __future__ import annotations

from enum import IntEnum


class Purpose(IntEnum):
    """Purpose word of :func:`troth.streams.uniforms`."""

    TRAIT_PURCHASE = 1
    """Rate, departure or drop-out, mean basket (two words)."""
    TRAIT_PERSON = 2
    """Tenure, persuadability, price sensitivity, engagement."""
    TRAIT_CHANNEL = 3
    """Affinity to channels; the step word is the position in the channel table."""
    TRAIT_REACH = 4
    """Whether a channel reaches the customer; the step word as above."""
    TRAIT_OFFER = 5
    """Fit of offer kinds; the step word is the position in the kind table."""
    TRAIT_LIFE = 6
    """Lifetime, birthday, active hour (two words)."""
    TRAIT_TASTE = 7
    """Favourite category (two words), favourite store (two words)."""
    TRAIT_IDENTITY = 8
    """Late link, its day, wrong merge, adversary."""
    HISTORY_PURCHASE = 10
    """Interval, drop-out and basket of past purchases; the step word counts them."""
    HISTORY_CLICK = 11
    """Clicks on past contacts; the step word is channel, kind and block."""
    WARM_UP = 12
    """Whether and how the plain programme before day 0 contacts a customer."""
    BASKET = 22
    """Size of an own basket (two words), its category, its store."""
    DAY = 24
    """Own purchase, something else happens, visit, leaves after the purchase."""
    CONTACT = 25
    """Delivered, opened, clicked, opted out."""
    RESPONSE = 26
    """Purchase or redemption, irritated for good, visits, put off an own purchase."""
    DELAY = 27
    """Delays of opening and click (two words), of visit and of purchase or redemption."""
    LATER_BASKET = 28
    """As BASKET, of the purchase that a contact brings about or that its offer is used on."""
    ORDER = 29
    """Redeems points, complains, is surveyed, goes unseen; of an own purchase."""
    POLICY = 30
    """The draw of an action from a policy's distribution in a roll-out."""
    LATER_ORDER = 31
    """As ORDER, of a purchase that a contact brought about, on the day it lands."""
    FEELING = 32
    """Survey noise (two words), leaves over the complaint, new lifetime; own purchase."""
    LATER_FEELING = 33
    """As FEELING, of a purchase that a contact brought about."""
    TICKET = 34
    """Ticket solved, left over it, (free), (free)."""
    LIFE = 35
    """Noise of the sentiment signal (two words), basket of a stranger (two words)."""
    WEATHER = 36
    """The weather of a day; it has no customer."""
    OUTAGE = 37
    """Whether a channel fails from a day on; the customer word is the channel."""
