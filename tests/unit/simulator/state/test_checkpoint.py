"""Checkpoints: the same columns back, or a refusal that says which file and why."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from simulator.state import checkpoint
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound, TrothError

COLUMNS = {
    "rate": np.linspace(0, 1, 7, dtype=np.float32),
    "buckets": np.arange(21, dtype=np.int64).reshape(3, 7),
    "permits": np.asfortranarray(np.arange(14).reshape(2, 7) % 3 == 0),
    "tier": np.zeros(0, dtype=np.uint8),
}
HEADER = {"scenario_digest": "a" * 64, "seed": 2**64 - 1, "day": -3, "share": 0.25}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint of the columns above, in a folder that was not there."""
    path = tmp_path / "deep" / "world.npz"
    checkpoint.save(path, columns=COLUMNS, header=HEADER)
    return path


def test_columns_and_header_come_back(saved: Path) -> None:
    """Values, dtypes and shapes are those that were saved; integers keep all 64 bits."""
    header, columns = checkpoint.load(saved)
    assert header == HEADER
    assert set(columns) == set(COLUMNS)
    for name, column in COLUMNS.items():
        assert columns[name].dtype == column.dtype
        np.testing.assert_array_equal(columns[name], column)
    assert [p.name for p in saved.parent.iterdir()] == ["world.npz"]


def test_equal_content_is_equal_bytes(saved: Path, tmp_path: Path) -> None:
    """Two checkpoints of one state can be compared byte by byte; numpy reads them too."""
    again = tmp_path / "again.npz"
    checkpoint.save(again, columns=COLUMNS, header=HEADER)
    assert again.read_bytes() == saved.read_bytes()
    with np.load(saved, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["buckets"], COLUMNS["buckets"])


def test_a_changed_byte_is_noticed(saved: Path) -> None:
    """Wherever one byte differs, the file is refused by its name."""
    whole = saved.read_bytes()
    refusals = 0
    for at in range(60, len(whole) - 400, 31):
        saved.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        refusal = _refusal(saved)
        refusals += refusal is not None
        assert refusal is None or (refusal.field == str(saved) and "\n" not in str(refusal))
    assert refusals > 30


def _refusal(path: Path) -> TrothError | None:
    """Why it is refused; ``None`` if the byte carried nothing (a time stamp, say)."""
    try:
        header, columns = checkpoint.load(path)
    except (DataLoss, FailedPrecondition) as error:
        return error
    assert header == HEADER
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(columns[name], column)
    return None


def test_a_column_swapped_by_hand_is_noticed(saved: Path) -> None:
    """A well-formed archive whose column is not the one that was signed for is refused."""
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["tier.npy"] = members["rate.npy"]
    with zipfile.ZipFile(saved, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(DataLoss, match="'tier'"):
        checkpoint.load(saved)


@pytest.mark.parametrize("keep", [0, 10, 500, -30])
def test_a_cut_file_is_refused(saved: Path, keep: int) -> None:
    """A file that ends early is no checkpoint."""
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(DataLoss, match="not a readable checkpoint"):
        checkpoint.load(saved)


def test_another_version_is_refused(saved: Path) -> None:
    """A layout of tomorrow is named, not guessed at."""
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("header.json", json.dumps({"format": 2, "header": {}, "columns": {}}))
    with pytest.raises(FailedPrecondition, match="format 2 is not 1"):
        checkpoint.load(saved)


def test_what_is_not_there(tmp_path: Path) -> None:
    """A missing file is not found, by its path."""
    with pytest.raises(NotFound, match=r"nowhere\.npz"):
        checkpoint.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize(
    ("columns", "header", "field"),
    [
        ({"names": np.array(["a"])}, {}, "names"),
        ({"things": np.array([{}])}, {}, "things"),
        ({}, {"share": float("nan")}, "header"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    tmp_path: Path,
    columns: dict[str, np.ndarray],
    header: dict[str, int | str | float],
    field: str,
) -> None:
    """Text, objects and NaN are refused by name, and nothing is left behind."""
    with pytest.raises(InvalidArgument) as caught:
        checkpoint.save(tmp_path / "x.npz", columns=columns, header=header)
    assert caught.value.field == field
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_world_is_refused(saved: Path) -> None:
    """The fact that differs is named with both values, in one line."""
    header, _ = checkpoint.load(saved)
    checkpoint.require(saved, header, day=-3)
    with pytest.raises(FailedPrecondition, match="day -3 is not 4") as caught:
        checkpoint.require(saved, header, scenario_digest="a" * 64, day=4)
    assert caught.value.field == str(saved)
    with pytest.raises(FailedPrecondition, match="'missing' is not 1"):
        checkpoint.require(saved, header, replicate=1)
