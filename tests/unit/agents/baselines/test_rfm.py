"""The marketing team's rules: segments, priorities, cadence, channels and budgets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.baselines.contact_plan import SegmentPlan, standard_plans
from agents.baselines.rfm import RfmRules
from agents.baselines.segments import SEGMENTS, RfmThresholds, Segment
from troth.catalogue import CHANNELS, Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.errors import DataLoss, InvalidArgument
from troth.features import Feature, FeatureKind, FeatureSchema

JOURNEYS = ("welcome", "post_purchase", "churn_recovery", "service_recovery")
ROWS = (
    ("no_contact", "none", OfferKind.NONE, Channel.NONE, 0, 0.0),
    ("thanks_mail", "post_purchase", OfferKind.CONTENT, Channel.EMAIL, 1, 0.0),
    ("thanks_push", "post_purchase", OfferKind.CONTENT, Channel.PUSH, 0, 0.0),
    ("deal_mail", "churn_recovery", OfferKind.DISCOUNT, Channel.EMAIL, 1, 0.1),
    ("deal_sms", "churn_recovery", OfferKind.DISCOUNT, Channel.SMS, 8, 0.1),
    ("deal_call", "churn_recovery", OfferKind.DISCOUNT, Channel.CALL_CENTRE, 400, 0.1),
    ("sorry_mail", "service_recovery", OfferKind.APOLOGY, Channel.EMAIL, 1, 0.0),
)
CATALOGUE = Catalogue(
    tuple(
        Action(
            action_id=name,
            journey=journey,
            step=0,
            offer="o",
            kind=kind,
            channel=channel,
            cost_minor=cost,
            discount=discount,
        )
        for name, journey, kind, channel, cost, discount in ROWS
    ),
    JOURNEYS,
)
DEFAULTS = {
    "recency_days": 10.0,
    "frequency_365": 5.0,
    "monetary_minor": 4_000.0,
    "contacts_28d": 0.0,
    "days_since_contact": 30.0,
    "open_tickets": 0.0,
    **{f"permit_{c}": 1.0 for c in CHANNELS[1:]},
    **{f"response_{c}": 0.02 for c in CHANNELS[1:]},
}
SCHEMA = FeatureSchema(
    tuple(Feature(name=n, kind=FeatureKind.NUMERIC, low=0, high=1e7) for n in DEFAULTS)
)
SLIPPING = {"recency_days": 100.0}
THRESHOLDS = RfmThresholds(
    active_days=60.0, lapsed_days=180.0, loyal_frequency=3.0, valuable_minor=15_000.0
)
RULES = RfmRules(thresholds=THRESHOLDS, response_value_minor=300.0)


def contexts(**values: float) -> ContextBatch:
    """One customer: a champion, but for ``values``."""
    row = [{**DEFAULTS, **values}[name] for name in SCHEMA.names]
    return ContextBatch(SCHEMA, np.array([row], dtype=np.float32))


def choice(
    rules: RfmRules = RULES, without: tuple[str, ...] = ("sorry_mail",), **values: float
) -> str:
    """The action the rules choose, when no apology is called for."""
    mask = np.array([[name not in without for name, *_ in ROWS]])
    row = rules.distribution(contexts(**values), CATALOGUE, mask)[0]
    assert row.max() == 1.0
    return CATALOGUE.actions[int(row.argmax())].action_id


@pytest.mark.parametrize(
    ("values", "segment"),
    [
        ({}, Segment.CHAMPION),
        ({"monetary_minor": 100.0}, Segment.LOYAL),
        ({"frequency_365": 1.0, "monetary_minor": 20_000.0}, Segment.LOYAL),
        ({"frequency_365": 1.0, "monetary_minor": 100.0}, Segment.PROMISING),
        ({"recency_days": 60.0}, Segment.CHAMPION),
        ({"recency_days": 61.0}, Segment.AT_RISK_VALUABLE),
        ({"recency_days": 179.0, "frequency_365": 1.0, "monetary_minor": 1.0}, Segment.AT_RISK),
        ({"recency_days": 180.0}, Segment.LAPSED),
    ],
)
def test_segments(values: dict[str, float], segment: Segment) -> None:
    """Each cell of the classification, at its edges."""
    code = THRESHOLDS.classify(contexts(**values))[0]
    assert SEGMENTS[code] is segment


def test_active_customers_are_not_given_discounts() -> None:
    """A champion is thanked, and left alone when only a discount is on offer."""
    assert choice().startswith("thanks")
    only_deals = ("thanks_mail", "thanks_push", "sorry_mail")
    assert choice(without=only_deals) == "no_contact"


def test_slipping_customers_are_won_back() -> None:
    """Their journey comes before thanks."""
    assert choice(**SLIPPING).startswith("deal")


def test_response_decides_the_channel() -> None:
    """Among equal offers the channel the customer answers on is used, less its cost."""
    assert choice(response_push=0.1) == "thanks_push"
    assert choice(response_email=0.1) == "thanks_mail"
    assert choice(**SLIPPING) == "deal_mail"
    assert choice(response_sms=0.2, **SLIPPING) == "deal_sms"


def test_dear_channels_are_for_valuable_customers_within_budget() -> None:
    """A call is over every segment's budget; a text is over that of the lapsed."""
    answer = {"response_call_centre": 3.0, "response_sms": 0.9}
    assert choice(**SLIPPING, **answer) == "deal_sms"
    assert choice(recency_days=300.0, **answer) == "deal_mail"
    generous = {s: replace(p, max_cost_minor=500) for s, p in standard_plans().items()}
    assert choice(replace(RULES, plans=generous), **SLIPPING, **answer) == "deal_call"


