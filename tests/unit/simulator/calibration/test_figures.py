"""The figures file: what is written is what is read, and wrong files are refused in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from simulator.calibration.figures import SECTIONS, Figures
from simulator.calibration.overlay import overlay_text
from simulator.scenarios.processes import ParetoFigures, PurchaseFigures
from troth.errors import InvalidArgument, NotFound
from troth.files import write_text


@pytest.fixture(scope="module")
def shipped() -> Figures:
    """The figures that come with Troth."""
    return Figures.shipped()


def test_written_figures_are_read_back(shipped: Figures, tmp_path: Path) -> None:
    """Writing and reading loses nothing, and writing again gives the same bytes."""
    path = tmp_path / "deep" / "figures.toml"
    write_text(path, shipped.to_toml())
    loaded = Figures.load(path)
    assert loaded == shipped
    assert loaded.to_toml() == shipped.to_toml()
    assert [p.name for p in path.parent.iterdir()] == ["figures.toml"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("r = 0.", "r = -0.", "f.toml:purchases.r: Input should be greater than 0"),
        ("mu = 3", 'mu = "3"\nmu2 = 3', "f.toml:spend.mu: Input should be a valid number"),
        ("\na = 0.", "\nc = 0.", "f.toml:purchases.a: Field required"),
        ("rows = 23570", "rows = 0", "f.toml:fit.purchases.rows: Input should be greater than 0"),
        ("[spend]", "[spend", "f.toml: not TOML: "),
        ("lift_recency = 0.0112", "x = 0.0112", "fit.email.standard_errors and email differ in "),
    ],
)
def test_wrong_files_are_refused_in_one_line(
    shipped: Figures, old: str, new: str, said: str
) -> None:
    """Each message names the file, the key and what is allowed."""
    text = shipped.to_toml()
    assert old in text
    with pytest.raises(InvalidArgument) as caught:
        Figures.parse(text.replace(old, new, 1), name="f.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_purchases_are_either_process(shipped: Figures) -> None:
    """The key `model` decides which values are wanted; without it they are BG/NBD's."""
    values = shipped.model_dump()
    errors = {"r": 0.05, "alpha_weeks": 1.0, "s": 0.1, "beta_weeks": 0.3}
    steady = {"model": "pareto_nbd", "r": 0.25, "alpha_weeks": 4.4, "s": 0.8, "beta_weeks": 2.4}
    values["fit"]["purchases"]["standard_errors"] = errors
    figures = Figures.model_validate({**values, "purchases": steady})
    assert isinstance(figures.purchases, ParetoFigures)
    assert isinstance(shipped.purchases, PurchaseFigures)
    assert Figures.parse(figures.to_toml(), name="f.toml") == figures
    assert set(figures.values("purchases")) == set(errors)
    unnamed = shipped.to_toml().replace('model = "bg_nbd"\n', "")
    assert Figures.parse(unnamed, name="f.toml") == shipped
    with pytest.raises(InvalidArgument, match=r"f\.toml:purchases: .*'x'"):
        Figures.parse(figures.to_toml().replace("pareto_nbd", "x", 1), name="f.toml")


def test_absent_file_is_not_found(tmp_path: Path) -> None:
    """A path that leads nowhere is said to."""
    with pytest.raises(NotFound, match="no such file"):
        Figures.load(tmp_path / "none.toml")


def test_intervals_hold_their_value_and_no_impossible_bound(shipped: Figures) -> None:
    """Positive figures have positive bounds, shares have bounds between 0 and 1."""
    for section in SECTIONS:
        for name, value in shipped.values(section).items():
            low, high = shipped.interval(section, name)
            assert low < value < high
            if value > 0.0 and not name.startswith("lift"):
                assert low > 0.0
    wide = shipped.model_copy(deep=True)
    wide.fit.email.standard_errors["conversion_given_visit_none"] = 0.5
    assert wide.interval("email", "conversion_given_visit_none")[1] < 1.0


def test_interval_is_the_normal_one_on_its_scale(shipped: Figures) -> None:
    """1.96 standard errors either side: of the value, or of its logarithm."""
    low, high = shipped.interval("spend", "mu")
    error = shipped.fit.spend.standard_errors["mu"]
    assert high - low == pytest.approx(2 * 1.959964 * error, rel=1e-6)
    low, high = shipped.interval("purchases", "r")
    assert low * high == pytest.approx(shipped.purchases.r**2, rel=1e-12)


def test_overlay_replaces_three_sections_of_a_mapping(shipped: Figures) -> None:
    """Everything else of the scenario stays; the argument is left alone."""
    scenario = {"name": "x", "spend": {"mu": 1.0}, "tiers": [1, 2]}
    merged = shipped.overlay(scenario)
    assert merged["spend"] == shipped.sections()["spend"]
    assert merged["tiers"] == [1, 2]
    assert scenario["spend"] == {"mu": 1.0}


def test_overlay_of_text_keeps_comments_and_other_keys(shipped: Figures) -> None:
    """A scenario's own words survive; values in place change, missing ones are added."""
    text = (
        "# mine\nname = 'x'\n\n[spend]  # money\nmu = 1.0  # old\nother = 2\n\n"
        "[[tiers]]\nmu = 7\n\n[purchases]\n"
    )
    result = overlay_text(text, shipped, name="s.toml")
    parsed = tomllib.loads(result)
    for section in SECTIONS:
        assert parsed[section].items() >= shipped.sections()[section].items()
    assert parsed["spend"]["other"] == 2
    assert parsed["tiers"] == [{"mu": 7}]
    assert "# mine" in result
    assert f"mu = {shipped.spend.mu}  # old" in result
    assert overlay_text(result, shipped, name="s.toml") == result


@pytest.mark.parametrize("text", ["spend = {mu = 1.0}\n", "spend.mu = 1.0\n", "x = ["])
def test_overlay_refuses_what_it_cannot_edit(shipped: Figures, text: str) -> None:
    """A scenario written another way is refused whole, not half edited."""
    with pytest.raises(InvalidArgument, match=r"s\.toml"):
        overlay_text(text, shipped, name="s.toml")


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """A file is replaced whole or stays; nothing is left beside it."""
    path = tmp_path / "figures.toml"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["figures.toml"]
