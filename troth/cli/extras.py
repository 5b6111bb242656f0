"""Which extra of the distribution a command needs, and whether it is installed."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, requires

NEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            *("calibrate", "validate", "evaluate", "simulate", "train", "run", "report", "live"),
            *("learners", "pictures"),
        ),
        ("train",),
    ),
    **dict.fromkeys(
        (
            *("keys", "board", "propose", "proposals", "approve", "refuse"),
            *("activate", "deactivate", "pause", "resume", "registry", "audit"),
            *("serve", "replay", "profiles", "permission", "log", "schema", "migrate"),
        ),
        ("serve",),
    ),
    **dict.fromkeys(("demo", "bench", "prove"), ("train", "serve")),
}
"""Extras of each command that needs any. A command is listed by ``troth --help`` only where its
extras are; where they are not, the floor that has it may not even be importable."""

_REQUIREMENT = re.compile(r"""([\w.-]+).*;.*\bextra\s*==\s*["']([\w-]+)["']""")


def missing(command: str) -> tuple[str, ...]:
    """Extras that ``command`` needs and that are not installed, or not all of them."""
    return tuple(extra for extra in NEEDS.get(command, ()) if not _installed(extra))


def bringing(module: str) -> str | None:
    """The first extra that brings the distribution called like ``module``, if one does."""
    plain = module.partition(".")[0].replace("_", "-").lower()
    return next((extra for extra, names in _contents().items() if plain in names), None)


def to_install(extras: tuple[str, ...]) -> str:
    """The command that brings ``extras``."""
    return f"pip install 'troth[{','.join(extras)}]'"


@cache
def _contents() -> dict[str, tuple[str, ...]]:
    """Distributions of each extra, in the order in which the extras are declared."""
    contents: dict[str, tuple[str, ...]] = {}
    for line in requires("troth") or ():
        if found := _REQUIREMENT.fullmatch(line):
            name = found[1].replace("_", "-").lower()
            contents[found[2]] = (*contents.get(found[2], ()), name)
    return contents


@cache
def _installed(extra: str) -> bool:
    return all(_there(name) for name in _contents().get(extra, ()))


def _there(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
