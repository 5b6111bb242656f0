"""The processes of Ray without which a service only seems to live."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from serving.rpc.processes import is_alive, titled
from troth.errors import Unavailable

ORGANS = {
    "GCS": "gcs/gcs_server",
    "raylet": "raylet/raylet",
    "controller": "ray::ServeController",
}
"""What each is called, and what its title holds."""


class Vitals:
    """The processes that must be there, as they were when the service came up.

    Without its GCS everything ends after a minute; without raylet or controller the replicas
    go on and are not replaced when they die. A process that took the place of another one
    knows nothing of what was agreed before, so it does not count.

    Args:
        processes: those of the service.

    Raises:
        Unavailable: if one of them is not among them.
    """

    def __init__(self, processes: Iterable[psutil.Process]) -> None:
        found = list(processes)
        self._organs: dict[str, psutil.Process] = {}
        for name, text in ORGANS.items():
            known = titled(found, text)
            if not known:
                raise Unavailable(f"the service has no {name}")
            self._organs[name] = known[0]

    def require_all(self) -> None:
        """Check that each is alive.

        Raises:
            Unavailable: naming the one that is lost.
        """
        for name, process in self._organs.items():
            if not process.is_running() or not is_alive(process.pid):
                raise Unavailable(f"the service has lost its {name} (process {process.pid})")
