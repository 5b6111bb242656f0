"""``troth calibrate``: the public data's figures, or a scenario from a user's own data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troth.cli.output import AsJson, emit, progress, say, show_table
from troth.errors import InvalidArgument, NotFound
from troth.settings import Settings

if TYPE_CHECKING:
    from simulator.calibration.calibrate import Calibration
    from simulator.calibration.season import Season

FLAT, REFERENCE, REFUSE = "flat", "reference", "refuse"
_NEEDS_PURCHASES = {
    "responses": "a world is made of customers who buy, and an experiment alone does not say how "
    "often and for how much; give the purchases of its customers, or of all",
    "campaigns": "a world is made of customers who buy, and mailings alone do not say how often "
    "and for how much; give the purchases of who was mailed, or of all",
    "since": "it chooses own customers by their first purchase",
    "exclude": "it leaves out purchases of own customers",
    "until": "it ends the observation of own purchases",
    "returns": "it says what negative amounts among own purchases are",
    "template": "it fills in what own purchases do not say; for the public data sets, --into names "
    "the scenario to write into",
}
"""Why an option is for own data; the others say how tables are read."""

Data = Annotated[
    Path | None,
    typer.Option(help="Folder with cdnow/ and hillstrom/.", show_default="../shared/data"),
]
Output = Annotated[
    Path | None,
    typer.Option(
        help="Write the figures here; with own data, which need it, the scenario.",
        show_default="TROTH_HOME/figures.toml",
    ),
]
Into = Annotated[
    Path | None,
    typer.Option(help="Also put the figures into this scenario: purchases, spend and email."),
]
Process = Annotated[
    str | None,
    typer.Option(
        help="Purchase process: bg_nbd or pareto_nbd.",
        show_default="bg_nbd; with own data the one of smaller AIC",
    ),
]
Months = Annotated[
    str,
    typer.Option(
        help="Calendar under which CDNOW's purchases are fitted: flat, albums (the trade's), or "
        "a scenario, whose own calendar it then is."
    ),
]
Novelty = Annotated[
    bool,
    typer.Option(
        "--novelty",
        help="Also fit how much faster CDNOW's new members buy, and for how many weeks; --into "
        "puts it into [population]. Takes a minute or two.",
    ),
]
Transactions = Annotated[
    list[Path] | None,
    typer.Option(
        help="Own purchases, .csv, .csv.gz or .parquet: customer, date, amount, and if you have "
        "them category, store, joined. Several text files, each with the option before it, are "
        "read together."
    ),
]
Responses = Annotated[
    Path | None,
    typer.Option(
        help="Own experiment, a row per customer: treated (or arm, and control=NAME in --columns), "
        "visit, conversion, spend, and recency and history, or customer and date."
    ),
]
Campaigns = Annotated[
    Path | None, typer.Option(help="Own mailings: customer, type, sent, redeemed, expires.")
]
Journey = Annotated[
    Path | None, typer.Option(help="Folder of the Complete Journey, in place of own files.")
]
Columns = Annotated[
    str, typer.Option(help="Own column names: customer=cust_id,date=dt,responses.visit=visited")
]
Since = Annotated[
    str | None,
    typer.Option(
        help="Fit own purchases on who first bought on this day or later: YYYY-MM-DD. Others may "
        "have bought before the data begin.",
        show_default="all customers, or those whose column joined is within the data",
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        help="End of observation, YYYY-MM-DD; purchases after it are left out.",
        show_default="the day of the last purchase",
    ),
]
Returns = Annotated[
    str,
    typer.Option(
        help="Of negative amounts: refuse them, net them against what the customer bought on the "
        "same day or before, or drop them."
    ),
]
Repeats = Annotated[
    str,
    typer.Option(
        help="Of many rows that are like others: refuse them, or keep each as a purchase."
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        help="What separates values in own text files: one character, or tab.",
        show_default="found in the header",
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(help="Decimal sign: . or ,", show_default="the one that all values agree on"),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="Encoding, such as cp1250 or utf-16.",
        show_default="by the byte order mark, UTF-8, or Windows-1252",
    ),
]
DayFirst = Annotated[
    bool | None,
    typer.Option(
        "--day-first/--month-first",
        help="Read 31/05/2024, or 05/31/2024.",
        show_default="dates with the year last are refused",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        help="Leave this customer's purchases out, be it a till or a guest; may be repeated.",
        show_default="nobody",
    ),
]
Template = Annotated[
    str, typer.Option(help="Scenario for what the data do not say; none: write figures alone.")
]


def calibrate(
    data: Data = None,
    output: Output = None,
    into: Into = None,
    process: Process = None,
    months: Months = FLAT,
    novelty: Novelty = False,
    transactions: Transactions = None,
    responses: Responses = None,
    campaigns: Campaigns = None,
    complete_journey: Journey = None,
    columns: Columns = "",
    since: Since = None,
    until: Until = None,
    returns: Returns = REFUSE,
    repeats: Repeats = REFUSE,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    day_first: DayFirst = None,
    exclude: Exclude = None,
    template: Template = REFERENCE,
    as_json: AsJson = False,
) -> None:
    """Fit a scenario's figures to data.

    Without --transactions: purchases, spend and e-mail response from the public data sets, the
    shipped figures of the same fit standing in for those that are absent. With it: a whole
    scenario from your own data, with intervals, and with what they do not identify.
    """
    from simulator.calibration.process import PROCESSES

    if process is not None and process not in PROCESSES:
        raise InvalidArgument(
            f"{process!r} is not one of {', '.join(PROCESSES)}", field="--process"
        )
    if transactions or complete_journey is not None:
        from simulator.calibration.own.command import calibrate_own, reading_of

        for name, odd, instead in (
            ("data", data, "--transactions names the files"),
            ("into", into, "--template names the scenario to fill in, --output the new one"),
            ("months", months != FLAT, "months and weekdays are fitted, or are the template's"),
            ("novelty", novelty, "own data seldom begin with everybody's first purchase"),
        ):
            if odd:
                raise InvalidArgument(f"is not for own data: {instead}", field=f"--{name}")
        calibrate_own(
            transactions or [],
            responses,
            campaigns,
            complete_journey,
            columns=columns,
            template=template,
            process=process,
            since=since,
            reading=reading_of(
                until=until,
                returns=returns,
                repeats=repeats,
                delimiter=delimiter,
                decimal=decimal,
                encoding=encoding,
                day_first=day_first,
            ),
            exclude=exclude or (),
            output=output,
            as_json=as_json,
        )
        return
    _refuse_without_purchases(
        responses=responses, campaigns=campaigns, columns=columns, since=since, exclude=exclude,
        until=until, returns=returns != REFUSE, repeats=repeats != REFUSE, delimiter=delimiter,
        decimal=decimal, encoding=encoding, day_first=day_first is not None,
        template=template != REFERENCE,
    )  # fmt: skip
    _calibrate_public(data, output, into, process, months, novelty=novelty, as_json=as_json)


def _refuse_without_purchases(**options: object) -> None:
    """Refuse options that say something of own data where no own purchases are given.

    Raises:
        InvalidArgument: naming the option, what is missing, and why it is needed.
    """
    for option, given in options.items():
        if given:
            why = _NEEDS_PURCHASES.get(option, "it says how own tables are read, and there is none")
            name = "day-first or --month-first" if option == "day_first" else option
            raise InvalidArgument(f"needs --transactions beside it: {why}", field=f"--{name}")


def _calibrate_public(
    data: Path | None,
    output: Path | None,
    into: Path | None,
    process: str | None,
    months: str,
    *,
    novelty: bool,
    as_json: bool,
) -> None:
    from simulator.calibration.calibrate import DEFAULT_DATA
    from simulator.calibration.calibrate import calibrate as run
    from simulator.calibration.overlay import check_writable, overlay_sections
    from troth.files import write_text

    if data is not None and not data.is_dir():
        raise NotFound("no such folder", field=f"--data {data}")
    if into is not None and not into.is_file():
        raise NotFound("no such file", field=f"--into {into}")
    season, season_name = _season(months)
    target = output or Settings().home / "figures.toml"
    check_writable(target, "--output")
    with progress() as bars:
        task = bars.add_task("calibrating", total=None)
        result = run(
            data or DEFAULT_DATA,
            process="pareto_nbd" if process == "pareto_nbd" else "bg_nbd",
            season=season,
            season_name=season_name,
            novelty=novelty,
            on_stage=lambda what, done, of: bars.update(
                task, description=what, completed=done, total=of
            ),
        )
    if into is not None:  # before anything is written: a scenario it cannot edit is refused
        write_text(into, overlay_sections(into.read_text("utf-8"), _put(result), name=str(into)))
    write_text(target, result.figures.to_toml())
    if as_json:
        emit(_document(result, target, into))
        return
    _show(result)
    say(f"Written to {target}" + (f" and into {into}" if into else ""))


def _season(months: str) -> tuple[Season, str]:
    """The calendar of ``--months``, and what it is called.

    Raises:
        NotFound: if it is neither ``flat`` nor ``albums`` nor a scenario.
        InvalidArgument: if it is a file that is no scenario.
    """
    from simulator.calibration.own.scenario import read_template
    from simulator.calibration.season import Season, album_trade

    if months == FLAT:
        return Season.flat(), ""
    if months == "albums":
        return album_trade(), "the album trade"
    return read_template(months).season, f"the scenario {months}"


def _put(result: Calibration) -> dict[str, dict[str, Any]]:
    """What a scenario takes over, by section."""
    sections: dict[str, dict[str, Any]] = dict(result.figures.sections())
    if result.novelty is not None:
        new = result.novelty
        sections["population"] = {"novelty": new.share, "novelty_days": new.days}
    return sections


def _rows(result: Calibration) -> list[dict[str, Any]]:
    from simulator.calibration.figures import SECTIONS

    figures = result.figures
    rows = []
    for section in SECTIONS:
        fit = getattr(figures.fit, section)
        for name, value in figures.values(section).items():
            low, high = figures.interval(section, name)
            rows.append(
                {
                    "parameter": f"{section}.{name}",
                    "value": value,
                    "low": low,
                    "high": high,
                    "standard_error": fit.standard_errors[name],
                    "source": fit.source,
                    "fitted_now": section in result.fitted,
                }
            )
    return rows


def _document(result: Calibration, target: Path, into: Path | None) -> dict[str, Any]:
    return {
        "parameters": _rows(result),
        "fit": result.figures.fit.model_dump(),
        "moments": [
            {"name": m.name, "fit": m.fit, "real": m.real, "held_out": m.held_out}
            for m in result.moments
        ],
        "novelty": None if result.novelty is None else asdict(result.novelty),
        "output": str(target),
        "into": str(into) if into else None,
    }


def _show(result: Calibration) -> None:
    shipped = [section for section in result.figures.sections() if section not in result.fitted]
    if shipped:
        say(
            f"No data found for {', '.join(shipped)}: these are the shipped figures, "
            "from the same fit to the source named."
        )
    show_table(
        "Figures, 95 % intervals",
        ("parameter", "value", "interval", "source"),
        [
            (
                row["parameter"],
                row["value"],
                f"{row['low']:.4f} to {row['high']:.4f}",
                row["source"].split(" (")[0] + ("" if row["fitted_now"] else ", shipped"),
            )
            for row in _rows(result)
        ],
    )
    for section in result.figures.sections():
        fit = getattr(result.figures.fit, section)
        say(f"{section}: {fit.method}, {fit.rows:,} rows of {fit.source}")
    if result.novelty is not None:
        new = result.novelty
        say(
            f"novelty: new members buy {new.share:g} ± {new.stderr:.3f} faster for "
            f"{new.days} days, log-likelihood {new.gain:.1f} above none"
        )
    if result.moments:
        show_table(
            "Moments: what the fit says, and the data",
            ("moment", "fit", "real", "data"),
            [
                (m.name, m.fit, m.real, "held out" if m.held_out else "of the fit")
                for m in result.moments
            ],
        )
