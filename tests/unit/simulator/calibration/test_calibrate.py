"""`troth calibrate`: fitted where there are data, shipped where there are none, and said."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from simulator.calibration.calibrate import calibrate
from simulator.calibration.figures import SECTIONS, Figures
from simulator.calibration.own.scenario import read_template
from simulator.calibration.season import album_trade
from simulator.commands import register
from simulator.scenarios.processes import ParetoFigures
from tests.support import own_files
from troth.errors import InvalidArgument, NotFound


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The command alone, in a folder of its own with no data beside it."""
    home = tmp_path / "project"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.delenv("TROTH_HOME", raising=False)
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


@pytest.mark.data
def test_shipped_figures_are_those_of_the_real_data(data_dir: Path) -> None:
    """What is shipped is what the command estimates, to the digits written."""
    own = read_template("reference").season
    season = replace(album_trade(), novelty=own.novelty, novelty_weeks=own.novelty_weeks)
    assert own.month == pytest.approx(season.month, abs=5e-4)
    shipped = Figures.shipped()
    result = calibrate(data_dir, process=shipped.purchases.model, season=season)
    assert result.fitted == SECTIONS
    for section in SECTIONS:
        fit, was = getattr(result.figures.fit, section), getattr(shipped.fit, section)
        assert fit.data_digest == was.data_digest
        assert fit.rows == was.rows
        assert fit.standard_errors == pytest.approx(was.standard_errors, rel=2e-5)
        assert result.figures.values(section) == pytest.approx(shipped.values(section), rel=2e-5)


@pytest.mark.data
def test_moments_of_the_fit_are_those_of_the_data(data_dir: Path) -> None:
    """What was fitted is reproduced; the known gaps are there to be seen."""
    moments = {m.name: m for m in calibrate(data_dir).moments}
    again = moments["share of customers who buy again"]
    assert again.fit == pytest.approx(again.real, abs=0.01)
    basket = moments["mean basket, over purchases, dollars"]
    assert basket.fit == pytest.approx(basket.real, rel=0.04)
    bought = moments["share who buy, e-mail"]
    assert bought.fit == pytest.approx(bought.real, rel=1e-6)
    future = [m for m in moments.values() if m.held_out]
    assert len(future) == 4
    assert all(m.fit < m.real for m in future)  # BG/NBD under-forecasts CDNOW


def test_fits_what_is_there_and_ships_the_rest(small_data: Path) -> None:
    """Without the trial the e-mail section is the shipped one, and not claimed as fitted."""
    shutil.rmtree(small_data / "hillstrom")
    result = calibrate(small_data)
    assert result.fitted == ("purchases", "spend")
    assert result.figures.email == Figures.shipped().email
    assert result.figures.fit.spend.source == "CDNOW_master.txt"
    assert result.figures.spend.mu == pytest.approx(3.0, abs=0.15)
    assert not any("visit" in m.name for m in result.moments)


def test_pareto_and_months_are_fitted_on_wish(app: typer.Typer, small_data: Path) -> None:
    """The process and the months asked for are those of the file, and said in its method."""
    log = own_files.transactions(np.random.default_rng(4), 1500, days=500)
    rows = zip(log["customer"], log["date"].dt.strftime("%Y%m%d"), log["amount"], strict=True)
    text = "customer_id date dollar_value\n" + "".join(f"{c} {d} {a:.2f}\n" for c, d, a in rows)
    (small_data / "cdnow" / "CDNOW_master.txt").write_text(text)
    scenario = Path("scenario.toml")
    scenario.write_text("[purchases]\nr = 1.0\na = 0.5\nb = 2.0\nalpha_weeks = 3.0\n")
    options = ["--process", "pareto_nbd", "--months", "albums", "--into", str(scenario)]
    paths = ["--data", str(small_data), "--output", "f.toml"]
    result = CliRunner().invoke(app, ["calibrate", *options, *paths], catch_exceptions=False)
    assert result.exit_code == 0
    figures = Figures.load(Path("f.toml"))
    assert isinstance(figures.purchases, ParetoFigures)
    assert "months of the album trade (0.8" in figures.fit.purchases.method
    put = tomllib.loads(scenario.read_text())["purchases"]
    assert put == figures.purchases.model_dump()
    flat = calibrate(small_data, process="pareto_nbd").figures.purchases
    assert isinstance(flat, ParetoFigures)
    ratio = figures.purchases.alpha_weeks / flat.alpha_weeks
    assert ratio == pytest.approx(
        album_trade().month[0], rel=1e-3
    )  # January to September are alike
    wrong = CliRunner().invoke(app, ["calibrate", "--months", "x"])
    assert isinstance(wrong.exception, NotFound)


def test_stages_are_told_in_order(small_data: Path) -> None:
    """Progress moves forward and ends at the end."""
    told: list[tuple[str, int, int]] = []
    calibrate(small_data, on_stage=lambda *stage: told.append(stage))
    done = [stage[1] for stage in told]
    assert done == sorted(done)
    assert told[-1][1] == told[-1][2]


def test_command_writes_figures_and_scenario(app: typer.Typer, small_data: Path) -> None:
    """The file written is the figures printed, and the scenario takes them over."""
    scenario = Path("scenario.toml")
    scenario.write_text('name = "x"\n\n[spend]\nmu = 1.0\n')
    paths = ["--data", str(small_data), "--output", "f.toml", "--into", str(scenario)]
    result = CliRunner().invoke(app, ["calibrate", *paths, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    figures = Figures.load(Path("f.toml"))
    values = {row["parameter"]: row["value"] for row in printed["parameters"]}
    assert values == {f"{s}.{k}": v for s in SECTIONS for k, v in figures.values(s).items()}
    assert all(row["low"] < row["value"] < row["high"] for row in printed["parameters"])
    assert all(row["fitted_now"] for row in printed["parameters"])
    assert f"mu = {figures.spend.mu}" in scenario.read_text()


def test_command_says_when_figures_are_shipped(app: typer.Typer) -> None:
    """Without data it says so in plain words, and still writes a file that loads."""
    result = CliRunner().invoke(app, ["calibrate"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "No data found for purchases, spend, email" in result.stdout
    assert Figures.load(Path("runs/default/figures.toml")) == Figures.shipped()


def test_command_refuses_wrong_paths_and_leaves_no_trace(
    app: typer.Typer, small_data: Path
) -> None:
    """A folder or scenario that is not there, or data that are wrong: nothing is written."""
    run = CliRunner().invoke
    for arguments, error in (
        (["--data", "nowhere"], NotFound),
        (["--into", "nowhere.toml"], NotFound),
    ):
        result = run(app, ["calibrate", *arguments])
        assert isinstance(result.exception, error)
    trial = small_data / "hillstrom" / "trial.csv"
    trial.write_text(trial.read_text() + "13,x,No E-Mail,0,0,0\n")
    result = run(app, ["calibrate", "--data", str(small_data)])
    assert isinstance(result.exception, InvalidArgument)
    assert "trial.csv:1502:history: 'x' is not a number" in str(result.exception)
    assert not Path("runs").exists()
