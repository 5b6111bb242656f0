"""Whatever travels arrives, and whatever cannot be read is refused by its name."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import EnumDescriptor
from hypothesis import given
from hypothesis import strategies as st

from serving.decisioning.requests import DecideRequest
from troth.answers import Answer
from troth.catalogue import Channel
from troth.client import Question
from troth.errors import Code, FailedPrecondition, InvalidArgument, TrothError
from troth.questions import Asked
from troth.reports import Permission, PermissionSet, Recorded
from troth.types import Outcome, OutcomeKind, ServedBy, Verdict
from troth.v1 import decision_service_pb2 as pb
from troth.wire.enums import ENUMS, WireEnum
from troth.wire.forms import Form
from troth.wire.messages import (
    ANSWER,
    OUTCOME,
    PERMISSION_SET,
    QUESTION,
    RECORDED,
    read_outcome,
    read_permission,
    write_permission,
)
from troth.wire.status import from_status, to_status

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
TUPLES = st.lists(TEXTS, max_size=4).map(tuple)
TIMES = st.datetimes(
    datetime(1, 1, 3),
    datetime(9999, 12, 29),
    timezones=st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23))),
)
"""With offsets: Python calls times of a zone's lost or doubled hour unequal to any others."""
CHANNELS = st.sampled_from(Channel)
SINGLES = st.floats(width=32)


