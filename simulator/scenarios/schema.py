"""The feature schema of the reference world: what a firm knows about a customer today."""

from __future__ import annotations

from collections.abc import Mapping

from troth.features import Feature, FeatureKind, FeatureSchema

MAX_RECENCY_DAYS = 1095.0
MAX_SINCE_CONTACT_DAYS = 90.0
MOST_TICKETS = 9
"""Open tickets that a customer can have."""
MOST_SCORE = 10
"""The best answer to a survey; the worst is 0."""
NO_SCORE = 7.5
"""Shown as the last survey score where there is none."""


def reference_schema(tiers: tuple[str, ...], clicked: Mapping[str, float]) -> FeatureSchema:
    """The raw columns in order.

    Args:
        tiers: names of the tiers, lowest first.
        clicked: base click rate by channel name, in the catalogue's order of channels; it
            scales the ``response_<channel>`` columns.
    """

    def log(
        name: str, high: float, loc: float, scale: float, unit: str, missing: float = 0.0
    ) -> Feature:
        return Feature(
            name=name, kind=FeatureKind.LOG, low=0.0, high=high, missing=missing,
            loc=loc, scale=scale, unit=unit,
        )  # fmt: skip

    def number(
        name: str, low: float, high: float, loc: float, scale: float, unit: str = ""
    ) -> Feature:
        usual = min(max(loc, low), high)
        return Feature(
            name=name, kind=FeatureKind.NUMERIC, low=low, high=high, missing=usual,
            loc=loc, scale=scale, unit=unit,
        )  # fmt: skip

    def flag(name: str) -> Feature:
        return Feature(name=name, kind=FeatureKind.FLAG, low=0.0, high=1.0)

    features = [
        log("recency_days", MAX_RECENCY_DAYS, 4.6, 1.4, "days", missing=MAX_RECENCY_DAYS),
        log("frequency_365", 366.0, 0.7, 0.8, "purchases"),
        log("monetary_minor", 1e7, 7.9, 0.8, "minor units", missing=2600.0),
        log("tenure_days", 3650.0, 5.6, 1.0, "days"),
        Feature(
            name="tier",
            kind=FeatureKind.CATEGORY,
            low=0.0,
            high=float(len(tiers) - 1),
            levels=tiers,
        ),
        log("points_balance", 1e7, 4.5, 2.0, "points"),
        log("points_to_next_tier", 1e7, 4.6, 1.2, "tier points, one per major unit"),
        log("points_expiring_30d", 1e7, 0.5, 1.5, "points"),
        number("challenge_progress", 0.0, 1.0, 0.0, 0.3, "share"),
        number("open_tickets", 0.0, float(MOST_TICKETS), 0.0, 0.3, "tickets"),
        number("sentiment", -1.0, 1.0, 0.0, 0.3),
        number("contacts_7d", 0.0, 7.0, 2.0, 1.0, "contacts"),
        number("contacts_28d", 0.0, 28.0, 8.0, 4.0, "contacts"),
        log("days_since_contact", MAX_SINCE_CONTACT_DAYS, 1.0, 0.8, "days"),
        number("discount_affinity", 0.0, 100.0, 1.0, 0.6, "clicks over expected"),
        number("points_affinity", 0.0, 100.0, 1.0, 0.6, "clicks over expected"),
        flag("weekend"),
        number("season_sin", -1.0, 1.0, 0.0, 0.7),
        number("season_cos", -1.0, 1.0, 0.0, 0.7),
        *(flag(f"permit_{name}") for name in clicked),
        *(
            number(f"response_{name}", 0.0, 1.0, rate, 0.6 * rate, "clicks per contact")
            for name, rate in clicked.items()
        ),
        log("visits_28d", 1000.0, 0.3, 0.6, "visits, forgotten over 28 days"),
        number("days_to_birthday", 0.0, 364.0, 182.0, 105.0, "days"),
        number("last_nps", 0.0, float(MOST_SCORE), NO_SCORE, 1.5, "score"),
    ]
    return FeatureSchema(tuple(features))
