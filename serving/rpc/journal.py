"""The service's own log: one file of the home that all of its processes write, line by line.

Ray keeps logs of its own, buffers them and hides them in a folder of the session; what a
caller is told "is explained in the log" must be in a log that somebody finds.
"""

from __future__ import annotations

import logging
import time
from logging.handlers import WatchedFileHandler
from pathlib import Path

from troth.text import visible

LOG_FILE = "service.log"


def log_path(home: Path) -> Path:
    """Where the log of an installation lies."""
    return home / LOG_FILE


class _Line(logging.Formatter):
    """Time in UTC, process, level, logger, message; nothing in a message starts a new line."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(process)d %(levelname)s %(name)s: %(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line; what callers sent cannot look like further lines."""
        record.message = visible(record.message)
        return super().formatMessage(record)


def keep_journal(home: Path) -> None:
    """Write what this process logs to the log of ``home``, each line at once.

    The file is appended to, and opened anew where a tool has rotated it.
    """
    path = log_path(home)
    path.touch(mode=0o600)
    handler = WatchedFileHandler(path, encoding="utf-8")
    handler.setFormatter(_Line())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for ours in ("serving", "agents", "troth"):
        logging.getLogger(ours).setLevel(logging.INFO)
