"""Codes that kernels compare with: positions in the enumerations of the catalogue, and bits."""

from __future__ import annotations

from enum import IntEnum

from troth.catalogue import CHANNELS, OFFER_KINDS, Channel, OfferKind

C = len(CHANNELS)
EMAIL, PUSH, IN_APP = (CHANNELS.index(c) for c in (Channel.EMAIL, Channel.PUSH, Channel.IN_APP))
DISCOUNT_KIND, POINTS_KIND, CHALLENGE_KIND = (
    OFFER_KINDS.index(kind) for kind in (OfferKind.DISCOUNT, OfferKind.POINTS, OfferKind.CHALLENGE)
)
APP_BITS = (1 << PUSH) | (1 << IN_APP)
"""Channels that are gone with the app."""
CONTACT_BITS = (1 << C) - 2
"""All channels but *none*."""
FIRST_CHANNEL_BIT = 23
"""In the 32 bits of what an action needs, journey j is bit j and channel c this one plus c."""


class Event(IntEnum):
    """What can happen out of the blue; positions in ``Rules.event_chances``."""

    COMPLAINT = 0
    APP_REMOVED = 1
    ADDRESS_LOST = 2
    SIGNAL = 3
    SURPRISE = 4
    RIVAL_CONTACT = 5
    FRAUD = 6
    STRANGER = 7
