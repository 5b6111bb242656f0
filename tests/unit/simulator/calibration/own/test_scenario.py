"""`troth calibrate --transactions`: a scenario that loads, with its origins, or nothing at all."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from simulator.calibration.complete_journey import read_journey
from simulator.calibration.own.data import read_transactions
from simulator.calibration.own.scenario import read_provenance
from simulator.calibration.sheets import column_map, read_sheet
from simulator.commands import register
from simulator.scenarios import load
from tests.support import own_files as made
from troth.digests import sha256
from troth.errors import AlreadyExists, InvalidArgument, NotFound


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The command alone, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of 600 customers."""
    return made.write(tmp_path_factory.mktemp("own"), np.random.default_rng(11), 600)


def _options(files: dict[str, Path]) -> list[str]:
    return [part for kind, path in files.items() for part in (f"--{kind}", str(path))]


def test_command_writes_a_scenario_that_loads(app: typer.Typer, own: dict[str, Path]) -> None:
    """Fitted values are in force, each with its origin; the rest is the template's."""
    options = [*_options(own), "--columns", made.COLUMNS, "--json"]
    arguments = ["calibrate", *options, "--output", "new/my shop.toml"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    values = {row["parameter"]: row["value"] for row in printed["parameters"]}
    target = Path("new/my shop.toml")
    scenario, template = load(target), load("reference")
    assert scenario.name == "my_shop"
    assert scenario.spend.mu == values["spend.mu"]
    assert scenario.email.lift_intercept == values["email.lift_intercept"]
    assert scenario.purchases.r == values["purchases.r"]
    assert scenario.purchases.model == values["purchases.model"]
    assert scenario.delays.redeem.median_days == values["delays.redeem.median_days"]
    shares = {c.name: c.share for c in scenario.categories}
    assert shares == {n: values[f"categories.{n}"] for n in ("other", "shoes___bags")}
    assert printed["without_a_place_in_the_template"] == [
        "experiment.visit_effect",
        "experiment.conversion_effect",
        "redemption.flyer",
        "redemption.letter",
    ]
    assert list(scenario.calendar.weekday_factors) == values["calendar.weekday_factors"]
    assert scenario.fatigue == template.fatigue
    assert scenario.catalogue.digest == template.catalogue.digest
    below = read_provenance(target.read_text())
    entry = below["provenance"]["spend.mu"]
    assert entry["digest"] == sha256(own["transactions"].read_bytes())
    assert entry["source"] == "tx.csv.gz"
    assert entry["low"] < entry["value"] < entry["high"]
    assert below["identified"]["stores"] == "no: the purchases have no such column"
    assert below["identified"]["spend.mu"] == "yes"
    assert scenario.response.max_recency_months == values["response.max_recency_months"] == 12.0
    assert scenario.response.min_history == values["response.min_history"] != 29.99
    assert f"mu = {values['spend.mu']}  # [fit] " in target.read_text()
    assert [path.name for path in Path("new").iterdir()] == ["my shop.toml"]


def test_command_says_what_it_found_and_what_not(app: typer.Typer, own: dict[str, Path]) -> None:
    """On screen: intervals, what is open, and what stays the template's; figures alone on wish."""
    options = ["--transactions", str(own["transactions"]), "--columns", made.COLUMNS]
    arguments = ["calibrate", *options, "--template", "none", "--output", "figures.toml"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "Estimated, 95 % intervals" in result.stdout
    assert "Not identified by the data" in result.stdout
    figures = tomllib.loads(Path("figures.toml").read_text())
    assert figures["spend"]["mu"] == pytest.approx(made.MU, abs=0.15)
    assert figures["identified"]["email"].startswith("no: no responses given")
    assert any("AIC of bg_nbd" in note for note in figures["notes"])
    assert set(figures["provenance"]["purchases.r"]) >= {"value", "low", "high", "digest", "rows"}


def test_command_reads_several_files_and_warns_at_the_top(app: typer.Typer) -> None:
    """What may be wrong stands above all figures, in JSON under a name of its own."""
    table = made.transactions(np.random.default_rng(11), 300)
    table.loc[3, "date"] = pd.Timestamp("2023-06-30")
    first = table["date"] < "2022-01-01"
    for name, part in (("one.csv", table[first]), ("two.csv", table[~first])):
        part.to_csv(name, index=False, sep=";", decimal=",")
    files = ["--transactions", "one.csv", "--transactions", "two.csv"]
    arguments = ["calibrate", *files, "--template", "none", "--output", "mine.toml"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    lines = result.stdout.splitlines()
    assert lines[0].startswith(
        "Warning: transactions: date: 151 days from all others in 1 row (two"
    )
    printed = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert len(printed["warnings"]) == 1
    assert any(f"{len(table):,} rows of 300 customers" in note for note in printed["notes"])
    assert printed["parameters"][0]["source"] == "one.csv, two.csv"
    ended = ["--until", "2022-12-31", "--json"]
    printed = json.loads(CliRunner().invoke(app, [*arguments, *ended]).stdout)
    assert printed["warnings"] == []
    assert any("observed until 2022-12-31" in note for note in printed["notes"])


def test_command_leaves_no_trace_of_what_failed(app: typer.Typer, own: dict[str, Path]) -> None:
    """Wrong options, wrong data, a template that is none: typed, one line, nothing written."""
    bad = Path("bad.csv")
    bad.write_text("customer,date,amount\na,2021-01-01,5\nb,2021-01-02,-5\n")
    short = Path("short.csv")
    short.write_text("customer,date\na,2021-01-01\n")
    given = ["--transactions", str(own["transactions"]), "--columns", made.COLUMNS]
    target = ["--output", "out.toml"]
    Path("not.toml").write_text("name = 'x'\n")
    Path("kept.toml").write_text("# by hand\n")
    Path("folder.toml").mkdir()
    for options, error, said in (
        (given, InvalidArgument, "--output"),
        ([*given, "--output", "out.txt"], InvalidArgument, "must end in .toml"),
        ([*given, *target, "--data", "."], InvalidArgument, "--data: is not for own data"),
        ([*given, *target, "--process", "x"], InvalidArgument, "--process: 'x' is not one of"),
        ([*given, *target, "--template", "nowhere"], NotFound, "nowhere"),
        ([*given, *target, "--template", "not.toml"], InvalidArgument, "not.toml"),
        (
            ["--responses", "x.csv"],
            InvalidArgument,
            "--responses: needs --transactions beside it: a world is made of customers who buy",
        ),
        (["--campaigns", "x.csv"], InvalidArgument, "mailings alone do not say how often"),
        (["--returns", "net"], InvalidArgument, "what negative amounts among own purchases are"),
        ([*given, *target, "--novelty"], InvalidArgument, "--novelty: is not for own data: own"),
        (["--transactions", "x.csv", *target], NotFound, "x.csv"),
        (["--transactions", "not.toml", *target], InvalidArgument, "must end in .csv"),
        (
            ["--transactions", str(bad), *target],
            InvalidArgument,
            "bad.csv:3:amount: '-5' is not a number in [0, 1e+09]",
        ),
        (["--transactions", str(short), *target], InvalidArgument, "'amount', the amount of"),
        ([*given, *target, "--complete-journey", "."], InvalidArgument, "its own tables"),
        ([*given, *target, "--months", "albums"], InvalidArgument, "--months: is not for own data"),
        ([*given, *target, "--since", "May"], InvalidArgument, "--since: 'May' is not a date"),
        (["--columns", "date=dt"], InvalidArgument, "--columns: needs --transactions"),
        (["--since", "2021-01-01"], InvalidArgument, "--since: needs --transactions"),
        ([*given, *target, "--until", "May"], InvalidArgument, "--until: 'May' is not a date"),
        ([*given, *target, "--returns", "x"], InvalidArgument, "--returns: 'x' is not one of"),
        ([*given, *target, "--repeats", "x"], InvalidArgument, "--repeats: 'x' is not one of"),
        ([*given, *target, "--delimiter", "xy"], InvalidArgument, "--delimiter: 'xy' is not one"),
        ([*given, *target, "--decimal", ";"], InvalidArgument, "--decimal: ';' is neither"),
        ([*given, *target, "--encoding", "x"], InvalidArgument, "--encoding: 'x' is no text"),
        (["--day-first"], InvalidArgument, "--day-first or --month-first: needs --transactions"),
        (["--template", "grocery"], InvalidArgument, "--template: needs --transactions"),
        ([*given, "--output", "kept.toml"], AlreadyExists, "kept.toml was not made by"),
        ([*given, "--output", "bad.csv/x.toml"], InvalidArgument, "bad.csv is a file, must be"),
        ([*given, "--output", "folder.toml"], InvalidArgument, "folder.toml is a folder"),
        (["--transactions", "folder.toml", *target], InvalidArgument, "folder.toml: is a folder"),
    ):
        result = CliRunner().invoke(app, ["calibrate", *options])
        assert isinstance(result.exception, error), options
        assert said in str(result.exception)
        assert "\n" not in str(result.exception)
    assert sorted(path.name for path in Path().iterdir()) == [
        "bad.csv", "folder.toml", "kept.toml", "not.toml", "short.csv",
    ]  # fmt: skip
    assert Path("kept.toml").read_text() == "# by hand\n"


def test_column_maps_are_parsed_or_refused() -> None:
    """name=column, comma between; nothing else."""
    assert column_map(" customer = id ,date=dt,") == {"customer": "id", "date": "dt"}
    for text in ("customer", "customer=", "a=b,a=c"):
        with pytest.raises(InvalidArgument, match="--columns"):
            column_map(text)


def test_cells_mean_the_same_in_every_format(tmp_path: Path) -> None:
    """Text, numbers and dates read alike from CSV, Parquet and a frame; gaps where allowed."""
    frame = pd.DataFrame(
        {
            "customer": [7, 8, 9],
            "date": [20210131, 20210201, 20210202],
            "redeemed": [20210301.0, None, 20210303.0],
            "treated": [1, 0, 1],
        }
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame["date"] = pd.to_datetime(frame["date"].astype(str)).dt.tz_localize("UTC")
    for source in (tmp_path / "a.csv", tmp_path / "a.parquet", frame):
        sheet = read_sheet(source, "campaigns", tuple(frame.columns), (), lambda _names: {})
        assert sheet.keys("customer").tolist() == ["7", "8", "9"]
        assert sheet.flags("treated").tolist() == [True, False, True]
        assert str(sheet.days("date")[1]) == "2021-02-01"
        redeemed = sheet.days("redeemed", missing=True)
        assert np.isnat(redeemed).tolist() == [False, True, False]
        with pytest.raises(InvalidArgument, match=r"redeemed: .* is not a date in"):
            sheet.days("redeemed")


def test_what_the_command_made_is_made_anew(app: typer.Typer, own: dict[str, Path]) -> None:
    """Running it twice is no mistake; customers are chosen by --since."""
    options = ["--transactions", str(own["transactions"]), "--columns", made.COLUMNS]
    arguments = ["calibrate", *options, "--output", "mine.toml"]
    CliRunner().invoke(app, arguments, catch_exceptions=False)
    CliRunner().invoke(app, [*arguments, "--since", "2021-06-01"], catch_exceptions=False)
    below = read_provenance(Path("mine.toml").read_text())
    assert any(note.startswith("purchases and calendar: fitted on") for note in below["notes"])


def test_templates_may_be_based_on_others(app: typer.Typer, own: dict[str, Path]) -> None:
    """What the data say is in force whatever file of the template has the key, and it is said."""
    Path("t").mkdir()
    Path("t/low.toml").write_text('based_on = "reference"\nname = "low"\nwallet.redeem_from = 55\n')
    Path("t/top.toml").write_text('based_on = "low.toml"\nname = "top"\n')
    options = ["--transactions", str(own["transactions"]), "--columns", made.COLUMNS]
    for template, output in (
        ("stress/outage", "one.toml"),
        ("t/top.toml", "two.toml"),
        ("two.toml", "three.toml"),
        ("reference", "four.toml"),
    ):
        arguments = ["calibrate", *options, "--template", template, "--output", output, "--json"]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        printed = json.loads(result.stdout)
        values = {row["parameter"]: row["value"] for row in printed["parameters"]}
        scenario = load(output)
        assert scenario.spend.mu == values["spend.mu"]
        assert scenario.purchases.alpha_weeks == values["purchases.alpha_weeks"]
        assert {c.name for c in scenario.categories} == {"other", "shoes___bags"}
        assert scenario.population.novelty == 0.0
        assert printed["without_a_place_in_the_template"] == []
        dropped = [] if template == "two.toml" else ["population.novelty", "validity.against"]
        assert printed["dropped_from_the_template"] == dropped
        assert read_provenance(Path(output).read_text())["template"] == template
    assert load("three.toml").wallet.redeem_from == 55
    assert len(load("one.toml").shocks) == 5
    assert load("three.toml").spend == load("four.toml").spend


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x.csv: is empty"),
        ("customer,date,amount\n", "x.csv: has no rows"),
        ("customer,date,amount\na,2021-01-01,5\nb,2021-01-01,5,6\n", "x.csv:"),
        ("customer,date,amount\na,2021-01-01,5,\n", "x.csv:2: 4 values, where the header has 3"),
        (
            "customer,date,amount,amount\na,2021-01-01,5,6\n",
            "'amount', the amount of transactions,",
        ),
    ],
)
def test_tables_of_another_form_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """No value is taken from a column, or a row, that may not be the one that was meant."""
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InvalidArgument) as caught:
        read_transactions(path, {})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dates_are_those_of_the_clock_on_the_wall(tmp_path: Path) -> None:
    """Zones may differ from row to row, and be there or not; blanks about a header are none."""
    times = ["2021-03-01T23:30:00+02:00", "2021-03-01 00:10:00.5-0500", "2021-03-01T12:00Z"]
    times += ["2021-03-01", " 20210301 "]
    path = tmp_path / "X.CSV"
    rows = "".join(f"a,{time},{amount}\n" for amount, time in enumerate(times, start=5))
    path.write_text("customer, date,amount\n" + rows)
    assert set(read_transactions(path, {}).day.astype(str)) == {"2021-03-01"}
    flags = pd.DataFrame({"customer": ["a"], "date": ["2021-03-01"], "amount": [True]})
    with pytest.raises(InvalidArgument, match="'True' is not a number"):
        read_transactions(flags, {})


@pytest.mark.slow
@pytest.mark.data
def test_shipped_grocery_figures_are_those_of_the_data(app: typer.Typer, data_dir: Path) -> None:
    """What is shipped for groceries is what the command estimates, to the digits written.

    But for the mean of ln spend: the shipped world's is that of maximum likelihood, on which its
    histories rest; the command's closes the mean basket.
    """
    journey = ["--complete-journey", str(data_dir / "complete_journey"), "--template", "none"]
    arguments = ["calibrate", *journey, "--output", "grocery.toml"]
    CliRunner().invoke(app, arguments, catch_exceptions=False)
    made_now = tomllib.loads(Path("grocery.toml").read_text())
    shipped = files("simulator.calibration") / "figures_grocery.toml"
    was = tomllib.loads(shipped.read_text("utf-8"))
    assert made_now["identified"] == was["identified"]
    for key, entry in was["provenance"].items():
        now = made_now["provenance"][key]
        assert now["digest"] == entry["digest"]
        assert now["rows"] == entry["rows"]
        if key == "spend.mu":
            assert 0.0 < abs(now["value"] - entry["value"]) < 0.1
        elif not isinstance(entry["value"], str):
            assert now["value"] == pytest.approx(entry["value"], rel=1e-4), key


@pytest.mark.data
def test_complete_journey_reads_as_documented(data_dir: Path) -> None:
    """Households, baskets and redemptions are the published ones; all days are of 2017."""
    journey = read_journey(data_dir / "complete_journey")
    baskets, mailings = journey.transactions, journey.campaigns
    assert baskets["customer"].nunique() == 2469
    assert len(baskets) == 155_848 - 478  # some were paid for with coupons alone
    assert baskets["date"].dt.year.eq(2017).all()
    assert len(mailings) == 6589
    share = mailings["redeemed"].notna().groupby(mailings["type"]).mean()
    assert share.round(3).to_dict() == {"a": 0.166, "b": 0.065, "c": 0.059}
    assert (mailings["redeemed"] - mailings["sent"]).dt.days.median() == 13


def test_absent_journey_is_said(tmp_path: Path) -> None:
    """A folder without the tables is not found, by the name of the first."""
    with pytest.raises(NotFound, match=r"transactions\.parquet"):
        read_journey(tmp_path)
