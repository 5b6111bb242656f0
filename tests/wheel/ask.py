"""Run by the wheel's own Python: a service played here, asked by its client and its command.

``python ask.py TROTH`` prints the id that the client got, and id and action that TROTH got.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import grpc

from troth.client import DecisionClient, Question
from troth.v1 import decision_service_pb2 as pb
from troth.v1.decision_service_pb2_grpc import (
    DecisionServiceServicer,
    add_DecisionServiceServicer_to_server,
)

REQUEST = '{"customerId": "C1", "decisionPoint": "daily", "features": [1, "NaN"]}'


class Service(DecisionServiceServicer):
    """Welcomes everybody by e-mail."""

    def Decide(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer a request."""
        answer = pb.DecideResponse(
            decision_id="d1",
            action_id="welcome_email",
            channel=pb.CHANNEL_EMAIL,
            propensity=0.5,
            served_by=pb.SERVED_BY_MODEL,
        )
        answer.send_at.FromDatetime(datetime(2026, 3, 2, 9, 0))
        answer.valid_until.FromDatetime(datetime(2026, 3, 2, 21, 0))
        return answer


def main(troth: str) -> None:
    """Ask twice."""
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        add_DecisionServiceServicer_to_server(Service(), server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        with DecisionClient(address) as client:
            answer = client.decide(Question.from_json(REQUEST))
        command = [troth, "decide", REQUEST, "--address", address, "--json"]
        asked = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        server.stop(None).wait()
    assert asked.stderr == "", asked.stderr
    told = json.loads(asked.stdout)
    print(answer.decision_id, told["decision_id"], told["action_id"])


if __name__ == "__main__":
    main(sys.argv[1])
