"""Approved policies: what the registry names and this process has verified itself."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from agents.artifacts import ArtifactStore
from serving.decisioning.clock import Clock, server_clock
from serving.decisioning.policies import Answerer, Standing
from serving.governance import generations, registry
from serving.governance.board import Board
from serving.governance.loading import load_approved
from serving.governance.registry import Activation, Role
from serving.store import Database
from troth.errors import NotApproved, TrothError
from troth.types import ServedBy

log = logging.getLogger(__name__)

POLL_S = 0.5
"""How often the registry is looked at: a pause holds well within two seconds."""

RETRY_S = 10.0
"""How long after an incomplete look the next one waits, if nothing changes: each is audited."""
_SERVED_BY = {Role.MODEL: ServedBy.MODEL, Role.BASELINE: ServedBy.BASELINE}
_NOBODY = Standing(reasons=("no_policy",))


class ApprovedPolicies:
    """A :class:`serving.decisioning.policies.PolicySource` over the registry.

    Whatever the registry names is verified here, from bytes and signatures, at the start and
    whenever the registry or the roster changes, also behind Troth's back. What does not
    verify is left out, with the reason, and the rest goes on answering.

    Args:
        database: registry, proposals and votes.
        artifacts: where policies lie.
        board: path of the roster on this host.
        guardrails_digest: of the configuration this process runs.
        clock: approvals expire by it.
    """

    def __init__(
        self,
        database: Database,
        artifacts: ArtifactStore,
        board: Path,
        guardrails_digest: str,
        *,
        clock: Clock = server_clock,
    ) -> None:
        self._database = database
        self._artifacts = artifacts
        self._board_path = board
        self._guardrails_digest = guardrails_digest
        self._clock = clock
        self._standing: dict[str, Standing] = {}
        self._seen: tuple[str, bytes] | None = None
        self._retry_at: float | None = None
        self._refreshing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def standing(self, decision_point: str) -> Standing:
        """See :class:`serving.decisioning.policies.PolicySource`."""
        return self._standing.get(decision_point, _NOBODY)

    def refresh(self) -> bool:
        """Verify and load again if anything changed; returns whether it had."""
        with self._refreshing:
            state = (generations.fingerprint(self._database), self._roster())
            due = self._retry_at is not None and time.monotonic() >= self._retry_at
            if state == self._seen and not due:
                return False
            complete, self._standing = self._load()
            # An incomplete look (the store was busy) is repeated, even if nothing changes.
            self._retry_at = None if complete else time.monotonic() + RETRY_S
            self._seen = state
            return True

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

    def _watch(self) -> None:
        try:
            while not self._stop.wait(POLL_S):
                self._try_refresh()
        finally:
            self._database.close()

    def _try_refresh(self) -> None:
        try:
            self.refresh()
        except Exception:  # the watch must outlive whatever the store does
            log.exception("the registry could not be read")

    def _roster(self) -> bytes:
        try:
            return self._board_path.read_bytes()
        except OSError:
            return b""

    def _load(self) -> tuple[bool, dict[str, Standing]]:
        """Whether the look was complete, and the standing of every decision point."""
        complete = True
        by_point: dict[str, list[Activation]] = {}
        for activation in registry.activations(self._database):
            by_point.setdefault(activation.decision_point, []).append(activation)
        standings = {}
        for point, activations in by_point.items():
            answerers, reasons = [], []
            for activation in sorted(activations, key=lambda a: list(Role).index(a.role)):
                try:
                    answerers.append(self._verified(activation))
                except NotApproved as error:
                    cause = error.metadata.get("cause", "not_approved")
                    log.warning("%s of %r is not served: %s", activation.role, point, error)
                    reasons.append(f"{activation.role}_not_approved_{cause}")
                except Exception:
                    log.exception("%s of %r could not be verified", activation.role, point)
                    reasons.append(f"{activation.role}_not_verified")
                    complete = False
            standings[point] = Standing(tuple(answerers), tuple(reasons))
        return complete, standings

    def _verified(self, activation: Activation) -> Answerer:
        try:
            board = Board.load(self._board_path)
        except TrothError as error:
            raise NotApproved(f"the roster cannot be read: {error}", cause="board") from error
        approved = load_approved(
            self._database,
            self._artifacts,
            board,
            self._guardrails_digest,
            activation.decision_point,
            activation.role,
            self._clock(),
        )
        artifact = approved.artifact
        return Answerer(
            role=_SERVED_BY[activation.role],
            policy=artifact.policy,
            digest=artifact.digest,
            kind=artifact.kind,
            schema=artifact.schema,
            catalogue=artifact.catalogue,
            scope=approved.proposal.scope,
        )
