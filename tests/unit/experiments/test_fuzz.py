"""The fuzzer against services played in this process: what it sends, and what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from experiments.proofs.fuzz import BESIDE, Answered, fuzz, replicas, write
from experiments.proofs.strange import METHODS, Strange
from troth.client import Question
from troth.v1 import decision_service_pb2 as pb

QUESTION = Question(
    customer_id="C1", decision_point="daily", features=[1.0], feature_schema_digest="0" * 64
)


@contextmanager
def playing(answer: Callable[[bytes, Any], bytes]) -> Iterator[str]:
    """The address of a server whose every method of ours gives ``answer``."""

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: Any) -> Any:
            """Ours, or nobody's."""
            if handler_call_details.method not in METHODS:
                return None
            return grpc.unary_unary_rpc_method_handler(answer)

    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool, handlers=[Handler()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


def sent(answer: Callable[[bytes, Any], bytes]) -> dict[str, Answered]:
    """What was found, by kind."""
    with playing(answer) as address:
        return {row.kind: row for row in fuzz(address, QUESTION, calls=200)}


def careful(data: bytes, context: Any) -> bytes:
    """Answers, or says what is wrong."""
    try:
        pb.DecideRequest.FromString(data)
    except Exception:
        context.set_code(grpc.StatusCode.INVALID_ARGUMENT)
    return b""


def test_a_careful_service_passes() -> None:
    """Every call is counted, in its kind, and none of them is a fault."""
    rows = sent(careful)
    assert {kind: row.examples for kind, row in rows.items() if row.faults} == {}
    assert rows.pop(BESIDE).calls > 0
    assert sum(row.calls for row in rows.values()) == 200
    assert rows["bytes of no message"].statuses["INVALID_ARGUMENT"] > 0
    assert rows["another method"].statuses.keys() == {"UNIMPLEMENTED"}


def test_a_careless_service_is_found_out() -> None:
    """What it raises reaches callers as UNKNOWN, the plain one too."""

    def careless(data: bytes, context: Any) -> bytes:
        raise ValueError("Python text")

    rows = sent(careless)
    assert rows["a field out of place"].statuses.keys() == {"UNKNOWN"}
    assert rows["a field out of place"].faults == rows["a field out of place"].calls
    assert "Python text" in rows["a field out of place"].examples[0]
    assert rows[BESIDE].faults == rows[BESIDE].calls > 0


def test_a_value_sent_back_in_full_is_found_out() -> None:
    """A refusal that repeats what it was sent is a fault, whatever its status."""

    def echoing(data: bytes, context: Any) -> bytes:
        context.set_code(grpc.StatusCode.INVALID_ARGUMENT)
        context.set_details(1_500 * "x")
        return b""

    row = sent(echoing)["a field out of place"]
    assert (row.faults, row.longest) == (row.calls, 1_500)


def test_every_method_and_kind_is_tried() -> None:
    """Each method in the descriptors, new ones included; the same seed gives the same kinds."""
    made = [Strange(QUESTION, 3) for _ in range(2)]
    first, second = ([strange.next() for _ in range(600)] for strange in made)
    assert {call.path for call in first} >= METHODS.keys()
    assert Counter(call.kind for call in first).keys() == set(made[0].kinds)
    assert [(a.kind, a.path, len(a.body)) for a in first] == [
        (b.kind, b.path, len(b.body)) for b in second
    ]
    assert max(len(call.body) for call in first) > 4_000_000


def test_what_was_found_is_written_down(tmp_path: Path) -> None:
    """A row per kind, and what became of the replicas."""
    page = write([*sent(careful).values(), replicas(2, 1)], tmp_path).read_text()
    assert "200 calls that are wrong in some way" in page
    assert "| replicas before and after | 2 | the same 1, replaced 1 | 0 | 1 |" in page
