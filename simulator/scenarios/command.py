"""``troth scenarios``."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from troth.cli.output import AsJson, emit, say, show_table
from troth.errors import FailedPrecondition

ScenarioName = Annotated[
    str | None,
    typer.Argument(help="One that ships or that a package has, or a TOML file; all by default."),
]


def scenarios(name: ScenarioName = None, as_json: AsJson = False) -> None:
    """List the scenarios, or show where each value of one comes from.

    A value is fitted to data, documented elsewhere, or a knob: an explicit choice to vary.
    """
    if name is None:
        _list(as_json=as_json)
    else:
        _show(name, as_json=as_json)


def _list(*, as_json: bool) -> None:
    from simulator.scenarios import load, provenance, shipped
    from troth import extensions

    rows: list[dict[str, Any]] = []
    for name in shipped():
        scenario, kinds = load(name), Counter(origin.kind for origin in provenance(name))
        rows.append(
            {
                "name": name,
                "description": scenario.description,
                "actions": len(scenario.catalogue),
                "fit": kinds["fit"],
                "doc": kinds["doc"],
                "knob": kinds["knob"],
                "against": list(scenario.validity.against),
                "digest": scenario.digest,
                "extension": None,
            }
        )
    group = extensions.Group.SCENARIOS
    for name in extensions.names(group):  # not read: a package acts where it is named
        found = extensions.find(group, name)
        if name in shipped():
            raise FailedPrecondition(
                f"{name!r} is Troth's own scenario, and {found.distribution} registers another of "
                "that name: uninstall it",
                field=group,
            )
        blank = dict.fromkeys(rows[0])
        told = f"of {found.distribution} {found.version}"
        rows.append(blank | {"name": name, "description": told, "extension": found.to_dict()})
    if as_json:
        emit(rows)
        return
    show_table(
        "Scenarios",
        _SHOWN,
        [["" if r[key] is None else r[key] for key in _SHOWN] for r in rows],
    )
    say("Values by origin: fitted to data, documented elsewhere, knobs. troth scenarios NAME.")


def _show(name: str, *, as_json: bool) -> None:
    from simulator.scenarios import load, provenance
    from simulator.scenarios.source import read

    scenario, origins, source = load(name), provenance(name), read(name)
    rows = [
        {
            "key": origin.key,
            "value": source.value(origin.key),
            "origin": origin.kind,
            "note": origin.note,
            "file": origin.file,
        }
        for origin in origins
    ]
    if as_json:
        emit(
            {
                "name": scenario.name,
                "description": scenario.description,
                "digest": scenario.digest,
                "files": [layer.name for layer in source.layers],
                "values": rows,
                "outside": dict(scenario.validity.reasons),
            }
        )
        return
    several = len(source.layers) > 1
    show_table(
        f"{scenario.name}: {scenario.description}",
        ("key", "value", "origin", "note", *(("file",) if several else ())),
        [
            (
                row["key"],
                _short(row["value"]),
                row["origin"] or "",
                row["note"],
                *((row["file"],) if several else ()),
            )
            for row in rows
        ],
    )


def _short(value: object) -> str:
    """A value in a cell."""
    text = str(value)
    return text if len(text) <= _CELL else text[: _CELL - 3] + "..."


_CELL = 40
_SHOWN = ("name", "description", "actions", "fit", "doc", "knob")
