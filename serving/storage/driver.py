"""What a kind of store has to know: how to open it, begin, commit, and what its failures mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from troth.errors import TrothError

BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another one."""


class Driver(Protocol):
    """One store by its driver; knows no table of ours.

    ``connection`` is the driver's own, in autocommit: transactions begin and end here alone.
    """

    @property
    def dialect(self) -> str:
        """Of its SQL, see :mod:`serving.storage.statements`."""
        ...

    @property
    def name(self) -> str:
        """What to call it in messages; no password is in it."""
        ...

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""
        ...

    def open(self) -> Any:
        """A new connection.

        Raises:
            Unavailable: if the store is busy or cannot be reached.
            DataLoss: if it is no store.
        """
        ...

    def let_go(self, connection: Any) -> None:
        """End a connection whose thread has ended without closing it."""
        ...

    def is_usable(self, connection: Any) -> bool:
        """Whether a connection that was used before may be used again."""
        ...

    def in_transaction(self, connection: Any) -> bool:
        """Whether a transaction is open."""
        ...

    def begin_read(self, connection: Any) -> None:
        """Begin a transaction in which every statement sees one state, and none writes."""
        ...

    def begin_write(self, connection: Any, patience_s: float) -> None:
        """Begin a transaction that no other writer's overlaps.

        Raises:
            Unavailable: if another one goes on for longer than ``patience_s`` seconds.
        """
        ...

    def commit(self, connection: Any) -> None:
        """Commit; raises :class:`Unavailable` if the store cannot."""
        ...

    def roll_back(self, connection: Any) -> None:
        """Undo, if a transaction is open."""
        ...

    def stream(self, connection: Any, text: str, values: Sequence[Any]) -> Iterator[Any]:
        """Rows as they come, without holding all of them."""
        ...

    def typed(self, error: Exception) -> TrothError:
        """The error of ours for one of the driver's."""
        ...

    def is_refused(self, error: Exception) -> bool:
        """Whether a write failed because of the store, and neither its content nor a writer."""
        ...

    def revision(self, connection: Any) -> str | None:
        """The revision of the store, see :mod:`serving.storage.upgrading`; ``None`` of none."""
        ...

    def upgrade(self, connection: Any) -> None:
        """Bring the store to the newest revision, in one transaction.

        Raises:
            Unavailable: if it is busy or cannot be written.
            DataLoss: if it has tables that no revision made.
        """
        ...

    def require_same(self) -> None:
        """Raise :class:`Unavailable` if another store has taken the place of this one."""
        ...

    def has_table(self, connection: Any, name: str) -> bool:
        """Whether there is such a table."""
        ...

    def foreign(self, connection: Any) -> tuple[str, ...]:
        """What the schema has, lacks or has otherwise than the migrations make it, in words."""
        ...

    def inconsistent(self, connection: Any, tables: tuple[str, ...]) -> Iterator[str]:
        """Where indexes and tables (all of them if none is named) disagree, in words."""
        ...
