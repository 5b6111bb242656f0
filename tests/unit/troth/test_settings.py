"""Where a setting comes from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from troth.errors import InvalidArgument
from troth.settings import SETTINGS_FILE, Settings


def home(folder: Path, text: str) -> Path:
    """A home with settings of its own."""
    (folder / SETTINGS_FILE).write_text(text)
    return folder


def test_the_home_keeps_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of the home named is read; a variable wins over it, an argument over both."""
    place = home(tmp_path, "replicas = 4\nmodel_budget_ms = 200\n")
    assert Settings(home=place).replicas == 4
    assert Settings(home=place).deciding()["model_budget_ms"] == 200.0
    monkeypatch.setenv("TROTH_HOME", str(place))
    monkeypatch.setenv("TROTH_REPLICAS", "5")
    assert (Settings().replicas, Settings().model_budget_ms) == (5, 200.0)
    assert Settings(replicas=6).replicas == 6
    assert Settings(home=tmp_path / "elsewhere").model_budget_ms == 50.0


@pytest.mark.parametrize(
    "text", ["replicas = ", 'home = "/x"\n', "dialy = 1\n", "\xff", "a=" + "[" * 100_000]
)
def test_a_file_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    """No TOML, and keys that are no setting of a home."""
    (tmp_path / SETTINGS_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidArgument, match=SETTINGS_FILE):
        Settings(home=tmp_path)


def test_a_value_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """The bounds hold for the file too."""
    with pytest.raises(ValidationError, match="max_clock_skew_s"):
        Settings(home=home(tmp_path, "max_clock_skew_s = 3601\n"))
