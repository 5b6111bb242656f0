"""Ends what a killed service left behind: a process beside it that outlives it by a moment.

``python -m serving.rpc.watchdog MARK PATH...`` waits until its standard input ends, which is
when the service's own process is gone, however it went; then it kills every process that
carries the mark, HAProxy among them, and removes the paths.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from serving.rpc.processes import MARK, kill_marked


class Watchdog:
    """The process, as its service holds it.

    Args:
        mark: of the service.
        paths: files and folders of this start, removed at the end.
    """

    def __init__(self, mark: str, paths: Sequence[Path]) -> None:
        self._command = [sys.executable, "-m", __name__, mark, *map(str, paths)]
        self._process = self._start()

    def keep_alive(self) -> None:
        """Start it again if it was killed."""
        if self._process.poll() is not None:
            self._process = self._start()

    def dismiss(self) -> None:
        """Let it clear up and end; returns when it has."""
        assert self._process.stdin is not None  # noqa: S101  # asked for below
        self._process.stdin.close()
        self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != MARK}
        return subprocess.Popen(  # noqa: S603  # our own interpreter, our own arguments
            self._command, stdin=subprocess.PIPE, env=environment, start_new_session=True
        )


def main() -> None:
    """See the module's docstring."""
    mark, *paths = sys.argv[1:]
    while os.read(0, 1024):
        pass
    kill_marked(mark)
    for path in map(Path, paths):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
