"""Profiles: a customer's time zone and permissions, and what withdraws them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from serving.decisioning.plain import plain_json
from serving.guardrails.facts import find_zone
from troth.catalogue import Channel
from troth.errors import DataLoss, InvalidArgument
from troth.types import isoformat, parse_time, require_aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an installation is told about a customer.

    Attributes:
        customer_id: as in requests.
        zone: IANA time zone, ``None`` if unknown.
        permissions: per channel; a channel that is absent is unknown.
        as_of: when this was true, aware UTC; ``None`` if the source does not say, in which
            case it brings no withdrawn permission back.
    """

    customer_id: str
    zone: str | None
    permissions: Mapping[Channel, bool]
    as_of: datetime | None = None

    def __post_init__(self) -> None:
        if not self.customer_id:
            raise InvalidArgument("is empty", field="customer_id")
        if self.zone is not None and find_zone(self.zone) is None:
            raise InvalidArgument(f"{self.zone!r} is not an IANA time zone", field="zone")
        if Channel.NONE in self.permissions:
            raise InvalidArgument("no contact needs no permission", field="permissions")
        if self.as_of is not None:
            require_aware(self.as_of, "as_of")


def find(
    connection: sqlite3.Connection, customer_id: str
) -> tuple[str | None, dict[Channel, bool]]:
    """Zone and permissions of a customer; a stranger has neither.

    Raises:
        DataLoss: if the stored profile cannot be read: nobody is contacted on a guess.
    """
    row = connection.execute(
        "SELECT zone, permissions FROM profiles WHERE customer_id = ?", (customer_id,)
    ).fetchone()
    if row is None:
        return None, {}
    try:
        stored = json.loads(row["permissions"])
        return row["zone"], {Channel(c): granted is True for c, granted in stored.items()}
    except (ValueError, AttributeError) as error:
        raise DataLoss(f"profile of {customer_id!r}: {error}", field="profiles") from error


def upsert(connection: sqlite3.Connection, profiles: Iterable[Profile], *, now: datetime) -> int:
    """Store ``profiles``, replacing earlier ones; opt-outs stay unless the profile is newer.

    Args:
        connection: inside a write transaction.
        profiles: new state of each customer.
        now: aware UTC.

    Returns:
        How many granted permissions were held back because the customer had opted out.
    """
    held_back = 0
    moment = isoformat(now)
    for profile in profiles:
        permissions = dict(profile.permissions)
        for channel, withdrawn_at in _withdrawals(connection, profile.customer_id).items():
            if not permissions.get(channel):
                continue
            if profile.as_of is not None and profile.as_of > withdrawn_at:
                connection.execute(
                    "DELETE FROM withdrawals WHERE customer_id = ? AND channel = ?",
                    (profile.customer_id, channel),
                )
            else:
                permissions[channel] = False
                held_back += 1
        _store(connection, profile.customer_id, profile.zone, permissions, moment)
    return held_back


def withdraw(
    connection: sqlite3.Connection, customer_id: str, channel: Channel, *, at: datetime
) -> None:
    """Take a permission away, from the next decision on.

    Args:
        connection: inside a write transaction.
        customer_id: who opted out.
        channel: of what.
        at: when, aware UTC.
    """
    zone, permissions = find(connection, customer_id)
    connection.execute(
        "INSERT INTO withdrawals VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
        " SET withdrawn_at = max(withdrawn_at, excluded.withdrawn_at)",
        (customer_id, channel, isoformat(at)),
    )
    _store(connection, customer_id, zone, {**permissions, channel: False}, isoformat(at))


def _withdrawals(connection: sqlite3.Connection, customer_id: str) -> dict[Channel, datetime]:
    rows = connection.execute(
        "SELECT channel, withdrawn_at FROM withdrawals WHERE customer_id = ?", (customer_id,)
    )
    return {Channel(row["channel"]): parse_time(row["withdrawn_at"]) for row in rows}


def _store(
    connection: sqlite3.Connection,
    customer_id: str,
    zone: str | None,
    permissions: Mapping[Channel, bool],
    moment: str,
) -> None:
    connection.execute(
        "INSERT INTO profiles VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " zone = excluded.zone, permissions = excluded.permissions,"
        " updated_at = excluded.updated_at",
        (customer_id, zone, plain_json({str(c): v for c, v in permissions.items()}), moment),
    )
