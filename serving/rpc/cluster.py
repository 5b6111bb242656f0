"""A Ray cluster of this host alone: it listens on loopback, and asks for a token of its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOKEN_FILE = "ray.token"  # noqa: S105 - the name of a file


def closed_environment(folder: Path) -> dict[str, str]:
    """Environment variables of a closed cluster, with a fresh token.

    Ray binds its core to the network address of the host and turns every loopback address it
    is given back into that one. The one setting that keeps it on loopback is the one made for
    Windows and macOS. Whoever reaches a port all the same lacks the token: without it Ray's
    agent runs shell commands for anybody.

    Args:
        folder: private to this start; the token lies in it, mode 0600.

    Raises:
        FileExistsError: if ``folder`` holds a token already.
    """
    path = folder / TOKEN_FILE
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
    return {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(path),
        "RAY_USAGE_STATS_ENABLED": "0",
    }


@contextmanager
def local_cluster(**options: Any) -> Iterator[None]:
    """A cluster of this process, as long as the block lasts.

    Args:
        options: further ones of ``ray.init``. The variables of :func:`closed_environment` must
            stand in the environment for as long as the cluster runs.
    """
    import ray
    from ray._private import ray_constants
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    # Both are read once in the life of a process, which may have had a cluster before.
    ray_constants.ENABLE_RAY_CLUSTER = False
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
    ray.init(address="local", include_dashboard=False, log_to_driver=False, **options)
    try:
        yield
    finally:
        ray.shutdown()
