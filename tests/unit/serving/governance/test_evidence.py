"""Evidence is JSON that a person could read, and is what its name says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.audit import audit_log
from serving.audit.audit_log import Head
from serving.governance import decision_points, evidence, proposals, votes
from serving.governance.evidence import DEEPEST, MOST_BYTES, EvidenceStore
from troth.digests import canonical_json, parse_json, sha256
from troth.errors import DataLoss, InvalidArgument, NotFound

Office = Any


def nested(depth: int) -> Any:
    """A list within a list, ``depth`` of them."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"no json", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "nested"),
        (b"[" * 100_000 + b"]" * 100_000, "nested"),
        (json.dumps(nested(DEEPEST + 1)).encode(), "nested"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nested"),
        (b'{"value": NaN}', "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b'{"value": 1, "value": 2}', "'value' is there twice"),
        (b"1" * 5000, "not JSON"),
        (b" " * (MOST_BYTES + 1), "bytes"),
    ],
    ids=range(11),
)
def test_what_is_no_evidence_is_refused_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    """By its field, with what is wrong with it, and no traceback of a parser."""
    path = tmp_path / "evidence.json"
    path.write_bytes(data)
    with pytest.raises(InvalidArgument, match=says) as refused:
        evidence.read(path)
    assert refused.value.field == "evidence"
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "value",
    [
        float("inf"),
        float("nan"),
        2**60,
        "\ud800",
        b"x",
        {1: 2},
        nested(DEEPEST + 1),
        "x" * MOST_BYTES,
    ],
    ids=range(8),
)
def test_what_json_cannot_hold_is_not_stored(tmp_path: Path, value: Any) -> None:
    """A caller of the library hears the same, and no file is made."""
    with pytest.raises(InvalidArgument) as refused:
        EvidenceStore(tmp_path).put(value)
    assert refused.value.field == "evidence"
    assert not list(tmp_path.iterdir())


def test_as_deep_as_allowed_comes_back(tmp_path: Path) -> None:
    """What was put is got, by its digest."""
    store = EvidenceStore(tmp_path / "evidence")
    document = {"deep": nested(DEEPEST - 1), "value": 1.5}
    assert store.get(store.put(document)) == document
    with pytest.raises(NotFound):
        store.get("a" * 64)


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b"no json", b"1" * (MOST_BYTES + 1), canonical_json(nested(99))]
)
def test_a_document_that_nobody_could_have_put_is_damage(tmp_path: Path, data: bytes) -> None:
    """A file named after its bytes is still not evidence; a replica must not fall over it."""
    (tmp_path / f"{sha256(data)}.json").write_bytes(data)
    with pytest.raises(DataLoss) as refused:
        EvidenceStore(tmp_path).get(sha256(data))
    assert refused.value.field == "evidence"


DEEP = "[" * 100_000


def test_nothing_nested_too_deeply_is_a_traceback(office: Office, tmp_path: Path) -> None:
    """Heads, refusals, statements, audit rows: each is refused, damage or a finding."""
    head = tmp_path / "head.json"
    head.write_text(DEEP)
    with pytest.raises(InvalidArgument, match="not JSON"):
        Head.read(head)
    proposal = office.propose()
    refusal = office.home / "refusals" / f"{proposal.proposal_id}.bob.json"
    refusal.parent.mkdir(exist_ok=True)
    refusal.write_text(DEEP)
    with pytest.raises(DataLoss, match="not JSON"):
        votes.of(office.database, proposal.proposal_id)
    refusal.unlink()
    office.tamper("UPDATE proposals SET statement = ?", DEEP)
    with pytest.raises(DataLoss):
        proposals.get(office.database, proposal.proposal_id)
    with office.database.read() as connection:  # which a pause asks before it acts
        assert decision_points.known(connection) == ()
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_json(DEEP)
    office.tamper("UPDATE audit SET payload = ? WHERE seq = 1", DEEP)
    found = audit_log.verify(office.database)
    assert {finding.kind for finding in found.findings} >= {
        audit_log.FindingKind.EDITED,
        audit_log.FindingKind.UNREADABLE,
    }
