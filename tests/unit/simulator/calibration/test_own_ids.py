"""Ids that are missing, or that something took zeros or digits off, are not taken as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.calibration.own.data import Transactions, read_transactions
from troth.errors import InvalidArgument

HEAD = "customer,date,amount\n"


def _bought(folder: Path, *files: list[str]) -> Transactions:
    paths = [folder / f"{at}.csv" for at in range(len(files))]
    for path, names in zip(paths, files, strict=True):
        rows = [f"{name},2024-01-{1 + at % 28:02d},{at}.5\n" for at, name in enumerate(names)]
        path.write_text(HEAD + "".join(rows))
    return read_transactions(paths, {})


@pytest.mark.parametrize("name", ["NULL", "nan", "None", "N/A", "-", "<NA>", "null "])
def test_what_stands_for_nobody_is_no_customer(tmp_path: Path, name: str) -> None:
    """All of them told at once, with their rows."""
    with pytest.raises(InvalidArgument) as caught:
        _bought(tmp_path, ["1", name, "2", name])
    assert str(caught.value).count("stands for a missing value, where an id is needed") == 2
    assert f"0.csv:3:customer: {name!r}" in str(caught.value)


def test_ids_without_their_zeros_are_warned_of(tmp_path: Path) -> None:
    """In one of two files, or in one file; longer ids with capitals lost likewise."""
    whole = [f"00{at}" for at in range(1000, 1050)]
    short = [str(at) for at in range(1040, 1060)]
    for files in ([whole, short], [whole + short]):
        (said,) = _bought(tmp_path, *files).warnings
        assert "10 ids are others' but for zeros in front" in said
        assert "such as '1040' for '001040', in 10 rows" in said
    (said,) = _bought(tmp_path, ["AB12", "CD13"], ["ab12", "cd13"]).warnings
    assert "2 ids are others'" in said
    plain = [f"c{at}" for at in range(400)]
    assert not _bought(tmp_path, [*plain, "C7"]).warnings
    assert not _bought(tmp_path, whole, whole[:2] + ["002000"] * 20).warnings


def test_ids_cut_to_fifteen_digits_are_warned_of(tmp_path: Path) -> None:
    """In the file that a spreadsheet wrote, however many others are whole."""
    right = [str(4111222233330000 + 37 * at) for at in range(300)]
    cut = sorted({f"{name[:15]}0" for name in right})[:40]
    for files in ([cut], [right, cut]):
        (said,) = _bought(tmp_path, *files).warnings
        assert "cut to fifteen digits by a spreadsheet" in said
        assert f"in 40 rows ({tmp_path}/{len(files) - 1}.csv:2:customer: '{cut[0]}')" in said
    assert not _bought(tmp_path, right).warnings
    assert not _bought(tmp_path, [name[1:] for name in cut]).warnings


def test_one_id_written_two_ways_is_one_customer(tmp_path: Path) -> None:
    """An accent apart from its letter, and nought with a sign."""
    found = _bought(tmp_path, ["M\u00fcller", "Mu\u0308ller", "0", "-0", "-0.0", "0.0", "-7", "7"])
    assert found.names.tolist() == ["-7", "0", "7", "M\u00fcller"]
