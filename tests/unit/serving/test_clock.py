"""The service's clock as an argument: what it shows, and that it is told for good."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from serving.audit import audit_log
from serving.audit.served_clocks import other_clock
from serving.clock import ServiceClock, announce, server_clock
from serving.decisioning.pipeline import DecisionPipeline
from serving.decisioning.servable import FixedPolicies, ServablePolicies
from serving.storage.database import Database
from tests.support.decisions import NOON, loose_config, request
from troth.errors import InvalidArgument
from troth.guardrails import GuardrailEngine
from troth.settings import Settings


def test_it_shows_start_at_its_origin_and_keeps_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds of the host at rate 60 are ten minutes, before the origin too."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = ServiceClock(start=NOON, rate=60.0, origin=1010.0)
    assert clock() == NOON - timedelta(minutes=10)
    assert clock.seconds_until(NOON) == 10.0
    now = 1020.0
    assert clock() == NOON + timedelta(minutes=10)
    assert clock.seconds_until(NOON) == -10.0


def test_it_travels_as_text() -> None:
    """Another process of the host shows the same time."""
    clock = ServiceClock(start=NOON, rate=1728.5)
    assert ServiceClock.from_json(clock.to_json()) == clock


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("soon", "clock"),
        ('{"start": "2026-03-04T12:00:00Z"}', "clock"),
        ('{"start": "2026-03-04T12:00:00", "rate": 1, "origin": 0}', "clock.start"),
        ('{"start": "2026-03-04T12:00:00Z", "rate": 0, "origin": 0}', "clock.rate"),
        ('{"start": "2026-03-04T12:00:00Z", "rate": 1, "origin": NaN}', "clock.origin"),
    ],
)
def test_clock_that_cannot_be_is_refused(text: str, field: str) -> None:
    """The part at fault is named."""
    with pytest.raises(InvalidArgument) as caught:
        ServiceClock.from_json(text)
    assert caught.value.field == field


def test_another_clock_is_on_record_once_and_for_good(tmp_path: Path) -> None:
    """Two replicas under one clock leave one audit row; the host's clock leaves none."""
    database = Database(tmp_path / "troth.db", durable=False)
    announce(database, server_clock)
    assert other_clock(database) is None
    for _ in range(2):
        announce(database, ServiceClock(start=NOON, rate=60.0))
    with database.read() as connection:
        assert len(list(audit_log.rows(connection, kind="serving.clock"))) == 1
    told = other_clock(database)
    assert told is not None
    assert "2026-03-04T12:00:00" in told
    assert audit_log.verify(database).ok


@pytest.mark.parametrize(
    ("clock", "slug"), [(server_clock, False), (ServiceClock(start=NOON), True)]
)
def test_each_decision_says_so(tmp_path: Path, clock: object, slug: bool) -> None:
    """A decision under another clock carries the slug, one under the host's does not."""
    database = Database(tmp_path / "troth.db", durable=False)
    pipeline = DecisionPipeline(
        database,
        FixedPolicies({"daily": ServablePolicies()}),
        GuardrailEngine(loose_config()),
        clock=clock,  # type: ignore[arg-type]
    )
    decision = pipeline.decide(request(decided_at=None))
    pipeline.close()
    assert ("other_clock" in decision.reasons) is slug
    assert isinstance(decision.answered_at, datetime)


def test_tolerance_is_an_hour_at_most() -> None:
    """No setting lets callers say what time it is."""
    assert Settings(max_clock_skew_s=3600.0).max_clock_skew_s == 3600.0
    with pytest.raises(ValidationError):
        Settings(max_clock_skew_s=3600.1)
