"""Outcomes: idempotent, checked against their decision, and opt-outs hold at once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from serving.audit import audit_log
from serving.customers import profiles
from tests.support.decisions import (
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
from troth.types import Outcome, OutcomeKind, isoformat

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
        policies=(answerer(WeightedPolicy((0.0, 1.0, 0.0, 0.0))),),
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
    """A decision that made no contact can be followed by a purchase, and not by a click."""
    one = bench()
    decision = one.pipeline.decide(request("stranger"))
    assert one.pipeline.record_outcome(outcome(decision.decision_id)).first_time
    with pytest.raises(InvalidArgument) as caught:
        one.pipeline.record_outcome(
            outcome(decision.decision_id, kind=OutcomeKind.CLICKED, value_minor=0)
        )
    assert caught.value.field == "kind"


def opt_out(one: Bench, decision_id: str, **changes: object) -> Outcome:
    """Report that the customer left the channel."""
    values = {"kind": OutcomeKind.OPTED_OUT, "value_minor": 0, **changes}
    report = outcome(decision_id, **values)
    assert one.pipeline.record_outcome(report).first_time
    return report


def known(one: Bench, customer: str = "C1") -> dict[Channel, bool]:
    """What a customer permits."""
    with one.database.read() as connection:
        return profiles.find(connection, customer)[1]


def test_opt_out_holds_for_the_next_decision(bench: Make) -> None:
    """After an opt-out from e-mail nothing goes by e-mail, and the log says what changed."""
    one, decision_id = contacted(bench)
    opt_out(one, decision_id)
    one.now = NOON + timedelta(days=2)
    decision = one.another().decide(request(decided_at=one.now))
    assert not decision.contacts
    assert [v.reason for v in decision.verdicts] == ["no_consent"]
    with one.database.read() as connection:
        (row,) = audit_log.rows(connection, kind="permission.withdrawn")
    told = json.loads(row.payload)
    assert "C1" not in row.payload
    assert (told["via"], told["purpose"]) == ("outcome", "marketing")
    assert told["facts"] == [
        {
            "channels": ["email"],
            "granted": False,
            "at": isoformat(NOON + timedelta(minutes=30)),
            "source": "outcome",
            "before": "granted",
            "after": "refused",
        }
    ]


@pytest.mark.parametrize(
    "occurred_at",
    [NOON + timedelta(days=400), NOON - timedelta(days=2), NOON + timedelta(minutes=59)],
    ids=["far ahead", "before the decision", "a little ahead"],
)
def test_opt_out_is_not_lost_because_of_a_clock(bench: Make, occurred_at: datetime) -> None:
    """A doubtful time is stored as received now, beside what the reporter said; it is retried."""
    one, decision_id = contacted(bench)
    report = opt_out(one, decision_id, occurred_at=occurred_at)
    assert known(one)[Channel.EMAIL] is False
    assert not one.pipeline.record_outcome(report).first_time
    with one.database.read() as connection:
        row = connection.execute("SELECT occurred_at, reported_at FROM outcomes").fetchone()
    assert row[1] == isoformat(occurred_at)
    believed = occurred_at if abs(occurred_at - NOON) <= timedelta(hours=1) else NOON
    assert row[0] == isoformat(believed)


def test_opt_out_under_no_contact_withdraws_everything(bench: Make) -> None:
    """Nobody knows which channel is meant; one that is named is the one."""
    one = bench(policies=(answerer(WeightedPolicy((1.0, 0.0, 0.0, 0.0))),))
    customers(one.database, "C1", "C2")
    decisions = [one.pipeline.decide(request(name)).decision_id for name in ("C1", "C2")]
    opt_out(one, decisions[0])
    opt_out(one, decisions[1], channel=Channel.SMS)
    assert not any(known(one).values())
    assert [c for c, granted in known(one, "C2").items() if not granted] == [Channel.SMS]


def test_opt_out_outlives_the_consent_its_decision_rested_on(bench: Make) -> None:
    """A reporter's clock that is a little behind does not put it before that consent."""
    one = bench(policies=(answerer(WeightedPolicy((0.0, 1.0, 0.0, 0.0))),))
    customers(
        one.database,
        "C1",
        permissions={Channel.EMAIL: True},
        given_at=NOON - timedelta(minutes=1),
    )
    decision = one.pipeline.decide(request())
    opt_out(one, decision.decision_id, occurred_at=NOON - timedelta(minutes=3))
    assert known(one)[Channel.EMAIL] is False


def test_opt_out_repeated_for_another_channel_is_not_acknowledged(bench: Make) -> None:
    """The id was used for e-mail: whoever means push as well has to hear that it is not taken."""
    one, decision_id = contacted(bench)
    report = opt_out(one, decision_id)
    assert not one.pipeline.record_outcome(replace(report, channel=Channel.EMAIL)).first_time
    with pytest.raises(AlreadyExists):
        one.pipeline.record_outcome(replace(report, channel=Channel.PUSH))
    with pytest.raises(AlreadyExists):
        one.pipeline.record_outcome(replace(report, customer_id="C2"))


@pytest.mark.parametrize("decision_id", ["", "1f32859a-efcf-4ff0-9283-2e4d80b86f77", "msg-17"])
def test_opt_out_needs_no_decision_where_it_names_the_customer(
    bench: Make, decision_id: str
) -> None:
    """The permission is withdrawn wherever the customer is known, once per report."""
    one = bench()
    customers(one.database, "C1")
    report = opt_out(one, decision_id, customer_id="C1", channel=Channel.PUSH)
    assert known(one)[Channel.PUSH] is False
    assert not one.pipeline.record_outcome(report).first_time
    with pytest.raises(AlreadyExists):
        one.pipeline.record_outcome(replace(report, channel=Channel.SMS))


def test_opt_out_of_an_unknown_decision_says_what_to_do(bench: Make) -> None:
    """Without customer there is nobody to withdraw for."""
    with pytest.raises(NotFound, match="SetPermission"):
        opt_out(bench(), str(uuid.uuid4()))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"customer_id": "C2", "kind": OutcomeKind.OPTED_OUT, "value_minor": 0}, "customer_id"),
        ({"customer_id": "C1"}, "customer_id"),
        ({"channel": Channel.SMS}, "channel"),
        ({"channel": Channel.NONE, "kind": OutcomeKind.OPTED_OUT, "value_minor": 0}, "channel"),
    ],
)
def test_customer_and_channel_go_with_opt_outs(
    bench: Make, changes: dict[str, object], field: str
) -> None:
    """Another customer than the decision's, or either field on a purchase, is refused."""
    one, decision_id = contacted(bench)
    with pytest.raises(InvalidArgument) as caught:
        one.pipeline.record_outcome(outcome(decision_id, **changes))
    assert caught.value.field == field
