"""The wire stays: what is sent has the bytes that clients and services of 0.1 know."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.decisioning.requests import DecideRequest
from troth.answers import Answer
from troth.catalogue import Channel
from troth.client import Permission, PermissionSet, Question
from troth.errors import InvalidArgument, NotApproved, NotFound
from troth.reports import Recorded
from troth.types import Outcome, OutcomeKind, ServedBy, Verdict
from troth.wire.messages import ANSWER, OUTCOME, PERMISSION_SET, RECORDED, write_permission
from troth.wire.status import to_status

SENT: dict[str, str] = json.loads((Path(__file__).parent / "wire.json").read_text())
"""Serialised by the conversions of 0.1, hexadecimal."""
ID = "018f3b5c-9d6e-7a31-8c55-0123456789ab"
AT = datetime(2026, 3, 4, 12, 30, 15, 123456, tzinfo=UTC)
QUESTION = Question(
    request_id=ID,
    customer_id="C1",
    decision_point="daily",
    features=(1.0,),
    feature_schema_digest="0" * 64,
)
HALF_PAST = timezone(timedelta(hours=5, minutes=30))
ANSWERED = Answer(
    decision_id=ID,
    action_id="welcome_email",
    channel=Channel.EMAIL,
    send_at=AT,
    propensity=0.1,
    policy_digest="a" * 64,
    catalogue_digest="b" * 64,
    guardrails_digest="c" * 64,
    served_by=ServedBy.MODEL,
    reasons=("approved_model",),
    verdicts=(
        Verdict(guardrail="consent", refused=("a", "b"), mass=0.25, reason="no_consent"),
        Verdict(guardrail="quiet_hours", refused=(), mass=0.0, reason="quiet"),
    ),
    valid_until=AT + timedelta(hours=9),
)


def outcome(kind: OutcomeKind, **values: Any) -> Outcome:
    """An event of ``kind`` at noon."""
    given = {"outcome_id": ID, "decision_id": ID, "value_minor": 0, "occurred_at": AT, **values}
    return Outcome(kind=kind, **given)


MESSAGES = {
    "question": replace(
        QUESTION,
        customer_id="C 1",
        features=[0.1, float("nan"), -0.0, 3e38],
        feature_schema_digest="ab" * 32,
        triggered_journeys=("winback", "welcome", "winback"),
        decided_at=AT,
    ).to_message(),
    "question without time": QUESTION.to_message(),
    "question from afar": replace(QUESTION, decided_at=AT.astimezone(HALF_PAST)).to_message(),
    **{
        f"outcome {kind}": OUTCOME.write(
            outcome(kind, value_minor=-1250 if kind is OutcomeKind.PURCHASED else 0)
        )
        for kind in OutcomeKind
    },
    "opt-out without decision": OUTCOME.write(
        outcome(
            OutcomeKind.OPTED_OUT,
            decision_id="",
            occurred_at=datetime(1, 1, 1, tzinfo=UTC),
            customer_id="C1",
            channel=Channel.PUSH,
        )
    ),
    **{
        f"refusal {channel}": write_permission(
            Permission(permission_id=ID, customer_id="C1", channel=channel, granted=False)
        )
        for channel in Channel
    },
    "consent to all": write_permission(
        Permission(
            permission_id=ID,
            customer_id="C1",
            channel=None,
            granted=True,
            given_at=AT,
            source="shop 7",
            purpose="survey",
        )
    ),
    "recorded": RECORDED.write(Recorded(outcome_id=ID, first_time=True)),
    "recorded again": RECORDED.write(Recorded(outcome_id=ID, first_time=False)),
    "permission set": PERMISSION_SET.write(
        PermissionSet(permission_id=ID, first_time=True, effective=False, reason="refusal_is_newer")
    ),
    "answer": ANSWER.write(ANSWERED),
    "void answer": ANSWER.write(
        replace(
            ANSWERED,
            holds=False,
            void_reasons=("no_consent", "expired"),
            served_by=ServedBy.BASELINE,
            verdicts=(),
        )
    ),
    "no contact": ANSWER.write(
        replace(
            ANSWERED,
            action_id="no_contact",
            channel=Channel.NONE,
            served_by=ServedBy.NO_CONTACT,
            policy_digest="",
            catalogue_digest="",
            propensity=1.0,
            verdicts=(),
            reasons=("not_approved", "no_baseline"),
        )
    ),
    "error of a field": to_status(InvalidArgument("3 is too much", field="features[3]")),
    "error with facts": to_status(NotApproved("has expired", expires_at="2026")),
    "long error": to_status(NotFound("x\n" * 600, field="y" * 300)),
}


def test_nothing_is_left_out() -> None:
    """Each kept message is still made."""
    assert MESSAGES.keys() == SENT.keys()


@pytest.mark.parametrize("name", sorted(SENT))
def test_bytes_stay(name: str) -> None:
    """Field by field and number by number."""
    assert MESSAGES[name].SerializeToString(deterministic=True).hex() == SENT[name]


@pytest.mark.parametrize(
    ("values", "digest"),
    [
        ({}, "5d55d7b2222a4b0a780d86bb15fca78ca4e4280ce285e94fb6eb968f78fd512c"),
        (
            {"triggered_journeys": ("welcome", "winback", "welcome"), "decided_at": AT},
            "e43a4b99a936bcf5491b1e4605289e0928eaa57e8d226f60df8cd7580b4cf2ca",
        ),
    ],
)
def test_digests_of_requests_stay(values: dict[str, Any], digest: str) -> None:
    """Who repeats a question that an earlier release answered gets that answer."""
    request = DecideRequest(
        request_id=ID,
        customer_id="C1",
        decision_point="daily",
        features=np.array([1.0, np.nan, -0.0], dtype=np.float32),
        feature_schema_digest="0" * 64,
        **values,
    )
    assert request.digest == digest