def test_without_permission_the_channel_is_not_used() -> None:
    """Permission decides before response."""
    assert choice(response_push=0.5, permit_push=0.0) == "thanks_mail"


def test_cadence_and_cap() -> None:
    """No second contact before the cadence is over or beyond the month's number."""
    assert choice(days_since_contact=3.0) == "no_contact"
    assert choice(days_since_contact=4.0) != "no_contact"
    assert choice(contacts_28d=7.0) == "no_contact"


def test_open_ticket_allows_apologies_only_and_at_once() -> None:
    """A complaint silences promotion and does not wait for the cadence."""
    assert choice(without=(), open_tickets=1.0, days_since_contact=0.0) == "sorry_mail"
    assert choice(open_tickets=1.0) == "no_contact"


def test_thresholds_from_the_population() -> None:
    """Quantiles of the customers at hand: 40th and 80th of recency, 60th, 80th."""
    grid = np.repeat(np.arange(101.0)[:, None], SCHEMA.raw_width, axis=1).astype(np.float32)
    found = RfmThresholds.from_population(ContextBatch(SCHEMA, grid))
    assert found.to_dict() == {
        "active_days": 40.0,
        "lapsed_days": 80.0,
        "loyal_frequency": 60.0,
        "valuable_minor": 6_400.0,
    }


def test_journeys_and_kinds_rank_in_order() -> None:
    """Journey first, kind second; what the plan excludes is infinite."""
    plan = SegmentPlan(
        journeys=("churn_recovery", "post_purchase"),
        kinds=(OfferKind.CONTENT, OfferKind.DISCOUNT),
        cadence_days=1.0,
        contacts_28d=9.0,
        max_cost_minor=10,
        max_discount=0.1,
    )
    rank = plan.priority(CATALOGUE)
    assert rank[3] == rank[4] < rank[1] == rank[2]
    assert np.isinf(rank[[0, 5, 6]]).all()
    assert np.isinf(replace(plan, max_discount=0.05).priority(CATALOGUE)[3])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"active_days": 0.0}, "active_days"),
        ({"lapsed_days": 180.0}, "active_days"),
        ({"loyal_frequency": 0.0}, "loyal_frequency"),
        ({"valuable_minor": -1.0}, "valuable_minor"),
    ],
)
def test_refuses_bad_thresholds(changes: dict[str, float], field: str) -> None:
    """Thresholds that leave a cell empty by construction are refused."""
    with pytest.raises(InvalidArgument, match=field):
        RfmThresholds(**changes)


def test_every_segment_needs_a_plan() -> None:
    """A segment without a plan is refused when the rules are made and when they are read."""
    plans = standard_plans()
    del plans[Segment.LAPSED]
    with pytest.raises(InvalidArgument, match="lapsed"):
        RfmRules(plans=plans)
    parameters, tensors = RfmRules().to_state()
    broken = {**parameters, "plans": {str(s): p.to_dict() for s, p in plans.items()}}
    with pytest.raises(DataLoss, match=r"plans\.lapsed"):
        RfmRules.from_state(broken, tensors)


def test_schema_without_recency_is_refused() -> None:
    """Rules cannot run on contexts that lack what they read."""
    bare = FeatureSchema((Feature(name="age", kind=FeatureKind.NUMERIC, low=0, high=1),))
    with pytest.raises(InvalidArgument, match="recency_days"):
        RfmRules().distribution(
            ContextBatch(bare, np.zeros((1, 1), dtype=np.float32)),
            CATALOGUE,
            np.ones((1, len(CATALOGUE)), dtype=bool),
        )
