"""Which source files machine code was made from, so that none outlives an edit.

A compiled function holds the helpers and the constants that it uses, and those come from other
modules, of other packages too. What it may hold is what its module imports, and what that
imports in turn. Numba watches the function's own file alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numba import config

PACKAGES = frozenset({"troth", "simulator", "agents", "envs", "serving", "experiments"})
"""Packages of this distribution; their files are read, wherever they are installed."""

_FROM = re.compile(
    r"(?:^|[;:])[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]*(\([^)]*\)|(?:\\\r?\n|[^\n;])*)", re.M
)
_IMPORT = re.compile(r"(?:^|[;:])[ \t]*import[ \t]+((?:\\\r?\n|[^\n;])*)", re.M)
_NAME = re.compile(r"(?:^|,)[\s(\\]*([\w.]+|\*)")
_COMMENT = re.compile(r"#[^\n]*")

_CODE_SETTINGS = (
    "OPT",
    "LOOP_VECTORIZE",
    "SLP_VECTORIZE",
    "BOUNDSCHECK",
    "USING_SVML",
    "DEBUGINFO_DEFAULT",
)
"""Settings of Numba that change machine code and that its cache does not tell apart."""


@dataclass(frozen=True, slots=True)
class _Module:
    """One file, as it was when it was first looked at.

    Attributes:
        digest: SHA-256 of what is in it.
        imports: (module, names taken from it); no names where the module itself is imported.
    """

    digest: bytes
    imports: tuple[tuple[str, tuple[str, ...]], ...]


def stamp(function: Callable[..., Any]) -> str | None:
    """A digest of every file whose contents the machine code of ``function`` may hold.

    Those of this distribution, of the function's own package, and of whatever else lies outside
    the folders of installed packages are read in full. Of other installed packages the first
    file's size and time count: an installer changes them.

    Returns:
        64 hexadecimal digits; ``None`` where a file that is to be read cannot be, or where the
        function has none.
    """
    path, name = Path(function.__code__.co_filename), function.__module__ or ""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return _stamp(path, package, name.partition(".")[0])


@cache
def _stamp(path: Path, package: str, own: str) -> str | None:
    hashed = hashlib.sha256(repr([getattr(config, key, None) for key in _CODE_SETTINGS]).encode())
    try:
        files, installed = _reached(path, package, own)
    except (OSError, UnicodeDecodeError):
        return None
    for name, content in sorted(files):  # not where they lie: a folder may be moved
        hashed.update(f"{name}\0".encode() + content)
    for name in sorted(installed):
        hashed.update(f"{name}\0{_installed(name)}\0".encode())
    return hashed.hexdigest()


def _reached(path: Path, package: str, own: str) -> tuple[set[tuple[str, bytes]], set[str]]:
    """Names and digests of the files reached by imports, and the installed packages around."""
    files: dict[Path, tuple[str, bytes]] = {}
    installed: set[str] = set()
    waiting = [(path, package)]
    while waiting:
        path, package = waiting.pop()
        if path in files:
            continue
        module = _module(path)
        files[path] = f"{package}/{path.name}", module.digest
        for target, names in module.imports:
            full = _absolute(target, package)
            top = full.partition(".")[0]
            if not top or top in sys.stdlib_module_names:
                continue
            if top == own or top in PACKAGES or _is_loose(top):
                waiting.extend(_files(full, names))
            else:
                installed.add(top)
    return set(files.values()), installed


@cache
def _module(path: Path) -> _Module:
    """Read once: what a process goes by is what its modules were when it loaded them."""
    content = path.read_bytes()
    text = _COMMENT.sub("", content.decode("utf-8"))
    imports = [(found[1], tuple(_NAME.findall(found[2]))) for found in _FROM.finditer(text)]
    for found in _IMPORT.finditer(text):
        imports += [(name, ()) for name in _NAME.findall(found[1])]
    return _Module(hashlib.sha256(content).digest(), tuple(dict.fromkeys(imports)))


def _absolute(target: str, package: str) -> str:
    """``..a.b`` in ``package`` as a name from the top."""
    name = target.lstrip(".")
    dots = len(target) - len(name)
    if not dots:
        return name
    parts = package.split(".")
    return ".".join((*parts[: len(parts) - dots + 1], name)).strip(".")


@cache
def _files(full: str, names: tuple[str, ...]) -> tuple[tuple[Path, str], ...]:
    """Files that importing ``names`` from module ``full`` loads, each with its package.

    The whole package where it is imported as such: any of its modules may be an attribute.
    """
    top, *rest = full.split(".")
    return tuple(found for place in _places(top) for found in _below(place, top, rest, names))


def _below(
    here: Path, package: str, rest: Sequence[str], names: tuple[str, ...]
) -> Iterator[tuple[Path, str]]:
    """:func:`_files` of what is called ``rest`` in the package at ``here``."""
    if here.is_file():
        yield here, package.rpartition(".")[0]
    elif not here.is_dir():
        return
    elif rest:
        yield from _first(here, package)
        inner = here / rest[0]
        inner = inner if inner.is_dir() else inner.with_name(f"{rest[0]}.py")
        yield from _below(inner, f"{package}.{rest[0]}", rest[1:], names)
    elif not names or "*" in names:
        for file in sorted(here.rglob("*.py")):
            yield file, ".".join((package, *file.relative_to(here).parent.parts))
    else:
        yield from _first(here, package)
        for name in names:
            yield from _below(here, package, (name,), ())


def _first(folder: Path, package: str) -> Iterator[tuple[Path, str]]:
    if (folder / "__init__.py").is_file():
        yield folder / "__init__.py", package


@cache
def _places(top: str) -> tuple[Path, ...]:
    """Folders of the package, or the file of the module, ``top``."""
    loaded = sys.modules.get(top)
    spec = getattr(loaded, "__spec__", None) or _found(top)
    if spec is None:
        file = getattr(loaded, "__file__", None)
        return (Path(file),) if file else ()
    if spec.submodule_search_locations is not None:
        return tuple(Path(place) for place in spec.submodule_search_locations)
    return (Path(spec.origin),) if spec.has_location and spec.origin else ()


def _found(top: str) -> Any:
    try:
        return find_spec(top)
    except (ImportError, ValueError):  # none of that name here, as an optional one may be
        return None


@cache
def _is_loose(top: str) -> bool:
    """Whether ``top`` lies outside the folders that installers fill: people edit it."""
    homes = {sysconfig.get_path(kind) for kind in ("purelib", "platlib", "stdlib", "platstdlib")}
    return not any(
        str(place).startswith(f"{home}{os.sep}") or "site-packages" in place.parts
        for place in _places(top)
        for home in homes
    )


@cache
def _installed(top: str) -> str:
    """Size and time of the first file of an installed package; empty if there is none."""
    for place in _places(top):
        first = place if place.is_file() else place / "__init__.py"
        if first.is_file():
            status = first.stat()
            return f"{status.st_size} {status.st_mtime_ns}"
    return ""
