"""Where each trait and state of a population lies in its six blocks of memory.

What a day reads for everyone lies in columns, one after the other (``rates``, ``days``), so
that a pass over all is a stream. What it touches for the few to whom something happens lies in
rows, one customer's together (``floats``, ``ints``, ``longs``, ``bytes``), so that looking
after one of them costs a handful of cache lines instead of one per column. Days are counted on
the world's clock, which starts with the warm-up; ``NEVER`` is a day that does not come. What
decays is kept as it stood on its ``..._DAY`` and worked out when it is needed.
"""

from __future__ import annotations

from troth.catalogue import CHANNELS, OFFER_KINDS

NEVER = 2**31 - 1
LONGEST_WAIT = 1e6
"""Days: what is drawn to come later comes then."""
NONE = -1
"""As the end of a challenge or as a score: there is none."""
RECENT_DAYS = 29
"""Days whose contacts are remembered one by one, that of the last one included."""
BIRTHDAYS = 365
"""Days of the year on which there are birthdays, so that no year holds two of one."""
BUCKETS = 12
"""Periods in a qualifying year; a ring, see :mod:`simulator.model.points_ledger`."""
PERIOD_DAYS = 30
"""Days in a period."""
WATCHED_KINDS = 2
"""Kinds of offer whose clicks are counted: discount, points."""
CLICK_SLOTS = 3
"""Clicks that can be under way at a time."""

_C, _O = len(CHANNELS), len(OFFER_KINDS)

# float32 in columns (RATES, n): read for everyone, every day
OWN_RATE = 0  # own purchases per day as they stand now; 0 once they have left
VISIT_RATE = 1  # visits per day likewise
VISITS = 2  # recent visits, on VISITS_DAY
RATES = 3

# int32 in columns (DAYS, n): likewise
WAKE = 0  # first day on which something is scheduled
SEEN_ORDER = 1  # day of the last purchase that the firm knows of
JOINED = 2  # day of the first purchase
LAST_CONTACT = 3
RECENT = 4  # bit d: a contact d days before LAST_CONTACT
VISITS_DAY = 5
BIRTHDAY = 6  # day of the year, 0..BIRTHDAYS - 1
PERMITS = 7  # bit c: channel c may be used; bit 0 is set
DAYS = 8

# float32 in rows (n, FLOATS): traits
RATE = 0  # own purchases per day of a member, before anything acts on it
DEPARTS = 1  # departures per day (Pareto/NBD), or 0
DROP_OUT = 2  # P(leaves after an own purchase) (BG/NBD), or 0
BASKET = 3  # mean of ln basket, major units
FLEXIBLE = 4  # share of the loyalty pulls that reach them
# ... programme in force
EARN = 5  # points per major unit
POINT_VALUE = 6  # minor units per redeemed point
DIFFICULTY = 7  # factor of the pace a challenge demands
GENEROUS = 8  # factor of the purchase rate from the return above
# ... state
SENTIMENT = 9  # in [-1, 1], on SENTIMENT_DAY
SIGNAL = 10  # what the firm last measured of it
AFFINITY = 11  # (C) factor of the response by channel
FIT = AFFINITY + _C  # (O) factor of the response by kind of offer
WEAR = FIT + _O  # (C) recent delivered contacts, on WEAR_DAY
KIND_EXPECTED = WEAR + _C  # (2) clicks that base rates predict for watched kinds
FLOATS = KIND_EXPECTED + WATCHED_KINDS

# int32 in rows (n, INTS)
LEAVES = 0  # day they leave for good, hidden
LAST_ORDER = 1  # day of the last purchase
WEAR_DAY = 2
SENTIMENT_DAY = 3
CHALLENGE_END = 4  # last day of the running challenge plus one, or NONE
CHALLENGE_DONE = 5
CHALLENGE_TARGET = 6
BLUES_END = 7  # last day of disappointment over a demotion plus one
DUE_DAY = 8  # day the purchase that a contact brought about lands, or NEVER
DUE_BASKET = 9  # minor units
DUE_MARGIN = 10  # minor units
DUE_DISCOUNT = 11  # minor units
DUE_POINTS = 12  # points issued with it
DUE_LIABILITY = 13  # minor units
DUE_PLACE = 14  # category and store, packed in simulator.model.under_way
REDEEM_DAY = 15  # day an offer is used on a purchase that would have come anyway, or NEVER
REDEEM_DISCOUNT = 16  # minor units
REDEEM_POINTS = 17  # points issued with it
REDEEM_LIABILITY = 18  # minor units
LINK_DAY = 19  # day the second identifier is linked; past if there is none
SHADOW_ORDERS = 20  # purchases under it so far
SHADOW_SPEND = 21  # minor units
SHADOW_LAST = 22  # day of the last of them
ORDERS = 23  # over the past year
TICKETS = 24  # open
REACH = 25  # bit c: channel c physically reaches them
REDEEM_FROM = 26  # points, programme in force
NPS = 27  # last score 0..MOST_SCORE, or NONE
LIFETIME_ORDERS = 28
CLICK = 29  # (3) a click under way, packed in simulator.model.under_way, or 0
DELIVERED = CLICK + CLICK_SLOTS  # (C) contacts since joining (at most a year before day 0)
CLICKS = DELIVERED + _C  # (C)
KIND_CLICKS = CLICKS + _C  # (2)
ORDER_BUCKETS = KIND_CLICKS + WATCHED_KINDS  # (12)
SPEND_BUCKETS = ORDER_BUCKETS + BUCKETS  # (12) minor units
POINT_BUCKETS = SPEND_BUCKETS + BUCKETS  # (12)
INTS = POINT_BUCKETS + BUCKETS

# int64 in rows (n, LONGS)
SPEND = 0  # over the past year, minor units
LIFETIME_SPEND = 1  # minor units
POINTS = 2  # balance
ISSUED = 3  # points since joining
REDEEMED = 4
EXPIRED = 5
LONGS = 6

# uint8 in rows (n, BYTES)
GROUP = 0  # uplift group, position in simulator.model.offers.GROUPS
TIER = 1
FAVOURITE = 2  # category
PLACE = 3  # favourite store
ADVERSARY = 4
STRANGER = 5  # the profile is merged with a stranger's
BYTES = 6