def built(noun: type[Any], **ways: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any value of ``noun``; its fields are texts but where ``ways`` says otherwise."""
    return st.builds(noun, **{f.name: ways.get(f.name, TEXTS) for f in fields(noun)})


QUESTIONS = built(
    Question,
    features=st.lists(SINGLES, min_size=1, max_size=9).map(tuple),
    triggered_journeys=TUPLES,
    decided_at=TIMES | st.none(),
    request_id=st.uuids().map(str),
)
VERDICTS = built(Verdict, refused=TUPLES, mass=st.floats(allow_nan=False))
ANSWERS = built(
    Answer,
    channel=CHANNELS,
    send_at=TIMES,
    propensity=st.floats(0.0, 1.0),
    served_by=st.sampled_from(ServedBy),
    reasons=TUPLES,
    verdicts=st.lists(VERDICTS, max_size=3).map(tuple),
    valid_until=TIMES,
    holds=st.booleans(),
    void_reasons=TUPLES,
)
OUTCOMES = built(
    Outcome,
    kind=st.sampled_from(OutcomeKind),
    value_minor=st.integers(-(2**63), 2**63 - 1),
    occurred_at=TIMES,
    channel=CHANNELS | st.none(),
)
PERMISSIONS = built(
    Permission,
    channel=CHANNELS | st.none(),
    granted=st.booleans(),
    given_at=TIMES | st.none(),
    purpose=TEXTS.filter(bool),
)
ANSWERED = Answer(
    decision_id="d",
    action_id="a",
    channel=Channel.SMS,
    send_at=datetime(2026, 3, 4, tzinfo=UTC),
    propensity=0.5,
    policy_digest="",
    catalogue_digest="",
    guardrails_digest="",
    served_by=ServedBy.MODEL,
    reasons=(),
    verdicts=(),
    valid_until=datetime(2026, 3, 5, tzinfo=UTC),
)


@given(QUESTIONS)
def test_questions_arrive(question: Question) -> None:
    """With every bit of their features."""
    message = QUESTION.parse(question.to_message().SerializeToString())
    arrived = QUESTION.read(message, Asked)
    sent = np.array(question.features, dtype=np.float32)
    np.testing.assert_array_equal(np.asarray(arrived.features), sent)
    whole = {f.name: getattr(question, f.name) for f in fields(Asked)}
    assert replace(arrived, features=()) == Asked(**{**whole, "features": ()})


@given(ANSWERS)
def test_answers_arrive(answer: Answer) -> None:
    """With whether they hold, which equality leaves out."""
    arrived = ANSWER.read(ANSWER.parse(ANSWER.write(answer).SerializeToString()), Answer)
    assert arrived == answer
    assert (arrived.holds, arrived.void_reasons) == (answer.holds, answer.void_reasons)


@given(OUTCOMES)
def test_outcomes_arrive(outcome: Outcome) -> None:
    """Every kind, with a channel or without."""
    assert read_outcome(OUTCOME.parse(OUTCOME.write(outcome).SerializeToString())) == outcome


@given(PERMISSIONS)
def test_permissions_arrive(permission: Permission) -> None:
    """Of one channel or of all, with a time or without."""
    message = pb.SetPermissionRequest.FromString(write_permission(permission).SerializeToString())
    assert read_permission(message) == permission


@given(TEXTS, st.booleans(), st.booleans(), TEXTS)
def test_acknowledgements_arrive(name: str, first: bool, effective: bool, reason: str) -> None:
    """Of outcomes and of permissions."""
    recorded = Recorded(outcome_id=name, first_time=first)
    assert RECORDED.read(RECORDED.write(recorded), Recorded) == recorded
    done = PermissionSet(permission_id=name, first_time=first, effective=effective, reason=reason)
    assert PERMISSION_SET.read(PERMISSION_SET.write(done), PermissionSet) == done


def errors() -> list[type[TrothError]]:
    """Every class of error there is."""
    found = [TrothError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return sorted({kind for kind in found if kind.__module__ == "troth.errors"}, key=str)


@pytest.mark.parametrize("kind", errors())
@given(
    message=st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=60),
    field=st.none() | st.from_regex(r"[a-z_]{1,20}(\[[0-9]\])?", fullmatch=True),
    facts=st.dictionaries(st.from_regex(r"[a-z]{3,8}", fullmatch=True), st.just("v"), max_size=3),
)
def test_errors_arrive(
    kind: type[TrothError], message: str, field: str | None, facts: dict[str, str]
) -> None:
    """Class, message, field and facts, as the service raised them."""
    facts.pop("field", None)
    error = kind(message, field=field)
    error.metadata.update(facts)
    status = to_status(error)
    arrived, by_service = from_status(Code(status.code), status.message, status.SerializeToString())
    assert by_service
    assert (type(arrived), arrived.message, arrived.field) == (kind, message, field)
    assert arrived.metadata == facts


def test_every_enum_of_the_wire_is_mapped() -> None:
    """Member by member, both ways; 0 is none of them."""
    assert ENUMS.keys() == {e.full_name for e in pb.DESCRIPTOR.enum_types_by_name.values()}
    for enum in pb.DESCRIPTOR.enum_types_by_name.values():
        known = ENUMS[enum.full_name]
        assert known.from_wire.keys() == set(enum.values_by_number) - {0}
        assert {known.to_wire[m]: m for m in known.to_wire} == known.from_wire


class Fewer(StrEnum):
    """Answerers, one of them missing."""

    MODEL = "model"
    BASELINE = "baseline"


class More(StrEnum):
    """Answerers, and one that the wire does not know."""

    MODEL = "model"
    BASELINE = "baseline"
    NO_CONTACT = "no_contact"
    ORACLE = "oracle"


@pytest.mark.parametrize(("members", "named"), [(Fewer, "NO_CONTACT"), (More, "ORACLE")])
def test_a_member_on_one_side_alone_is_noticed(members: type[StrEnum], named: str) -> None:
    """When the module is loaded, not when it is first sent."""
    descriptor: EnumDescriptor = pb.ServedBy.DESCRIPTOR
    with pytest.raises(TypeError, match=named):
        WireEnum(members, descriptor, "somebody who answers")


def test_a_field_on_one_side_alone_is_noticed() -> None:
    """Of the noun or of the message."""
    with pytest.raises(TypeError, match="effective, outcome_id, permission_id, reason"):
        Form(PermissionSet, pb.RecordOutcomeResponse)


@pytest.mark.parametrize("number", [77, -1, 2**31 - 1])
@pytest.mark.parametrize("field", ["channel", "served_by"])
def test_answers_of_another_release_are_refused(field: str, number: int) -> None:
    """An enum's unknown number is not taken for a known one."""
    message = ANSWER.write(ANSWERED)
    setattr(message, field, number)
    with pytest.raises(FailedPrecondition, match=str(number)) as caught:
        ANSWER.read(message, Answer)
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["channel", "send_at", "served_by", "valid_until"])
def test_answers_with_something_missing_are_refused(field: str) -> None:
    """By the name of what is missing."""
    message = ANSWER.write(ANSWERED)
    message.ClearField(field)  # type: ignore[arg-type]
    with pytest.raises(FailedPrecondition) as caught:
        ANSWER.read(message, Answer)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "kind"),
        ({"kind": 0}, "kind"),
        ({"kind": 77}, "kind"),
        ({"kind": pb.OUTCOME_KIND_CLICKED}, "occurred_at"),
        ({"kind": pb.OUTCOME_KIND_CLICKED, "occurred_at": {"seconds": 10**15}}, "occurred_at"),
        ({"kind": pb.OUTCOME_KIND_OPTED_OUT, "channel": 77}, "channel"),
    ],
)
def test_outcomes_that_cannot_be_are_refused(values: dict[str, Any], field: str) -> None:
    """By the name of the field."""
    with pytest.raises(InvalidArgument) as caught:
        read_outcome(pb.RecordOutcomeRequest(**values))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"customer_id": 7}, "customer_id"),
        ({"features": ["x"]}, "features"),
        ({"features": 3.0}, "features"),
        ({"triggered_journeys": [None]}, "triggered_journeys"),
        ({"customer_id": "\ud800"}, "customer_id"),
        ({"decided_at": "today"}, "decided_at"),
        ({"decided_at": datetime(2026, 1, 1)}, "decided_at"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], field: str) -> None:
    """Before anything is sent."""
    question = Question(
        customer_id="C1", decision_point="daily", features=[1.0], feature_schema_digest="0" * 64
    )
    with pytest.raises(InvalidArgument) as caught:
        replace(question, **change).to_message()
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["outcome_id", "value_minor", "occurred_at", "kind"])
def test_nothing_in_place_of_a_value_is_named(field: str) -> None:
    """It would arrive as 0, or as no text."""
    told: dict[str, Any] = {
        "outcome_id": "o", "decision_id": "d", "kind": OutcomeKind.PURCHASED,
        "value_minor": 1, "occurred_at": datetime(2026, 3, 4, tzinfo=UTC),
    }  # fmt: skip
    with pytest.raises(InvalidArgument, match=f"{field}: is missing"):
        OUTCOME.write(Outcome(**{**told, field: None}))


