"""What other packages add: found by their entry points, and imported only once it is named.

A package registers a name under one of the groups of :class:`Group`. That alone does nothing: a
configuration has to name it. What it is then known by is its distribution, its version and a
digest of its files, so that whoever approves it approves this code and no other.

The digest tells which code it is; it keeps nobody out who may write to the environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path, PurePosixPath

from troth.digests import digest, file_sha256
from troth.errors import FailedPrecondition, InvalidArgument, NotFound
from troth.text import exception_text, quoted, shortened, visible

_TOLD = frozenset({"METADATA", "entry_points.txt"})
"""Of a distribution's ``.dist-info``, what its author wrote; the rest installers write."""
_SCRIPTS = frozenset({"bin", "Scripts"})
"""Folders of commands, which name the interpreter they were installed for."""
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]{1,128}")
_VALUE = re.compile(r"[\w.]+\s*(:\s*[\w.]+\s*)?(\[.*\]\s*)?")
"""What a package may be called, its version, and ``module:object`` of an entry point."""
_LONGEST_PROBLEM = 300
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
    """The names that installed packages register in ``group``, ascending; nothing is imported.

    Raises:
        FailedPrecondition: if the entry points of any package cannot be read.
    """
    return tuple(sorted({entry.name for entry in _registered(group)}))


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
    entries = sorted((e for e in _registered(group) if e.name == name), key=_distribution)
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
        distribution_name, version = _identity(distribution)
        if _VALUE.fullmatch(entry.value) is None:
            raise ValueError(f"{quoted(entry.value)} names no module")
        found = _installed_files(distribution, entry)
        files_digest = digest({path: file_sha256(place) for path, place in found.items()})
    except (OSError, ValueError, InvalidArgument) as error:
        raise FailedPrecondition(
            f"the {group.noun} {quoted(name)} of {_distribution(entry)} cannot be identified: "
            f"{shortened(visible(str(error)), _LONGEST_PROBLEM)}",
            field=where,
        ) from error
    return Extension(
        group=group,
        name=name,
        distribution=distribution_name,
        version=version,
        digest=files_digest,
        _entry=entry,
        _files=frozenset(place.resolve() for place in found.values()),
    )


def _registered(group: Group) -> list[EntryPoint]:
    try:
        return list(entry_points(group=group))
    except Exception as error:  # whatever stands there, of any package
        raise FailedPrecondition(
            f"the entry points of {_unreadable()} cannot be read: {exception_text(error)}; "
            "install it again, or uninstall it",
            field=group,
        ) from error


def _unreadable() -> str:
    """The first package whose entry points cannot be read."""
    for each in distributions():
        try:
            list(each.entry_points)
        except Exception:  # as above
            return _folder(each)
    return "a package"


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Name and version, as the package calls itself.

    Raises:
        ValueError: if they cannot be read, or are none.
    """
    told = distribution.read_text("METADATA")
    if told is None:
        raise ValueError("its METADATA is not there any more; install it again")
    found = distribution.metadata
    name, version = ((found.get_all(key) or [""])[0] for key in ("Name", "Version"))
    if not (_NAME.fullmatch(name) and _VERSION.fullmatch(version)):
        raise ValueError(f"its METADATA calls it {quoted(name)}, version {quoted(version)}")
    return name, version


def _distribution(entry: EntryPoint) -> str:
    """Name and version of the package of an entry point, for people."""
    if entry.dist is None:
        return ""
    try:
        return " ".join(_identity(entry.dist))
    except ValueError:
        return _folder(entry.dist)


def _folder(distribution: Distribution) -> str:
    """A package that does not say what it is called, by its ``.dist-info``."""
    return f"the package in {quoted(Path(getattr(distribution, '_path', '?')).name)}"


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
