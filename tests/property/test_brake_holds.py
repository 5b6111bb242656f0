"""Whatever is done in whatever order, what was taken away stays away until it is given back."""

from __future__ import annotations

import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agents.policies.uniform import NeverContact, UniformPolicy
from serving.audit import audit_log
from serving.decisioning.approved import ApprovedPolicies
from serving.governance import braking
from serving.governance.place import Place
from serving.governance.upkeep import try_record
from tests.support.installations import Installation
from troth.errors import FailedPrecondition, NotFound
from troth.types import Role, ServedBy


class Brake(RuleBasedStateMachine):
    """An installation, its board, an attacker with the file in hand, and one replica.

    The model is what a person would remember: which stops were given and not given back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.one = Installation(Path(self.folder.name) / "home")
        self.home = self.one.settings.home
        self.lock: sqlite3.Connection | None = None
        self.paused = self.all = self.off = False
        self.triggered = False

    @initialize()
    def begin(self) -> None:
        """A model and a baseline, and a replica that knows them."""
        self.model = self.one.save(UniformPolicy())
        self.one.activate(self.model, Role.MODEL)
        self.one.activate(self.one.save(NeverContact()), Role.BASELINE)
        self.replica = ApprovedPolicies(
            self.one.database,
            self.one.artifacts,
            self.one.settings.board,
            self.one.config.digest,
            Place.of(self.one.settings),
        )
        self.replica.refresh()

    def now(self) -> dict[str, Any]:
        """What every act is signed off with."""
        return {"now": datetime.now(UTC), "by": "test"}

    @rule()
    def pause(self) -> None:
        """Stop the model."""
        try:
            braking.pause(self.home, "daily", **self.now())
        except FailedPrecondition:
            assert self.paused
        self.paused = True

    @rule()
    def pause_all(self) -> None:
        """Stop everything."""
        try:
            braking.pause_all(self.home, **self.now())
        except FailedPrecondition:
            assert self.all
        self.all = True

    @rule()
    def deactivate(self) -> None:
        """Take the model out."""
        try:
            braking.deactivate(self.home, "daily", Role.MODEL, **self.now())
        except NotFound:
            assert self.off
        self.off = True

    @precondition(lambda self: self.lock is None and not self.triggered)
    @rule()
    def resume(self) -> None:
        """Give the model back, if it was taken."""
        if self.paused:
            braking.resume(self.one.database, "daily", verifier=self.one.verifier, **self.now())
            self.paused = False

    @precondition(lambda self: self.lock is None and not self.triggered)
    @rule()
    def resume_all(self) -> None:
        """Give everything back, if it was taken."""
        if self.all:
            braking.resume_all(self.one.database, verifier=self.one.verifier, **self.now())
            self.all = False

    @precondition(lambda self: self.lock is None and not self.triggered)
    @rule()
    def activate(self) -> None:
        """The model, approved anew."""
        self.one.activate(self.model, Role.MODEL)
        self.off = False

    @precondition(lambda self: self.lock is None)
    @rule()
    def lock_the_store(self) -> None:
        """Another writer begins and does not end."""
        self.lock = sqlite3.connect(self.one.database.path, isolation_level=None)
        self.lock.execute("BEGIN IMMEDIATE")

    @precondition(lambda self: self.lock is not None)
    @rule()
    def free_the_store(self) -> None:
        """It ends."""
        assert self.lock is not None
        self.lock.execute("ROLLBACK")
        self.lock.close()
        self.lock = None

    @precondition(lambda self: self.lock is None)
    @rule(table=st.sampled_from(["decision_point_states", "audit", "generations"]))
    def tamper(self, table: str) -> None:
        """A trigger that swallows."""
        with self.one.database.write() as connection:
            connection.execute(
                f"CREATE TRIGGER IF NOT EXISTS x_{table} BEFORE INSERT ON {table}"
                " BEGIN SELECT RAISE(IGNORE); END"
            )
        self.triggered = True

    @precondition(lambda self: self.lock is None)
    @rule()
    def mend(self) -> None:
        """The triggers are found and dropped."""
        with self.one.database.write() as connection:
            for table in ("decision_point_states", "audit", "generations"):
                connection.execute(f"DROP TRIGGER IF EXISTS x_{table}")
        self.triggered = False

    @rule()
    def look(self) -> None:
        """The replica's watch comes by."""
        self.replica._try_refresh()

    @rule()
    def record(self) -> None:
        """The service's upkeep comes by."""
        if self.lock is None:
            try_record(self.one.database)

    @invariant()
    def nothing_that_was_taken_answers(self) -> None:
        """Before each answer, whoever looked or recorded in between."""
        if not hasattr(self, "replica"):
            return
        standing = self.replica.servable("daily")
        answering = {answerer.role for answerer in standing.policies}
        if self.all:
            assert not answering
        if self.paused or self.off:
            assert ServedBy.MODEL not in answering

    def teardown(self) -> None:
        """Once the store is free, mended and recorded, the log tells of everything."""
        if self.lock is not None:
            self.free_the_store()
        self.mend()
        if hasattr(self, "replica"):
            try_record(self.one.database)
            report = audit_log.verify(self.one.database)
            assert report.ok, report.findings
            self.replica._try_refresh()
            roles = {a.role for a in self.replica.servable("daily").policies}
            assert (ServedBy.MODEL in roles) is not (self.paused or self.all or self.off)
        self.one.database.close()
        self.folder.cleanup()


Brake.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestBrake = Brake.TestCase
