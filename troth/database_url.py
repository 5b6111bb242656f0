"""Where a store is, if it is not a file: the URL of a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from troth.errors import InvalidArgument

SCHEMES = ("postgresql", "postgres")


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """``postgresql://user@host:port/name``; a password in it is never shown.

    Better none: what connects reads ``PGPASSWORD``, ``PGPASSFILE`` and ``~/.pgpass``.

    Raises:
        InvalidArgument: naming ``database`` if it is none; its text is not in the message.
    """

    secret: str = field(repr=False)
    """The whole URL."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.secret)
            _ = parts.port
        except ValueError:
            raise InvalidArgument("is not a URL", field="database") from None
        if parts.scheme not in SCHEMES:
            raise InvalidArgument(
                f"{parts.scheme[:32]!r} is no kind of store: postgresql is, and a path",
                field="database",
            )
        if not parts.path.strip("/"):
            raise InvalidArgument("names no database", field="database")

    def __str__(self) -> str:
        """As much as may be shown: user, host, port and name."""
        parts = urlsplit(self.secret)
        user = f"{parts.username}@" if parts.username else ""
        port = f":{parts.port}" if parts.port else ""
        return f"postgresql://{user}{parts.hostname or ''}{port}{parts.path}"

    def __repr__(self) -> str:
        """As :meth:`__str__`."""
        return f"DatabaseUrl({str(self)!r})"
