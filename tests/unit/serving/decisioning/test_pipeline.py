"""The decision pipeline on a small programme."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from serving.decisions.records import Decision
from tests.support.decisions import (
    ALL_CHANNELS,
    EAGER,
    NOON,
    Bench,
    WeightedPolicy,
    answerer,
    customers,
    loose_config,
    request,
)
from troth.catalogue import Catalogue, Channel
from troth.contexts import ContextBatch
from troth.errors import AlreadyExists, InvalidArgument
from troth.policy import Distribution, Mask
from troth.streams import request_uniform
from troth.types import ServedBy

Make = Callable[..., Bench]


class Held:
    """Answers rightly, but not before it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.answered = 0

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """Wait, then answer."""
        self.let_go.wait(60)
        self.answered += 1
        return EAGER.distribution(contexts, actions, mask)


class Broken:
    """Never answers."""

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """Fail."""
        raise ValueError("weights are gone")


class Unlawful:
    """Puts mass where it may not."""

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """Everything on the last action, eligible or not."""
        answer = np.zeros(mask.shape)
        answer[:, -1] = 1.0
        return answer


def test_decision_follows_the_policy_and_its_stream(bench: Make) -> None:
    """The action and propensity are those of the policy at the request's own uniform."""
    one = bench(policies=(answerer(WeightedPolicy()),))
    customers(one.database, "C1")
    asked = request()
    decision = one.pipeline.decide(asked)
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    uniform = request_uniform(f"{asked.request_id}:{'a' * 64}")
    expected = int(np.searchsorted(np.cumsum(shares), uniform, side="right"))
    assert (decision.action, decision.propensity) == (expected, pytest.approx(shares[expected]))
    assert decision.served_by is ServedBy.MODEL
    assert decision.reasons == ("approved_model",)


def test_draws_have_the_frequencies_of_the_policy(bench: Make) -> None:
    """Over many requests, actions come as often as their propensity says."""
    one = bench(policies=(answerer(WeightedPolicy()),))
    names = [f"C{i}" for i in range(400)]
    customers(one.database, *names)
    actions = Counter(one.pipeline.decide(request(name)).action for name in names)
    for action, share in enumerate((0.1, 0.2, 0.3, 0.4)):
        assert abs(actions[action] / 400 - share) < 4 * np.sqrt(share * (1 - share) / 400)


def test_repeated_request_gets_the_stored_answer(bench: Make) -> None:
    """A retry, even after the clock and the profile moved on, gets the same and counts once."""
    one = bench()
    customers(one.database, "C1")
    asked = request()
    first = one.pipeline.decide(asked)
    one.now = NOON + timedelta(days=30)
    customers(one.database, "C1", permissions=dict.fromkeys(ALL_CHANNELS, False))
    assert one.another().decide(asked) == first
    assert one.count("decisions") == one.count("contacts") == 1


def test_request_id_with_other_content_is_refused(bench: Make) -> None:
    """An idempotency key cannot be used to ask something else."""
    one = bench()
    customers(one.database, "C1", "C2")
    asked = request()
    one.pipeline.decide(asked)
    with pytest.raises(AlreadyExists) as caught:
        one.pipeline.decide(replace(asked, customer_id="C2"))
    assert caught.value.field == "request_id"
    assert one.count("decisions") == 1


def test_same_request_fifty_times_at_once_is_one_decision(bench: Make) -> None:
    """Concurrent retries through two pipelines agree on one decision."""
    one = bench()
    customers(one.database, "C1")
    pipelines = (one.pipeline, one.another())
    asked = request()
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda i: pipelines[i % 2].decide(asked), range(50)))
    assert len({answer.decision_id for answer in answers}) == 1
    assert one.count("decisions") == one.count("contacts") == 1


def test_last_contact_is_granted_once_among_threads(bench: Make) -> None:
    """Two replicas asked at the same instant cannot both grant a customer's last contact."""
    one = bench()
    names = [f"C{i}" for i in range(20)]
    customers(one.database, *names)
    pipelines = (one.pipeline, one.another())
    asked = [(pipelines[i % 2], request(name)) for name in names for i in range(6)]
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda pair: pair[0].decide(pair[1]), asked))
    granted = Counter(a.customer_id for a in answers if a.contacts)
    assert granted == dict.fromkeys(names, 1)
    assert one.count("contacts") == len(names)
    refused = [a for a in answers if not a.contacts]
    assert all(v.reason == "over_1_in_24h" for a in refused for v in a.verdicts)
    assert all(a.propensity == 1.0 for a in refused)


def test_same_action_is_granted_once_a_day(bench: Make) -> None:
    """With room under the cap, the same contact still never goes out twice in a day."""
    one = bench(config=loose_config(contacts=10))
    customers(one.database, "C1")
    answers = [one.pipeline.decide(request()) for _ in range(5)]
    assert Counter(a.action_id for a in answers)["no_contact"] == 2
    assert len({a.action_id for a in answers if a.contacts}) == 3
    one.now = NOON + timedelta(days=1)
    again = one.pipeline.decide(request(decided_at=one.now))
    assert again.contacts


@pytest.mark.parametrize(
    ("permissions", "reason"),
    [({}, "unknown_consent"), (dict.fromkeys(ALL_CHANNELS, False), "no_consent")],
)
def test_missing_consent_means_no_contact(
    bench: Make, permissions: dict[Channel, bool], reason: str
) -> None:
    """A customer whose permission is denied or unknown is not contacted."""
    one = bench()
    customers(one.database, "C1", permissions=permissions)
    decision = one.pipeline.decide(request())
    assert decision.action_id == "no_contact"
    assert decision.propensity == 1.0
    assert {v.reason for v in decision.verdicts} == {reason}
    assert set(decision.verdicts[0].refused) == {"welcome_email", "welcome_push", "winback_sms"}


