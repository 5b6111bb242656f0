"""Files and folders that appear whole or not at all, and stay after a loss of power."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PARTIAL = ".partial"
"""How what is being written ends; it begins with a dot and the name it is to have."""


def write_whole(path: Path, data: bytes, *, mode: int | None = 0o644, synced: bool = True) -> None:
    """Write ``data`` to ``path``, in place of what is there; a reader sees the old or the new.

    Args:
        path: the file; its folder is made if absent.
        data: all that it is to hold.
        mode: as for :func:`whole`.
        synced: as for :func:`whole`.
    """
    with whole(path, mode=mode, synced=synced) as partial:
        partial.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """As :func:`write_whole`: ``text`` in UTF-8, readable by whom the umask lets read."""
    write_whole(path, text.encode(), mode=None)


@contextmanager
def whole(path: Path, *, mode: int | None = None, synced: bool = True) -> Iterator[Path]:
    """A file beside ``path`` to write to, which takes its place when the block ends.

    For what writes to a path of its own accord: Parquet, archives, pictures. The content and
    the folder's entry are on the disk afterwards. Each writer has a partial file of its own, so
    that two of them do not mix; the later one's stays. If the block raises, ``path`` is as it
    was.

    Args:
        path: the file; its folder is made if absent.
        mode: permissions of the new file, whatever the umask; as the umask says if ``None``.
        synced: wait for the disk. What a power cut makes untrue anyway need not.

    Yields:
        The partial file, empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    # Nobody else may read it before it has the permissions it is to have.
    start = 0o666 if mode is None else 0o600
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, start))
    try:
        yield partial
        if mode is not None:
            partial.chmod(mode)
        if synced:
            _sync(partial, os.O_RDONLY)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if synced:
        sync_folder(path.parent)


@contextmanager
def whole_folder(folder: Path, *, mode: int | None = None) -> Iterator[Path]:
    """A folder beside ``folder`` to fill, which becomes it when the block ends.

    All that is in it is on the disk afterwards. Nothing is left of it if the block raises.

    Args:
        folder: must not be there, or be empty; its own folder is made if absent.
        mode: permissions of the new folder, whatever the umask; as the umask says if ``None``.

    Yields:
        The partial folder, empty.

    Raises:
        FileExistsError: if ``folder`` is there when the block ends.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(folder)
    partial.mkdir(mode=0o777 if mode is None else 0o700)
    try:
        yield partial
        for path in sorted(partial.rglob("*"), reverse=True):
            sync_folder(path) if path.is_dir() else _sync(path, os.O_RDONLY)
        sync_folder(partial)
        if mode is not None:
            partial.chmod(mode)
        try:
            partial.rename(folder)
        except OSError as error:
            if folder.exists():
                raise FileExistsError(error.errno, "exists already", str(folder)) from error
            raise
    except BaseException:
        import shutil  # the brake, which must be quick, does without

        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_folder(folder.parent)


def clear_partials(folder: Path, name: str = "*") -> None:
    """Remove what writers of ``folder / name`` that were killed left beside it.

    Only for who knows that nobody writes there now.
    """
    for left in folder.glob(f".{name}.*{_PARTIAL}"):
        left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the entries of ``folder`` on the disk: names made, renamed and removed."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}{_PARTIAL}")


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
