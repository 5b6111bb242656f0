"""A guardrail of another package in a service: it refuses, is recorded, and is approved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agents.policies.uniform import UniformPolicy
from serving.customers import profiles
from serving.customers.importing import Loaded, load_customers
from serving.decisioning.export import export_log
from serving.decisioning.replay import replay
from serving.governance import registry
from serving.governance.refusal_reasons import Cause
from serving.rpc.foreground import _preflight
from tests.support.decisions import (
    ALL_CHANNELS,
    NOON,
    Bench,
    WeightedPolicy,
    answerer,
    loose_config,
    request,
)
from tests.support.installations import Installation
from tests.support.packages import CARE, install_care
from tests.support.packages import site as site
from tests.unit.serving.decisioning.test_replay_and_export import Shelf
from troth.cli.entry import build
from troth.errors import FailedPrecondition, InvalidArgument, NotApproved
from troth.guardrails import GuardrailConfig
from troth.types import Role

Make = Callable[..., Bench]
SMS = answerer(WeightedPolicy((0.0, 0.0, 0.0, 1.0)))


def careful() -> GuardrailConfig:
    """No discounts for customers in care."""
    return GuardrailConfig.from_dict(
        loose_config(contacts=9).to_dict() | {"care": {"kinds": ["discount"]}}
    )


def tell(one: Bench, *rows: str) -> Loaded:
    """Load customers who permit everything, with what the guardrail asks for."""
    permits = ",".join(f"permit_{channel}" for channel in ALL_CHANNELS)
    given = ",".join(["true"] * len(ALL_CHANNELS))
    path = one.folder / "customers.csv"
    lines = [f"customer_id,zone,given_at,source,in_care,{permits}"]
    lines += [
        f"{r.split(':')[0]},UTC,2026-01-01T00:00:00Z,form,{r.split(':')[1]},{given}" for r in rows
    ]
    path.write_text("\n".join(lines) + "\n")
    return load_customers(one.database, path, clock=lambda: one.now, told=one.config.told)


def test_decisions_refuse_by_it_and_are_made_again(site: Path, bench: Make) -> None:
    """Its verdict is named; the record has what it was told; replay and export as well."""
    install_care(site)
    one = bench(config=careful(), policies=(SMS,))
    assert tell(one, "C1:true", "C2:false", "C3:").facts == 2
    decisions = {name: one.pipeline.decide(request(name)) for name in ("C1", "C2", "C3")}
    assert [d.contacts for d in decisions.values()] == [False, True, False]
    assert [(v.guardrail, v.reason) for v in decisions["C1"].verdicts] == [("care", "in_care")]
    assert [v.reason for v in decisions["C3"].verdicts] == ["unknown_care"]
    assert decisions["C1"].to_dict()["facts"]["told"] == {"in_care": 1}
    assert "told" not in decisions["C3"].to_dict()["facts"]
    for decision in decisions.values():
        assert replay(one.database, Shelf(SMS), decision.decision_id).identical
    batch = export_log(one.database, Shelf(SMS), now=NOON + timedelta(days=40)).batch
    again = type(batch).from_table(batch.to_table())
    assert again.facts is not None
    assert again.facts.told["in_care"].tolist() == batch.facts.told["in_care"].tolist()
    assert batch.to_table().column("fact.in_care").to_pylist() == [1, 0, None]
    frame = type(batch).from_frame(batch.to_frame(), batch.contexts.schema, batch.catalogue)
    np.testing.assert_array_equal(frame.facts.told["in_care"], batch.facts.told["in_care"])


def test_a_fact_may_be_worked_out_from_what_a_decision_knows(site: Path, bench: Make) -> None:
    """Nobody is told it, no file has it, no record keeps it; replay and export have it again."""
    out = "from_facts=lambda facts: len(facts.contacts) > 0,\n            in_world="
    install_care(site, CARE.replace("in_world=", out))
    one = bench(config=careful(), policies=(SMS,))
    assert "not used: in_care" in tell(one, "C1:true").notes
    decisions = [one.pipeline.decide(request("C1"))]
    one.now += timedelta(days=1)
    decisions.append(one.pipeline.decide(request("C1", decided_at=None)))
    assert [d.contacts for d in decisions] == [True, False]
    assert [v.reason for v in decisions[1].verdicts] == ["in_care"]
    assert "told" not in decisions[1].to_dict()["facts"]
    assert all(replay(one.database, Shelf(SMS), d.decision_id).identical for d in decisions)
    late = NOON + timedelta(days=40)
    batch = export_log(one.database, Shelf(SMS), now=late, told=one.config.told).batch
    assert batch.to_table().column("fact.in_care").to_pylist() == [0, 1]


def test_a_repeated_answer_is_judged_by_the_action_that_was_served(site: Path, bench: Make) -> None:
    """The guardrail goes by the kind of its offer, which a stand-in for it would not have."""
    install_care(site)
    one = bench(config=careful(), policies=(SMS,))
    tell(one, "C1:false")
    asked = request("C1")
    assert one.pipeline.decide(asked).contacts
    tell(one, "C1:true")
    assert one.pipeline.decide(asked).void_reasons == ("in_care",)
    one.pipeline._policies = type(one.pipeline._policies)({})
    assert one.pipeline.decide(asked).void_reasons == ("stopped",)


def test_a_fact_told_while_a_decision_waits_makes_it_anew(site: Path, bench: Make) -> None:
    """Facts are read again inside the commit."""
    install_care(site)
    one = bench(config=careful(), policies=(SMS,))
    tell(one, "C1:false")
    steps = one.pipeline._steps(request("C1"))
    draft = next(steps)
    tell(one, "C1:true")
    one.pipeline._committer.submit(draft).result()
    assert one.count("decisions") == 0
    assert not next(steps).decision.contacts


def test_a_broken_guardrail_contacts_nobody(site: Path, bench: Make) -> None:
    """The answer is no contact, with why."""
    install_care(site, CARE.replace("        closed = ", "        1 / 0\n        closed = "))
    one = bench(config=careful(), policies=(SMS,))
    tell(one, "C1:false")
    decision = one.pipeline.decide(request("C1"))
    assert not decision.contacts
    assert decision.reasons == ("model_broken", "nobody_can_answer")


@pytest.mark.parametrize("end", [NOON + timedelta(minutes=7), None])
def test_an_answer_ends_when_its_guardrail_says(
    site: Path, bench: Make, end: datetime | None
) -> None:
    """And at once where it cannot say, so that nothing goes out on a guess."""
    said = (
        "    def holds_until(self, action, facts):\n"
        f"        import datetime\n        return {'1 / 0' if end is None else repr(end)}\n\n"
        "    def refusals"
    )
    install_care(site, CARE.replace("    def refusals", said))
    one = bench(config=careful(), policies=(SMS,))
    tell(one, "C1:false")
    decision = one.pipeline.decide(request("C1"))
    assert decision.contacts is (end is not None)
    if end is not None:
        assert decision.valid_until == end


@pytest.mark.parametrize("value", ["2", "maybe", "-1", "0.5"])
def test_a_file_that_tells_something_else_is_refused(site: Path, bench: Make, value: str) -> None:
    """With its line; and a column that no guardrail asks for is told of, as any other."""
    install_care(site)
    one = bench(config=careful())
    with pytest.raises(InvalidArgument, match=r"line 2: in_care: '?.* is not"):
        tell(one, f"C1:{value}")
    one.config = loose_config()
    assert "not used: in_care" in tell(one, "C1:true").notes


@pytest.mark.parametrize(("cell", "value"), [("TRUE", 1), (" 0 ", 0), ("1.0", 1), ("+0", 0)])
def test_a_flag_may_be_written_as_spreadsheets_do(
    site: Path, bench: Make, cell: str, value: int
) -> None:
    """Whole numbers with gaps are floats there."""
    install_care(site)
    one = bench(config=careful())
    tell(one, f"C1:{cell}")
    with one.database.read() as connection:
        assert profiles.known(connection, "C1")[2] == {"in_care": value}
    assert tell(one, "C1:").facts == 0
    with one.database.read() as connection:
        assert profiles.known(connection, "C1")[2] == {"in_care": value}


def test_a_refusal_is_taken_up_whatever_became_of_the_package(site: Path, tmp_path: Path) -> None:
    """The file's facts are not, and the command says so."""
    install_care(site)
    one = named(tmp_path / "home")
    file = tmp_path / "customers.csv"
    file.write_text("customer_id,permit_all,in_care\nC1,false,true\n")
    command = ["profiles", "load", str(file), "--home", str(one.settings.home), "--json"]
    told = json.loads(CliRunner().invoke(build(), command, catch_exceptions=False).stdout)
    assert (told["facts"], told["notes"]) == (1, [])
    assert told["lines"][0]["facts"] == {"in_care": {"before": None, "after": 1}}
    shutil.rmtree(site / "acme_care-1.0.dist-info")
    file.write_text("customer_id,permit_all,in_care\nC2,false,true\n")
    told = json.loads(CliRunner().invoke(build(), command, catch_exceptions=False).stdout)
    assert (told["customers"], told["facts"]) == (1, 0)
    assert told["notes"][0].startswith("facts for guardrails are left out: guardrails.care: ")


