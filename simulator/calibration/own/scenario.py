"""A scenario, or a file of figures, out of a user's estimates and a template.

The scenario is the template's text with the estimated values in place, each with its interval
beside it; below it stand, as comments in TOML, the origin of every estimated value and what the
data left open. All else is the template's, and what that had fitted to other data says so.
"""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.calibration.estimates import Estimates, FittedParameter
from simulator.calibration.overlay import drop_section, overlay_sections, toml_value
from simulator.calibration.season import MONTHS, WEEKDAYS, Season
from simulator.scenarios.provenance import disowned
from troth.errors import InvalidArgument

_MARK = "#: "
"""Starts each line of the provenance in a scenario: TOML behind a comment sign."""
_MADE = "# Made by `troth calibrate`"
AGAINST, _NOVELTY = "validity.against", "population.novelty"
_FOREIGN = "the template's, not of your data"
"""Said of what the template has fitted to the data sets it came from."""


@dataclass(frozen=True, slots=True)
class Template:
    """The scenario that is filled in.

    Attributes:
        name: as the user gave it.
        text: its TOML, without what an earlier calibration wrote below it.
        values: those in force, also those of the scenarios it is based on.
    """

    name: str
    text: str
    values: dict[str, Any]

    @property
    def season(self) -> Season:
        """Its months, weekdays and novelty, in force where the data identify none."""
        calendar, people = self.values.get("calendar", {}), self.values.get("population", {})
        return Season.of(
            calendar.get("month_factors", [1.0] * MONTHS),
            calendar.get("weekday_factors", [1.0] * WEEKDAYS),
            novelty=people.get("novelty", 0.0),
            novelty_days=people.get("novelty_days", 0),
        )


def read_template(name: str) -> Template:
    """A shipped scenario by its name, or a TOML file by its path.

    Raises:
        NotFound: if there is none.
        InvalidArgument: if it is not a scenario.
    """
    from simulator.scenarios import load
    from simulator.scenarios.source import BASED_ON, ENDING, read

    load(name)
    source = read(name)
    lines = source.layers[0].text.splitlines()
    text = "\n".join(line for line in lines if not line.startswith((_MARK.strip(), _MADE))) + "\n"
    base = tomllib.loads(text).get(BASED_ON, "")
    if base.endswith(ENDING):  # beside the template, where the result need not be
        path = str((Path(name).parent / base).resolve())
        text = overlay_sections(text, {"": {BASED_ON: path}}, name=name)
    return Template(name, text, source.values())


@dataclass(frozen=True, slots=True)
class OwnScenario:
    """A complete scenario.

    Attributes:
        text: its TOML, ready to be written.
        used: keys of the estimates that are in force in it.
        unused: keys that the template has no place for.
        dropped: keys of the template that are neutral in it, as the fit knows nothing of them, or
            as they name other customers.
    """

    text: str
    used: tuple[str, ...]
    unused: tuple[str, ...]
    dropped: tuple[str, ...]


def own_scenario(template: Template, estimates: Estimates, *, name: str) -> OwnScenario:
    """Fill ``template`` in; the result has been loaded as a scenario.

    Args:
        template: what the data do not say.
        estimates: what they say.
        name: the new scenario's, from which its ``name`` is made.

    Raises:
        InvalidArgument: if the template's sections are written so that they cannot be edited,
            or an estimate is outside what a scenario allows, naming the key.
    """
    places = {e.key: _place(template.values, e.key) for e in estimates.found}
    used = tuple(e for e in estimates.found if places[e.key])
    sections: dict[str, dict[str, Any]] = {}
    for estimate in used:
        section, _, key = estimate.key.rpartition(".")
        if section != "categories":
            sections.setdefault(section, {})[key] = _plain(estimate)
    notes = {estimate.key: _note(estimate) for estimate in used}
    dropped: tuple[str, ...] = ()
    if "purchases" in sections and template.values.get("population", {}).get("novelty"):
        # Own data seldom begin with everybody's first purchase: the fit knows no novelty.
        sections.setdefault("population", {})["novelty"] = 0.0
        dropped = (_NOVELTY,)
        notes[_NOVELTY] = "[knob] the purchases were fitted without"
    if used and template.values.get("validity", {}).get("against"):
        sections["validity"] = {"against": []}
        dropped += (AGAINST,)
        notes[AGAINST] = "[knob] the template's data sets are not of your customers"
    # Why the template's world misses real customers is not why this one does.
    text = drop_section(template.text, "validity.reasons", name=template.name)
    text = disowned(text, _FOREIGN)
    text = overlay_sections(_categories(text, used), sections, name=template.name, notes=notes)
    text = _headed(text, template, name)
    unused = tuple(e.key for e in estimates.found if not places[e.key])
    document = provenance(estimates, template=template.name, unused=unused)
    text += "\n" + "".join(f"{_MARK}{line}".rstrip() + "\n" for line in document.splitlines())
    _loads(text, name)
    return OwnScenario(text, tuple(e.key for e in used), unused, dropped)


def figures_text(estimates: Estimates) -> str:
    """The estimates alone, as TOML: their sections, then provenance and what is open."""
    head = "# Figures estimated from data by `troth calibrate`. Do not edit: run it again.\n\n"
    return head + _text({"": _said(estimates), **estimates.sections(), **_origins(estimates)})


