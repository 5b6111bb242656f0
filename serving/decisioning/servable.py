"""Who may answer: the seam between the pipeline and the registry of approved policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from troth.catalogue import Catalogue
from troth.features import FeatureSchema
from troth.policy import Policy
from troth.streams import derive_seed
from troth.types import Scope, ServedBy


@dataclass(frozen=True, eq=False)
class ServablePolicy:
    """One approved policy, ready to answer.

    Attributes:
        role: ``MODEL`` or ``BASELINE``.
        policy: what gives the distribution.
        digest, kind: which artifact, of what kind.
        schema: what its contexts follow.
        catalogue: its actions.
        scope: what the approval allows.
        proposal_id: of the approval; empty where there is none, in simulations and tests.
    """

    role: ServedBy
    policy: Policy
    digest: str
    kind: str
    schema: FeatureSchema
    catalogue: Catalogue
    scope: Scope
    proposal_id: str = ""

    def refusal(self, decision_point: str, customer_id: str, now: datetime) -> str | None:
        """Why the approval does not cover this decision, as a slug; ``None`` if it does."""
        if now >= self.scope.expires_at:
            return "approval_expired"
        if decision_point not in self.scope.decision_points:
            return "out_of_scope"
        if share_of(self.digest, customer_id) >= self.scope.traffic_share:
            return "traffic_share"
        return None


@dataclass(frozen=True, eq=False)
class ServablePolicies:
    """Who may answer a decision point at the moment.

    Attributes:
        policies: in the order in which they are asked: model, then baseline.
        reasons: slugs saying why others are not among them.
        known: whether there is such a decision point at all.
    """

    policies: tuple[ServablePolicy, ...] = ()
    reasons: tuple[str, ...] = ()
    known: bool = True


class PolicySource(Protocol):
    """Where the pipeline learns who may answer; quick, and never raises."""

    def servable(self, decision_point: str) -> ServablePolicies:
        """Who may answer ``decision_point`` at this moment."""
        ...


@dataclass(frozen=True)
class FixedPolicies:
    """A source that never changes: for simulations and tests.

    Attributes:
        by_point: standing of each decision point.
    """

    by_point: dict[str, ServablePolicies]

    def servable(self, decision_point: str) -> ServablePolicies:
        """See :class:`PolicySource`."""
        return self.by_point.get(
            decision_point, ServablePolicies(reasons=("no_policy",), known=False)
        )


def share_of(policy_digest: str, customer_id: str) -> float:
    """A customer's fixed place in [0, 1): below a traffic share, the policy answers them.

    It depends on nothing but the two names, so a customer stays with one policy, and
    growing a share only ever adds customers.
    """
    return derive_seed("traffic", policy_digest, customer_id) / 2**64
