"""A year of a million customers: killed once, taken up again; and smaller years cut differently.

Everything is done as a user would, by ``troth live`` in processes of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from experiments.populations.folder import CensusFolder
from experiments.populations.summary import Summary
from experiments.proofs.pages import write as write_page
from experiments.runs.executors import OnProgress
from troth.errors import DataLoss

RAY_WORKERS = 2
TROTH = (sys.executable, "-c", "from troth.cli.entry import main; main()")


class Cut(BaseModel):
    """The same lives, lived in one way.

    Attributes:
        workers, threads, shard: as of ``troth live``.
        killed: whether by SIGKILL after its first checkpoint, and resumed.
        customers, days: how many lived, how long.
        customer_days_per_second: of this machine, since it was last taken up.
        state_bytes, peak_bytes: per customer: the world's state, growth of the process.
        digest: of all histories.
    """

    model_config = ConfigDict(frozen=True)

    workers: int
    threads: int
    shard: int
    killed: bool
    customers: int
    days: int
    customer_days_per_second: float
    state_bytes: float
    peak_bytes: float
    digest: str


def live_a_year(
    scenario: str,
    *,
    customers: int = 1_000_000,
    days: int = 365,
    on_progress: OnProgress | None = None,
) -> list[Cut]:
    """The whole year once, and a tenth of the people for a quarter of it in five ways.

    Args:
        scenario: name or path.
        customers: of the whole.
        days: likewise.
        on_progress: called with (runs done, in all).

    Raises:
        DataLoss: if the five do not end in the same histories, or a run fails.
    """
    ways = _ways(customers, days)
    cuts = []
    with tempfile.TemporaryDirectory(prefix="troth-year-") as folder:
        for done, (size, length, workers, threads, shard, killed) in enumerate(ways):
            if on_progress is not None:
                on_progress(done, len(ways))
            root = Path(folder) / str(done)
            command = [
                *TROTH, "live", scenario, "--customers", str(size), "--days", str(length),
                "--workers", str(workers), "--threads", str(threads), "--shard", str(shard),
                "--checkpoint-every", str(max(length // 12, 1)), "--out", str(root), "--json",
            ]  # fmt: skip
            if killed:
                _kill_after_a_checkpoint(command, root)
            cuts.append(_finish(command, root, killed=killed))
    if on_progress is not None:
        on_progress(len(ways), len(ways))
    if len({cut.digest for cut in cuts[1:]}) != 1:
        raise DataLoss("the same lives, cut differently, are not the same", field="digest")
    return cuts


def _ways(customers: int, days: int) -> list[tuple[int, int, int, int, int, bool]]:
    """Customers, days, workers, threads, shard, and whether it is killed; the whole first."""
    few, short = max(customers // 10, 1), max(days // 4, 2)
    seventh = max(few // 7, 1)
    return [
        (customers, days, RAY_WORKERS, 1, max(customers // 10, 1), True),
        (few, short, 0, 1, few, False),
        (few, short, 0, 2, few, False),
        (few, short, 0, 1, seventh, False),
        (few, short, RAY_WORKERS, 1, seventh, False),
        (few, short, 0, 1, seventh, True),
    ]


def _kill_after_a_checkpoint(command: list[str], root: Path) -> None:
    progress = CensusFolder(root).shard(0).progress
    process = subprocess.Popen(  # noqa: S603  # our own command
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while process.poll() is None and not progress.exists():
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()


def _finish(command: list[str], root: Path, *, killed: bool) -> Cut:
    finished = subprocess.run(  # noqa: S603  # likewise
        [*command, "--resume"], capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        last = finished.stderr.strip().splitlines()[-1:]
        raise DataLoss(f"a run ended with {finished.returncode}: {''.join(last)}", field="live")
    summary = Summary.model_validate_json(CensusFolder(root).summary.read_bytes())
    plan, measured = summary.plan, summary.measured
    return Cut(
        workers=measured.workers,
        threads=measured.threads,
        shard=plan.shard,
        killed=killed,
        customers=plan.customers,
        days=plan.days,
        customer_days_per_second=measured.customer_days_per_second,
        state_bytes=measured.state_bytes_per_customer,
        peak_bytes=measured.peak_bytes_per_customer,
        digest=summary.digest,
    )


def write(cuts: list[Cut], scenario: str, folder: Path) -> Path:
    """Write ``year.json`` and ``year.md`` into ``folder``; returns the latter."""
    return write_page(
        "year",
        cuts,
        folder,
        title="A year of a million customers",
        text=f"`troth live {scenario}` under its plain programme, each run in processes of its "
        "own. Runs marked *killed* got SIGKILL after their first checkpoint and were resumed. "
        "Equal histories have equal digests. Customer-days per second are those of the machine "
        "that wrote this page, start-up and checkpoints included.",
        columns=(
            "customers", "days", "workers", "threads", "shard", "killed",
            "customer-days/s", "state, bytes", "peak, bytes", "histories",
        ),
        rows=[
            (
                f"{cut.customers:,}", cut.days, cut.workers, cut.threads, f"{cut.shard:,}",
                "yes" if cut.killed else "no", f"{cut.customer_days_per_second:,.0f}",
                f"{cut.state_bytes:.0f}", f"{cut.peak_bytes:,.0f}", cut.digest[:12],
            )
            for cut in cuts
        ],
    )  # fmt: skip
