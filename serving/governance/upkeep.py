"""What a running service does beside serving: it writes stops down and signs the audit log."""

from __future__ import annotations

import logging
import threading
import time

from serving.audit.signed_heads import try_checkpoint
from serving.governance import pending
from serving.storage.database import Database
from troth.errors import TrothError

log = logging.getLogger(__name__)

SEAL_EVERY_S = 60.0
"""How often the head is signed."""
RECORD_EVERY_S = 3.0
"""How often it is looked whether a stop waits for its row."""
_PATIENCE_S = 1.0


def seal_until(
    database: Database,
    until: threading.Event,
    *,
    every_s: float = SEAL_EVERY_S,
    record_every_s: float = RECORD_EVERY_S,
) -> None:
    """Sign the head and record stops, again and again, until ``until`` is set.

    Rows after the newest head are the only ones that could be cut off unseen. A log that
    does not continue the last head is said in the service's own log and not signed over.

    Args:
        database: whose log.
        until: ends the wait.
        every_s: seconds between two heads.
        record_every_s: seconds between two looks for stops that are not recorded.
    """
    due = time.monotonic() + every_s
    while not until.wait(min(every_s, record_every_s)):
        try_record(database)
        if time.monotonic() >= due:
            try_checkpoint(database)
            due = time.monotonic() + every_s


def try_record(database: Database) -> None:
    """:func:`pending.record`, with whatever hinders it in the service's own log."""
    try:
        for name in pending.record(database, patience_s=_PATIENCE_S):
            log.warning("the stop %s was in force and is now recorded", name)
    except (TrothError, OSError) as error:
        log.error("a stop is in force and not recorded: %s", error)
