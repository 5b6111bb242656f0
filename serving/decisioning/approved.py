"""Approved policies: what the registry names and this process has verified itself."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.artifacts.artifact import ArtifactStore
from serving.audit import chain
from serving.clock import Clock, server_clock
from serving.decisioning.servable import ServablePolicies, ServablePolicy
from serving.governance import decision_points, loading, registry, registry_version, stops
from serving.governance.board import Board
from serving.governance.decision_points import EVERYWHERE, PointState
from serving.governance.evidence import EvidenceStore
from serving.governance.loading import Told
from serving.governance.place import Place
from serving.governance.refusal_reasons import Cause, not_approved
from serving.governance.registry import Activation
from serving.governance.stops import Stops
from serving.governance.verification import Verifier
from serving.storage.database import Database
from troth.errors import DataLoss, NotApproved, TrothError
from troth.types import Role, ServedBy

log = logging.getLogger(__name__)

POLL_S = 0.5
"""How often the registry is looked at."""
EXPIRES_S = 5.0
"""How long what was verified holds without another look; then nobody answers."""
RETRY_S = 10.0
"""How long after an incomplete look the next one waits, if nothing changes: each is audited."""
_TELLING_S = 0.05
"""How long the watch waits for the write lock to write down what it found."""
_MOST_UNTOLD = 256
_SERVED_BY = {Role.MODEL: ServedBy.MODEL, Role.BASELINE: ServedBy.BASELINE}
_ROLES = {served: role for role, served in _SERVED_BY.items()}
_BY_PEOPLE = ("_paused", "_deactivated")
"""Ends of the reasons that a person gave on purpose, with which a service is well."""


@dataclass(frozen=True)
class _Loaded:
    """What one look found.

    Attributes:
        standing: of every decision point with an activation.
        known: every decision point there is; ``None`` before the first look.
        generation: of the registry.
        everything: whether everything is paused by the store.
        faults: rows of the registry that cannot be read.
        complete: whether all could be verified, to one side or the other.
    """

    standing: dict[str, ServablePolicies]
    known: frozenset[str] | None = None
    generation: int | None = None
    everything: bool = False
    faults: tuple[str, ...] = ()
    complete: bool = True


class ApprovedPolicies:
    """A :class:`serving.decisioning.servable.PolicySource` over the registry.

    Whatever the registry names is verified here, from bytes and signatures, at the start and
    whenever the registry or the roster changes, also behind Troth's back. What does not
    verify is left out, with the reason, and the rest goes on answering. Stops are looked at
    before each answer; and what could not be looked at anew for a few seconds ends.

    Args:
        database: registry, proposals and votes.
        artifacts: where policies lie.
        board: path of the roster on this host.
        guardrails_digest: of the configuration this process runs.
        place: installation, settings and version this process runs with.
        clock: approvals expire by it.
        monotonic: the clock by which a standing expires, seconds.
    """

    def __init__(
        self,
        database: Database,
        artifacts: ArtifactStore,
        board: Path,
        guardrails_digest: str,
        place: Place,
        *,
        clock: Clock = server_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._artifacts = artifacts
        self._board_path = board
        self._guardrails_digest = guardrails_digest
        self._place = place
        self._clock = clock
        self._monotonic = monotonic
        self._loaded = _Loaded({})
        self._seen: tuple[str, bytes] | None = None
        self._renewed: float | None = None
        self._retry_at: float | None = None
        self._blind = ""
        self._foreign = False
        self._head: tuple[int, str] = (0, chain.GENESIS)
        self._proposed: int | None = None
        self._untold: deque[Told] = deque(maxlen=_MOST_UNTOLD)
        self._refreshing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def servable(self, decision_point: str) -> ServablePolicies:
        """See :class:`serving.decisioning.servable.PolicySource`."""
        return self._standing(decision_point, stops.look(self._database.home))

    def health(self) -> tuple[str, ...]:
        """Slugs saying why this process is not well; empty if it is."""
        stopped, loaded = stops.look(self._database.home), self._loaded
        ended = self._ended(stopped)
        found = [
            (ended is not None, ended or ""),
            (bool(self._blind), "registry_unreadable"),
            (self._database.unwritable, "store_unwritable"),
            (bool(loaded.faults), "activation_unreadable"),
            (self._renewed is not None and not loaded.standing, "nothing_active"),
        ]
        unwell = [
            f"nobody_answers_{point}"
            for point in sorted(loaded.standing)
            if ended is None and self._has_lost_everybody(self._standing(point, stopped))
        ]
        return (*dict.fromkeys([slug for holds, slug in found if holds] + unwell),)

    def report(self) -> dict[str, Any]:
        """What this process serves and why not more, as plain values."""
        stopped, loaded = stops.look(self._database.home), self._loaded
        return {
            "generation": loaded.generation,
            "standing": {
                point: _plain(self._standing(point, stopped)) for point in sorted(loaded.standing)
            },
            "health": list(self.health()),
        }

    def refresh(self) -> bool:
        """Verify and load again if anything changed; returns whether it had.

        Raises:
            DataLoss: if the schema of the store is not ours.
            Unavailable: if the store cannot be read, or is another than it was.
        """
        with self._refreshing:
            self._require_same_store()
            state = (registry_version.fingerprint(self._database), self._roster())
            due = self._retry_at is not None and self._monotonic() >= self._retry_at
            changed = state != self._seen or due
            if changed:
                self._loaded = self._load()
                # An incomplete look (the store was busy) is repeated, even if nothing changes.
                retry = None if self._loaded.complete else self._monotonic() + RETRY_S
                self._retry_at, self._seen = retry, state
            self._renewed = self._monotonic()
            self._tell()
            return changed

    def start(self) -> None:
        """Load now, then watch the registry from a thread until :meth:`stop`."""
        self._try_refresh()
        self._thread = threading.Thread(target=self._watch, name="troth-registry", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _standing(self, decision_point: str, stopped: Stops) -> ServablePolicies:
        ended, held = self._ended(stopped), self._loaded.standing.get(decision_point)
        if held is None:
            known = self._loaded.known
            return ServablePolicies(
                reasons=(ended or "no_policy",), known=known is None or decision_point in known
            )
        if ended is not None:
            return ServablePolicies(reasons=(ended,))
        return _narrowed(held, decision_point, stopped) if stopped.names else held

    def _ended(self, stopped: Stops) -> str | None:
        """Why nobody may answer anywhere, as a slug; ``None`` if somebody may."""
        if stopped.everything is not None:
            return stopped.everything
        if self._loaded.everything:
            return "stopped_all"
        if self._database.replaced:
            return "store_replaced"
        if self._foreign:
            return "store_schema"
        if self._renewed is not None and self._monotonic() - self._renewed > EXPIRES_S:
            return "standing_expired"
        return None

    def _has_lost_everybody(self, standing: ServablePolicies) -> bool:
        """Whether nobody can answer for reasons that are not people's own doing."""
        now = self._clock()
        if any(now < answerer.scope.expires_at for answerer in standing.policies):
            return False
        return bool(standing.policies) or not all(
            reason.endswith(_BY_PEOPLE) for reason in standing.reasons
        )

    def _watch(self) -> None:
        try:
            while not self._stop.wait(POLL_S):
                self._try_refresh()
        finally:
            self._database.close()

    def _try_refresh(self) -> None:
        try:
            self.refresh()
        except Exception as error:  # the watch must outlive whatever the store does
            if self._blind != repr(error):
                log.exception("the registry cannot be read; in %g s nobody answers", EXPIRES_S)
            self._blind = repr(error)
        else:
            if self._blind:
                log.warning("the registry can be read again")
            self._blind = ""

    def _require_same_store(self) -> None:
        """Refuse a schema that is not ours, and a store that was put in place of this one.

        A copy written over the file itself changes no inode; but its log does not go on
        from the row that was last seen.
        """
        with self._database.read() as unit:
            seq, before = self._head
            if seq and unit.audit.hash_at(seq) != before:
                self._database.condemn()
            self._head = chain.head(unit)
            # A proposal changes nothing that is served, but makes its decision points known.
            proposed = unit.registry.count_proposals()
            if proposed != self._proposed:
                known = frozenset(decision_points.known(unit))
                self._loaded, self._proposed = replace(self._loaded, known=known), proposed
        self._database.require_same_store()
        try:
            self._database.require_own_schema()
        except DataLoss:
            self._foreign = True
            raise
        self._foreign = False

    def _roster(self) -> bytes:
        try:
            return self._board_path.read_bytes()
        except OSError:
            return b""

    def _load(self) -> _Loaded:
        with self._database.read() as unit:
            active, faults = registry.readable(unit)
            known = frozenset(decision_points.known(unit))
            everything = decision_points.fetch_state(unit, EVERYWHERE) is PointState.PAUSED
            generation = registry_version.fetch(unit)
        for fault in faults:
            log.error("a row of the registry is left out: %s", fault)
        verifier, complete = self._verifier(), True
        by_point: dict[str, ServablePolicies] = {}
        for activation in sorted(active, key=lambda a: list(Role).index(a.role)):
            point = activation.decision_point
            before = by_point.get(point, ServablePolicies())
            found = self._verified(activation, verifier)
            complete &= not isinstance(found, str) or not found.endswith("_not_verified")
            by_point[point] = (
                ServablePolicies(before.policies, (*before.reasons, found))
                if isinstance(found, str)
                else ServablePolicies((*before.policies, found), before.reasons)
            )
        return _Loaded(by_point, known, generation, everything, faults, complete)

    def _verifier(self) -> Verifier | NotApproved:
        try:
            board = Board.load(self._board_path)
        except (TrothError, OSError) as error:
            return not_approved(Cause.BOARD, f"the roster cannot be read: {error}")
        return Verifier(
            board=board,
            place=self._place,
            guardrails_digest=self._guardrails_digest,
            artifacts=self._artifacts,
            evidence=EvidenceStore(self._database.home / "evidence"),
        )

    def _verified(
        self, activation: Activation, verifier: Verifier | NotApproved
    ) -> ServablePolicy | str:
        """Who answers, or why not, as a slug."""
        point, role = activation.decision_point, activation.role
        try:
            if isinstance(verifier, NotApproved):
                raise verifier
            found = loading.verify_active(self._database, verifier, point, role, self._clock())
        except NotApproved as error:
            log.warning("%s of %r is not served: %s", role, point, error)
            self._untold.append(loading.refused_row(point, role, error))
            return f"{role}_not_approved_{error.metadata.get('cause', 'not_approved')}"
        except Exception:
            log.exception("%s of %r could not be verified", role, point)
            return f"{role}_not_verified"
        self._untold.append(loading.loaded_row(point, found))
        artifact = found.artifact
        return ServablePolicy(
            role=_SERVED_BY[role],
            policy=artifact.policy,
            digest=artifact.digest,
            kind=artifact.kind,
            schema=artifact.schema,
            catalogue=artifact.catalogue,
            scope=found.proposal.scope,
            proposal_id=found.proposal.proposal_id,
        )

    def _tell(self) -> None:
        """Write down what was found, and test a store that could not be written."""
        rows = tuple(self._untold)
        try:
            if rows:
                loading.tell(self._database, *rows, patience_s=_TELLING_S)
            elif self._database.unwritable:
                with self._database.write(patience_s=_TELLING_S) as unit:
                    unit.registry.touch()
        except TrothError as error:
            log.debug("the audit log is told later: %s", error)
            return
        for _ in rows:
            self._untold.popleft()


def _narrowed(held: ServablePolicies, decision_point: str, stopped: Stops) -> ServablePolicies:
    """``held`` without those that a stop holds."""
    policies, reasons = [], list(held.reasons)
    for answerer in held.policies:
        role = _ROLES[answerer.role]
        why = stopped.hold(decision_point, role, answerer.digest, answerer.proposal_id)
        if why is None:
            policies.append(answerer)
        else:
            reasons.append(f"{role}_not_approved_{why}")
    return ServablePolicies(tuple(policies), tuple(reasons))


def _plain(standing: ServablePolicies) -> dict[str, Any]:
    return {
        "answerers": [
            {
                "role": str(answerer.role),
                "policy_digest": answerer.digest,
                "proposal_id": answerer.proposal_id,
            }
            for answerer in standing.policies
        ],
        "reasons": list(standing.reasons),
    }
