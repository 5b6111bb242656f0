"""Outcomes: idempotent, checked against their decision, and opt-outs hold at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from serving.decisioning import profiles
from serving.decisioning.profiles import Profile
from tests.support.decisions import (
    ALL_CHANNELS,
    NOON,
    Bench,
    WeightedPolicy,
    answerer,
    customers,
    loose_config,
    request,
)
from troth.catalogue import Channel
from troth.errors import AlreadyExists, InvalidArgument, NotFound, TrothError
from troth.types import Outcome, OutcomeKind

Make = Callable[..., Bench]


def outcome(decision_id: str, **changes: object) -> Outcome:
    """A purchase an hour after noon."""
    values = {
        "outcome_id": str(uuid.uuid4()),
        "decision_id": decision_id,
        "kind": OutcomeKind.PURCHASED,
        "value_minor": 1250,
        "occurred_at": NOON + timedelta(minutes=30),
    }
    return Outcome(**{**values, **changes})  # type: ignore[arg-type]


def contacted(make: Make) -> tuple[Bench, str]:
    """A bench with one e-mail sent to C1."""
    one = make(
        answerers=(answerer(WeightedPolicy((0.0, 1.0, 0.0, 0.0))),),
        config=loose_config(contacts=5),
    )
    customers(one.database, "C1")
    decision = one.pipeline.decide(request())
    assert decision.channel is Channel.EMAIL
    return one, decision.decision_id


def test_outcome_counts_once(bench: Make) -> None:
    """A repeated report is acknowledged and changes nothing."""
    one, decision_id = contacted(bench)
    report = outcome(decision_id)
    assert one.pipeline.record_outcome(report).first_time
    assert not one.another().record_outcome(report).first_time
    assert one.count("outcomes") == 1


def test_decision_has_many_outcomes_in_any_order(bench: Make) -> None:
    """A click after a purchase, twice of a kind: all are kept."""
    one, decision_id = contacted(bench)
    for kind, minutes in (("purchased", 40), ("clicked", 20), ("delivered", 1), ("clicked", 10)):
        report = outcome(
            decision_id,
            kind=OutcomeKind(kind),
            value_minor=0,
            occurred_at=NOON + timedelta(minutes=minutes),
        )
        assert one.pipeline.record_outcome(report).first_time
    assert one.count("outcomes") == 4


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"outcome_id": "x"}, InvalidArgument, "outcome_id"),
        ({"decision_id": "x"}, InvalidArgument, "decision_id"),
        ({"decision_id": str(uuid.uuid4())}, NotFound, "decision_id"),
        ({"kind": OutcomeKind.CLICKED}, InvalidArgument, "value_minor"),
        ({"value_minor": 2**60}, InvalidArgument, "value_minor"),
        ({"occurred_at": NOON + timedelta(hours=2)}, InvalidArgument, "occurred_at"),
        ({"occurred_at": NOON - timedelta(hours=2)}, InvalidArgument, "occurred_at"),
        ({"occurred_at": NOON.replace(tzinfo=None)}, InvalidArgument, "occurred_at"),
    ],
)
def test_bad_outcome_is_refused_by_field(
    bench: Make, changes: dict[str, object], error: type[TrothError], field: str
) -> None:
    """Each field that can be wrong is named, and nothing is stored."""
    one, decision_id = contacted(bench)
    with pytest.raises(error) as caught:
        one.pipeline.record_outcome(replace(outcome(decision_id), **changes))  # type: ignore[arg-type]
    assert caught.value.field == field
    assert one.count("outcomes") == 0


def test_outcome_id_with_other_content_is_refused(bench: Make) -> None:
    """An id cannot be used to report something else."""
    one, decision_id = contacted(bench)
    report = outcome(decision_id)
    one.pipeline.record_outcome(report)
    with pytest.raises(AlreadyExists) as caught:
        one.pipeline.record_outcome(replace(report, value_minor=1))
    assert caught.value.field == "outcome_id"


def test_silence_is_not_clicked(bench: Make) -> None:
    """A decision that made no contact can be followed by a purchase and nothing else."""
    one = bench()
    decision = one.pipeline.decide(request("stranger"))
    assert one.pipeline.record_outcome(outcome(decision.decision_id)).first_time
    with pytest.raises(InvalidArgument) as caught:
        one.pipeline.record_outcome(
            outcome(decision.decision_id, kind=OutcomeKind.OPTED_OUT, value_minor=0)
        )
    assert caught.value.field == "kind"


def opt_out(one: Bench, decision_id: str) -> None:
    """Report that the customer left the channel."""
    one.pipeline.record_outcome(outcome(decision_id, kind=OutcomeKind.OPTED_OUT, value_minor=0))


def test_opt_out_holds_for_the_next_decision(bench: Make) -> None:
    """After an opt-out from e-mail nothing goes by e-mail, and the log says when."""
    one, decision_id = contacted(bench)
    opt_out(one, decision_id)
    one.now = NOON + timedelta(days=2)
    decision = one.another().decide(request(decided_at=one.now))
    assert not decision.contacts
    assert [v.reason for v in decision.verdicts] == ["no_consent"]
    with one.database.read() as connection:
        kinds = [row["kind"] for row in connection.execute("SELECT kind FROM audit ORDER BY seq")]
    assert kinds.count("permission.withdrawn") == 1


def test_old_file_does_not_bring_a_permission_back(bench: Make) -> None:
    """Only a profile that is newer than the opt-out restores the permission."""
    one, decision_id = contacted(bench)
    opt_out(one, decision_id)
    for as_of, held_back in (
        (None, 1),
        (NOON - timedelta(days=1), 1),
        (NOON + timedelta(days=9), 0),
    ):
        profile = Profile(customer_id="C1", zone=None, permissions=ALL_CHANNELS, as_of=as_of)
        with one.database.write() as connection:
            assert profiles.upsert(connection, [profile], now=NOON) == held_back
            _, permissions = profiles.find(connection, "C1")
        assert permissions[Channel.EMAIL] is (held_back == 0)
