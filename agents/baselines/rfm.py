"""The champion to beat: rules over recency, frequency and monetary segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from agents.baselines.contact_plan import SegmentPlan, standard_plans
from agents.baselines.segments import SEGMENTS, RfmThresholds, Segment
from agents.policies.storable import Parameters, Tensors, parameter
from troth.catalogue import CHANNELS, NO_CONTACT, Catalogue, OfferKind
from troth.contexts import ContextBatch
from troth.errors import DataLoss, InvalidArgument
from troth.policy import Distribution, Mask, check_mask


@dataclass(frozen=True, eq=False)
class RfmRules:
    """One contact plan per RFM segment, one action per customer: a deterministic policy.

    A customer whose last contact is older than the segment's cadence, and who has not had
    the segment's contacts in 28 days yet, gets the eligible action of the highest journey
    and kind of offer; among equals, the permitted channel to which the customer responded
    best, less what the contact costs. While a service ticket is open only apologies are
    sent, at once. Everyone else is left alone.

    Attributes:
        thresholds: where segments begin.
        plans: what each segment is sent; every segment has one.
        response_value_minor: what a response is worth when a channel is weighed against
            its cost, minor units, >= 0; a click that buys once in fifteen, at a margin of
            15.00, is worth 100.

    References:
        A. M. Hughes, "Strategic Database Marketing", 4th ed., McGraw-Hill 2012, ch. 5.
        R. C. Blattberg, B.-D. Kim & S. A. Neslin, "Database Marketing", Springer 2008,
        ch. 12 (RFM) and 28 (contact policies).
    """

    kind: ClassVar[str] = "rfm_rules"

    thresholds: RfmThresholds = field(default_factory=RfmThresholds)
    plans: Mapping[Segment, SegmentPlan] = field(default_factory=standard_plans)
    response_value_minor: float = 100.0
    _known: dict[str, NDArray[np.float64]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        missing = [s for s in SEGMENTS if s not in self.plans]
        if missing:
            raise InvalidArgument(f"no plan for {missing[0]}", field="plans")
        if self.response_value_minor < 0:
            raise InvalidArgument(
                f"{self.response_value_minor} is below 0", field="response_value_minor"
            )

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """All mass on the plan's action; see :meth:`troth.policy.Policy.distribution`.

        Reads recency_days, frequency_365, monetary_minor, contacts_28d, days_since_contact,
        open_tickets, and permit_<channel> and response_<channel> of the catalogue's channels.

        Raises:
            InvalidArgument: if the schema lacks one of them.
        """
        check_mask(mask, len(contexts), len(actions))
        segment = self.thresholds.classify(contexts)
        plans = [self.plans[s] for s in SEGMENTS]
        rank = self._priorities(actions)[segment]
        apology = np.array([a.kind is OfferKind.APOLOGY for a in actions.actions])
        ticket = contexts.column("open_tickets") > 0
        rank[ticket[:, None] & ~apology] = np.inf
        permitted, appeal = self._channels(contexts, actions)
        rank[~(mask & permitted & (self._due(contexts, segment, plans) | ticket)[:, None])] = np.inf
        # Appeal only decides within the best rank.
        top = rank.min(axis=1, keepdims=True)
        chosen = np.where((rank == top) & np.isfinite(top), appeal, -np.inf).argmax(axis=1)
        chosen[~np.isfinite(top[:, 0])] = NO_CONTACT
        result = np.zeros(mask.shape)
        result[np.arange(len(chosen)), chosen] = 1.0
        return result

    @staticmethod
    def _due(
        contexts: ContextBatch, segment: NDArray[np.int64], plans: list[SegmentPlan]
    ) -> NDArray[np.bool_]:
        cadence = np.array([plan.cadence_days for plan in plans])[segment]
        limit = np.array([plan.contacts_28d for plan in plans])[segment]
        rested = contexts.column("days_since_contact") >= cadence
        due: NDArray[np.bool_] = rested & (contexts.column("contacts_28d") < limit)
        return due

    def _priorities(self, actions: Catalogue) -> NDArray[np.float64]:
        """Rank of each action per segment, (segments, K), laid out once per catalogue seen."""
        known = self._known.get(actions.digest)
        if known is None:
            if len(self._known) >= 16:
                self._known.clear()
            known = np.stack([self.plans[s].priority(actions) for s in SEGMENTS])
            self._known[actions.digest] = known
        return known

    def _channels(
        self, contexts: ContextBatch, actions: Catalogue
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Whether each action's channel is permitted, and what it promises; both (n, K)."""
        permit = np.ones((len(contexts), len(CHANNELS)), dtype=bool)
        response = np.zeros((len(contexts), len(CHANNELS)))
        for code in np.flatnonzero(np.bincount(actions.channel[1:])):
            name = CHANNELS[code]
            permit[:, code] = contexts.column(f"permit_{name}") > 0.5
            response[:, code] = contexts.column(f"response_{name}")
        appeal = response[:, actions.channel] * self.response_value_minor - actions.cost_minor
        return permit[:, actions.channel], appeal

    def to_state(self) -> tuple[Parameters, Tensors]:
        """Thresholds and plans; there are no tensors."""
        return {
            "thresholds": self.thresholds.to_dict(),
            "plans": {str(s): self.plans[s].to_dict() for s in SEGMENTS},
            "response_value_minor": self.response_value_minor,
        }, {}

    @classmethod
    def from_state(cls, parameters: Parameters, tensors: Tensors) -> Self:
        """Inverse of :meth:`to_state`; raises :class:`DataLoss` if something is missing."""
        plans = parameter(parameters, "plans")
        missing = [s for s in SEGMENTS if str(s) not in plans]
        if missing:
            raise DataLoss("is missing", field=f"parameters.plans.{missing[0]}")
        return cls(
            thresholds=RfmThresholds.from_dict(parameter(parameters, "thresholds")),
            plans={s: SegmentPlan.from_dict(plans[str(s)]) for s in SEGMENTS},
            response_value_minor=float(parameter(parameters, "response_value_minor")),
        )
