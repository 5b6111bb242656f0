"""Several processes on one store: no contact twice, no acknowledged decision lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from serving.audit import audit_log
from serving.decisioning.replay import stored_decision
from tests.support.decisions import Bench, customers

ROOT = Path(__file__).resolve().parents[4]
WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from tests.support.decisions import Bench, request
    bench = Bench(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    for name in (f"C{i}" for i in range(int(sys.argv[2]))):
        decision = bench.pipeline.decide(request(name))
        print(decision.decision_id, decision.customer_id, int(decision.contacts), flush=True)
    bench.close()
    """
)


def writer(folder: Path, customers: int) -> subprocess.Popen[str]:
    """A process that decides for each customer and prints every answer as it has it."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(customers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def start(process: subprocess.Popen[str]) -> None:
    """Let a ready writer begin."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_processes_grant_a_last_contact_once(bench: Callable[..., Bench]) -> None:
    """Three processes ask for the same customers at once; each gets exactly one contact."""
    one = bench()
    names = [f"C{i}" for i in range(40)]
    customers(one.database, *names)
    processes = [writer(one.folder, len(names)) for _ in range(3)]
    for process in processes:
        start(process)
    granted: Counter[str] = Counter()
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        for line in output.splitlines():
            _, name, contact = line.split()
            granted[name] += int(contact)
    assert granted == dict.fromkeys(names, 1)
    assert one.count("contacts") == len(names)
    assert one.count("decisions") == 3 * len(names)


def test_killed_writer_loses_nothing_it_acknowledged(bench: Callable[..., Bench]) -> None:
    """After SIGKILL every printed answer is in the store, and the store is whole."""
    one = bench()
    names = [f"C{i}" for i in range(2000)]
    customers(one.database, *names)
    process = writer(one.folder, len(names))
    start(process)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().split()[0] for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=30)
    acknowledged += [line.split()[0] for line in rest.splitlines() if line.count(" ") == 2]
    assert process.returncode == -signal.SIGKILL
    assert 50 <= len(acknowledged) < 2000
    for decision_id in acknowledged:
        stored_decision(one.database, decision_id)
    assert 0 <= one.count("decisions") - len(acknowledged) <= 1
    assert one.count("contacts") == one.count("decisions")
    assert audit_log.verify(one.database).ok
    again = writer(one.folder, 60)
    start(again)
    output, _ = again.communicate(timeout=60)
    assert [line.split()[2] for line in output.splitlines()[:50]] == ["0"] * 50
