"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from troth.files import clear_partials, whole, whole_folder, write_text, write_whole


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


def test_two_writers_at_once_do_not_mix(tmp_path: Path) -> None:
    """Each writes all it has to a file of its own; whoever ends last is what stays."""
    path = tmp_path / "file"
    with whole(path) as first:
        first.write_bytes(b"first, half")
        with whole(path) as second:
            assert second != first
            second.write_bytes(b"second")
        assert path.read_bytes() == b"second"
        assert first.read_bytes() == b"first, half"
        first.write_bytes(b"first")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_see_one_writers_file_whole(tmp_path: Path) -> None:
    """Threads that write over each other without end never show a half or a mixture."""
    path = tmp_path / "file"
    pages = [bytes([letter]) * 200_000 for letter in b"abcd"]
    write_whole(path, pages[0])
    stop = threading.Event()

    def write(page: bytes) -> None:
        while not stop.is_set():
            write_whole(path, page, synced=False)

    threads = [threading.Thread(target=write, args=(page,)) for page in pages]
    for thread in threads:
        thread.start()
    try:
        seen = {path.read_bytes() for _ in range(200)}
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert seen <= set(pages)
    assert path.read_bytes() in pages
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_as_readable_as_the_umask_says(tmp_path: Path) -> None:
    """UTF-8, line ends as they are; text that is none leaves the old file."""
    path = tmp_path / "file"
    before = os.umask(0o027)
    try:
        write_text(path, "ä\n")
        with whole_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert path.read_bytes() == b"\xc3\xa4\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_bytes() == b"\xc3\xa4\n"


def test_a_secret_is_never_readable_by_others(tmp_path: Path) -> None:
    """Not while it is written either."""
    with whole(tmp_path / "file", mode=0o600) as partial:
        assert partial.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("synced", [True, False])
def test_content_and_folder_are_synced_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: bool
) -> None:
    """First what was written, then its name."""
    seen: list[int] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        seen.append(stat.S_IFMT(os.fstat(handle).st_mode))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with whole(tmp_path / "file", synced=synced) as partial:
        partial.write_bytes(b"x")
    assert seen == ([stat.S_IFREG, stat.S_IFDIR] if synced else [])


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """All of it at once, and nothing of it if the writer fails."""
    folder = tmp_path / "new" / "folder"

    def fails() -> None:
        with whole_folder(folder) as partial:
            (partial / "a").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert list(folder.parent.iterdir()) == []
    with whole_folder(folder, mode=0o755) as partial:
        (partial / "deep").mkdir()
        (partial / "deep" / "a").write_text("whole")
        assert not folder.exists()
    assert (folder / "deep" / "a").read_text() == "whole"
    assert folder.stat().st_mode & 0o777 == 0o755


def test_of_two_writers_of_a_folder_the_first_stays(tmp_path: Path) -> None:
    """The other is told, and leaves nothing."""
    folder = tmp_path / "folder"

    def write(text: str, meanwhile: Callable[[], None]) -> None:
        with whole_folder(folder) as partial:
            (partial / "a").write_text(text)
            meanwhile()

    with pytest.raises(FileExistsError):
        write("late", lambda: write("early", lambda: None))
    assert (folder / "a").read_text() == "early"
    assert list(tmp_path.iterdir()) == [folder]


def test_what_killed_writers_left_is_cleared_by_name(tmp_path: Path) -> None:
    """It hinders no writer; what is whole, or another file's, stays."""
    path, other = tmp_path / "file", tmp_path / "other"
    writers = [whole(path), whole(path), whole(other)]
    for writer in writers:
        writer.__enter__()  # and killed before the end
    write_whole(path, b"x")
    clear_partials(tmp_path, "file")
    assert path.read_bytes() == b"x"
    assert len(list(tmp_path.iterdir())) == 2
    clear_partials(tmp_path)
    assert list(tmp_path.iterdir()) == [path]
