"""What every guardrail owes, run on each of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.support.decisions import CATALOGUE
from troth.catalogue import CHANNELS, NO_CONTACT, Channel, OfferKind
from troth.guardrails import FactsBatch, GuardrailConfig
from troth.guardrails.columns import (
    COLUMNS,
    DENIED,
    GRANTED,
    NEVER_US,
    UNKNOWN,
    UNKNOWN_CHANNEL,
    UNKNOWN_MINUTE,
)
from troth.guardrails.guardrail import Guardrail
from troth.guardrails.registry import OWN
from troth.guardrails.told import UNTOLD

EXAMPLES: dict[str, object] = {}
"""Sections of Troth's own guardrails that the shipped configuration does not have."""
GUARDRAILS = GuardrailConfig.from_dict(GuardrailConfig.shipped().to_dict() | EXAMPLES).guardrails
TOLD = [fact for guardrail in GUARDRAILS for fact in guardrail.told]
ROWS = 300


BY_CHANNEL = [guardrail for guardrail in GUARDRAILS if guardrail.goes_by_channel]


@pytest.fixture(params=GUARDRAILS, ids=lambda g: g.name)
def guardrail(request: pytest.FixtureRequest) -> Guardrail:
    """Each guardrail in turn."""
    guardrail: Guardrail = request.param
    return guardrail


def crowd() -> FactsBatch:
    """Customers of all kinds."""
    rng = np.random.default_rng(7)
    age = rng.integers(0, 30 * 86_400_000_000, size=(ROWS, 5))
    return FactsBatch(
        permissions=rng.choice([GRANTED, DENIED, UNKNOWN], size=(ROWS, len(CHANNELS))).astype(
            np.int8
        ),
        local_minute=rng.integers(UNKNOWN_MINUTE, 1440, size=ROWS),
        contact_age_us=np.where(rng.random((ROWS, 5)) < 0.5, NEVER_US, age),
        contact_channel=rng.integers(0, len(CHANNELS), size=(ROWS, 5)),
        granted_today=rng.random((ROWS, len(CATALOGUE))) < 0.3,
        listed_us=np.full(ROWS, 30 * 86_400_000_000),
        told={
            fact.name: np.where(
                rng.random(ROWS) < 0.1, UNTOLD, rng.integers(fact.low, fact.high + 1, size=ROWS)
            )
            for fact in TOLD
        },
    )


def blocked(guardrail: Guardrail, facts: FactsBatch) -> np.ndarray:
    """Refused for any reason: bool (n, K)."""
    refusals = guardrail.refusals(CATALOGUE, facts)
    return np.logical_or.reduce([refusal.blocked for refusal in refusals])


def test_every_guardrail_is_held_to_the_contract() -> None:
    """Also those that are not shipped switched on."""
    assert [type(guardrail) for guardrail in GUARDRAILS] == list(OWN)


def test_is_a_guardrail_with_a_slug(guardrail: Guardrail) -> None:
    """Verdicts are reported under a name that can be counted by."""
    assert isinstance(guardrail, Guardrail)
    assert guardrail.name.isidentifier()
    assert guardrail.name == guardrail.name.lower()


def test_masks_have_the_shape_of_the_batch(guardrail: Guardrail) -> None:
    """Each refusal is bool (n, K), also for a batch of nobody."""
    for facts in (crowd(), crowd().take(slice(0, 0))):
        for refusal in guardrail.refusals(CATALOGUE, facts):
            assert refusal.blocked.dtype == np.bool_
            assert refusal.blocked.shape == (len(facts), len(CATALOGUE))


def test_no_contact_is_never_refused(guardrail: Guardrail) -> None:
    """Whatever is known or unknown, silence is allowed."""
    assert not blocked(guardrail, crowd())[:, NO_CONTACT].any()


def test_refuses_somebody_and_not_everybody(guardrail: Guardrail) -> None:
    """The crowd exercises the guardrail at all."""
    found = blocked(guardrail, crowd())[:, 1:]
    assert found.any()
    assert not found.all()


def test_rows_are_independent(guardrail: Guardrail) -> None:
    """A customer's verdict does not depend on who else is in the batch."""
    facts = crowd()
    together = blocked(guardrail, facts)
    alone = [blocked(guardrail, facts.take(slice(r, r + 1)))[0] for r in range(ROWS)]
    assert (together == np.array(alone)).all()


def test_is_a_function_of_the_facts(guardrail: Guardrail) -> None:
    """Asked twice, the same answer; and the facts are left as they were."""
    facts = crowd()
    before = [np.array(a, copy=True) for a in (facts.permissions, facts.contact_age_us)]
    assert (blocked(guardrail, facts) == blocked(guardrail, facts)).all()
    assert (facts.permissions == before[0]).all()
    assert (facts.contact_age_us == before[1]).all()


def test_ignorance_never_helps(guardrail: Guardrail) -> None:
    """Forgetting a permission, the time zone or a channel allows nothing that was refused."""
    facts = crowd()
    unknown = replace(
        facts,
        permissions=np.full_like(facts.permissions, UNKNOWN),
        local_minute=np.full_like(facts.local_minute, UNKNOWN_MINUTE),
        contact_channel=np.full_like(facts.contact_channel, UNKNOWN_CHANNEL),
        told={name: np.full(ROWS, UNTOLD) for name in facts.told},
    )
    assert (blocked(guardrail, unknown) >= blocked(guardrail, facts)).all()


def test_reads_no_column_that_it_does_not_need(guardrail: Guardrail) -> None:
    """Other customers' values in every other column change nothing."""
    facts = crowd()
    others = {name: getattr(facts, name)[::-1] for name in COLUMNS if name not in guardrail.needs}
    own = {fact.name for fact in guardrail.told}
    told = {name: column if name in own else column[::-1] for name, column in facts.told.items()}
    assert guardrail.needs <= set(COLUMNS)
    changed = replace(facts, told=told, **others)
    assert (blocked(guardrail, changed) == blocked(guardrail, facts)).all()


def test_contacts_beyond_its_reach_do_not_matter(guardrail: Guardrail) -> None:
    """So that a ledger need not be read further back."""
    facts = crowd()
    far = facts.contact_age_us >= guardrail.reach // timedelta(microseconds=1)
    near = replace(facts, contact_age_us=np.where(far, NEVER_US, facts.contact_age_us))
    assert far.any()
    assert (blocked(guardrail, near) == blocked(guardrail, facts)).all()


@pytest.mark.parametrize("guardrail", BY_CHANNEL, ids=lambda g: g.name)
def test_who_goes_by_the_channel_goes_by_nothing_else(guardrail: Guardrail) -> None:
    """An action of another kind, price and journey is judged the same."""
    other = [
        action
        if action.channel is Channel.NONE
        else replace(action, kind=OfferKind.GIFT, cost_minor=99, discount=0.5, points=7, step=3)
        for action in CATALOGUE.actions
    ]
    facts = crowd()
    for mine, theirs in zip(
        guardrail.refusals(CATALOGUE, facts),
        guardrail.refusals(replace(CATALOGUE, actions=tuple(other)), facts),
        strict=True,
    ):
        assert (mine.blocked == theirs.blocked).all()


def test_more_contacts_never_help(guardrail: Guardrail) -> None:
    """One more contact allows nothing that was refused."""
    facts = crowd()
    more = replace(
        facts,
        contact_age_us=np.hstack((facts.contact_age_us, np.zeros((ROWS, 1), dtype=np.int64))),
        contact_channel=np.hstack((facts.contact_channel, np.full((ROWS, 1), 3))),
    )
    assert (blocked(guardrail, more) >= blocked(guardrail, facts)).all()
