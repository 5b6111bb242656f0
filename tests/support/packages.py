"""Packages of others, as an installer leaves them: modules, and what says that they are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


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
