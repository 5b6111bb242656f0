"""What approvals bind to and what is kept of decisions stays, byte for byte.

The digests are of what was written before guardrails could come from other packages and facts
could be told by files: installations have approved them, and replays start from them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from serving.decisions.records import Decision, encode_record
from tests.support.decisions import loose_config
from tests.support.logs import few
from troth.catalogue import Channel
from troth.digests import array_digest, digest
from troth.guardrails import Contact, Facts, FactsBatch, GuardrailConfig
from troth.logs.batches import LoggedBatch
from troth.types import ServedBy, Verdict

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
FACTS = Facts(
    permissions={Channel.EMAIL: True, Channel.SMS: False},
    zone="Europe/Vienna",
    decided_at=NOON + timedelta(microseconds=7),
    contacts=(
        Contact(at=NOON, channel=Channel.WEB, action_id="mail-1", day="2026-03-04", zone="UTC"),
        Contact(at=NOON - timedelta(days=2), channel=Channel.EMAIL),
    ),
)


def test_configurations_keep_their_digests() -> None:
    """The shipped one and one of an installation."""
    assert GuardrailConfig.shipped().digest == SHIPPED
    assert loose_config(contacts=2, hours=72).digest == LOOSE
    assert set(GuardrailConfig.shipped().to_dict()) == {"quiet_hours", "frequency_cap"}


def test_a_decision_keeps_its_record() -> None:
    """Every key and value of what is stored and audited."""
    decision = Decision(
        decision_id="01900000-0000-7000-8000-000000000001",
        request_id="01900000-0000-7000-8000-000000000002",
        request_digest="a" * 64,
        customer_id="C1",
        decision_point="daily",
        decided_at=NOON,
        answered_at=NOON,
        send_at=NOON,
        valid_until=NOON + timedelta(hours=11),
        features="AABAQAAAAEAAAMB/",
        feature_schema_digest="b" * 64,
        triggered_journeys=("welcome",),
        facts=FACTS,
        eligible=(0, 1),
        served_by=ServedBy.MODEL,
        policy_digest="c" * 64,
        policy_kind="uniform",
        catalogue_digest="d" * 64,
        guardrails_digest=SHIPPED,
        distribution_digest="e" * 64,
        stream_key="key",
        uniform=0.1,
        action=1,
        action_id="mail-1",
        channel=Channel.EMAIL,
        propensity=0.5,
        reasons=("approved_model",),
        verdicts=(
            Verdict(guardrail="consent", refused=("mail-2",), mass=0.25, reason="no_consent"),
        ),
    )
    text, found = encode_record(decision)
    assert found == RECORD
    assert Decision.from_dict(decision.to_dict()) == decision
    assert '"told"' not in text


def test_a_log_keeps_its_columns() -> None:
    """Names, types, order and values, and what it carries beside them."""
    batch = few()
    facts = FactsBatch.of([FACTS] * 6, batch.catalogue, timedelta(days=7))
    table = LoggedBatch(**{**vars(batch), "facts": facts}).to_table()
    told: dict[str, Any] = {
        "columns": {field.name: str(field.type) for field in table.schema},
        "metadata": {key.decode(): value.decode() for key, value in table.schema.metadata.items()},
        "values": {name: str(table.column(name).to_pylist()) for name in table.column_names},
    }
    assert digest(told) == LOG
    assert array_digest(np.stack([facts.local_minute, facts.listed_us])) == COLUMNS


SHIPPED = "137a9f510308554e2f93d51da2b7953e87c90a7da7f126a04942ab99903b0f7b"
LOOSE = "31f51c5c07ac200a3c73d8a4f24a7b14bc97a42b1518cccad94e60c1753e2c28"
RECORD = "9f94f5ead53046b3892cabd5dd61dfb5f67a9f0d2441280c82b517142acd8176"
LOG = "d1187033c6e6822783b19de538138c82db6039e090515d4f5a9a4498683869cc"
COLUMNS = "e15bf9b2959c64e41b6b2f8b5f8aa4ea8a5d097eabec401b23a33506dd721eb3"
