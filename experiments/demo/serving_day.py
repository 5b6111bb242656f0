"""Stage 3b: start the service, let the channel systems hold their day, put it to the test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from experiments.demo.population import Population
from experiments.home import RunHome
from experiments.results import Served
from serving.decisioning.loading import Loaded, store_customers
from serving.decisioning.replay import replay
from serving.governance import audit
from serving.rpc.ports import SPAN, PortPlan
from serving.rpc.service import Service, start_service
from serving.store import Database
from troth.errors import FailedPrecondition, Unavailable
from troth.settings import Settings
from troth.types import isoformat

FIRST_PORT, LAST_PORT = 9700, 20000
REPLICAS = 2
CLOCK_TOLERANCE_S = 3600.0
"""The simulated day has hours before and after the present one."""
MODEL_BUDGET_MS = 500.0
"""On a demo machine everything shares two cores; a late model would leave the answer to the
baseline, and two runs could differ."""
REPLAYED = 100
DAY_FILE = "day.json"

Tell = Callable[[str, int, int], None]


def demo_settings(home: RunHome) -> Settings:
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
            address=address,
            replicas=REPLICAS,
            max_clock_skew_s=CLOCK_TOLERANCE_S,
            model_budget_ms=MODEL_BUDGET_MS,
        )
    raise FailedPrecondition(
        f"no {SPAN} free ports between {FIRST_PORT} and {LAST_PORT}", field="address"
    )


def load_crm(database: Database, population: Population, tell: Tell) -> Loaded:
    """Load profiles, permissions and past contacts, as ``troth profiles load`` does."""
    return store_customers(
        database,
        population.crm(),
        on_progress=lambda done, total: tell("loading customers", done, total),
    )


def start(settings: Settings) -> Service:
    """Serve the installation from a process of its own."""
    return start_service(settings)


@dataclass(frozen=True, slots=True)
class HeldDay:
    """What the channel systems brought back: the figures and the ids of all decisions."""

    served: Served
    decisions: tuple[str, ...]


def hold(service: Service, home: RunHome, midnight: datetime, tell: Tell) -> HeldDay:
    """Run the channel systems in a process of their own until their day is over.

    Raises:
        Unavailable: if they end with an error, with the last line they said.
    """
    output = home.root / DAY_FILE
    command = [
        sys.executable,
        "-m",
        "experiments.demo.channels",
        str(home.config),
        service.address,
        isoformat(midnight),
        str(output),
    ]
    log = home.root / "channels.log"
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(  # noqa: S603  # our own interpreter, our own arguments
            command, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101  # asked for above
        for line in process.stdout:
            step = json.loads(line)
            tell(step["what"], step["done"], step["total"])
    if process.returncode:
        last = log.read_text(encoding="utf-8").strip().splitlines()[-1:]
        raise Unavailable(f"the channel systems failed: {' '.join(last)} (see {log})")
    found = json.loads(output.read_text(encoding="utf-8"))
    return HeldDay(Served.model_validate(found["served"]), tuple(found["decisions"]))


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many decisions were made again, and how many came out the same to the bit."""

    decisions: int
    identical: int


def replay_some(
    database: Database, settings: Settings, decisions: tuple[str, ...], tell: Tell
) -> Replayed:
    """Make evenly spaced decisions of the day again."""
    from agents.artifacts import ArtifactStore

    store = ArtifactStore(settings.artifacts)
    chosen = np.linspace(0, len(decisions) - 1, min(REPLAYED, len(decisions))).astype(int)
    identical = 0
    for done, at in enumerate(chosen, start=1):
        identical += replay(database, store, decisions[at]).identical
        tell("replaying", done, len(chosen))
    return Replayed(len(chosen), identical)


def verify_audit(database: Database, tell: Tell) -> tuple[bool, int]:
    """Whether the audit log verifies, and how many rows it has."""
    report = audit.verify(
        database, on_progress=lambda _what, done, total: tell("verifying", done, total)
    )
    return report.ok, report.rows


def decision_to_replay(path: Path, decisions: tuple[str, ...]) -> str:
    """The command that replays the first decision of the day."""
    return f"troth replay {decisions[0]} --home {path}"
