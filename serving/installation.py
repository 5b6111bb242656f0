"""An installation: a folder with an identity of its own.

Only what is made on purpose exists: ``troth board init`` makes one, and every other command
refuses a folder that is none, so that a pause in the wrong folder is not a pause of nothing.
The identity is a file of the folder, and travels with it: a restored or copied folder is the
same installation, and approvals given in another one do not hold here.
"""

from __future__ import annotations

from pathlib import Path

from serving.storage.database import Database
from troth.brake import STOPS
from troth.database_url import DatabaseUrl
from troth.digests import canonical_json, parse_json
from troth.errors import DataLoss, NotFound
from troth.files import write_whole
from troth.ids import is_canonical_uuid
from troth.settings import Settings
from troth.types import new_id

ID_FILE = "installation.json"
"""Holds ``installation_id``."""
REFUSALS, REPLICAS = "refusals", "replicas"
"""Folders of an installation that are there from the beginning, as is that of the stops."""
SERVICE_FILE = "service.json"
"""There while a service runs: its pid, address and number of replicas."""


def create(home: Path, database: Path | DatabaseUrl | None = None) -> str:
    """Make ``home`` an installation, for its owner alone; returns its id.

    What is there already stays: a folder of an earlier version becomes an installation with
    its store, artifacts and roster.

    Args:
        home: the folder.
        database: its store; as the settings say unless given.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (STOPS, REFUSALS, REPLICAS):
        (home / name).mkdir(exist_ok=True, mode=0o700)
    path = home / ID_FILE
    if not path.exists():
        write_whole(path, canonical_json({"installation_id": new_id()}) + b"\n")
    settings = Settings(home=home)
    Database(settings.database if database is None else database, home=home).close()
    return installation_id(home)


def opened(settings: Settings) -> Database:
    """The store of an installation that is there already.

    Raises:
        NotFound: if ``settings.home`` is no installation; nothing is created.
        DataLoss: if its identity or its store is damaged.
    """
    require(settings)
    return store_of(settings)


def store_of(settings: Settings) -> Database:
    """The store, whether or not it lies in an installation.

    Raises:
        NotFound: if there is none in a database that is there.
    """
    return Database(settings.database, home=settings.home, make=False)


def require(settings: Settings) -> None:
    """Raise as :func:`opened` unless ``settings.home`` is an installation."""
    database = settings.database
    if isinstance(database, Path) and not database.is_file():
        raise NotFound(
            f"{settings.home} is no installation: it has no {database.name};"
            " `troth board init` makes one",
            field="home",
        )
    installation_id(settings.home)


def is_installation(home: Path) -> bool:
    """Whether ``home`` has an identity, damaged or not."""
    return (home / ID_FILE).exists()


def installation_id(home: Path) -> str:
    """The UUID that approvals of the installation in ``home`` are bound to.

    Raises:
        NotFound: if there is none, as in a folder made by an earlier version.
        DataLoss: if the file does not hold one.
    """
    path = home / ID_FILE
    try:
        found = parse_json(path.read_bytes())["installation_id"]
    except FileNotFoundError:
        raise NotFound(
            f"{home} has no {ID_FILE}: it is no installation, or one of an earlier version;"
            " `troth board init` gives it one",
            field="home",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataLoss(f"{path} does not hold an id: {error!r}", field="home") from error
    if not isinstance(found, str) or not is_canonical_uuid(found):
        raise DataLoss(f"{path} does not hold a UUID", field="home")
    return found
