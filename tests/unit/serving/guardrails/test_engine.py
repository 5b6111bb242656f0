"""The engine: attribution, renormalisation, and policies under guardrails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serving.guardrails import Facts, FactsBatch, GuardedPolicy, GuardrailConfig, GuardrailEngine
from serving.guardrails.guarded import guard
from tests.support.decisions import ALL_CHANNELS, CATALOGUE, NOON, SCHEMA, WeightedPolicy
from troth.catalogue import Channel
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.types import Verdict

ENGINE = GuardrailEngine(GuardrailConfig.shipped())
AWAKE = Facts(permissions=ALL_CHANNELS, zone="Europe/Vienna", decided_at=NOON)
NO_SMS = replace(AWAKE, permissions={**ALL_CHANNELS, Channel.SMS: False})
LOST = replace(AWAKE, permissions={}, zone=None)
PROPOSED = np.array([[0.1, 0.2, 0.3, 0.4]])


def test_refused_mass_is_spread_in_proportion() -> None:
    """What is left keeps its proportions; the verdict names what was taken and how much."""
    served, verdicts = ENGINE.apply(PROPOSED, CATALOGUE, FactsBatch.of([NO_SMS]))
    np.testing.assert_allclose(served, [[1 / 6, 2 / 6, 3 / 6, 0.0]], rtol=1e-15)
    assert served[0, 3] == 0.0
    assert verdicts == (
        (Verdict(guardrail="consent", refused=("winback_sms",), mass=0.4, reason="no_consent"),),
    )


def test_nothing_left_is_no_contact() -> None:
    """A policy that never stays silent is silenced when every contact is refused."""
    eager = np.array([[0.0, 0.5, 0.25, 0.25]])
    served, verdicts = ENGINE.apply(eager, CATALOGUE, FactsBatch.of([LOST]))
    assert served.tolist() == [[1.0, 0.0, 0.0, 0.0]]
    assert [(v.guardrail, v.reason, v.mass) for v in verdicts[0]] == [
        ("consent", "unknown_consent", 1.0)
    ]


def test_first_guardrail_to_refuse_is_named_alone() -> None:
    """Refusals add up over guardrails: an action is counted once."""
    _, verdicts = ENGINE.apply(PROPOSED, CATALOGUE, FactsBatch.of([replace(AWAKE, zone=None)]))
    assert [(v.guardrail, v.refused) for v in verdicts[0]] == [
        ("quiet_hours", ("welcome_push", "winback_sms"))
    ]
    _, verdicts = ENGINE.apply(PROPOSED, CATALOGUE, FactsBatch.of([LOST]))
    assert [v.guardrail for v in verdicts[0]] == ["consent"]


def test_untouched_rows_keep_their_bits() -> None:
    """A row from which nothing is taken is not renormalised."""
    odd = np.array([[0.1, 0.2, 0.3, 0.39999999999999997], [0.1, 0.2, 0.3, 0.4]])
    served, _ = ENGINE.apply(odd, CATALOGUE, FactsBatch.of([AWAKE, NO_SMS]))
    assert served[0].tobytes() == odd[0].tobytes()
    assert served[1, 3] == 0.0


def test_guarded_policy_names_its_next_best() -> None:
    """A policy with one favourite is asked again rather than silenced."""
    greedy = WeightedPolicy((0.0, 1e-12, 0.0, 1.0))
    contexts = ContextBatch(SCHEMA, np.zeros((2, 3), dtype=np.float32))
    guarded = guard(
        greedy, ENGINE, contexts, CATALOGUE, np.ones((2, 4), bool), FactsBatch.of([NO_SMS, AWAKE])
    )
    assert guarded.distribution[0].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert guarded.mask.tolist() == [[True, True, True, False], [True] * 4]
    assert guarded.verdicts[0][0].mass == pytest.approx(1.0)
    assert guarded.verdicts[1] == ()


def test_guarded_policy_is_a_policy_over_a_batch() -> None:
    """One batch gives the same rows as one customer at a time."""
    rows = [AWAKE, NO_SMS, LOST, replace(AWAKE, zone=None)]
    contexts = ContextBatch(SCHEMA, np.zeros((4, 3), dtype=np.float32))
    mask = np.array([[True, True, True, True]] * 3 + [[True, False, True, True]])
    together = GuardedPolicy(WeightedPolicy(), ENGINE, FactsBatch.of(rows)).distribution(
        contexts, CATALOGUE, mask
    )
    alone = [
        GuardedPolicy(WeightedPolicy(), ENGINE, FactsBatch.of([row])).distribution(
            contexts.take(slice(at, at + 1)), CATALOGUE, mask[at : at + 1]
        )[0]
        for at, row in enumerate(rows)
    ]
    assert together.tolist() == np.array(alone).tolist()
    assert together[3].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_guarded_policy_refuses_facts_of_other_customers() -> None:
    """Facts and contexts go together row by row."""
    policy = GuardedPolicy(WeightedPolicy(), ENGINE, FactsBatch.of([AWAKE]))
    contexts = ContextBatch(SCHEMA, np.zeros((2, 3), dtype=np.float32))
    with pytest.raises(InvalidArgument, match="facts"):
        policy.distribution(contexts, CATALOGUE, np.ones((2, 4), bool))
