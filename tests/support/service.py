"""One real service for all tests that need one: two replicas behind the real ingress."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from serving.rpc.service import Service
    from tests.support.installations import Installation

ADDRESS = "127.0.0.1:21700"
"""Below the ephemeral range, so that no client's port is in the way."""
CUSTOMERS = 1000


@dataclass(frozen=True)
class Served:
    """A running service and its installation.

    Customers ``C0`` to ``C999`` permit everything; any other is a stranger.
    """

    installation: Installation
    service: Service

    @property
    def address(self) -> str:
        """Where it answers."""
        return self.service.address

    def count(self, table: str) -> int:
        """Rows in ``table``."""
        with self.installation.database.read() as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with an approved model and baseline at ``daily``."""
    # Imported here: every test run loads this module, few need a service.
    from agents.policies.uniform import NeverContact, UniformPolicy
    from serving.governance.registry import Role
    from serving.rpc.service import start_service
    from tests.support.decisions import customers
    from tests.support.installations import Installation

    installation = Installation(
        tmp_path_factory.mktemp("served") / "home",
        address=ADDRESS,
        replicas=2,
        model_budget_ms=5000.0,  # the test machine may be busy
    )
    installation.activate(installation.save(UniformPolicy()), Role.MODEL)
    installation.activate(installation.save(NeverContact()), Role.BASELINE)
    customers(installation.database, *(f"C{i}" for i in range(CUSTOMERS)))
    with start_service(installation.settings) as service:
        yield Served(installation, service)
