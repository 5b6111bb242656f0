"""The server's clock, as a seam."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from serving.audit import served_clocks
from serving.storage.database import Database
from troth.clock import utc_now
from troth.digests import parse_json
from troth.errors import InvalidArgument
from troth.types import isoformat, parse_time, require_aware

Clock = Callable[[], datetime]
server_clock: Clock = utc_now
"""What a service goes by that is given no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceClock:
    """Another clock than the host's: it shows ``start`` at ``origin`` and runs at ``rate``.

    For demonstrations and tests, which need a whole day within a minute. It is an argument of
    the process that starts the service and of nothing else: no setting, file or request
    moves it, and an installation served under one says so for good.

    Attributes:
        start: what it shows at ``origin``, aware.
        rate: its seconds per second, > 0.
        origin: seconds of ``time.monotonic``, which processes of one host share; it may lie
            ahead.

    Raises:
        InvalidArgument: naming the field.
    """

    start: datetime
    rate: float = 1.0
    origin: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", require_aware(self.start, "clock.start"))
        if not (math.isfinite(self.rate) and self.rate > 0.0):
            raise InvalidArgument(f"{self.rate} is not above 0", field="clock.rate")
        if not math.isfinite(self.origin):
            raise InvalidArgument(f"{self.origin} is not a time", field="clock.origin")

    def __call__(self) -> datetime:
        """What it shows now, aware UTC."""
        return self.start + timedelta(seconds=(time.monotonic() - self.origin) * self.rate)

    def seconds_until(self, moment: datetime) -> float:
        """Seconds of the host until it shows ``moment``; negative once it has."""
        return (moment - self()).total_seconds() / self.rate

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; floats as they are."""
        return {"start": isoformat(self.start), "rate": self.rate, "origin": self.origin}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ServiceClock:
        """Inverse of :meth:`to_dict`.

        Raises:
            InvalidArgument: naming ``clock`` if a key is missing, unknown or malformed.
        """
        try:
            if set(data) != {"start", "rate", "origin"}:
                raise KeyError(*sorted(data))
            return cls(
                start=parse_time(data["start"], "clock.start"),
                rate=float(data["rate"]),
                origin=float(data["origin"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidArgument(f"malformed: {error!r}", field="clock") from error

    def to_json(self) -> str:
        """For a command line."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> ServiceClock:
        """Inverse of :meth:`to_json`; raises as :meth:`from_dict`."""
        try:
            data = parse_json(text)
        except ValueError as error:
            raise InvalidArgument(f"is not JSON: {error}", field="clock") from error
        return cls.from_dict(data)


def announce(database: Database, clock: Clock) -> None:
    """Write down for good that an installation is served under a clock not the host's."""
    if isinstance(clock, ServiceClock):
        served_clocks.remember(database, start=clock.start, rate=clock.rate)
