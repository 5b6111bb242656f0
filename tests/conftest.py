"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.postgresql import postgresql as postgresql
from tests.support.postgresql import postgresql_server as postgresql_server
from tests.support.service import served as served
from tests.support.skips import pytest_make_collect_report as pytest_make_collect_report
from tests.support.skips import pytest_runtest_makereport as pytest_runtest_makereport

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
GIVES_WAY = 10
"""Niceness of a process that runs no service, where there are several."""


settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")  # how long an example takes says how busy the machine is

WORKER = os.environ.get("PYTEST_XDIST_WORKER")
"""Which of several processes that share the tests this is, if there are several."""
if WORKER:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for each other spin
    # What one has compiled the others load: simulator/compiled/once.
    os.environ["NUMBA_CACHE_DIR"] = str(ROOT / ".pytest_cache" / "numba")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than processors: the one that waits for services hardly computes."""
    return min(os.cpu_count() or 1, 3) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Which tests go to one process: those of a file, and all that start a service.

    So a file's fixtures are made once, and no two services want the same ports.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return "services" if _serves(path) else path

    config.option.loadscopereorder = False  # in the order that the next hook gives them
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the tests, what takes longest begins first.

    One process builds and installs, which needs no kernels, while another one compiles them.
    """
    if WORKER:
        items.sort(
            key=lambda item: (
                not _serves(_path(item)),
                not item.get_closest_marker("wheel"),
                not item.get_closest_marker("slow"),
            )
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What only computes gives way to services, which are held to seconds."""
    if WORKER and not _serves(_path(item)) and os.nice(0) < GIVES_WAY:
        os.nice(GIVES_WAY)


def _path(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@cache
def _serves(path: str) -> bool:
    """Whether the tests of a file are marked so; their ids alone do not say."""
    return "mark.service" in (ROOT / path).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, ``../shared/data``."""
    if not DATA.is_dir():
        pytest.skip(f"real data sets not found at {DATA}")
    return DATA
