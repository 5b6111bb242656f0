"""One process at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from troth.errors import Unavailable
from troth.locks import held, is_held

BUSY = Unavailable("somebody else", field="x")


def test_the_second_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    """With the error that the caller gave; what is in the file stays."""
    path = tmp_path / "lock"
    path.write_text("kept")
    assert not is_held(path)
    with held(path, BUSY):
        assert is_held(path)
        with pytest.raises(Unavailable, match="somebody else"), held(path, BUSY):
            pass
        assert is_held(path)
    assert not is_held(path)
    with held(path, BUSY):
        assert path.read_text() == "kept"


@pytest.mark.parametrize("refusal", [BUSY, None])
def test_who_waits_gets_it(tmp_path: Path, refusal: Unavailable | None) -> None:
    """One after the other, never two; a file that was cleared away is no lock any more."""
    path, inside, most = tmp_path / "lock", 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with held(path, refusal, patience_s=60.0):
                inside += 1
                most = max(most, inside)
                inside -= 1
                path.unlink()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_a_killed_holder_holds_no_longer(tmp_path: Path) -> None:
    """Its file stays, and is nobody's."""
    path = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; from troth.locks import held\n"
        "with held(Path(sys.argv[1])):\n"
        "    print('up', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        assert is_held(path)
        child.kill()
        child.wait()
    assert path.is_file()
    assert not is_held(path)


def test_no_folder_is_made(tmp_path: Path) -> None:
    """A folder that is gone may mean a stop: a lock must not bring it back."""
    with pytest.raises(FileNotFoundError), held(tmp_path / "gone" / "lock"):
        pass
    assert not is_held(tmp_path / "gone" / "lock")
    assert list(tmp_path.iterdir()) == []
