"""A unit of work: one transaction, and the repositories that read and write in it."""

from __future__ import annotations

from typing import Any

from serving.storage.audit import AuditRepository
from serving.storage.contacts import ContactRepository
from serving.storage.customers import CustomerRepository
from serving.storage.decisions import DecisionRepository
from serving.storage.driver import Driver
from serving.storage.outcomes import OutcomeRepository
from serving.storage.registry import RegistryRepository
from serving.storage.session import Session
from troth.errors import TrothError


class UnitOfWork(Session):
    """What :meth:`serving.storage.database.Database.read` and ``write`` give; not to be kept.

    Attributes:
        decisions: decisions, their idempotency rows, and the configurations they were made under.
        contacts: the contact ledger.
        customers: profiles, permissions and reports of permissions.
        outcomes: what came of decisions.
        registry: proposals, votes, activations, states and the generation.
        audit: the audit log and the checkpoints on it.
    """

    def __init__(self, driver: Driver, connection: Any) -> None:
        super().__init__(driver, connection)
        # Not of this object: a circle would keep the connection of a thread that has ended.
        session = self._session = Session(driver, connection)
        self.decisions = DecisionRepository(session)
        self.contacts = ContactRepository(session)
        self.customers = CustomerRepository(session)
        self.outcomes = OutcomeRepository(session)
        self.registry = RegistryRepository(session)
        self.audit = AuditRepository(session)

    def take_failure(self) -> TrothError | None:
        """As :meth:`Session.take_failure`, of the repositories' statements as well."""
        failures = (self._session.take_failure(), super().take_failure())
        return failures[0] or failures[1]
