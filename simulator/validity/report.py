"""The validity report on disk: JSON for programs, a self-contained page and PNGs for people."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.validity.row import ValidityRow
from simulator.validity.validate import Validity
from troth.files import write_text, write_whole
from troth.pages.page import environment, number

_BAND, _EDGE = 34.0, 4.0


def document(found: Validity) -> dict[str, Any]:
    """The report as JSON types; numbers that are no number are ``null``."""
    return {
        "scenario": found.scenario,
        "scenario_digest": found.digest,
        "customers": found.customers,
        "seed": found.seed,
        "rows_inside": found.inside,
        "rows_total": len(found.rows),
        "share_inside": found.share,
        "rows": [_row(row) for row in found.rows],
        "not_measured": [
            {"effect": effect, "source": source, "why": why}
            for effect, source, why in found.not_measured
        ],
    }


def write(found: Validity, folder: Path, pictures: Mapping[str, bytes]) -> None:
    """Write ``report.json``, ``report.html`` and the plots into ``folder``.

    Args:
        found: the report.
        folder: made if it is not there; files of an earlier report are replaced.
        pictures: PNG by the id of its chart.
    """
    for name, picture in pictures.items():
        write_whole(folder / f"{name}.png", picture, mode=None)
    page = render(found, pictures)
    write_text(folder / "report.html", page)
    text = json.dumps(document(found), indent=2, allow_nan=False)
    write_text(folder / "report.json", text + "\n")


def render(found: Validity, pictures: Mapping[str, bytes]) -> str:
    """The page as HTML that refers to nothing outside itself."""
    from markupsafe import Markup

    templates = environment("simulator.validity")
    templates.filters["range"] = range_text
    templates.filters["gauge"] = lambda row: Markup(gauge(row))  # noqa: S704  # numbers only
    images = {
        name: "data:image/png;base64," + base64.b64encode(picture).decode()
        for name, picture in pictures.items()
    }
    return templates.get_template("validity.html").render(
        v=found,
        images=images,
        not_measured=found.not_measured,
        outside=[row for row in found.rows if not row.inside],
        by_group={
            group: [row for row in found.rows if row.group == group] for group in found.groups
        },
    )


def range_text(row: ValidityRow) -> str:
    """The target's range for people."""
    low, high = row.target.low, row.target.high
    if low <= 0.0 and row.target.basis != "95 % interval of the data":
        return f"at most {number(high)}"
    return f"{number(low)} to {number(high)}"


def gauge(row: ValidityRow) -> str:
    """The range as a band in the middle third, the simulated value as a mark: inline SVG.

    What is farther than a band's width from the range is drawn at the edge.
    """
    low, high = row.target.low, row.target.high
    if row.simulated is None or not math.isfinite(high - low) or high <= low:
        return ""
    share = (row.simulated - low) / (high - low)
    spread = 2.0 * (row.stderr or 0.0) / (high - low)
    centre, left, right = (
        min(max(_BAND * (1.0 + at), _EDGE), 3.0 * _BAND - _EDGE)
        for at in (share, share - spread, share + spread)
    )
    kind = "yes" if row.inside else "no"
    return (
        f'<svg class="gauge {kind}" viewBox="0 0 {3 * _BAND:g} 14" role="img">'
        f"<title>{'inside' if row.inside else 'outside'} the range</title>"
        f'<line x1="0" x2="{3 * _BAND:g}" y1="7" y2="7"/>'
        f'<rect x="{_BAND:g}" width="{_BAND:g}" y="3" height="8" rx="2"/>'
        f'<line class="spread" x1="{left:.1f}" x2="{right:.1f}" y1="7" y2="7"/>'
        f'<circle cx="{centre:.1f}" cy="7" r="3.4"/></svg>'
    )


def _row(row: ValidityRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "group": row.group,
        "name": row.name,
        "target": _finite(row.target.value),
        "low": _finite(row.target.low),
        "high": _finite(row.target.high),
        "basis": row.target.basis,
        "simulated": _finite(row.simulated),
        "stderr": _finite(row.stderr),
        "inside": row.inside,
        "near_edge": row.near_edge,
        "source": row.source,
        "note": row.note,
        "reason": row.reason,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
