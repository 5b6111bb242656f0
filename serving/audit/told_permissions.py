"""Whether what is permitted is what the audit log tells of.

The log tells of every change of a channel, and names its customers by digest alone. So the
last that it tells of each must be what follows from the facts in the store, and no refusal in
the store may be older than one that it tells of: an older one would yield to an older consent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from sys import intern

from serving.audit.findings import Finding, FindingKind
from serving.audit.kinds import AuditKind
from serving.storage.customers import ToldPermission
from serving.storage.unit_of_work import UnitOfWork
from troth.digests import parse_json, sha256

_UNKNOWN = "unknown"
_WORDS = {None: _UNKNOWN, True: "granted", False: "refused"}


@dataclass(slots=True)
class _Told:
    """Of one customer and purpose: last state by channel, newest refusal by name."""

    states: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] | None = None


def check_permissions(
    unit: UnitOfWork, _progress: Callable[[str, int, int], None]
) -> Iterator[Finding]:
    """Every channel is as the log last told of it, and no refusal is gone or made older."""
    from troth.guardrails.config import CONTACT_CHANNELS
    from troth.guardrails.permitting import ALL

    channels = tuple(channel.value for channel in CONTACT_CHANNELS)
    told = _read(unit, {ALL: channels, **{name: (name,) for name in channels}})
    for (customer_id, purpose), group in groupby(
        unit.customers.all_permissions(), key=lambda row: (row.customer_id, row.purpose)
    ):
        customer = sha256(str(customer_id).encode())
        known = told.pop((customer, str(purpose)), None) or _Told()
        for what, found, by_log in _differences(list(group), known, channels):
            yield _finding(customer, purpose, what, found, by_log)
    for (customer, purpose), known in told.items():
        for name, state in known.states.items():
            if state != _UNKNOWN:
                yield _finding(customer, purpose, name, "gone", state)


def _differences(
    rows: list[ToldPermission], known: _Told, channels: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    """What of one customer is otherwise than the log tells, what it is, and what it was."""
    from troth.guardrails.permitting import ALL, fold

    facts = {(row.channel, row.kind): row.at for row in rows}
    now = {str(channel): state for channel, state in fold(facts).items()}
    # What an earlier version knew has no row of the log before its first change.
    earlier = {row.channel for row in rows if not row.fact_id and row.kind != "given"}
    for name in channels:
        state, before = _WORDS[now.get(name)], known.states.get(name)
        if before is None and (state == "refused" or earlier & {name, ALL}):
            continue
        if state != (before or _UNKNOWN):
            yield name, state, before or _UNKNOWN
    for name, at in (known.refused or {}).items():
        if facts.get((name, "refused"), "") < at:
            yield name, "without that refusal", f"refused at {at}"


def _read(
    unit: UnitOfWork, channels_of: dict[str, tuple[str, ...]]
) -> dict[tuple[str, str], _Told]:
    told: defaultdict[tuple[str, str], _Told] = defaultdict(_Told)
    kinds = (str(AuditKind.PERMISSION_WITHDRAWN), str(AuditKind.PERMISSION_CHANGED))
    for _, text in unit.audit.payloads_of_either(*kinds):
        payload = parse_json(text)
        known = told[payload["customer"], payload["purpose"]]
        for fact in payload["facts"]:
            after = fact["after"]
            for name in fact["channels"]:
                if not fact["granted"]:
                    known.refused = known.refused or {}  # most customers never refused: no dict
                    known.refused[name] = max(known.refused.get(name, ""), fact["at"])
                for channel in channels_of[name]:
                    known.states[channel] = intern(
                        after if isinstance(after, str) else after[channel]
                    )
    return told


def _finding(customer: str, purpose: str, name: str, found: str, told: str) -> Finding:
    return Finding(
        kind=FindingKind.CONTRADICTED,
        seq=None,
        message=f"{name} for {purpose} of the customer {customer[:12]} is {found},"
        f" by the log {told}",
    )
