"""What other packages add: found by their entry points, and imported only once it is named.

A package registers a name under one of the groups of :class:`Group`. That alone does nothing: a
configuration has to name it. What it is then known by is its distribution, its version and a
digest of its files, so that whoever approves it approves this code and no other.

The digest tells which code it is; it keeps nobody out who may write to the environment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path, PurePosixPath

from troth.digests import digest, file_sha256
from troth.errors import FailedPrecondition, NotFound
from troth.text import exception_text, quoted

_TOLD = frozenset({"METADATA", "entry_points.txt"})
"""Of a distribution's ``.dist-info``, what its author wrote; the rest installers write."""
_SCRIPTS = frozenset({"bin", "Scripts"})
"""Folders of commands, which name the interpreter they were installed for."""
_SUFFIXES = (".py", ".pyc", ".so", ".pyd")
"""Of files that modules are imported from."""


class Group(StrEnum):
    """Entry point groups that packages register under."""

    GUARDRAILS = "troth.guardrails"
    LEARNERS = "troth.learners"
    ESTIMATORS = "troth.estimators"
    SCENARIOS = "troth.scenarios"

    @property
    def noun(self) -> str:
        """What one member is, e.g. ``guardrail``."""
        return self.value.removeprefix("troth.").removesuffix("s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One name that an installed package registers.

    Attributes:
        group: what it is.
        name: what configurations call it.
        distribution: the package that registers it, as it calls itself.
        version: of the package.
        digest: SHA-256 over the package's files, see :func:`find`.
    """

    group: Group
    name: str
    distribution: str
    version: str
    digest: str
    _entry: EntryPoint = field(repr=False, compare=False)
    _files: frozenset[Path] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, str]:
        """What an approval binds to, for JSON: distribution, version and digest."""
        return {
            "distribution": self.distribution,
            "version": self.version,
            "digest": self.digest,
        }

    def load(self) -> object:
        """Import what the entry point names, and with it the package's code.

        Raises:
            FailedPrecondition: if that fails, or another module of that name came first.
        """
        who = f"{self.group.noun} {quoted(self.name)} of {self.distribution} {self.version}"
        try:
            module = import_module(self._entry.module)
            origin = Path(getattr(module, "__file__", None) or "").resolve()
            if origin in self._files:
                found: object = self._entry.load()
                return found
        except (Exception, SystemExit) as error:  # whatever the code of others raises
            raise FailedPrecondition(
                f"{who} cannot be loaded: {exception_text(error)}",
                field=self.group,
            ) from error
        raise FailedPrecondition(
            f"{who} cannot be loaded: another {self._entry.module} comes before it, at {origin}",
            field=self.group,
        )


def names(group: Group) -> tuple[str, ...]:
    """The names that installed packages register in ``group``, ascending; nothing is imported."""
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def find(group: Group, name: str, *, own: Iterable[str] = (), at: str | None = None) -> Extension:
    """The extension ``name``, not yet imported.

    Its digest is the SHA-256 of the canonical JSON of an object that has the SHA-256 of each file
    under its path: the files that the package's ``RECORD`` lists and those that lie beside or
    below them in the package's folders; without ``__pycache__``, scripts, and what installers
    write into ``.dist-info``. So it is the same wherever the same wheel is installed.

    Args:
        group: what is looked for.
        name: as configurations call it.
        own: names of Troth's own, which a refusal lists as well.
        at: where the name stands, for errors; the group if not given.

    Raises:
        NotFound: if no package registers it; lists the names that there are.
        FailedPrecondition: if several do, or the package has no list of its files, has lost one,
            or was installed without the module it registers, as in editable mode.
    """
    where = at or str(group)
    entries = sorted(entry_points(group=group, name=name), key=_distribution)
    if not entries:
        known = ", ".join((*own, *names(group))) or "none"
        raise NotFound(
            f"no installed package registers a {group.noun} {quoted(name)}; there is: {known}",
            field=where,
        )
    if len(entries) > 1:
        raise FailedPrecondition(
            f"{' and '.join(map(_distribution, entries))} each register a {group.noun} "
            f"{quoted(name)}: uninstall one",
            field=where,
        )
    entry, distribution = entries[0], entries[0].dist
    if distribution is None:
        raise FailedPrecondition(
            f"the {group.noun} {quoted(name)} belongs to no package", field=where
        )
    try:
        found = _installed_files(distribution, entry)
    except (OSError, ValueError, AttributeError) as error:  # the last: no name of a module
        raise FailedPrecondition(
            f"the {group.noun} {quoted(name)} of {_distribution(entry)} cannot be identified: "
            f"{error}",
            field=where,
        ) from error
    return Extension(
        group=group,
        name=name,
        distribution=distribution.metadata["Name"],
        version=distribution.version,
        digest=digest({path: file_sha256(place) for path, place in found.items()}),
        _entry=entry,
        _files=frozenset(place.resolve() for place in found.values()),
    )


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.metadata['Name']} {entry.dist.version}" if entry.dist else ""


def _installed_files(distribution: Distribution, entry: EntryPoint) -> dict[str, Path]:
    """Files of a distribution by their paths below the folder it is installed in.

    Raises:
        ValueError: if they are not known, in words that go on "cannot be identified:".
        OSError: if they cannot be looked at.
    """
    root = Path(str(distribution.locate_file("")))
    record = distribution.read_text("RECORD")
    if record is None:
        raise ValueError(
            f"in {root} it has no list of its files (RECORD), as in the folder of its source; "
            "install it with pip, and work elsewhere"
        )
    listed = {path for path in map(_recorded, record.splitlines()) if _is_content(path)}
    for path in listed:
        if not (root / path).is_file():
            raise ValueError(f"{path} is not there any more; install it again")
    # A file that was added beside a module can take its place: packages come before modules.
    folders = {path.parent for path in listed if len(path.parts) > 1 and path.parts[0] != ".."}
    added = {
        PurePosixPath(path.relative_to(root).as_posix())
        for folder in folders
        if not folder.name.endswith(".dist-info")
        for path in (root / folder).rglob("*")
        if path.is_file()
    }
    contents = sorted(str(path) for path in listed | added if _is_content(path))
    module = entry.module.replace(".", "/")
    if not any(_module(path) == module for path in contents if path.endswith(_SUFFIXES)):
        raise ValueError(
            f"its module {entry.module} is not among the files it installed, as in editable "
            "mode; install it with pip install, without -e"
        )
    return {path: root / path for path in contents}


def _recorded(line: str) -> PurePosixPath:
    """The path in a line of ``RECORD``: path, hash and size, quoted where it holds a comma."""
    path = line.rsplit(",", 2)[0]
    if path.startswith('"'):
        path = path[1:-1].replace('""', '"')
    return PurePosixPath(path)


def _module(path: str) -> str:
    """The module that a file holds, its parts separated by slashes."""
    return path.partition(".")[0].removesuffix("/__init__")


def _is_content(path: PurePosixPath) -> bool:
    """Whether a file is the author's, not written by whoever installed it or ran it."""
    parts = path.parts
    if not parts or "__pycache__" in parts:
        return False
    if parts[0].endswith(".dist-info"):
        return path.name in _TOLD and len(parts) == 2
    return not (parts[0] == ".." and _SCRIPTS.intersection(parts))
