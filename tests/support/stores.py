"""Stores of every kind, and what is put into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.storage.database import Database
from serving.storage.decisions import NewDecision
from serving.storage.unit_of_work import UnitOfWork
from troth.database_url import DatabaseUrl

MOMENT = "2026-03-04T12:00:00.000000Z"
KINDS = ("sqlite", "postgresql")


@dataclass
class Place:
    """Where one store is, and everything that opened it."""

    where: Path | DatabaseUrl
    home: Path
    opened: list[Database] = field(default_factory=list)

    def open(self, **options: Any) -> Database:
        """The store, by a process of its own as it were."""
        self.opened.append(Database(self.where, home=self.home, **options))
        return self.opened[-1]


def decision(number: int, *, seq: int = 1, **changes: Any) -> NewDecision:
    """A decision as stored."""
    values = NewDecision(
        f"d{number}", f"r{number}", "0" * 64, "C1", MOMENT, f'{{"n":{number}}}', "1" * 64, seq
    )
    return values._replace(**changes)


def grant(unit: UnitOfWork, number: int, **changes: Any) -> bool:
    """Book a contact for a decision."""
    values: dict[str, Any] = {
        "customer_id": "C1", "at_us": 1_000 * number, "channel": "email",
        "action_id": "hello", "day": "2026-03-04", "decision_id": f"d{number}", "zone": "UTC",
    }  # fmt: skip
    return unit.contacts.grant(**{**values, **changes})


def generation(database: Database) -> int:
    """The generation, in a transaction of its own."""
    with database.read() as unit:
        return unit.registry.generation()
