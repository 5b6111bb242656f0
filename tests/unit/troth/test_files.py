"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from troth.files import write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new bytes with the mode asked for, in a folder that was not there, and nothing else."""
    path = tmp_path / "new" / "file"
    write_whole(path, b"one")
    write_whole(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_writer_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs the new bytes, not the old ones, and leaves no half of a file."""
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
