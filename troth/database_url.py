"""Where a store is, if it is not a file: the URL of a PostgreSQL database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from troth.errors import InvalidArgument

SCHEMES = ("postgresql", "postgres")
_HOST = re.compile(r"(\[[^\[\]]+\]|[^:\[\]]*)(:[0-9]*)?")
"""One of the hosts, which are separated by commas, with its port."""


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
        except ValueError:
            raise InvalidArgument("is not a URL", field="database") from None
        if parts.scheme not in SCHEMES:
            raise InvalidArgument(
                f"{parts.scheme[:32]!r} is no kind of store: postgresql is, and a path",
                field="database",
            )
        _, at, hosts = parts.netloc.rpartition("@")
        # Otherwise a part of the password would be taken for a host, a port or a database.
        after = parts.path if at else f"{parts.path}{parts.query if hosts else ''}{parts.fragment}"
        if "@" in after or parts.netloc.count("@") > 1:
            raise InvalidArgument(
                "is not a URL: of @ / ? # : in a user or a password, write each as %XX",
                field="database",
            )
        if not all(_HOST.fullmatch(host) for host in hosts.split(",")):
            raise InvalidArgument("is not a URL", field="database")
        if not parts.path.strip("/"):
            raise InvalidArgument("names no database", field="database")

    def __str__(self) -> str:
        """As much as may be shown: user, hosts, ports and name."""
        parts = urlsplit(self.secret)
        known, _, hosts = parts.netloc.rpartition("@")
        user = known.partition(":")[0]
        return f"postgresql://{user}{'@' if user else ''}{hosts}{parts.path}"

    def __repr__(self) -> str:
        """As :meth:`__str__`."""
        return f"DatabaseUrl({str(self)!r})"
