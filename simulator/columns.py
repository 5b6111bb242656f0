"""Where each column of a population lies in its four blocks of memory.

One block per type, structure of arrays: row r of a block is one column for all customers, so
that a kernel reads contiguous memory, and a copy or a checkpoint is four arrays. Days are
counted on the world's clock, which starts with the warm-up; ``NEVER`` is a day that does not
come. What decays is kept as it stood on its ``..._DAY`` and worked out when it is needed.
"""

from __future__ import annotations

from troth.catalogue import CHANNELS, OFFER_KINDS

NEVER = 2**31 - 1
BUCKETS = 12
"""Periods in a qualifying year; a ring, see :mod:`simulator.wallet`."""
PERIOD_DAYS = 30
"""Days in a period."""
WATCHED_KINDS = 2
"""Kinds of offer whose clicks are counted: discount, points."""
CLICK_SLOTS = 3
"""Clicks that can be under way at a time."""

_C, _O = len(CHANNELS), len(OFFER_KINDS)

# float32: traits
RATE = 0  # own purchases per day of a member, before anything acts on it
DEPARTS = 1  # departures per day (Pareto/NBD), or 0
DROP_OUT = 2  # P(leaves after an own purchase) (BG/NBD), or 0
BASKET = 3  # mean of ln basket, major units
FLEXIBLE = 4  # share of the loyalty pulls that reach him
# float32: programme in force
EARN = 5  # points per major unit
POINT_VALUE = 6  # minor units per redeemed point
DIFFICULTY = 7  # factor of the pace a challenge demands
GENEROUS = 8  # factor of the purchase rate from the return above
# float32: state
OWN_RATE = 9  # own purchases per day as he stands now; 0 once he has left
VISIT_RATE = 10  # visits per day likewise
SENTIMENT = 11  # in [-1, 1], on SENTIMENT_DAY
SIGNAL = 12  # what the firm last measured of it
VISITS = 13  # recent visits, on VISITS_DAY
AFFINITY = 14  # (C) factor of the response by channel
FIT = AFFINITY + _C  # (O) factor of the response by kind of offer
WEAR = FIT + _O  # (C) recent delivered contacts, on WEAR_DAY
KIND_EXPECTED = WEAR + _C  # (2) clicks that base rates predict for watched kinds
FLOATS = KIND_EXPECTED + WATCHED_KINDS

# int32
JOINED = 0  # day of the first purchase
LEAVES = 1  # day he leaves for good, hidden
LAST_ORDER = 2  # day of the last purchase
SEEN_ORDER = 3  # day of the last purchase that the firm knows of
LAST_CONTACT = 4
RECENT = 5  # bit d: a contact d days before LAST_CONTACT
WEAR_DAY = 6
SENTIMENT_DAY = 7
VISITS_DAY = 8
WAKE = 9  # first day on which something is scheduled
CHALLENGE_END = 10  # last day of the running challenge plus one, or -1
CHALLENGE_DONE = 11
CHALLENGE_TARGET = 12
BLUES_END = 13  # last day of disappointment over a demotion plus one
DUE_DAY = 14  # day the purchase that a contact brought about lands, or NEVER
DUE_BASKET = 15  # minor units
DUE_MARGIN = 16  # minor units
DUE_DISCOUNT = 17  # minor units
DUE_POINTS = 18  # points issued with it
DUE_LIABILITY = 19  # minor units
DUE_PLACE = 20  # category + 256 * store
REDEEM_DAY = 21  # day an offer is used on a purchase that would have come anyway, or NEVER
REDEEM_DISCOUNT = 22  # minor units
REDEEM_POINTS = 23  # points issued with it
REDEEM_LIABILITY = 24  # minor units
LINK_DAY = 25  # day the second identifier is linked; past if there is none
SHADOW_ORDERS = 26  # purchases under it so far
SHADOW_SPEND = 27  # minor units
SHADOW_LAST = 28  # day of the last of them
ORDERS = 29  # over the past year
TICKETS = 30  # open
PERMITS = 31  # bit c: channel c may be used; bit 0 is set
REACH = 32  # bit c: channel c physically reaches him
BIRTHDAY = 33  # day of the year, 0..364
REDEEM_FROM = 34  # points, programme in force
NPS = 35  # last score 0..10, or -1
LIFETIME_ORDERS = 36
CLICK = 37  # (3) a click under way, packed in simulator.contacts, or 0
DELIVERED = CLICK + CLICK_SLOTS  # (C) contacts since joining (at most a year before day 0)
CLICKS = DELIVERED + _C  # (C)
KIND_CLICKS = CLICKS + _C  # (2)
ORDER_BUCKETS = KIND_CLICKS + WATCHED_KINDS  # (12)
SPEND_BUCKETS = ORDER_BUCKETS + BUCKETS  # (12) minor units
POINT_BUCKETS = SPEND_BUCKETS + BUCKETS  # (12)
INTS = POINT_BUCKETS + BUCKETS

# int64
SPEND = 0  # over the past year, minor units
LIFETIME_SPEND = 1  # minor units
POINTS = 2  # balance
ISSUED = 3  # points since joining
REDEEMED = 4
EXPIRED = 5
LONGS = 6

# uint8
GROUP = 0  # uplift group, position in simulator.offers.GROUPS
TIER = 1
FAVOURITE = 2  # category
PLACE = 3  # favourite store
ADVERSARY = 4
STRANGER = 5  # the profile is merged with a stranger's
BYTES = 6