def test_stranger_is_not_contacted(bench: Make) -> None:
    """A customer without a profile has given no consent."""
    assert not bench().pipeline.decide(request("nobody")).contacts


@pytest.mark.parametrize(
    ("model", "reason"), [(Broken(), "model_broken"), (Unlawful(), "model_broken")]
)
def test_broken_model_leaves_the_answer_to_the_baseline(
    bench: Make, model: object, reason: str
) -> None:
    """A policy that raises or breaks the rules is passed over, and the answer says so."""
    baseline = answerer(EAGER, role=ServedBy.BASELINE, name="b")
    one = bench(policies=(answerer(model), baseline))
    customers(one.database, "C1")
    decision = one.pipeline.decide(request(triggered_journeys=("welcome",)))
    assert decision.served_by is ServedBy.BASELINE
    assert decision.policy_digest == "b" * 64
    assert decision.reasons == (reason, "approved_baseline")


def test_slow_model_is_passed_over_within_its_budget(bench: Make) -> None:
    """The baseline answers when the model's time is up, and while the model rests."""
    baseline = answerer(EAGER, role=ServedBy.BASELINE, name="b")
    model, names = Held(), [f"C{at}" for at in range(5)]
    one = bench(policies=(answerer(model), baseline), model_budget_s=0.02)
    customers(one.database, *names)
    answers = [one.pipeline.decide(request(name)) for name in names]
    assert model.answered == 0  # nobody waited for it
    model.let_go.set()
    assert [a.reasons for a in answers] == [("model_slow", "approved_baseline")] * 5


def test_nobody_means_no_contact(bench: Make) -> None:
    """Without any approved policy the answer is no contact, durable and repeatable."""
    one = bench(policies=(), reasons=("model_not_approved_quorum",))
    customers(one.database, "C1")
    asked = request()
    decision = one.pipeline.decide(asked)
    assert decision.served_by is ServedBy.NO_CONTACT
    assert decision.reasons == ("model_not_approved_quorum", "nobody_can_answer")
    assert (decision.policy_digest, decision.action_id) == ("", "no_contact")
    assert one.pipeline.decide(asked) == decision


def test_approval_limits_are_kept(bench: Make) -> None:
    """A policy answers neither after its expiry nor beyond its share of customers."""
    expired = answerer(EAGER, expires_at=NOON)
    half = answerer(EAGER, role=ServedBy.BASELINE, name="b", share=0.5)
    one = bench(policies=(expired, half))
    names = [f"C{i}" for i in range(200)]
    customers(one.database, *names)
    answers = {name: one.pipeline.decide(request(name)) for name in names}
    assert all(a.reasons[0] == "model_approval_expired" for a in answers.values())
    share = sum(a.served_by is ServedBy.BASELINE for a in answers.values()) / len(names)
    assert 0.35 < share < 0.65
    one.now = NOON + timedelta(days=2)
    later = {n: one.pipeline.decide(request(n, decided_at=one.now)) for n in names[:50]}
    assert all(later[n].served_by is answers[n].served_by for n in later)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request_id": "7"}, "request_id"),
        ({"customer_id": ""}, "customer_id"),
        ({"customer_id": "a\nb"}, "customer_id"),
        ({"decision_point": "Daily!"}, "decision_point"),
        ({"feature_schema_digest": "0" * 64}, "feature_schema_digest"),
        ({"feature_schema_digest": "x"}, "feature_schema_digest"),
        ({"features": np.array([1.0], dtype=np.float32)}, "features"),
        ({"features": np.array([], dtype=np.float32)}, "features"),
        ({"features": np.array([-1.0, 0, 0], dtype=np.float32)}, "features[recency_days]"),
        ({"features": np.array([0, np.inf, 0], dtype=np.float32)}, "features[orders]"),
        ({"triggered_journeys": ("welcome", "nowhere")}, "triggered_journeys[1]"),
        ({"decided_at": NOON + timedelta(hours=2)}, "decided_at"),
        ({"decided_at": NOON - timedelta(hours=2)}, "decided_at"),
        ({"decided_at": NOON.replace(tzinfo=None)}, "decided_at"),
    ],
)
def test_bad_input_is_refused_by_field_and_leaves_no_trace(
    bench: Make, changes: dict[str, object], field: str
) -> None:
    """Each field that can be wrong is named, and nothing is stored."""
    one = bench()
    customers(one.database, "C1")
    audited = one.count("audit")
    with pytest.raises(InvalidArgument) as caught:
        one.pipeline.decide(request(**changes))
    assert caught.value.field == field
    assert one.count("decisions") == one.count("contacts") == 0
    assert one.count("audit") == audited


def test_each_group_has_one_audit_row_over_its_records(bench: Make) -> None:
    """Every decision belongs to an audit row whose digest covers it."""
    from troth.digests import digest

    one = bench()
    names = [f"C{i}" for i in range(30)]
    customers(one.database, *names)
    with ThreadPoolExecutor(15) as pool:
        answers: list[Decision] = list(pool.map(one.pipeline.decide, map(request, names)))
    assert len({a.decision_id for a in answers}) == 30
    with one.database.read() as unit:
        groups = list(unit.audit.payloads("decisions.committed"))
        decisions = list(unit.decisions.by_commit())
    for seq, payload in groups:
        digests = [row.record_digest for row in decisions if row.audit_seq == seq]
        assert payload == f'{{"count":{len(digests)},"digest":"{digest(digests)}"}}'
    assert len(groups) < 30, "concurrent requests should share commits"
