"""Packages of others, as an installer leaves them: modules, and what says that they are there."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

CARE = '''"""Customers in care get no offers of the kinds that the firm names."""

import numpy as np

from troth.catalogue import NO_CONTACT, OFFER_KINDS, OfferKind
from troth.guardrails import Guardrail, GuardrailSection, Refusal, ToldFact


class CareConfig(GuardrailSection):
    kinds: tuple[OfferKind, ...]


class Care(Guardrail):
    name = "care"
    section = CareConfig
    told = (
        ToldFact(
            name="in_care",
            meaning="1 if the customer is in debt counselling",
            in_world=lambda world: np.arange(world.size) % 2,
        ),
    )

    def __init__(self, config):
        self._closed = np.isin(
            np.arange(len(OFFER_KINDS)), [OFFER_KINDS.index(k) for k in config.kinds]
        )

    def refusals(self, catalogue, facts):
        closed = self._closed[catalogue.kind]
        closed[NO_CONTACT] = False
        known = facts.told["in_care"]
        return (
            Refusal("in_care", (known == 1)[:, None] & closed),
            Refusal("unknown_care", ((known != 0) & (known != 1))[:, None] & closed),
        )
'''
"""A guardrail that goes by a column of actions and by a fact that installations are to be told."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path, whose modules (``acme...``) are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for module in list(sys.modules):
        if module.startswith("acme"):
            del sys.modules[module]


def install_care(site: Path, text: str = CARE, *, version: str = "1.0", name: str = "care") -> Path:
    """Install ``acme-care`` with its guardrail ``care``; returns the file that has it."""
    files = {"acme_care/__init__.py": "", "acme_care/rules.py": text}
    entry = {"troth.guardrails": {name: "acme_care.rules:Care"}}
    install(site, "acme-care", files, entry, version=version)
    return site / "acme_care" / "rules.py"


def install(
    site: Path,
    name: str,
    files: Mapping[str, str],
    entry_points: Mapping[str, Mapping[str, str]],
    *,
    version: str = "1.0",
    unlisted: tuple[str, ...] = (),
) -> Path:
    """Write ``files`` and the ``.dist-info`` of a package into ``site``; returns the latter.

    Args:
        site: a folder on the import path.
        name: of the distribution.
        files: text of each, under its path below ``site``.
        entry_points: values under their names under their groups.
        version: of the distribution.
        unlisted: files that ``RECORD`` leaves out.
    """
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
            for group, points in entry_points.items()
        )
    )
    (info / "INSTALLER").write_text("pip\n")
    listed = [path for path in files if path not in unlisted]
    told = [f"{info.name}/{each}" for each in ("METADATA", "entry_points.txt", "INSTALLER")]
    quoted = [f'"{path}"' if "," in path else path for path in listed]
    (info / "RECORD").write_text(
        "".join(f"{path},,\n" for path in [*quoted, *told, f"{info.name}/RECORD"])
    )
    return info
