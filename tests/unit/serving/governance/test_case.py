"""Evidence that does not make a case for its policy is refused by the key at fault."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from serving.governance import case, proposals
from serving.governance.case import FigureName
from serving.governance.evidence import EvidenceStore
from serving.governance.refusal_reasons import Cause
from tests.support.evidence import evidence, figure
from troth.errors import InvalidArgument, NotApproved, NotFound

Office = Any
POLICY, BEHIND = "a" * 64, "b" * 64


def test_a_complete_document_is_read() -> None:
    """Every figure by its name; what else the document holds is left alone."""
    made = case.require(
        evidence(POLICY, BEHIND, more={"off_policy": [1, 2]}),
        policy_digest=POLICY,
        guardrails_digest=BEHIND,
    )
    assert made.figure(FigureName.MONEY).proposed.value == 2.19
    assert made.figure(FigureName.OPT_OUTS).compared.high == 0.0056
    assert case.read(evidence(POLICY, BEHIND, scenario=None, log=evidence("", "")["scenario"]))


def put(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of one place."""

    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        (lambda d: d.clear(), "evidence.policy_digest", "missing"),
        (lambda d: d.pop("guardrails_digest"), "evidence.guardrails_digest", "missing"),
        (lambda d: d.pop("scenario"), "evidence", "neither its log nor its scenario"),
        (put("scenario", value={"name": "x"}), "evidence.scenario.digest", "missing"),
        (lambda d: d.pop("figures"), "evidence.figures", "missing"),
        (lambda d: d["figures"].pop(), "evidence", "gives opt_outs 0 times"),
        (lambda d: d["figures"].append(d["figures"][0]), "evidence", "gives money 2 times"),
        (put("figures", 1, "name", value="clicks"), "evidence.figures[1].name", "should be"),
        (lambda d: d["figures"][0].pop("compared"), "evidence.figures[0].compared", "missing"),
        (put("figures", 0, "proposed", "low", value=3), "evidence.figures[0].proposed", "no int"),
        (
            put("figures", 2, value=figure("opt_outs", (0, 0, 0), (0, 0, 1))),
            "evidence.figures[2].proposed",
            "no interval",
        ),
        (
            put("figures", 1, value=figure("contacts", (1, -1, 2), (1, 0, 2))),
            "evidence.figures[1]",
            "fewer contacts than none",
        ),
        (put("figures", 0, "proposed", "low", value=""), "evidence.figures[0].proposed.low", "num"),
        (put("customers", value=True), "evidence.customers", "integer"),
        (put("customers", value=0), "evidence.customers", "greater"),
        (put("guarded", value="no"), "evidence.guarded", "boolean"),
        (put("currency", value="\x1b[2"), "evidence.currency", "pattern"),
        (put("level", value=95), "evidence.level", "less"),
        (put("compared_with", value={"name": ""}), "evidence.compared_with.name", "least 1"),
        (put("policy_digest", value="A" * 64), "evidence.policy_digest", "pattern"),
    ],
    ids=range(20),
)  # fmt: skip
def test_what_is_wrong_is_named(
    change: Callable[[dict[str, Any]], Any], field: str, says: str
) -> None:
    """In one line, with the place in the document."""
    document = copy.deepcopy(evidence(POLICY, BEHIND))
    change(document)
    with pytest.raises(InvalidArgument, match=says) as refused:
        case.read(document)
    assert refused.value.field == field
    assert "\n" not in str(refused.value)
    assert "Value error" not in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "evidence", 3, [{}]])
def test_what_is_no_object_is_no_case(document: Any) -> None:
    """A list of figures is not evidence either."""
    with pytest.raises(InvalidArgument, match="not a JSON object"):
        case.read(document)


@pytest.mark.parametrize("other", ["policy_digest", "guardrails_digest"])
def test_a_case_is_for_one_policy_behind_its_guardrails(other: str) -> None:
    """Another policy's good figures are not this one's."""
    document = evidence(POLICY, BEHIND) | {other: "c" * 64}
    with pytest.raises(InvalidArgument, match="the evidence is on ccc") as refused:
        case.require(document, policy_digest=POLICY, guardrails_digest=BEHIND)
    assert refused.value.field == f"evidence.{other}"


def test_without_a_case_nothing_is_proposed(office: Office) -> None:
    """By the library as by the command, whatever the document is."""
    store = EvidenceStore(office.home / "evidence")
    for document in ({}, {"value": 1}, evidence("c" * 64, BEHIND)):
        with pytest.raises(InvalidArgument) as refused:
            office.propose(evidence_digest=store.put(document))
        assert str(refused.value.field).startswith("evidence")
    with pytest.raises(NotFound):
        office.propose(evidence_digest="d" * 64)
    assert proposals.list_all(office.database) == ()


def test_a_decision_point_is_a_slug(office: Office) -> None:
    """Its name is read by the board: it cannot hold a sentence, nor a line of its own."""
    from dataclasses import replace

    scope = office.propose().scope
    for point in ("daily, for 1 % of customers", "daily\n", "Daily", "", "\u202edaily"):
        with pytest.raises(InvalidArgument) as refused:
            office.propose(scope=replace(scope, decision_points=("daily", point)))
        assert refused.value.field == "decision_point"


def test_a_replica_serves_nothing_that_was_approved_without_a_case(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signatures over the digest of an empty document do not make it a case."""
    with monkeypatch.context() as patched:
        patched.setattr(case, "require", lambda *_, **__: None)
        store = EvidenceStore(office.home / "evidence")
        office.approved(evidence_digest=store.put({}))
    with pytest.raises(NotApproved) as refused:
        office.load()
    assert refused.value.metadata["cause"] == Cause.EVIDENCE