@pytest.mark.parametrize("text", ['{"x": 1}', '{"%s": 1}' % ("y" * 5000), '{"a\\n\\u202e": 1}'])
def test_json_that_does_not_fit_is_one_line(text: str) -> None:
    """However long the key that the message has not."""
    with pytest.raises(InvalidArgument) as refused:
        QUESTION.parse_json(text)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 450


@pytest.mark.parametrize("channel", ["fax", 3, ["sms"], "CHANNEL_SMS"])
def test_a_channel_that_is_none_is_named(channel: Any) -> None:
    """Before anything is sent, in reports of either kind."""
    told = Permission(customer_id="C1", channel=channel, granted=False)
    with pytest.raises(InvalidArgument, match="is not a channel") as caught:
        write_permission(told)
    assert caught.value.field == "channel"
    outcome = Outcome(
        outcome_id="",
        decision_id="",
        kind=OutcomeKind.OPTED_OUT,
        value_minor=0,
        occurred_at=ANSWERED.send_at,
        channel=channel,
    )
    with pytest.raises(InvalidArgument, match="is not a channel"):
        OUTCOME.write(outcome)


@pytest.mark.parametrize("granted", [True, False])
def test_permissions_keep_what_is_told_of_their_time(granted: bool) -> None:
    """A consent with an impossible time is refused by name; a refusal is taken up."""
    message = pb.SetPermissionRequest(all_channels=True, granted=granted)
    message.given_at.seconds = 10**15
    if granted:
        with pytest.raises(InvalidArgument, match="not within the years 1 to 9999") as caught:
            read_permission(message)
        assert caught.value.field == "given_at"
    else:
        assert read_permission(message).given_at == datetime.max.replace(tzinfo=UTC)


OTHER = {
    "customer_id": "C2",
    "decision_point": "weekly",
    "features": np.array([2.0], dtype=np.float32),
    "feature_schema_digest": "1" * 64,
    "triggered_journeys": ("welcome",),
    "decided_at": datetime(2026, 3, 4, tzinfo=UTC),
    "request_id": "018f3b5c-9d6e-7a31-8c55-0123456789ab",
}


@pytest.mark.parametrize("field", [f.name for f in fields(DecideRequest)])
def test_the_digest_of_a_request_holds_every_field(field: str) -> None:
    """All that is asked, and not the id it is asked under."""
    request = DecideRequest(
        customer_id="C1",
        decision_point="daily",
        features=np.array([1.0], dtype=np.float32),
        feature_schema_digest="0" * 64,
        request_id="018f3b5c-9d6e-7a31-8c55-000000000000",
    )
    changed = replace(request, **{field: OTHER.get(field, "other")})
    assert (changed.digest == request.digest) == (field == "request_id")
