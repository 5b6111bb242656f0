"""A client that shares nothing with ours: another language, another HTTP/2 stack."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status

from tests.support.decisions import SCHEMA
from tests.support.service import Served
from troth.client import Question
from troth.v1 import decision_service_pb2 as pb

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(180)]

SCRIPT = Path(__file__).with_name("decide.mjs")


def node(served: Served, features: list[float]) -> dict[str, Any]:
    """What Node got for a request with these features."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed")
    question = Question(
        customer_id="C900",
        decision_point="daily",
        features=features,
        feature_schema_digest=SCHEMA.digest,
        triggered_journeys=["welcome"],
        request_id=str(uuid.uuid4()),
    )
    request = base64.b64encode(question.to_message().SerializeToString()).decode()
    output = subprocess.run(
        [program, str(SCRIPT), served.address, request],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout
    answer: dict[str, Any] = json.loads(output)
    return answer


def test_node_gets_a_decision(served: Served) -> None:
    """The wire is plain gRPC, whatever speaks it."""
    answer = node(served, [1.0, 2.0, 0.0])
    assert answer["status"] == 0
    response = pb.DecideResponse.FromString(base64.b64decode(answer["body"]))
    assert response.served_by == pb.SERVED_BY_MODEL
    assert response.propensity > 0


def test_node_gets_a_typed_refusal(served: Served) -> None:
    """Status details reach a client that knows nothing of ours."""
    answer = node(served, [1.0, -2.0, 0.0])
    assert answer["status"] == 3
    assert answer["message"].startswith("features[orders]: ")
    details = base64.b64decode(answer["details"] + "=" * (-len(answer["details"]) % 4))
    assert Status.FromString(details).code == 3
