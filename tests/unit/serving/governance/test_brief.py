"""What a member reads before signing is what is asked, in words, and what it is measured by."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serving.governance import brief
from serving.governance.evidence import EvidenceStore
from tests.support.evidence import evidence, figure
from troth.digests import digest
from troth.types import Proposal, Role

Office = Any
GUARDRAILS = digest({"quiet_hours": "22 to 8"})


def lines(office: Office, proposal: Proposal, **changes: Any) -> dict[str, str]:
    """The lines by their words; the last of those that are there several times."""
    values = {
        "guardrails_digest": GUARDRAILS,
        "place": office.place,
        "standing": "Not approved: has 0 of 2 approvals",
        "now": office.now,
    }
    return dict(brief.of(office.database, proposal, **{**values, **changes}))


def judged(office: Office, **changes: Any) -> dict[str, str]:
    """The lines on a proposal whose evidence is changed."""
    document = evidence(office.policy_digest, GUARDRAILS, **changes)
    stored = EvidenceStore(office.home / "evidence").put(document)
    return lines(office, office.propose(evidence_digest=stored))


def test_a_first_proposal_in_words(office: Office) -> None:
    """About ten lines: who asks what, each figure with its range, and where it stands."""
    proposal = office.propose()
    found = brief.of(
        office.database,
        proposal,
        guardrails_digest=GUARDRAILS,
        place=office.place,
        standing="Open",
        now=office.now,
    )
    assert found == (
        (
            "Asked",
            f"ada asks that policy {office.policy_digest[:12]} may answer daily as the"
            " model, for up to 50 % of customers, until 2 August 2026 (90 days from now).",
        ),
        ("Active now", "At daily nothing."),
        (
            "Money",
            "USD 2.19 per customer in 28 days (95 %: 1.96 to 2.42);"
            ' "RFM rules": 1.25 (1.13 to 1.37). Clearly more.',
        ),
        (
            "Contacts",
            "4.13 per customer in 28 days (95 %: 4.05 to 4.21);"
            ' "RFM rules": 6.00 (5.91 to 6.09). Clearly fewer.',
        ),
        (
            "Opt-outs",
            "3.2 per 1,000 customers in 28 days (95 %: 2.0 to 4.9);"
            ' "RFM rules": 3.9 (2.6 to 5.6). The ranges overlap: it may be no difference.',
        ),
        ("Compared", 'With "RFM rules", as nothing is active there now.'),
        (
            "Measured",
            "On 4,000 simulated customers of scenario reference, without the guardrails; about"
            " one in 20 such ranges misses the truth. These figures are ada's own word: no"
            " program has checked them.",
        ),
        ("Guardrails", f"{GUARDRAILS[:12]}, those in force on this host."),
        ("Standing", "Open."),
    )


def test_what_serves_now_is_what_the_registry_names(office: Office) -> None:
    """It is called so only if the figures are of that artifact; a name alone claims nothing."""
    office.approved()
    serving = {"name": "the one in use", "policy_digest": office.policy_digest}
    assert "; what serves now: 1.25" in judged(office, compared_with=serving)["Money"]
    claimed = {"name": "what serves now", "policy_digest": "c" * 64}
    found = judged(office, compared_with=claimed)
    assert '; "what serves now": 1.25' in found["Money"]
    assert found["Compared"] == 'With "what serves now", which is not active there now.'


def test_what_changes_is_told(office: Office) -> None:
    """Catalogue, guardrails, where and for how many, against what is active; and what does not."""
    before = office.approved()
    again = lines(office, office.propose())
    assert again["Changed"] == (
        "Against the model at daily: policy the same, catalogue the same, settings the same,"
        " guardrails the same."
    )
    assert f"as model policy {office.policy_digest[:12]}, for up to 50 %" in again["Active now"]
    wider = replace(before.scope, decision_points=("daily", "weekly"), traffic_share=1.0)
    other = lines(
        office,
        office.propose(
            policy_digest=office.save_policy(discount=0.5),
            catalogue_digest="d" * 64,
            guardrails_digest="e" * 64,
            scope=wider,
        ),
    )
    assert other["Changed"] == (
        "Against the model at daily: policy CHANGED, catalogue CHANGED, settings the same,"
        " guardrails CHANGED,"
        " at daily and weekly, not daily, for all customers, not up to 50 % of customers."
    )
    assert "NOT those in force" in other["Guardrails"]
    assert other["Active now"] == "At weekly nothing."


def test_the_proposal_that_serves_is_told_as_such(office: Office) -> None:
    """Somebody who reads it later sees that it is in force, and that it is paused."""
    proposal = office.approved()
    found = lines(office, proposal)
    assert found["Active now"] == "At daily as model this very proposal."
    assert "Changed" not in found
    office.tamper("INSERT INTO decision_point_states VALUES ('daily', 'paused', '')")
    assert lines(office, proposal)["Active now"].endswith("this very proposal, paused.")


def test_against_a_baseline_where_no_model_is(office: Office) -> None:
    """A first model is held against the rules in use; a second one against the first."""
    rules = office.propose(role=Role.BASELINE, policy_digest=office.save_policy(note="rules"))
    office.vote(rules, "bob", "cyd")
    office.activate(rules)
    found = lines(office, office.propose())
    assert found["Changed"].startswith("Against the baseline at daily: policy CHANGED,")
    office.approved()
    found = lines(office, office.propose())
    assert found["Changed"].startswith("Against the model at daily: policy the same,")
    assert "; as baseline policy" in found["Active now"]


def test_a_stop_is_told(office: Office) -> None:
    """Files that stop count as rows do."""
    proposal = office.approved()
    stop = office.home / "stops" / f"policy.{office.policy_digest}.weekly"
    stop.touch()
    assert lines(office, proposal)["Active now"].endswith("this very proposal, paused.")
    stop.unlink()
    (office.home / "stops" / "all").touch()
    assert lines(office, proposal)["Active now"].endswith("this very proposal, stopped all.")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"installation_id": "0" * 8}, "for the installation"),
        ({"settings": {"model_budget_ms": 1.0}}, "was approved with"),
        ({"version": "9.9"}, "Troth"),
    ],
)
def test_a_proposal_for_another_place_is_told(office: Office, change: Any, says: str) -> None:
    """Another installation, other settings or another version: signing would be for nothing."""
    proposal = office.propose()
    assert "Place" not in lines(office, proposal)
    found = lines(office, proposal, place=replace(office.place, **change))["Place"]
    assert found.startswith("NOT this host, by the settings of this command: it was approved")
    assert says in found


def test_a_row_that_cannot_be_read_is_told(office: Office) -> None:
    """What is active is then not known, and not nothing."""
    proposal = office.approved()
    office.tamper("UPDATE proposals SET statement = '{}'")
    found = lines(office, proposal)
    assert found["Active now"] == "At daily as model something that cannot be read."


def test_lost_evidence_is_told_instead_of_figures(office: Office) -> None:
    """Nobody signs on figures that are gone; the other lines stay."""
    proposal = office.propose()
    (office.home / "evidence" / f"{proposal.evidence_digest}.json").unlink()
    found = lines(office, proposal)
    assert found["Evidence"].startswith("Makes no case, so approve nothing: evidence: no evidence")
    assert "Money" not in found
    assert "Asked" in found


@pytest.mark.parametrize(
    ("proposed", "compared", "verdict"),
    [
        ((1, 0.9, 1.1), (0.5, 0.4, 0.6), "Clearly more."),
        ((0.5, 0.4, 0.6), (1, 0.9, 1.1), "Clearly less."),
        ((1, 0.9, 1.1), (1.05, 1.0, 1.2), "The ranges overlap: it may be no difference."),
    ],
)
def test_a_verdict_is_no_more_than_the_ranges_allow(
    office: Office, proposed: Any, compared: Any, verdict: str
) -> None:
    """More or less is said only where the ranges lie apart."""
    figures = evidence("", "")["figures"]
    figures[0] = figure("money", proposed, compared)
    assert judged(office, figures=figures)["Money"].endswith(verdict)


def test_a_narrow_range_is_not_rounded_away(office: Office) -> None:
    """As many decimals as keep its ends apart."""
    figures = evidence("", "")["figures"]
    figures[0] = figure("money", (1.00001, 1.0, 1.00002), (-2.5, -3, -2))
    found = judged(office, figures=figures, days=1, level=0.9)["Money"]
    assert found.startswith("USD 1.00001 per customer in a day (90 %: 1.00000 to 1.00002);")
    assert "-2.50 (-3.00 to -2.00)" in found


def test_a_log_and_guardrails_are_told(office: Office) -> None:
    """Where the figures come from, and whether the guardrails held."""
    log = {"name": "autumn", "digest": "6" * 64}
    found = judged(office, log=log, scenario=None, guarded=True)["Measured"]
    assert found.startswith("Estimated from log autumn, on 4,000 customers, behind the guardrails;")


def test_an_end_that_is_past_is_told(office: Office) -> None:
    """An approval would be for nothing."""
    found = lines(office, office.propose(), now=office.now + timedelta(days=91))
    assert found["Asked"].endswith("(that is past).")
