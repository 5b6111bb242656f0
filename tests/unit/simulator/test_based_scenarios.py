"""Scenarios that are based on others: merged, traced to their files, refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenarios import load, provenance
from simulator.scenarios.source import merged, read
from troth.errors import InvalidArgument, NotFound


def test_tables_are_merged_and_arrays_replaced() -> None:
    """Key by key; an array is one value; another model is another table."""
    base = {"a": {"x": 1, "y": {"z": 2}}, "b": [1, 2], "p": {"model": "one", "r": 1}}
    over = {"a": {"y": {"w": 3}}, "b": [3], "p": {"model": "two", "s": 2}}
    assert merged(base, over) == {
        "a": {"x": 1, "y": {"z": 2, "w": 3}},
        "b": [3],
        "p": {"model": "two", "s": 2},
    }
    assert base["a"] == {"x": 1, "y": {"z": 2}}


def test_what_is_not_said_is_the_bases(tmp_path: Path) -> None:
    """Only what the file says differs, and the digest is of the values in force."""
    path = tmp_path / "mine.toml"
    path.write_text('based_on = "reference"\nname = "reference"\n', encoding="utf-8")
    assert load(path).digest == load("reference").digest
    path.write_text(
        'based_on = "reference"\nname = "mine"\n[wallet]\nredeem_from = 777\n', encoding="utf-8"
    )
    mine, base = load(path), load("reference")
    assert mine.wallet.redeem_from == 777
    assert mine.wallet.redeem_chance == base.wallet.redeem_chance
    assert mine.channels == base.channels
    assert mine.digest != base.digest


def test_bases_may_be_files_beside_it(tmp_path: Path) -> None:
    """A path is looked for from the file that names it, and bases may have bases."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "low.toml").write_text(
        'based_on = "reference"\nname = "low"\n[wallet]\nredeem_from = 55\n', encoding="utf-8"
    )
    top = tmp_path / "top.toml"
    top.write_text('based_on = "in/low.toml"\nname = "top"\n', encoding="utf-8")
    assert load(top).wallet.redeem_from == 55
    assert [layer.name for layer in read(top).layers] == ["top.toml", "low.toml", "reference.toml"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('based_on = "reference"\n[wallet]\nredeem_fron = 5\n', ["mine.toml", "redeem_fron"]),
        ('based_on = "reference"\n[wallet]\nredeem_from = 0\n', ["mine.toml", "redeem_from", "0"]),
        ('based_on = "bad.toml"\n', ["bad.toml", "wallet.redeem_chance", "7.5"]),
        (
            'based_on = "reference"\n[purchases]\nmodel = "pareto_nbd"\n',
            ["mine.toml", "purchases.r"],
        ),
        ('based_on = "mine.toml"\n', ["mine.toml", "based_on", "circle"]),
        ("based_on = 3\n", ["mine.toml", "based_on = 3"]),
    ],
)
def test_errors_name_the_file_a_value_is_written_in(
    tmp_path: Path, text: str, says: list[str]
) -> None:
    """The derived file or its base, the key and the value, in one line."""
    (tmp_path / "bad.toml").write_text(
        'based_on = "reference"\n[wallet]\nredeem_chance = 7.5\n', encoding="utf-8"
    )
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidArgument) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in says:
        assert part in message


def test_keys_of_a_model_that_is_not_in_force_are_not_listed(tmp_path: Path) -> None:
    """Another model replaces its table: what the base had of the old one comes from nowhere."""
    path = tmp_path / "mine.toml"
    path.write_text(
        'based_on = "reference"\n[purchases]  # [fit] ours\nmodel = "pareto_nbd"\n'
        "r = 1.0\nalpha_weeks = 9.0\ns = 0.5\nbeta_weeks = 2.0\n",
        encoding="utf-8",
    )
    source = read(path)
    keys = {origin.key for origin in provenance(path) if origin.key.startswith("purchases.")}
    assert keys == {
        f"purchases.{name}" for name in ("model", "r", "alpha_weeks", "s", "beta_weeks")
    }
    assert source.value("purchases.s") == 0.5


def test_unknown_bases_are_not_found(tmp_path: Path) -> None:
    """Neither a shipped name nor a file that is not there is guessed at."""
    for base in ("nowhere", "absent.toml", "../reference"):
        path = tmp_path / "mine.toml"
        path.write_text(f'based_on = "{base}"\n', encoding="utf-8")
        with pytest.raises(NotFound):
            load(path)


# What the stresses do, each against the reference under the same seed.
