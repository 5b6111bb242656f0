"""Where a scenario's values are written: files, and the files they are based on.

Names are those of scenarios that ship and of those that installed packages register
(``troth.scenarios``). A scenario may say ``based_on = "reference"`` (a name, or the path of a
TOML file beside it) and then holds only what differs. Tables are merged key by key, arrays and
single values replaced; a table that names another ``model`` replaces the whole table. Why a world
misses real customers, ``[validity.reasons]``, is said of the world of one name: a scenario of
another name starts without.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import ModuleType
from typing import Any

from troth import extensions
from troth.errors import FailedPrecondition, InvalidArgument, NotFound
from troth.extensions import Extension, Group
from troth.text import toml_values

BASED_ON = "based_on"
MODEL = "model"
NAME = "name"
ENDING = ".toml"
PACKAGE = "simulator.scenarios"


@dataclass(frozen=True, slots=True)
class Layer:
    """One file.

    Attributes:
        name: of the file, for errors.
        text: its TOML.
        values: the same, parsed, without ``based_on``.
    """

    name: str
    text: str
    values: dict[str, Any]

    def says(self, key: str) -> bool:
        """Whether the file has a value at the dotted ``key``, or at a part of it."""
        here: Any = self.values
        for part in key.split("."):
            if isinstance(here, list):
                return True  # an array is written in one place
            if not isinstance(here, dict) or part not in here:
                return False
            here = here[part]
        return True


@dataclass(frozen=True, slots=True)
class ScenarioSource:
    """A scenario as it is written.

    Attributes:
        layers: the scenario's own file first, then what each is based on.
    """

    layers: tuple[Layer, ...]

    @property
    def name(self) -> str:
        """The scenario's own file."""
        return self.layers[0].name

    def values(self) -> dict[str, Any]:
        """All values, those of the file itself over those it is based on."""
        found: dict[str, Any] = {}
        for layer in reversed(self.layers):
            if layer.values.get(NAME, found.get(NAME)) != found.get(NAME):
                found = _without_reasons(found)
            found = merged(found, layer.values)
        return found

    def value(self, key: str) -> Any:
        """The value in force at a dotted key, positions in arrays included.

        Raises:
            NotFound: if there is none.
        """
        here: Any = self.values()
        try:
            for part in key.split("."):
                here = here[int(part)] if isinstance(here, list) else here[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise NotFound(f"{self.name} has no such key", field=key) from error
        return here

    def where(self, key: str) -> str:
        """The file that a value at the dotted ``key`` comes from; its own for a missing one."""
        return next((layer.name for layer in self.layers if layer.says(key)), self.name)


def _without_reasons(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` without ``validity.reasons``; they are not changed."""
    validity = values.get("validity")
    if not isinstance(validity, Mapping):
        return dict(values)
    return {**values, "validity": {k: v for k, v in validity.items() if k != "reasons"}}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``, tables key by key; neither is changed."""
    out = dict(base)
    for key, value in over.items():
        under = out.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            another = MODEL in value and value[MODEL] != under.get(MODEL)
            out[key] = dict(value) if another else merged(under, value)
        else:
            out[key] = value
    return out


def shipped() -> tuple[str, ...]:
    """Names of the scenarios that ship: ``reference`` and the rest, then those in folders."""
    return tuple(sorted(_names(files(PACKAGE), ""), key=lambda name: ("/" in name, name)))


def _names(folder: Traversable, prefix: str) -> list[str]:
    found = []
    for entry in folder.iterdir():
        if entry.name.endswith(ENDING):
            found.append(prefix + entry.name.removesuffix(ENDING))
        elif entry.is_dir() and entry.name.isidentifier():
            found += _names(entry, f"{prefix}{entry.name}/")
    return found


def extension_of(wanted: str | Path) -> Extension | None:
    """The package that has the scenario ``wanted``; ``None`` for Troth's own and for files.

    A name that ships always means the scenario that ships.
    """
    name = str(wanted)
    if name.endswith(ENDING) or _shipped(name) is not None:
        return None
    if name not in extensions.names(Group.SCENARIOS):
        return None
    return extensions.find(Group.SCENARIOS, name, own=shipped(), at="scenario")


def _shipped(wanted: str) -> Traversable | None:
    """The file of a scenario that ships, if ``wanted`` is the name of one."""
    parts = wanted.split("/")
    entry = files(PACKAGE).joinpath(*parts[:-1], parts[-1] + ENDING)
    return entry if all(part.isidentifier() for part in parts) and entry.is_file() else None


def _in_package(extension: Extension) -> Traversable:
    """The file of a package's scenario: NAME.toml in the package that the entry point names."""
    package = extension.load()
    if not isinstance(package, ModuleType):
        raise FailedPrecondition(
            f"the scenario {extension.name!r} of {extension.distribution} is to be registered by "
            f"the package that holds {extension.name}{ENDING}",
            field="scenario",
        )
    entry = files(package).joinpath(extension.name + ENDING)
    if not entry.is_file():
        raise FailedPrecondition(
            f"{extension.distribution} has no {extension.name}{ENDING} in {package.__name__}",
            field="scenario",
        )
    return entry


def read(name_or_path: str | Path) -> ScenarioSource:
    """A scenario by its name, or a TOML file by its path, with what it is based on.

    Raises:
        NotFound: if there is no such scenario or file.
        FailedPrecondition: if it is a package's and cannot be read there.
        InvalidArgument: if it is not TOML, or bases lead in a circle; names the file.
    """
    layers: list[Layer] = []
    wanted, beside = str(name_or_path), Path()
    while wanted or not layers:
        layer, base, beside = _read(wanted, beside)
        if any(layer.text == other.text for other in layers):
            raise InvalidArgument(
                f"{layers[-1].name}: {BASED_ON} = {wanted!r}: leads in a circle", field=BASED_ON
            )
        layers.append(layer)
        wanted = base
    return ScenarioSource(tuple(layers))


@lru_cache(maxsize=64)
def _parsed(text: str) -> dict[str, Any]:
    """Kept by content: an experiment reads the same scenario for every task."""
    return toml_values(text)


def _read(wanted: str, beside: Path) -> tuple[Layer, str, Path]:
    """One file, what it is based on, and the folder to look for that in."""
    if wanted.endswith(ENDING):
        path = beside / wanted
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "does not exist"
            raise NotFound(f"{path} {what}", field="scenario")
        name, beside = path.name, path.parent
        file: Traversable = path
    else:
        entry = _shipped(wanted)
        if entry is None:
            extension = extension_of(wanted)
            if extension is None:
                others = extensions.names(Group.SCENARIOS)
                more = f"; packages have {', '.join(others)}" if others else ""
                raise NotFound(
                    f"no scenario {wanted!r} ships with Troth; those are {', '.join(shipped())}"
                    f"{more}, and a file of your own ends in {ENDING}",
                    field="scenario",
                )
            entry = _in_package(extension)
        name, file = wanted + ENDING, entry
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            f"{name}: not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}",
            field="scenario",
        ) from error
    try:
        values = deepcopy(_parsed(text))  # a reader may change its own
    except ValueError as error:
        raise InvalidArgument(f"{name}: not TOML: {error}", field="scenario") from error
    base = values.pop(BASED_ON, "")
    if not isinstance(base, str):
        raise InvalidArgument(
            f"{name}: {BASED_ON} = {base!r}: must be the name of a scenario or a .toml file",
            field=BASED_ON,
        )
    if base.endswith(ENDING) and not wanted.endswith(ENDING):
        raise InvalidArgument(
            f"{name}: {BASED_ON} = {base!r}: a scenario with a name is based on a name, not on a "
            "file",
            field=BASED_ON,
        )
    return Layer(name, text, values), base, beside
