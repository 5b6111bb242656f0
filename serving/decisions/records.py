"""The decision and its record: everything needed to make it again, bit for bit."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.decisions.canonical import float_text, plain_json
from troth.answers import Answer
from troth.catalogue import Channel
from troth.digests import parse_json, sha256
from troth.errors import DataLoss
from troth.guardrails.facts import Facts
from troth.types import ServedBy, Verdict, isoformat, parse_time

RECORD_VERSION = 2
_UNDATED_VERSION = 1
"""Records without ``valid_until``: they were never good for longer than their moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision, as answered and as stored.

    Attributes:
        decision_id: UUIDv7.
        request_id, request_digest: the question and the digest of all it asked.
        customer_id, decision_point: whom and where.
        decided_at: what the caller asks for, aware UTC.
        answered_at: the server's clock when it was made, aware UTC.
        send_at: when to make the contact, aware UTC: the later one of these two, which is
            what the guardrails went by.
        valid_until: when the answer is no longer to be acted on, aware UTC; see
            :mod:`serving.decisioning.validity`.
        features: base64 of the raw features, float32 little-endian; NaN bits included.
        feature_schema_digest: the schema they follow.
        triggered_journeys: sorted, without repeats.
        facts: what the guardrails were told.
        eligible: columns of the actions that were left to the policy, ascending.
        served_by: who answered; with ``NO_CONTACT`` nobody did, and there is no policy,
            catalogue or distribution: their digests are empty.
        policy_digest, policy_kind, catalogue_digest: who answered, of what.
        guardrails_digest: the configuration the guardrails followed.
        distribution_digest: of the float64 (1, K) that was drawn from.
        stream_key, uniform: the draw; ``uniform`` in (0, 1).
        action: column of the action served.
        action_id, channel: the action served.
        propensity: its probability under the whole guarded pipeline, in (0, 1].
        reasons: why the one who answered did, as slugs.
        verdicts: what each guardrail took away.
        void_reasons: slugs saying why it does not hold any more, when it is answered again.
            Not part of the record, nor of equality: the decision is still the same.
    """

    decision_id: str
    request_id: str
    request_digest: str
    customer_id: str
    decision_point: str
    decided_at: datetime
    answered_at: datetime
    send_at: datetime
    valid_until: datetime
    features: str
    feature_schema_digest: str
    triggered_journeys: tuple[str, ...]
    facts: Facts
    eligible: tuple[int, ...]
    served_by: ServedBy
    policy_digest: str
    policy_kind: str
    catalogue_digest: str
    guardrails_digest: str
    distribution_digest: str
    stream_key: str
    uniform: float
    action: int
    action_id: str
    channel: Channel
    propensity: float
    reasons: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    void_reasons: tuple[str, ...] = field(default=(), compare=False)

    @property
    def holds(self) -> bool:
        """Whether it may be acted on."""
        return not self.void_reasons

    def answer(self) -> Answer:
        """What the caller is told of it."""
        told = {one.name: getattr(self, one.name) for one in fields(Answer)}
        return Answer(**told)

    @property
    def contacts(self) -> bool:
        """Whether the customer is contacted at all."""
        return self.channel is not Channel.NONE

    @property
    def raw(self) -> NDArray[np.float32]:
        """float32 (1, F): the features."""
        return decode_features(self.features)[None, :]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; floats as text that reads back to the same bits."""
        values: dict[str, Any] = {name: getattr(self, name) for name in _TEXTS}
        values.update({name: isoformat(getattr(self, name)) for name in _TIMES})
        values.update({name: list(getattr(self, name)) for name in _LISTS})
        values.update({name: float_text(getattr(self, name)) for name in _FLOATS})
        values["version"] = RECORD_VERSION
        values["action"] = self.action
        values["served_by"] = str(self.served_by)
        values["channel"] = str(self.channel)
        values["facts"] = self.facts.to_dict()
        values["verdicts"] = [verdict_to_dict(verdict) for verdict in self.verdicts]
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decision:
        """Inverse of :meth:`to_dict`.

        Raises:
            DataLoss: if a key is missing or malformed: only this class writes records.
        """
        try:
            if data["version"] == _UNDATED_VERSION:
                data = {**data, "valid_until": data["send_at"]}
            elif data["version"] != RECORD_VERSION:
                raise ValueError(f"version {data['version']} is not {RECORD_VERSION}")
            values: dict[str, Any] = {name: data[name] for name in _TEXTS}
            values.update({name: parse_time(data[name], name) for name in _TIMES})
            values.update({name: tuple(data[name]) for name in _LISTS})
            values.update({name: float(data[name]) for name in _FLOATS})
            return cls(
                **values,
                action=int(data["action"]),
                served_by=ServedBy(data["served_by"]),
                channel=Channel(data["channel"]),
                facts=Facts.from_dict(data["facts"]),
                verdicts=tuple(_verdict_from_dict(row) for row in data["verdicts"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataLoss(f"a decision record is malformed: {error!r}", field="record") from error


def encode_record(decision: Decision) -> tuple[str, str]:
    """The canonical JSON of a decision and its SHA-256."""
    text = plain_json(decision.to_dict())
    return text, sha256(text.encode())


def decode_record(text: str, expected_digest: str) -> Decision:
    """Read a stored record.

    Raises:
        DataLoss: if the text is not what was stored.
    """
    if sha256(text.encode()) != expected_digest:
        raise DataLoss("a decision record does not match its digest", field="record")
    try:
        data = parse_json(text)
    except ValueError as error:
        raise DataLoss(f"a decision record is not JSON: {error}", field="record") from error
    return Decision.from_dict(data)


def decode_features(text: str) -> NDArray[np.float32]:
    """float32 (F,) from base64; inverse of ``DecideRequest.features_base64``."""
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)


def verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    """Plain values of a verdict, its mass as text."""
    return {
        "guardrail": verdict.guardrail,
        "refused": list(verdict.refused),
        "mass": float_text(verdict.mass),
        "reason": verdict.reason,
    }


def _verdict_from_dict(data: Mapping[str, Any]) -> Verdict:
    return Verdict(
        guardrail=data["guardrail"],
        refused=tuple(data["refused"]),
        mass=float(data["mass"]),
        reason=data["reason"],
    )


_TIMES = ("decided_at", "answered_at", "send_at", "valid_until")
_LISTS = ("triggered_journeys", "eligible", "reasons")
_FLOATS = ("uniform", "propensity")
_TEXTS = (
    "decision_id",
    "request_id",
    "request_digest",
    "customer_id",
    "decision_point",
    "features",
    "feature_schema_digest",
    "policy_digest",
    "policy_kind",
    "catalogue_digest",
    "guardrails_digest",
    "distribution_digest",
    "stream_key",
    "action_id",
)
