"""Who hears what, how often and at what cost: one plan per segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agents.baselines.segments import Segment
from troth.catalogue import NO_CONTACT, OFFER_KINDS, Catalogue, OfferKind
from troth.errors import DataLoss, InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlan:
    """What one segment is sent.

    Attributes:
        journeys: most important first; journeys that are not listed follow, in the
            catalogue's order. Names that the catalogue lacks are passed over.
        kinds: kinds of offer, most fitting first; kinds not listed are not sent.
        cadence_days: days since the last contact before the next one, >= 0.
        contacts_28d: contacts in 28 days after which the customer is left alone, >= 0.
        max_cost_minor: dearest contact that the segment is worth, minor units, >= 0.
        max_discount: deepest share of the basket given away, in [0, 1].
    """

    journeys: tuple[str, ...]
    kinds: tuple[OfferKind, ...]
    cadence_days: float
    contacts_28d: float
    max_cost_minor: int
    max_discount: float

    def __post_init__(self) -> None:
        if self.cadence_days < 0 or self.contacts_28d < 0 or self.max_cost_minor < 0:
            raise InvalidArgument("cadence, contacts and cost are at least 0", field="plan")
        if not 0.0 <= self.max_discount <= 1.0:
            raise InvalidArgument(f"{self.max_discount} is outside 0..1", field="plan.max_discount")

    def priority(self, actions: Catalogue) -> NDArray[np.float64]:
        """Rank of each action, float64 (K,): 0 is the best, infinity is not in the plan.

        Journeys rank first and kinds second; *no contact* is never ranked.
        """
        journeys = [*self.journeys, *(j for j in actions.journeys if j not in self.journeys)]
        rank = np.array(
            [
                float(journeys.index(a.journey) * len(OFFER_KINDS) + self.kinds.index(a.kind))
                if a.kind in self.kinds
                and a.cost_minor <= self.max_cost_minor
                and a.discount <= self.max_discount + 1e-9
                else np.inf
                for a in actions.actions[1:]
            ]
        )
        return np.insert(rank, NO_CONTACT, np.inf)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "journeys": list(self.journeys),
            "kinds": [str(k) for k in self.kinds],
            "cadence_days": self.cadence_days,
            "contacts_28d": self.contacts_28d,
            "max_cost_minor": self.max_cost_minor,
            "max_discount": self.max_discount,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`; raises :class:`DataLoss` naming the bad key."""
        try:
            return cls(
                journeys=tuple(data["journeys"]),
                kinds=tuple(OfferKind(kind) for kind in data["kinds"]),
                cadence_days=float(data["cadence_days"]),
                contacts_28d=float(data["contacts_28d"]),
                max_cost_minor=int(data["max_cost_minor"]),
                max_discount=float(data["max_discount"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataLoss(f"unreadable plan: {error}", field="plan") from error


_ENGAGE = ("service_recovery", "welcome", "post_purchase", "tier_upgrade", "challenge")
_SAVE = ("service_recovery", "churn_recovery", "points_reminder", "tier_upgrade", "challenge")
_REWARD_KINDS = (
    OfferKind.APOLOGY,
    OfferKind.EARLY_ACCESS,
    OfferKind.CHALLENGE,
    OfferKind.POINTS,
    OfferKind.REMINDER,
    OfferKind.CONTENT,
    OfferKind.GIFT,
)
_WIN_BACK_KINDS = (
    OfferKind.APOLOGY,
    OfferKind.DISCOUNT,
    OfferKind.REMINDER,
    OfferKind.POINTS,
    OfferKind.GIFT,
    OfferKind.CONTENT,
)


def standard_plans() -> dict[Segment, SegmentPlan]:
    """The plan a competent loyalty team starts from.

    Active customers are thanked, given a goal and spared discounts they do not need;
    customers who slip away get an incentive, dearer channels the more they are worth; the
    lapsed are asked less often and cheaply, because fewer will answer. Everyone's unresolved
    complaint comes before any promotion. Seven contacts in four weeks are what pays best.

    References:
        X. Zhang, V. Kumar & K. Cosguner, "Dynamically Managing a Profitable Email Marketing
        Program", Journal of Marketing Research 54(6), 2017 (about seven a period are best,
        four or ten cost 32 % and 16 % of profit).
    """
    return {
        Segment.CHAMPION: SegmentPlan(
            journeys=(*_ENGAGE, "points_reminder"),
            kinds=_REWARD_KINDS,
            cadence_days=4.0,
            contacts_28d=7.0,
            max_cost_minor=20,
            max_discount=0.0,
        ),
        Segment.LOYAL: SegmentPlan(
            journeys=(*_ENGAGE, "points_reminder"),
            kinds=_REWARD_KINDS,
            cadence_days=4.0,
            contacts_28d=7.0,
            max_cost_minor=10,
            max_discount=0.0,
        ),
        Segment.PROMISING: SegmentPlan(
            journeys=(*_ENGAGE, "points_reminder"),
            kinds=(
                OfferKind.APOLOGY,
                OfferKind.POINTS,
                OfferKind.CHALLENGE,
                OfferKind.REMINDER,
                OfferKind.CONTENT,
                OfferKind.EARLY_ACCESS,
                OfferKind.DISCOUNT,
            ),
            cadence_days=4.0,
            contacts_28d=7.0,
            max_cost_minor=10,
            max_discount=0.1,
        ),
        Segment.AT_RISK_VALUABLE: SegmentPlan(
            journeys=_SAVE,
            kinds=_WIN_BACK_KINDS,
            cadence_days=4.0,
            contacts_28d=7.0,
            max_cost_minor=100,
            max_discount=0.2,
        ),
        Segment.AT_RISK: SegmentPlan(
            journeys=_SAVE,
            kinds=_WIN_BACK_KINDS,
            cadence_days=4.0,
            contacts_28d=7.0,
            max_cost_minor=10,
            max_discount=0.1,
        ),
        Segment.LAPSED: SegmentPlan(
            journeys=_SAVE,
            kinds=_WIN_BACK_KINDS,
            cadence_days=7.0,
            contacts_28d=4.0,
            max_cost_minor=5,
            max_discount=0.2,
        ),
    }
