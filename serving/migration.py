"""``troth migrate``: bring the store of an earlier version over."""

from __future__ import annotations

from datetime import datetime

import typer

from serving.governance import presence
from serving.installation import require
from serving.options import Home, settings_of
from serving.storage.database import driver_of
from serving.storage.migrating import Migrated, migrate
from troth.cli.output import AsJson, emit, say
from troth.clock import utc_now
from troth.errors import FailedPrecondition
from troth.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("migrate")(migrate_command)


def migrate_command(home: Home = None, json: AsJson = False) -> None:
    """Bring the store of an earlier version over; a file is copied first, beside itself.

    Nothing is changed if it is refused. A store of this version stays as it is.
    """
    settings = settings_of(home)
    done = bring_over(settings, now=utc_now())
    if json:
        emit(
            {
                "store": str(settings.database),
                "before": done.before,
                "after": done.after,
                "changed": done.changed,
                "backup": done.backup,
            }
        )
    elif not done.changed:
        say(f"{settings.database} is of this version; nothing was changed")
    else:
        say(f"{settings.database} was brought from {done.before} to {done.after}", style="green")
        if done.backup is not None:
            say(f"as it was before, it is in {done.backup}")


def bring_over(settings: Settings, *, now: datetime) -> Migrated:
    """Bring the store of an installation over.

    Raises:
        NotFound: if there is no installation.
        FailedPrecondition: if a service is running, or the store is of a later version.
        DataLoss: if the store is damaged, or its schema is not the one of its version.
        Unavailable: if it is busy or cannot be written.
    """
    require(settings)
    if presence.living(settings.home):
        raise FailedPrecondition("a service is running; end it first", field="service")
    return migrate(driver_of(settings.database), now=now)
