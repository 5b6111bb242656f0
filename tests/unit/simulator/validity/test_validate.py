"""The run as a whole: rows, reasons, progress, report and command."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.scenarios import Scenario, load
from simulator.validity import plots, report
from simulator.validity.row import NOT_EXPLAINED, Target, ValidityRow
from simulator.validity.study import Chart, Findings, MomentSource, Series, Study
from simulator.validity.validate import AGAINST, sources_of, validate
from troth.errors import InvalidArgument, NotFound


@dataclass(frozen=True)
class _Made:
    """A source of one row inside and one outside that could not be measured."""

    title: str = "made"

    def days(self, study: Study) -> int:
        return 10

    def measure(self, study: Study) -> Findings:
        study.advance(4)
        good = ValidityRow(
            "made.good", "Made", "good <b>", Target.published(0, 1), 0.5, 0.01, "book"
        )
        bad = ValidityRow(
            "made.bad", "Made", "bad", Target.published(0, 1), None, None, "book", "no way"
        )
        return Findings((good, bad), (CHART,))


CHART = Chart(
    id="made",
    group="Made",
    title="Made up",
    caption="A & B",
    x_label="x",
    y_label="y",
    style="line",
    series=(Series("real", (1.0, 2.0), (1.0, 2.0), True),),
)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The reference scenario."""
    return load()


def test_rows_are_counted_and_explained(scenario: Scenario, tmp_path: Path) -> None:
    """Half of the rows are inside, and the other has the text of no explanation."""
    found = validate(scenario, tmp_path, customers=500, sources=(_Made(),))
    assert found.share == 0.5
    assert [row.reason for row in found.rows] == ["", NOT_EXPLAINED]
    assert found.groups == ("Made",)


def test_progress_ends_at_all_days(scenario: Scenario, tmp_path: Path) -> None:
    """However many days a source simulated, the bar is full when all are done."""
    seen: list[tuple[str, int, int]] = []
    validate(
        scenario,
        tmp_path,
        customers=500,
        sources=(_Made(), _Made()),
        on_stage=lambda *at: seen.append(at),
    )
    assert seen[-1] == ("made", 20, 20)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_few_customers_are_refused(scenario: Scenario, tmp_path: Path) -> None:
    """A population too small for any moment is refused by the name of the field."""
    with pytest.raises(InvalidArgument, match="customers: 10 is below"):
        validate(scenario, tmp_path, customers=10)


def test_missing_data_are_named(scenario: Scenario, tmp_path: Path) -> None:
    """A data set that is not there is an error that names it, not a row less."""
    with pytest.raises(NotFound, match=r"CDNOW_master\.txt"):
        validate(scenario, tmp_path, customers=500, sources=(AGAINST["cdnow"],))
    with pytest.raises(NotFound, match="hillstrom"):
        validate(scenario, tmp_path, customers=500, sources=(AGAINST["hillstrom"],))


def test_reference_is_judged_by_its_data_sets(scenario: Scenario) -> None:
    """The reference scenario answers to CDNOW and Hillstrom, and to every documented effect."""
    titles = [source.title for source in sources_of(scenario)]
    assert titles[:2] == ["CDNOW", "Hillstrom"]
    assert {"channels", "pressure", "programme", "offers"} <= set(titles)


def test_sources_keep_the_protocol() -> None:
    """Every data set's source is a source of moments."""
    sources: list[MomentSource] = list(AGAINST.values())
    assert all(source.title for source in sources)


def test_report_is_whole_and_self_contained(scenario: Scenario, tmp_path: Path) -> None:
    """JSON without NaN; a page that escapes names, refers to nothing outside, has the plots."""
    found = validate(scenario, tmp_path, customers=500, sources=(_Made(),))
    report.write(found, tmp_path / "out", {"made": plots.png(CHART)})
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    assert document["share_inside"] == 0.5
    assert document["rows"][1]["simulated"] is None
    assert document["rows"][0]["source"] == "book"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "good &lt;b&gt;" in page
    assert "data:image/png;base64," in page
    assert "http:" not in page
    assert "https:" not in page
    assert "not explained" in page
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "made.png",
        "report.html",
        "report.json",
    ]


def test_gauge_shows_where_the_value_lies() -> None:
    """A value in the middle of its range is in the middle; far out it stays on the picture."""
    target = Target.published(1.0, 2.0)
    middle = ValidityRow("a", "g", "n", target, 1.5, 0.0, "s")
    assert 'cx="51.0"' in report.gauge(middle)
    assert "gauge yes" in report.gauge(middle)
    far = report.gauge(ValidityRow("a", "g", "n", target, 99.0, 0.0, "s"))
    assert 'cx="98.0"' in far
    assert "gauge no" in far
    assert report.gauge(ValidityRow("a", "g", "n", target, None, None, "s")) == ""


@pytest.mark.parametrize("style", ["line", "points", "bars", "hbars", "steps"])
def test_every_style_is_drawn_alike_twice(style: str) -> None:
    """Each style gives a PNG, and the same bytes for the same chart."""
    series = Series("made", (0.0, 1.0), (1.0, 3.0), False, (0.5, -1.0), (2.0, 4.0))
    chart = Chart(
        id="x",
        group="",
        title="",
        caption="",
        x_label="x",
        y_label="y",
        style=style,  # type: ignore[arg-type]
        series=(series,),
        ticks=("a", "b") if style != "line" else (),
        mark=(0.5, "here"),
    )
    picture = plots.png(chart)
    assert picture.startswith(b"\x89PNG\r\n")
    assert plots.png(chart) == picture


@pytest.mark.slow
@pytest.mark.data
def test_command_writes_the_report_and_can_fail(data_dir: Path, tmp_path: Path) -> None:
    """A small run end to end; a share of rows that nobody reaches is refused after writing."""
    import typer

    from simulator.validity.command import validate as command

    app = typer.Typer()
    app.command()(command)
    arguments = ["reference", "--data", str(data_dir), "--customers", "600"]
    arguments += ["--output", str(tmp_path), "--require", "1.0", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert "--require 1" in str(result.exception)
    document = json.loads(result.stdout)
    assert document["rows_total"] == len(document["rows"]) > 60
    assert (tmp_path / "report.html").is_file()


def test_command_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without data it names the option; a file for a folder is refused before the work."""
    import typer

    from simulator.validity.command import validate as command

    app = typer.Typer()
    app.command()(command)
    monkeypatch.chdir(tmp_path)  # nothing lies beside it
    result = CliRunner().invoke(app, ["--customers", "600", "--output", str(tmp_path / "out")])
    assert "no such file; --data names the folder" in str(result.exception)
    assert "600 customers" in result.stderr
    taken = tmp_path / "taken"
    taken.write_text("mine")
    result = CliRunner().invoke(app, ["--output", str(taken)])
    assert f"--output {taken}: is a file" in str(result.exception)
    assert taken.read_text() == "mine"