def named(home: Path) -> Installation:
    """An installation whose guardrails name it, with an approved model."""
    made = Installation(home)
    path = home / "guardrails.toml"
    path.write_text(path.read_text() + "[care]\nkinds = ['discount']\n")
    made.config = GuardrailConfig.installed(home)
    return made


def test_an_approval_binds_to_its_files(site: Path, tmp_path: Path) -> None:
    """Changed, the policy is refused until it is approved again; gone, nothing starts."""
    rules = install_care(site)
    one = named(tmp_path / "home")
    model = one.save(UniformPolicy())
    proposal = one.activate(model, Role.MODEL)

    def activate() -> None:
        registry.activate(
            one.database,
            proposal.proposal_id,
            decision_point="daily",
            verifier=one.verifier,
            now=datetime.now(UTC),
            by="test",
        )

    _preflight(one.settings)
    rules.write_text(CARE + "# changed\n")
    with pytest.raises(NotApproved) as refused:
        activate()
    assert refused.value.metadata["cause"] == Cause.GUARDRAILS
    one.config = GuardrailConfig.installed(one.settings.home)
    proposal = one.activate(model, Role.MODEL)
    activate()
    (site / "acme_care-1.0.dist-info" / "RECORD").unlink()
    with pytest.raises(FailedPrecondition, match="has no list of its files"):
        _preflight(one.settings)
    shutil.rmtree(site / "acme_care-1.0.dist-info")
    with pytest.raises(InvalidArgument) as gone:
        _preflight(one.settings)
    assert "no installed package registers a guardrail 'care'; there is: " in str(gone.value)
    assert "\n" not in str(gone.value)


def test_decisions_of_a_package_that_is_gone_are_exported_not_replayed(
    site: Path, bench: Make
) -> None:
    """A replay needs the code that judged; a log needs only what it was told."""
    rules = install_care(site)
    one = bench(config=careful(), policies=(SMS,))
    tell(one, "C1:false")
    decision = one.pipeline.decide(request("C1"))
    rules.write_text(CARE + "# changed\n")
    with pytest.raises(FailedPrecondition, match=r"guardrails.care: .*was of acme-care 1.0"):
        replay(one.database, Shelf(SMS), decision.decision_id)
    found = export_log(one.database, Shelf(SMS), now=NOON + timedelta(days=40)).batch
    assert found.facts is not None
    assert found.facts.told["in_care"].tolist() == [0]
