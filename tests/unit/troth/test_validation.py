"""What pydantic finds wrong is said in one line, wherever it is found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from experiments.runs.results import Logged, read_optional
from tests.architecture.inventory import ROOT
from tests.architecture.test_structure import sources
from troth.cli.entry import main
from troth.errors import DataLoss, InvalidArgument
from troth.settings import SETTINGS_FILE, settings_of
from troth.validation import Violation


class Wheel(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="forbid")
    spokes: int = Field(default=8, ge=4, lt=100)
    rim: Annotated[float, Field(gt=0.0)] = 1.0


class Cart(BaseModel):
    """The whole."""

    wheels: tuple[Wheel, ...]
    name: str = ""

    @model_validator(mode="after")
    def _rolls(self) -> Cart:
        if self.name == "sledge":
            raise ValueError("A sledge has no wheels")
        return self


def violation(**values: Any) -> Violation:
    """What is wrong with a cart of these."""
    with pytest.raises(ValidationError) as caught:
        Cart(**values)
    return Violation.first(caught.value)


@pytest.mark.parametrize(
    ("values", "key", "path", "line"),
    [
        (
            {"wheels": [{}, {"spokes": 3}]},
            "wheels.1.spokes",
            ".wheels[1].spokes",
            "3: input should be greater than or equal to 4 (allowed 4..below 100)",
        ),
        (
            {"wheels": [{"rim": 0}]},
            "wheels.0.rim",
            ".wheels[0].rim",
            "0: input should be greater than 0 (allowed above 0)",
        ),
        ({}, "wheels", ".wheels", "field required"),
        (
            {"wheels": [{"hub": "x" * 90}]},
            "wheels.0.hub",
            ".wheels[0].hub",
            f"'{'x' * 56}...: extra inputs are not permitted",
        ),
        ({"wheels": [], "name": "sledge"}, "", "", "a sledge has no wheels"),
        (
            {"wheels": [{"spokes": {}}]},
            "wheels.0.spokes",
            ".wheels[0].spokes",
            "{}: input should be a valid integer (allowed 4..below 100)",
        ),
    ],
)
def test_one_line(values: dict[str, Any], key: str, path: str, line: str) -> None:
    """Place, value cut short, rule, and what is allowed."""
    found = violation(**values)
    assert (found.key, found.path) == (key, path)
    said = found.line(Cart)
    assert "\n" not in said
    assert said == line


@pytest.mark.parametrize("command", [["decide", "{}"], ["proposals", "list"]])
def test_a_variable_that_cannot_be_is_one_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of any command, the client's too."""
    monkeypatch.setenv("TROTH_REPLICAS", "many")
    monkeypatch.setattr("sys.argv", ["troth", *command])
    with pytest.raises(SystemExit) as caught:
        main()
    said = capsys.readouterr().err
    assert caught.value.code == 3
    assert "TROTH_REPLICAS: 'many': input should be a valid integer" in " ".join(said.split())
    assert "Traceback" not in said


def test_a_setting_out_of_range_says_the_range(tmp_path: Path) -> None:
    """As every other file does."""
    (tmp_path / SETTINGS_FILE).write_text("max_clock_skew_s = 3601\n")
    with pytest.raises(InvalidArgument, match=r"3601.*allowed 0\.\.3600") as caught:
        settings_of(tmp_path)
    assert caught.value.field == "TROTH_MAX_CLOCK_SKEW_S"


def test_a_record_that_lacks_something_names_it(tmp_path: Path) -> None:
    """The key beside the file."""
    path = tmp_path / "record.json"
    path.write_text("{}")
    with pytest.raises(DataLoss, match=r"record\.json: \w+: field required"):
        read_optional(Logged, path)


def test_errors_of_pydantic_are_read_in_one_place() -> None:
    """Nobody takes them apart for themselves."""
    found = [str(p.relative_to(ROOT)) for p in sources() if ".errors(" in p.read_text()]
    assert found == ["troth/validation.py"]
