"""Rows of the raw features in memory, by the names that the schema gives them."""

from __future__ import annotations

from simulator.scenarios.schema import reference_schema
from troth.catalogue import CHANNELS

_NAMES = reference_schema(("any",), dict.fromkeys(CHANNELS[1:], 1.0)).names
"""Where a feature lies depends neither on the tiers nor on the rates of a scenario."""

RECENCY = _NAMES.index("recency_days")
FREQUENCY = _NAMES.index("frequency_365")
MONETARY = _NAMES.index("monetary_minor")
TENURE = _NAMES.index("tenure_days")
TIER = _NAMES.index("tier")
POINTS_BALANCE = _NAMES.index("points_balance")
TO_NEXT_TIER = _NAMES.index("points_to_next_tier")
EXPIRING = _NAMES.index("points_expiring_30d")
CHALLENGE_PROGRESS = _NAMES.index("challenge_progress")
OPEN_TICKETS = _NAMES.index("open_tickets")
SENTIMENT = _NAMES.index("sentiment")
CONTACTS_WEEK = _NAMES.index("contacts_7d")
CONTACTS_MONTH = _NAMES.index("contacts_28d")
SINCE_CONTACT = _NAMES.index("days_since_contact")
AFFINITY = _NAMES.index("discount_affinity")
"""Of the watched kinds of offer, one after the other."""
WEEKEND = _NAMES.index("weekend")
SEASON_SIN = _NAMES.index("season_sin")
SEASON_COS = _NAMES.index("season_cos")
PERMIT = _NAMES.index(f"permit_{CHANNELS[1]}") - 1
"""Plus the code of a channel, from 1 on."""
RESPONSE = _NAMES.index(f"response_{CHANNELS[1]}") - 1
"""Plus the code of a channel, from 1 on."""
VISITS = _NAMES.index("visits_28d")
BIRTHDAY = _NAMES.index("days_to_birthday")
LAST_SCORE = _NAMES.index("last_nps")
