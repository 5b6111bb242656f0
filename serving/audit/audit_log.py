"""The audit log: append to it, read it, verify it.

:func:`append` is the hash chain's (:mod:`serving.audit.chain`). :func:`verify` finds
any edit, deletion, insertion or reordering of its rows; that the tail was cut, or every hash
recomputed, it finds against signed heads (:mod:`serving.audit.checkpoints`); and that
votes, registry or decisions were changed behind the log's back, by comparing them with it
(:mod:`serving.audit.checks`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain as concatenate

from serving.audit import checkpoints
from serving.audit.chain import (
    GENESIS,
    AuditRow,
    append,
    decisions_digest,
    head,
    rows,
)
from serving.audit.checkpoints import Head
from serving.audit.checks import DEFAULT_CHECKS, PROGRESS_EVERY, Check, Progress
from serving.audit.findings import AuditReport, Finding, FindingKind
from serving.audit.signed_heads import checkpoint
from serving.signing import keys
from serving.storage.database import Database
from serving.storage.unit_of_work import UnitOfWork
from troth.errors import DataLoss, NotFound, TrothError, Unavailable

__all__ = [
    "GENESIS",
    "AuditReport",
    "AuditRow",
    "Finding",
    "FindingKind",
    "Head",
    "append",
    "checkpoint",
    "decisions_digest",
    "head",
    "rows",
    "verify",
]

Origin = tuple[str, Head]
"""Where a signed head comes from, for the report, and the head."""
MOST_FINDINGS = 100
"""A report stops collecting here: a log with so many faults is not mended row by row."""


def verify(
    database: Database,
    *,
    against: Head | None = None,
    checks: Sequence[Check] = DEFAULT_CHECKS,
    on_progress: Progress | None = None,
) -> AuditReport:
    """Recompute the whole log and compare it with every signed head there is.

    Args:
        database: the store.
        against: a head exported before and kept elsewhere; the strongest comparison, as it
            was out of reach of whoever changed the store and the host.
        checks: comparisons of other tables with the log.
        on_progress: called every few thousand rows and at the end.

    Raises:
        PermissionDenied: if others may read the host's audit key.
        DataLoss: if there is no audit table to be read, or the host's key is damaged.
    """
    heads, faults = _heads_outside(database, against)
    findings = list(faults)
    walk, told = _Walk(), on_progress or _silent
    with database.read() as unit:
        try:
            total = unit.audit.count()
            stored = list(checkpoints.stored(unit))
        except (DataLoss, Unavailable) as error:
            raise DataLoss(f"the log cannot be read: {error}", field="audit") from error
        trusted = _trusted_key(database, against)
        for seq, known in stored:
            if known is None or not known.verifies() or known.public_key != trusted:
                findings.append(_bad(seq, f"checkpoint {seq} is not signed by this host's key"))
            else:
                heads.append((f"checkpoint {seq}", known))
        found = concatenate(
            walk.links(unit, heads, total, told),
            *(_guarded(check, unit, told) for check in checks),
        )
        for finding in found:  # to the end, whatever is found, for the head in the report
            if len(findings) < MOST_FINDINGS:
                findings.append(finding)
    return AuditReport(
        rows=walk.count,
        checkpoints=len(heads),
        seq=walk.seq,
        hash=walk.hash,
        findings=tuple(findings),
    )


class _Walk:
    """One pass over the rows; remembers where it stands."""

    def __init__(self) -> None:
        self.count = 0
        self.seq = 0
        self.hash = GENESIS

    def links(
        self,
        unit: UnitOfWork,
        heads: Sequence[Origin],
        total: int,
        on_progress: Progress,
    ) -> Iterator[Finding]:
        """Everything wrong with the chain and with its agreement with ``heads``."""
        expected: defaultdict[int, list[Origin]] = defaultdict(list)
        for name, known in heads:
            expected[known.seq].append((name, known))
        try:
            for row in rows(unit):
                yield from self._step(row, expected.get(row.seq, ()))
                if self.count % PROGRESS_EVERY == 0:
                    on_progress("audit", self.count, total)
        except (DataLoss, Unavailable) as error:
            message = f"cannot be read on after row {self.seq}: {error}"
            yield Finding(kind=FindingKind.UNREADABLE, seq=self.seq + 1, message=message)
        on_progress("audit", self.count, total)
        if self.count != total:
            message = f"{total - self.count} rows lie outside the chain"
            yield Finding(kind=FindingKind.UNREADABLE, seq=None, message=message)
        for name, known in heads:
            if known.seq > self.seq:
                message = f"{name} signs row {known.seq}, and the log ends at {self.seq}"
                yield Finding(kind=FindingKind.TRUNCATED, seq=known.seq, message=message)

    def _step(self, row: AuditRow, heads: Iterable[Origin]) -> Iterator[Finding]:
        if row.seq != self.seq + 1:
            message = f"rows {self.seq + 1} to {row.seq - 1} are gone"
            yield Finding(kind=FindingKind.MISSING, seq=self.seq + 1, message=message)
        if row.previous != self.hash:
            message = f"row {row.seq} does not follow row {self.seq} as it is"
            yield Finding(kind=FindingKind.BROKEN_LINK, seq=row.seq, message=message)
        if row.hash != row.expected_hash():
            message = f"row {row.seq} is not what it was when its hash was taken"
            yield Finding(kind=FindingKind.EDITED, seq=row.seq, message=message)
        for name, known in heads:
            if known.hash != row.hash:
                message = f"row {row.seq} is not the one signed in {name}"
                yield Finding(kind=FindingKind.REWRITTEN, seq=row.seq, message=message)
        self.count += 1
        self.seq, self.hash = row.seq, row.hash


def _heads_outside(database: Database, against: Head | None) -> tuple[list[Origin], list[Finding]]:
    """The signed heads that do not lie in the store, and what is wrong with them."""
    heads: list[Origin] = []
    faults: list[Finding] = []
    try:
        kept = checkpoints.kept(database.home)
    except TrothError as error:
        faults.append(_bad(None, f"the head kept on this host: {error}"))
    else:
        if kept is not None:
            heads.append(("the head kept on this host", kept))
    if against is not None:
        if against.verifies() and against.public_key == _trusted_key(database, against):
            heads.append(("the head given", against))
        else:
            faults.append(_bad(against.seq, "the head given is not signed by this host's key"))
    return heads, faults


def _trusted_key(database: Database, against: Head | None) -> str | None:
    """The host's own public key; away from the host, that of the head given."""
    try:
        return keys.public_text(keys.load(checkpoints.key_path(database.home)))
    except NotFound:
        return against.public_key if against else None


def _guarded(check: Check, unit: UnitOfWork, on_progress: Progress) -> Iterator[Finding]:
    """``check``'s findings; that it cannot read its tables is one, too."""
    try:
        yield from check(unit, on_progress)
    except (DataLoss, Unavailable, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{getattr(check, '__name__', 'a check')} cannot read its tables: {error!r}"
        yield Finding(kind=FindingKind.UNREADABLE, seq=None, message=message)


def _bad(seq: int | None, message: str) -> Finding:
    return Finding(kind=FindingKind.BAD_CHECKPOINT, seq=seq, message=message)


def _silent(_table: str, _done: int, _total: int) -> None:
    pass
