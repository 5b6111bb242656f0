"""An own scenario says nothing of its template that is not true of it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from simulator.calibration.estimates import Estimates
from simulator.calibration.overlay import drop_section, overlay_sections
from simulator.calibration.own.scenario import (
    figures_text,
    own_scenario,
    read_provenance,
    read_template,
)
from simulator.calibration.own.world import fit_own
from simulator.commands import register
from simulator.scenarios import load, provenance
from simulator.scenarios.provenance import disowned
from tests.support import own_files as made
from troth.errors import InvalidArgument


@pytest.fixture(scope="module")
def fitted() -> Estimates:
    """Purchases, calendar, spend and categories of 1,500 customers."""
    return fit_own(made.transactions(np.random.default_rng(21), 1500))


@pytest.mark.parametrize("template", ["reference", "grocery", "stress/outage"])
def test_reasons_of_the_template_are_not_the_own_worlds(
    template: str, fitted: Estimates, tmp_path: Path
) -> None:
    """Why the template's world misses real customers is not why this one does."""
    path = tmp_path / "mine.toml"
    path.write_text(own_scenario(read_template(template), fitted, name="mine").text)
    mine = load(path)
    assert mine.validity.reasons == {}
    assert load(template).validity.against
    assert mine.validity.against == ()
    again = tmp_path / "again.toml"
    again.write_text(f'based_on = "{path}"\nname = "again"\n')
    assert load(again).validity.reasons == {}


@pytest.mark.parametrize("template", ["reference", "grocery"])
def test_what_the_template_fitted_is_not_said_to_be_of_own_data(
    template: str, fitted: Estimates, tmp_path: Path
) -> None:
    """Every value is from a file of one's own, or says that it is the template's; once only."""
    path = tmp_path / "mine.toml"
    name = template
    for _ in range(2):
        path.write_text(own_scenario(read_template(name), fitted, name="mine").text)
        name = str(path)
        ours = {estimate.key for estimate in fitted.found if estimate.key[:4] != "cate"}
        fits = [origin for origin in provenance(path) if origin.kind == "fit"]
        assert ours <= {origin.key for origin in fits}
        for origin in fits:
            own = origin.key in ours or origin.key.startswith("categories.")
            said = "the template's, not of your data"
            assert origin.note.count(said) == (0 if own else 1), origin
        reach = next(o for o in fits if o.key == "response.max_recency_months")
        assert reach.note.endswith("Hillstrom's customers bought within twelve months")
    assert load(path).fatigue == load(template).fatigue


def test_marks_in_values_and_legends_are_no_origins() -> None:
    """Text of a value is left alone, and a comment that explains all marks."""
    text = (
        "# Origins: [fit] estimated; [knob] chosen\n"
        'a = "# [fit] x"\nb = 1  # [fit] data\nc = [  # [fit] more\n  "# [fit]",\n]\n'
        "# [fit] above\n[d]  # [doc] paper\n"
    )
    found = disowned(text, "theirs")
    assert tomllib.loads(found) == tomllib.loads(text)
    assert found == (
        text.replace("# [fit] data", "# [fit] theirs: data")
        .replace("# [fit] more", "# [fit] theirs: more")
        .replace("# [fit] above", "# [fit] theirs: above")
    )


def test_of_data_that_say_nothing_it_is_said_first() -> None:
    """The scenario is then the template's, and resembles what that does."""
    found = fit_own(pd.DataFrame({"customer": [1, 2], "date": "2024-01-01", "amount": [5.0, 6.0]}))
    assert not found.found
    assert [line for line in found.warnings if line.startswith("no figure is estimated")]
    mine = own_scenario(read_template("reference"), found, name="mine")
    assert 'against = ["cdnow", "hillstrom"]' in mine.text
    assert mine.dropped == ()


def test_reasons_belong_to_a_name(tmp_path: Path) -> None:
    """A scenario of another name starts without its base's, and keeps its own."""
    path = tmp_path / "mine.toml"
    path.write_text('based_on = "reference"\nname = "mine"\n')
    assert load("reference").validity.reasons
    assert load(path).validity.reasons == {}
    path.write_text(
        'based_on = "reference"\nname = "mine"\n[validity.reasons]\n"a.b" = "ours"  # [knob]\n'
    )
    assert load(path).validity.reasons == {"a.b": "ours"}


