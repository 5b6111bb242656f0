"""Permissions: facts that customers gave, and what follows from all of them together.

A permission is a fact: somebody granted or refused a channel (or all of them) for a purpose,
at a time, somewhere. What holds follows from the set of facts alone, in whatever order and by
whatever way they came in: a channel is open if a consent was *given* after the last refusal,
or if nobody ever refused and somebody says that it is granted. So a refusal outlives every
older consent and every one that does not say when and where it was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from serving.audit import audit_log
from serving.audit.kinds import AuditKind
from serving.storage.customers import PermissionRow
from serving.storage.unit_of_work import UnitOfWork
from troth.catalogue import Channel
from troth.digests import sha256
from troth.errors import DataLoss, InvalidArgument
from troth.guardrails.config import CONTACT_CHANNELS
from troth.guardrails.permitting import ALL as ALL
from troth.guardrails.permitting import fold as fold
from troth.reports import MARKETING as MARKETING
from troth.types import isoformat, require_aware

MOST_SOURCE = 200
"""Characters of a source."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""A clock that says less has lost its battery."""
_CHANNELS = frozenset({ALL, *CONTACT_CHANNELS})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_WORDS = {None: "unknown", True: "granted", False: "refused"}


class Kind(StrEnum):
    """What a fact can do."""

    REFUSED = "refused"
    GIVEN = "given"
    """A consent that says when and where it was given: opens what was refused before."""
    STATED = "stated"
    """A consent that does not: holds only where nobody ever refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionFact:
    """One fact, as reported.

    Attributes:
        channel: which; ``None`` for all of them.
        granted: false for a refusal.
        given_at: when the customer said so, aware UTC; ``None`` if nobody knows.
        source: where they said so, e.g. ``"web form"``; empty if nobody knows. Blanks around it
            are left out, so that a blank is no source.
        purpose: what for.

    Raises:
        InvalidArgument: naming the field.
    """

    channel: Channel | None
    granted: bool
    given_at: datetime | None = None
    source: str = ""
    purpose: str = MARKETING

    def __post_init__(self) -> None:
        if self.channel is Channel.NONE:
            raise InvalidArgument("no contact needs no permission", field="channel")
        if self.given_at is not None:
            object.__setattr__(self, "given_at", require_aware(self.given_at, "given_at"))
        object.__setattr__(self, "source", self.source.strip(" "))
        if len(self.source) > MOST_SOURCE or not (self.source or "-").isprintable():
            raise InvalidArgument(
                f"is not up to {MOST_SOURCE} printable characters", field="source"
            )

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels it speaks of."""
        return CONTACT_CHANNELS if self.channel is None else (self.channel,)

    def settled(self, now: datetime, tolerance: timedelta) -> tuple[Kind, datetime]:
        """What it can do, and the time it counts from.

        A refusal is never lost because of a clock: one whose time is missing, too far ahead
        or absurdly old counts from now on. A consent is never later than our knowing of it.

        Args:
            now: the server's clock, aware UTC.
            tolerance: how far ahead of it a reporter's clock may be.

        Raises:
            InvalidArgument: if it grants from a time further ahead than that.
        """
        at = self.given_at
        if not self.granted:
            known = at is not None and EARLIEST <= at <= now + tolerance
            return Kind.REFUSED, at if at is not None and known else now
        if at is not None and at > now + tolerance:
            raise InvalidArgument(
                f"{isoformat(at)} is more than {tolerance.total_seconds():g} s ahead of the"
                f" server's clock {isoformat(now)}",
                field="given_at",
            )
        if at is None or not self.source:
            return Kind.STATED, now
        return Kind.GIVEN, min(at, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one fact did.

    Attributes:
        permission: the fact.
        at: the time it counts from.
        before, after: of each of its channels, true, false or ``None`` for unknown.
        reason: slug saying why things are now as they are; see :data:`REASONS`.
    """

    permission: PermissionFact
    at: datetime
    before: Mapping[Channel, bool | None]
    after: Mapping[Channel, bool | None]
    reason: str

    @property
    def effective(self) -> bool:
        """Whether every channel of the fact is now as the fact says."""
        return all(state is self.permission.granted for state in self.after.values())

    @property
    def changed(self) -> bool:
        """Whether any channel changed."""
        return dict(self.before) != dict(self.after)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the customer."""
        return {
            "channel": _name(self.permission),
            "granted": self.permission.granted,
            "at": isoformat(self.at),
            "source": self.permission.source,
            "before": _told(self.before),
            "after": _told(self.after),
        }


REASONS = {
    "as_given": "it is as the customer said",
    "consent_is_newer": "a consent was given after this refusal",
    "refusal_is_newer": "the customer refused after this consent",
    "no_given_at": "the customer refused, and this does not say when they consented again",
    "no_source": "the customer refused, and this does not say where they consented again",
}
"""Every reason of a :class:`Change`, in words."""

Facts = dict[tuple[str, str], str]
"""Time that each (channel or all, kind) counts from, as text, which orders as time does."""


def facts_of(rows: Iterable[tuple[str, str, str]]) -> Facts:
    """The facts in rows of (channel, kind, at).

    Raises:
        DataLoss: if one cannot be read: nobody is contacted on a guess.
    """
    facts: Facts = {}
    for channel, kind, at in rows:
        if channel not in _CHANNELS or not _TIME.fullmatch(at):
            raise DataLoss(f"a permission cannot be read: {channel!r} {at!r}", field="permissions")
        facts[(channel, kind)] = at
    return facts


def record(
    unit: UnitOfWork,
    customer_id: str,
    permissions: Sequence[PermissionFact],
    *,
    now: datetime,
    tolerance: timedelta,
    fact_id: str,
    via: str,
) -> tuple[Change, ...]:
    """Take up what is reported of one customer, and write down what it changed.

    Args:
        unit: inside a write transaction.
        customer_id: whose.
        permissions: the facts, of one purpose.
        now: the server's clock, aware UTC.
        tolerance: how far ahead of it a reporter's clock may be.
        fact_id: of the report, for the audit log.
        via: ``file``, ``outcome``, ``request`` or ``command``. What a file merely confirms is
            not audited.

    Returns:
        One change per fact, in order.

    Raises:
        InvalidArgument: if a consent lies too far ahead; nothing was written.
        DataLoss: if what is known cannot be read.
    """
    if not permissions:
        return ()
    purpose, moment = permissions[0].purpose, isoformat(now)
    settled = [permission.settled(now, tolerance) for permission in permissions]
    facts = _stored(unit, customer_id, purpose)
    before, rows = fold(facts), list[PermissionRow]()
    texts = {at: isoformat(at) for _, at in settled}
    for permission, (kind, at) in zip(permissions, settled, strict=True):
        key, text = (_name(permission), kind.value), texts[at]
        # Of consents that say nothing the first is as good as any.
        if key not in facts or (kind is not Kind.STATED and text > facts[key]):
            facts[key] = text
            rows.append(
                PermissionRow(customer_id, purpose, *key, text, permission.source, moment, fact_id)
            )
    after = before
    if rows:
        unit.customers.put_permissions(rows)
        after = fold(facts)
    changes = tuple(
        _change(permission, at, before, after)
        for permission, (_, at) in zip(permissions, settled, strict=True)
    )
    _audit(unit, customer_id, changes, fact_id=fact_id, via=via)
    return changes


def stands(unit: UnitOfWork, customer_id: str, permission: PermissionFact) -> tuple[bool, str]:
    """Whether things are as ``permission`` says by now, and a reason as of :class:`Change`."""
    after = _of(permission, fold(_stored(unit, customer_id, permission.purpose)))
    reason = _reason(permission, after)
    return reason == "as_given", reason


def refused_since(
    unit: UnitOfWork, customer_id: str, channel: Channel | None, at: datetime
) -> bool:
    """Whether a refusal of ``channel`` (``None``: of all), for marketing, is as late as ``at``."""
    facts = _stored(unit, customer_id, MARKETING)
    names = (ALL,) if channel is None else (ALL, channel.value)
    return any(facts.get((name, Kind.REFUSED.value), "") >= isoformat(at) for name in names)


def _change(
    permission: PermissionFact,
    at: datetime,
    before: Mapping[Channel, bool],
    after: Mapping[Channel, bool],
) -> Change:
    states = _of(permission, after)
    return Change(
        permission=permission,
        at=at,
        before=_of(permission, before) if before is not after else states,
        after=states,
        reason=_reason(permission, states),
    )


def _name(permission: PermissionFact) -> str:
    return ALL if permission.channel is None else permission.channel.value


def _of(permission: PermissionFact, known: Mapping[Channel, bool]) -> dict[Channel, bool | None]:
    return {channel: known.get(channel) for channel in permission.channels}


def _reason(permission: PermissionFact, after: Mapping[Channel, bool | None]) -> str:
    if all(state is permission.granted for state in after.values()):
        return "as_given"
    if not permission.granted:
        return "consent_is_newer"
    if permission.given_at is None:
        return "no_given_at"
    return "refusal_is_newer" if permission.source else "no_source"


def _stored(unit: UnitOfWork, customer_id: str, purpose: str) -> Facts:
    return facts_of(unit.customers.permissions(customer_id, purpose))


def _audit(
    unit: UnitOfWork,
    customer_id: str,
    changes: Sequence[Change],
    *,
    fact_id: str,
    via: str,
) -> None:
    """One row for the customer. The log is append-only: it names nobody, only a digest."""
    told = [change for change in changes if change.changed or via != "file"]
    if not told:
        return
    refused = any(not change.permission.granted for change in told)
    audit_log.append(
        unit,
        AuditKind.PERMISSION_WITHDRAWN if refused else AuditKind.PERMISSION_CHANGED,
        {
            "customer": sha256(customer_id.encode()),
            "fact_id": fact_id,
            "purpose": told[0].permission.purpose,
            "via": via,
            "facts": _together(told),
        },
    )


def _together(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Facts that differ in their channel only are told once: a file brings many such."""
    alike: dict[tuple[Any, ...], list[Change]] = {}
    for change in changes:
        told = change.permission
        states = (tuple(change.before.values()), tuple(change.after.values()))
        alike.setdefault((told.granted, change.at, told.source, *states), []).append(change)
    return [
        {
            **{name: value for name, value in group[0].to_dict().items() if name != "channel"},
            "channels": [_name(change.permission) for change in group],
        }
        for group in alike.values()
    ]


def _told(states: Mapping[Channel, bool | None]) -> Any:
    """One word where all channels are alike, else one for each."""
    words = {str(channel): _WORDS[state] for channel, state in states.items()}
    return next(iter(words.values())) if len(set(words.values())) == 1 else words
