"""When a customer's clock shows what."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from troth.guardrails.facts import Facts, find_zone


def next_local(moment: time, facts: Facts) -> datetime:
    """When the customer's clock shows ``moment`` next after the decision; aware UTC.

    Where clocks are changed an hour may be missing or come twice: the earlier reading counts.
    The clock of a customer whose zone is unknown is UTC.
    """
    zone = find_zone(facts.zone) or UTC
    readings = _readings(moment, zone, facts.decided_at.astimezone(zone).date())
    return next(reading for reading in readings if reading > facts.decided_at)


@lru_cache(maxsize=4096)
def _readings(moment: time, zone: tzinfo, today: date) -> tuple[datetime, ...]:
    """When clocks in ``zone`` show ``moment`` on that day and the next two; ascending, UTC."""
    return tuple(
        sorted(
            datetime.combine(
                today + timedelta(days=days), moment.replace(fold=fold), zone
            ).astimezone(UTC)
            for days in (0, 1, 2)
            for fold in (0, 1)
        )
    )
