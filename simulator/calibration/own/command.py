"""``troth calibrate --transactions``: read, fit, write whole or not at all, and say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from simulator.calibration.complete_journey import read_journey
from simulator.calibration.estimates import Estimates, FittedParameter
from simulator.calibration.overlay import check_writable
from simulator.calibration.own.reading import Reading, Repeats, Returns
from simulator.calibration.own.scenario import (
    AGAINST,
    OwnScenario,
    figures_text,
    own_scenario,
    read_template,
)
from simulator.calibration.own.world import fit_own
from simulator.calibration.process import Process
from simulator.calibration.season import Season
from simulator.calibration.sheets import column_map
from troth.cli.output import emit, progress, say, show_table
from troth.errors import InvalidArgument
from troth.files import write_text
from troth.tables import Dialect

NO_TEMPLATE = "none"
_CALLED = {"tab": "\t", "\\t": "\t"}
"""How a shell is told what it has no character for."""


def calibrate_own(
    transactions: Sequence[Path],
    responses: Path | None,
    campaigns: Path | None,
    journey: Path | None,
    *,
    columns: str,
    template: str,
    process: str | None,
    since: str | None,
    reading: Reading,
    exclude: Sequence[str] = (),
    output: Path | None,
    as_json: bool,
) -> None:
    """Write the scenario (or, without a template, the figures) that the files support.

    Raises:
        NotFound: if a file or the template is not there.
        InvalidArgument: for wrong options or data; nothing has been written then.
        AlreadyExists: if ``output`` is a file that somebody else made.
        PermissionDenied: if its folder may not be written to.
    """
    if output is None:
        raise InvalidArgument("is needed: the scenario to write", field="--output")
    if output.suffix != ".toml":
        raise InvalidArgument(f"{output} must end in .toml", field="--output")
    check_writable(output, "--output")
    if journey is not None and (transactions or responses is not None or campaigns is not None):
        raise InvalidArgument("comes with its own tables", field="--complete-journey")
    names = column_map(columns)
    base = None if template == NO_TEMPLATE else read_template(template)
    chosen: Process | None = (
        None if process is None else "pareto_nbd" if process == "pareto_nbd" else "bg_nbd"
    )
    with progress() as bars:
        task = bars.add_task("calibrating", total=None)

        def on_stage(what: str, done: int, of: int) -> None:
            bars.update(task, description=what, completed=done, total=of)

        found = _fit(
            transactions,
            responses,
            campaigns,
            journey,
            columns=names,
            process=chosen,
            season=None if base is None else base.season,
            since=None if since is None else _day(since, "--since"),
            reading=reading,
            exclude=exclude,
            on_stage=on_stage,
        )
    scenario = None if base is None else own_scenario(base, found, name=output.stem)
    write_text(output, figures_text(found) if scenario is None else scenario.text)
    if as_json:
        emit(_document(found, scenario, output))
        return
    _show(found, scenario, template)
    say(f"Written to {output}")


def _fit(
    transactions: Sequence[Path],
    responses: Path | None,
    campaigns: Path | None,
    journey: Path | None,
    *,
    columns: dict[str, str],
    process: Process | None,
    season: Season | None,
    since: np.datetime64 | None,
    reading: Reading,
    exclude: Sequence[str],
    on_stage: Callable[[str, int, int], None],
) -> Estimates:
    if journey is not None:
        tables = read_journey(journey)
        return fit_own(
            tables.transactions,
            campaigns=tables.campaigns,
            columns=columns,
            process=process,
            season=season,
            since=since,
            reading=reading,
            exclude=exclude,
            on_stage=on_stage,
        )
    if not transactions:
        raise InvalidArgument("is needed", field="--transactions")
    return fit_own(
        transactions,
        responses,
        campaigns,
        columns=columns,
        process=process,
        season=season,
        since=since,
        reading=reading,
        exclude=exclude,
        on_stage=on_stage,
    )


def reading_of(
    *,
    until: str | None,
    returns: str,
    repeats: str,
    delimiter: str | None,
    decimal: str | None,
    encoding: str | None,
    day_first: bool | None,
) -> Reading:
    """What the options say of how tables are read.

    Raises:
        InvalidArgument: for a value that is none of an option's.
    """
    if returns not in get_args(Returns):
        raise InvalidArgument(
            f"{returns!r} is not one of {', '.join(get_args(Returns))}", field="--returns"
        )
    if repeats not in get_args(Repeats):
        raise InvalidArgument(
            f"{repeats!r} is not one of {', '.join(get_args(Repeats))}", field="--repeats"
        )
    try:
        dialect = Dialect(
            delimiter=None if delimiter is None else _CALLED.get(delimiter.lower(), delimiter),
            decimal=decimal,
            encoding=encoding,
            day_first=day_first,
        )
    except InvalidArgument as error:
        raise InvalidArgument(error.message, field=f"--{error.field}") from error
    return Reading(
        dialect,
        until=None if until is None else _day(until, "--until"),
        returns=cast("Returns", returns),
        repeats=cast("Repeats", repeats),
    )


def _day(text: str, option: str) -> np.datetime64:
    """The day of ``--since`` or ``--until``.

    Raises:
        InvalidArgument: if it is none.
    """
    try:
        return np.datetime64(date.fromisoformat(text), "D")
    except ValueError:
        raise InvalidArgument(f"{text!r} is not a date such as 2024-05-31", field=option) from None


def _document(found: Estimates, scenario: OwnScenario | None, output: Path) -> dict[str, Any]:
    return {
        "warnings": list(found.warnings),
        "parameters": [
            {
                "parameter": e.key,
                "value": list(e.value) if isinstance(e.value, tuple) else e.value,
                "low": list(e.low) if isinstance(e.low, tuple) else e.low,
                "high": list(e.high) if isinstance(e.high, tuple) else e.high,
                "source": e.origin.source,
                "digest": e.origin.digest,
                "rows": e.origin.rows,
                "method": e.origin.method,
            }
            for e in found.found
        ],
        "not_identified": [{"parameter": left.key, "why": left.why} for left in found.open],
        "notes": list(found.notes),
        "without_a_place_in_the_template": [] if scenario is None else list(scenario.unused),
        "dropped_from_the_template": [] if scenario is None else list(scenario.dropped),
        "output": str(output),
    }


def _show(found: Estimates, scenario: OwnScenario | None, template: str) -> None:
    for line in found.warnings:
        say(f"Warning: {line}.", style="bold yellow")
    if found.found:
        show_table(
            "Estimated, 95 % intervals",
            ("parameter", "value", "interval", "rows"),
            [(e.key, _shown(e.value), _interval(e), f"{e.origin.rows:,}") for e in found.found],
        )
    else:
        say("The data identify nothing.")
    for source, digest in sorted({(e.origin.source, e.origin.digest) for e in found.found}):
        say(f"{source}: SHA-256 {digest[:16]}...")
    if found.open:
        show_table(
            "Not identified by the data",
            ("parameter", "why"),
            [(left.key, left.why) for left in found.open],
        )
    for line in found.notes:
        say(line)
    if scenario is not None:
        if AGAINST in scenario.dropped:
            say(
                "`troth validate` compares the scenario with "
                + ("your customers" if found.moments else "no customers, as little is estimated")
                + ", and no longer with the template's data sets."
            )
        if scenario.unused:
            say(f"The template has no place for {', '.join(scenario.unused)}.")
        for key in set(scenario.dropped) - {AGAINST}:
            say(f"{key} of the template is 0: the purchases were fitted without.")
        say(f"Everything else is as in the template {template!r}.")


def _interval(e: FittedParameter) -> str:
    if e.low is None or e.high is None:
        return ""
    if isinstance(e.low, tuple) and isinstance(e.high, tuple):
        half = max((h - low) / 2.0 for low, h in zip(e.low, e.high, strict=True))
        return f"each within {half:.4f}"
    return f"{_shown(e.low)} to {_shown(e.high)}"


def _shown(value: float | str | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} of {min(value):.3f} to {max(value):.3f}"
    return value if isinstance(value, str) else f"{value:.4g}"
