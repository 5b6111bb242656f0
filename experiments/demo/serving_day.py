"""Stage 3b: start the service, let the channel systems hold their day, put it to the test."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from experiments.demo.channels import AHEAD, SETTLED
from experiments.demo.population import ServedPopulation
from experiments.runs.results import Served
from experiments.runs.run_folder import RunFolder
from serving.audit import audit_log
from serving.clock import ServiceClock
from serving.customers.importing import Loaded, store_customers
from serving.decisioning.replay import replay
from serving.rpc.ports import SPAN, PortPlan
from serving.rpc.service import Service, start_service
from serving.storage.database import Database
from troth.errors import FailedPrecondition, Unavailable
from troth.settings import DATABASE_FILE, Settings
from troth.types import isoformat

FIRST_PORT, LAST_PORT = 9700, 20000
REPLICAS = 2
CLOCK_TOLERANCE_S = 3600.0
"""Requests come within this of their moment, by the service's own, faster clock."""
DAY_S = 45.0
"""How long the simulated day takes."""
START_S, LONGEST_START_S = 24.0, 85.0
"""How long the service may take to start, at the first attempt and at the last."""
ATTEMPTS = 3
MODEL_BUDGET_MS = 500.0
"""On a demo machine everything shares two cores; a late model would leave the answer to the
baseline, and two runs could differ."""
REPLAYED = 100
DAY_FILE = "day.json"

Tell = Callable[[str, int, int], None]


def demo_settings(home: RunFolder) -> Settings:
    """The installation in ``home``, on the first address whose ports are free.

    Raises:
        FailedPrecondition: if none is.
    """
    for port in range(FIRST_PORT, LAST_PORT, SPAN):
        address = f"127.0.0.1:{port}"
        try:
            PortPlan.around(address).require_free()
        except FailedPrecondition:
            continue
        return Settings(
            home=home.root,
            database=home.root / DATABASE_FILE,  # a demonstration writes into no store of yours
            address=address,
            replicas=REPLICAS,
            max_clock_skew_s=CLOCK_TOLERANCE_S,
            model_budget_ms=MODEL_BUDGET_MS,
        )
    raise FailedPrecondition(
        f"no {SPAN} free ports between {FIRST_PORT} and {LAST_PORT}", field="address"
    )


def load_crm(database: Database, population: ServedPopulation, tell: Tell) -> Loaded:
    """Load profiles, permissions and past contacts, as ``troth profiles load`` does."""
    return store_customers(
        database,
        population.crm(),
        clock=lambda: population.midnight,
        on_progress=lambda done, total: tell("loading customers", done, total),
    )


def start(settings: Settings, midnight: datetime) -> tuple[Service, ServiceClock]:
    """Serve the installation from a process of its own, ready before its clock is at midnight.

    A machine too busy for that is given twice what it took, and tried again; the day stays the
    same.

    Raises:
        Unavailable: if the service does not start, or never in time.
    """
    allowance_s = START_S
    for _ in range(ATTEMPTS):
        began = time.monotonic()
        clock = ServiceClock(start=midnight, rate=86_400.0 / DAY_S, origin=began + allowance_s)
        service = start_service(settings, clock=clock)
        if clock.seconds_until(midnight - 2 * AHEAD) >= 0.0:
            return service, clock
        allowance_s = min(2.0 * (time.monotonic() - began), LONGEST_START_S)
        service.stop()
    raise Unavailable(f"the service does not start within {allowance_s:g} s")


@dataclass(frozen=True, slots=True)
class HeldDay:
    """What the channel systems brought back: the figures and the ids of all decisions."""

    served: Served
    decisions: tuple[str, ...]


@dataclass(frozen=True)
class ChannelSystems:
    """The channel systems in a process of their own.

    Attributes:
        process: it; what it says on stdout is read here.
        output: the file it leaves.
        log: what it printed as errors.
    """

    process: subprocess.Popen[str]
    output: Path
    log: Path

    def settle(self, tell: Tell) -> None:
        """Wait until they know their customers; raises as :meth:`hold`."""
        for what, done, total in self._steps():
            tell(what, done, total)
            if what == SETTLED:
                return
        raise self._failed()

    def hold(self, service: Service, clock: ServiceClock, tell: Tell) -> HeldDay:
        """Let them hold their day to its end.

        Raises:
            Unavailable: if they end with an error, with the last line they said.
        """
        assert self.process.stdin is not None  # noqa: S101  # asked for below
        self.process.stdin.write(
            json.dumps({"address": service.address, "clock": clock.to_dict()}) + "\n"
        )
        self.process.stdin.close()
        for step in self._steps():
            tell(*step)
        if self.process.wait():
            raise self._failed()
        found = json.loads(self.output.read_text(encoding="utf-8"))
        return HeldDay(Served.model_validate(found["served"]), tuple(found["decisions"]))

    def _steps(self) -> Iterator[tuple[str, int, int]]:
        assert self.process.stdout is not None  # noqa: S101  # asked for below
        for line in self.process.stdout:
            step = json.loads(line)
            yield step["what"], step["done"], step["total"]

    def _failed(self) -> Unavailable:
        last = self.log.read_text(encoding="utf-8").strip().splitlines()[-1:]
        return Unavailable(f"the channel systems failed: {' '.join(last)} (see {self.log})")


@contextmanager
def channel_systems(home: RunFolder, midnight: datetime) -> Iterator[ChannelSystems]:
    """Start the channel systems; they settle at once and wait for :meth:`ChannelSystems.hold`."""
    output, log = home.root / DAY_FILE, home.root / "channels.log"
    command = [
        sys.executable,
        "-m",
        "experiments.demo.channels",
        str(home.config),
        isoformat(midnight),
        str(output),
    ]
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(  # noqa: S603  # our own interpreter, our own arguments
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield ChannelSystems(process, output, log)
        finally:
            if process.poll() is None:
                process.terminate()


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many decisions were made again, and how many came out the same to the bit."""

    decisions: int
    identical: int


def replay_some(
    database: Database, settings: Settings, decisions: tuple[str, ...], tell: Tell
) -> Replayed:
    """Make evenly spaced decisions of the day again."""
    from agents.artifacts.artifact import ArtifactStore

    store = ArtifactStore(settings.artifacts)
    chosen = np.linspace(0, len(decisions) - 1, min(REPLAYED, len(decisions))).astype(int)
    identical = 0
    for done, at in enumerate(chosen, start=1):
        identical += replay(database, store, decisions[at]).identical
        tell("replaying", done, len(chosen))
    return Replayed(len(chosen), identical)


def verify_audit(database: Database, tell: Tell) -> tuple[bool, int]:
    """Whether the audit log verifies, and how many rows it has."""
    report = audit_log.verify(
        database, on_progress=lambda _what, done, total: tell("verifying", done, total)
    )
    return report.ok, report.rows


def decision_to_replay(path: Path, decisions: tuple[str, ...]) -> str:
    """The command that replays the first decision of the day."""
    return f"troth replay {decisions[0]} --home {path}"