@pytest.mark.parametrize("template", ["reference", "grocery"])
def test_words_about_the_values_before_go_with_them(template: str, fitted: Estimates) -> None:
    """No comment on, in or above what was replaced speaks of the data the template is from."""
    text = own_scenario(read_template(template), fitted, name="mine").text
    lines = text.splitlines()
    ours = [at for at, line in enumerate(lines) if "[fit]" in line and "(95 %)" in line]
    assert len(ours) >= 7
    for at in ours:
        above = at - 1
        while lines[above].startswith("#") or (
            lines[above].startswith("[") and not lines[above].startswith("[[")
        ):
            assert "CDNOW" not in lines[above], lines[above]
            assert "Complete Journey" not in lines[above], lines[above]
            above -= 1
    assert "fitted together on CDNOW" not in text
    assert "No month was fitted to CDNOW" not in text


def test_comments_go_only_with_what_they_speak_of() -> None:
    """Above a value that is replaced, above a section that is wholly so; others stay."""
    text = (
        "# the whole file\n\n# above one\n[one]  # on one\na = 1\n# about b\n# so\nb = 2\n"
        "\n# above two\n[two]  # on two\n# about c\nc = 3\n# about d\nd = 4\n"
    )
    notes = {"one.a": "ours", "one.b": "ours", "two.c": "ours"}
    values = {"one": {"a": 5, "b": 6}, "two": {"c": 7}}
    assert overlay_sections(text, values, name="x", notes=notes) == (
        "# the whole file\n\n[one]\na = 5  # ours\nb = 6  # ours\n"
        "\n# above two\n[two]  # on two\nc = 7  # ours\n# about d\nd = 4\n"
    )
    assert "# about b" in overlay_sections(text, values, name="x")


def test_a_section_is_dropped_whole_or_refused() -> None:
    """With its comments, the next section's kept; another form than a section is refused."""
    text = (
        "[a]\nx = 1\n# about b\n[a.b]  # knob\ny = 2\n# about z\nz = 3\n\n# about c\n[c]\nw = 4\n"
    )
    assert drop_section(text, "a.b", name="x") == "[a]\nx = 1\n\n# about c\n[c]\nw = 4\n"
    assert drop_section(text, "none", name="x") == text
    with pytest.raises(InvalidArgument, match=r"write a\.b as \[a\.b\] first"):
        drop_section("[a]\nb = { y = 2 }\n", "a.b", name="x")


def test_warnings_stand_in_the_file(fitted: Estimates) -> None:
    """With the provenance, before the notes."""
    warned = Estimates(fitted.found, fitted.open, fitted.notes, ("purchases: look here",))
    below = read_provenance(own_scenario(read_template("reference"), warned, name="mine").text)
    assert below["warnings"] == ["purchases: look here"]
    assert tomllib.loads(figures_text(warned))["warnings"] == ["purchases: look here"]
    quiet = Estimates(fitted.found, fitted.open, fitted.notes)
    assert "warnings" not in tomllib.loads(figures_text(quiet))


def test_the_command_warns_before_it_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On screen above the estimates, in JSON as ``warnings``; who is excluded is left out."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    table = made.transactions(np.random.default_rng(22), 60, days=60)
    table["amount"] = table["amount"].where(np.arange(len(table)) % 10 > 0, 0.0)
    table.to_csv("tx.csv", index=False)
    arguments = ["calibrate", "--transactions", "tx.csv", "--template", "none"]
    arguments += ["--output", "figures.toml"]
    shown = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert 0 <= shown.index("Warning: spend: on ") < shown.index("Estimated, 95 % intervals")
    (name,) = table["customer"].head(1)
    arguments += ["--exclude", str(name), "--json"]
    printed = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    assert printed["warnings"][0].startswith("spend: on ")
    assert f"transactions: left out '{name}'" in printed["notes"]
    with pytest.raises(InvalidArgument, match="needs --transactions"):
        CliRunner().invoke(app, ["calibrate", "--exclude", "7"], catch_exceptions=False)
