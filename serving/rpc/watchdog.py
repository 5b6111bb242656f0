"""Ends what a killed service left behind: a process beside it that outlives it by a moment.

``python -m serving.rpc.watchdog SCRATCH`` waits until its standard input ends, which is when
the service's own process is gone, however it went; then it ends every process of that start,
HAProxy among them, and removes its folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from serving.rpc.processes import SCRATCH, clear_up


class Watchdog:
    """The process, as its service holds it.

    Args:
        scratch: the folder of the start it watches.
    """

    def __init__(self, scratch: Path) -> None:
        self._command = [sys.executable, "-m", __name__, str(scratch)]
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
        environment = {name: value for name, value in os.environ.items() if name != SCRATCH}
        return subprocess.Popen(  # noqa: S603  # our own interpreter, our own arguments
            self._command, stdin=subprocess.PIPE, env=environment, start_new_session=True
        )


def main() -> None:
    """See the module's docstring."""
    while os.read(0, 1024):
        pass
    clear_up(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