def provenance(estimates: Estimates, *, template: str, unused: tuple[str, ...]) -> str:
    """Warnings, origins and intervals, what is open, notes and moments, as TOML."""
    top: dict[str, Any] = {"template": template, "template_keys": "all that [provenance] has not"}
    if unused:
        top["without_a_place_in_the_template"] = list(unused)
    own = {} if estimates.moments is None else {"moments": estimates.moments.table()}
    return _text({"": top | _said(estimates), **_origins(estimates), **own})


def _said(estimates: Estimates) -> dict[str, list[str]]:
    """Warnings and notes, where there are any."""
    said = {"warnings": list(estimates.warnings), "notes": list(estimates.notes)}
    return {key: lines for key, lines in said.items() if lines}


def _origins(estimates: Estimates) -> dict[str, dict[str, Any]]:
    """A table per estimate, and one that says of each parameter whether it is identified."""
    tables = {f'provenance."{e.key}"': _entry(e) for e in estimates.found}
    identified = {f'"{e.key}"': "yes" for e in estimates.found}
    identified |= {f'"{left.key}"': f"no: {left.why}" for left in estimates.open}
    return {**tables, "identified": identified}


def _text(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML: header to keys to values; the header ``""`` is above all others."""
    lines: list[str] = []
    for header, values in tables.items():
        if header:
            lines += ["", f"[{header}]"]
        lines += [f"{key} = {toml_value(value)}" for key, value in values.items()]
    return "\n".join(lines).lstrip("\n") + "\n"


def read_provenance(text: str) -> dict[str, Any]:
    """What :func:`own_scenario` wrote below the scenario; empty where there is none.

    Raises:
        InvalidArgument: if it has been damaged since.
    """
    lines = [line[2:].removeprefix(" ") for line in text.splitlines() if line.startswith("#:")]
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(
            f"the lines that begin with {_MARK.strip()!r} are not as `troth calibrate` wrote them: "
            f"{error}",
            field="scenario",
        ) from error


def _place(values: Mapping[str, Any], key: str) -> bool:
    """Whether the template has the key; purchases and categories may bring their own."""
    section, _, name = key.rpartition(".")
    if section == "categories":
        return isinstance(values.get("categories"), list)
    place: Any = values
    for part in section.split("."):
        place = place.get(part) if isinstance(place, dict) else None
    return isinstance(place, dict) and (section == "purchases" or name in place)


def _categories(text: str, used: tuple[FittedParameter, ...]) -> str:
    """The template's ``[[categories]]`` replaced by the estimated ones, margins all alike.

    A template that has its base's gets them below its own sections.
    """
    mine = [e for e in used if e.key.startswith("categories.")]
    if not mine:
        return text
    blocks = [
        line
        for e in mine
        for line in (
            "[[categories]]",
            f'name = "{e.key.removeprefix("categories.")}"',
            f"share = {toml_value(e.value)}  # {_note(e)}",
            "margin_factor = 1.0  # [knob] purchases do not tell margins",
        )
    ]
    lines: list[str] = []
    above: list[str] = []  # blank and comment lines, which belong to the header below them
    inside = placed = False
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            inside = line.strip().startswith("[[categories]]")
            if not inside:
                lines += above
            elif not placed:
                lines += ["", *blocks]
                placed = True
            above = []
        elif not line.strip() or line.lstrip().startswith("#"):
            above.append(line)
            continue
        else:
            if not inside:
                lines += above
            above = []
        if not inside:
            lines.append(line)
    lines += above
    if not placed:
        lines += ["", *blocks]
    return "\n".join(lines) + "\n"


def _plain(estimate: FittedParameter) -> Any:
    return list(estimate.value) if isinstance(estimate.value, tuple) else estimate.value


def _note(estimate: FittedParameter) -> str:
    """The comment beside a value: its interval, or the file alone."""
    if isinstance(estimate.low, float) and isinstance(estimate.high, float):
        return f"[fit] {estimate.low:g} to {estimate.high:g} (95 %), {estimate.origin.source}"
    return f"[fit] {estimate.origin.source}"


def _entry(estimate: FittedParameter) -> dict[str, Any]:
    entry: dict[str, Any] = {"value": _plain(estimate)}
    for side in ("low", "high"):
        bound = getattr(estimate, side)
        if bound is not None:
            entry[side] = list(bound) if isinstance(bound, tuple) else bound
    origin = estimate.origin
    return entry | {
        "source": origin.source,
        "digest": origin.digest,
        "rows": origin.rows,
        "method": origin.method,
    }


def _headed(text: str, template: Template, name: str) -> str:
    """Another name and description, and a first line that says what the file is."""
    slug = re.sub(r"[^a-z0-9_-]", "_", name.lower()).lstrip("_-0123456789") or "own"
    values = {"": {"name": slug, "description": f"Own data in {template.name}"}}
    body = overlay_sections(text, values, name=template.name)
    return (
        f"{_MADE} from own data and the template {template.name!r}: what names no file of your "
        f"own is the template's, words included. Edit a copy: the command writes this file "
        f"anew.\n{body}"
    )


def _loads(text: str, name: str) -> None:
    """Refuse a text that is no scenario before anything is written where the user wanted it.

    Raises:
        InvalidArgument: naming the key, its value and what is allowed.
    """
    from simulator.scenarios import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{Path(name).stem}.toml"
        path.write_text(text, encoding="utf-8")
        try:
            load(path)
        except InvalidArgument as error:
            raise InvalidArgument(
                f"what the data give is refused: {error.message}", field=error.field
            ) from error
