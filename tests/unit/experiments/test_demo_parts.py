"""The demo's parts: its customers, its requests and reports, its approvals, its summary."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tomli_w

from agents.policies.uniform import NeverContact, UniformPolicy
from experiments.demo import main
from experiments.demo.calibration import calibrate_scenario
from experiments.demo.channels import ServedDay as ChannelDay
from experiments.demo.channels import actions, outcomes, questions, summarise
from experiments.demo.evidence import evidence_for
from experiments.demo.governing import Governed, establish, put_in_force, try_unapproved
from experiments.demo.population import ServedPopulation, served_midnight, settle
from experiments.demo.serving_day import DAY_S, LONGEST_START_S, load_crm
from experiments.demo.stages import MARKER, fresh
from experiments.demo.summary import summarise as summary_of
from experiments.runs.config import RunConfig, load, parse
from experiments.runs.evaluate import figures
from experiments.runs.rollout import roll_out
from serving.audit import audit_log
from serving.governance import case
from serving.governance.registry import Role
from serving.storage.database import Database
from simulator.scenarios import load as load_scenario
from simulator.world import World
from tests.support.evidence import evidence
from troth.catalogue import CHANNELS, Channel
from troth.client import Answer
from troth.errors import FailedPrecondition, NotFound
from troth.settings import Settings
from troth.types import OutcomeKind, ServedBy, Verdict

MIDNIGHT = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def config() -> RunConfig:
    """A served day of 400 customers after eight days under RFM rules."""
    data = load("reference").model_dump(mode="json")
    data["serve"] |= {"customers": 400, "warm_up_days": 8}
    return parse(data, source="test")


@pytest.fixture(scope="module")
def population(config: RunConfig) -> ServedPopulation:
    """Its customers."""
    return settle(config, MIDNIGHT)


def _answer(action_id: str, channel: Channel, *verdicts: Verdict) -> Answer:
    return Answer(
        decision_id="01890000-0000-7000-8000-000000000000",
        action_id=action_id,
        channel=channel,
        send_at=MIDNIGHT,
        propensity=0.5,
        policy_digest="a" * 64,
        catalogue_digest="b" * 64,
        guardrails_digest="c" * 64,
        served_by=ServedBy.MODEL,
        reasons=("approved_model",),
        verdicts=verdicts,
        valid_until=MIDNIGHT + timedelta(days=1),
    )


def test_both_processes_speak_of_the_same_people(
    config: RunConfig, population: ServedPopulation
) -> None:
    """The installation and the channel systems settle the population apart, and agree."""
    other = settle(config, MIDNIGHT)
    np.testing.assert_array_equal(population.world.contexts().raw, other.world.contexts().raw)
    assert population.crm() == other.crm()
    for one, another in zip(questions(population), questions(other), strict=True):
        np.testing.assert_array_equal(one.features, another.features)  # NaN is equal to NaN here
        assert replace(one, features=()) == replace(another, features=())


def test_crm_knows_consent_contacts_and_gaps(population: ServedPopulation) -> None:
    """Permissions are the world's, contacts those of the past days, a few records are missing."""
    rows = population.crm()
    known = [row for row in rows if row.profile.permissions]
    missing = [row for row in rows if not row.profile.permissions]
    assert 0 < len(missing) < 0.06 * len(rows)
    assert all(row.profile.zone is None for row in missing)
    first = next(at for at, row in enumerate(rows) if row.profile.permissions)
    told = {p.channel: p.granted for p in rows[first].profile.permissions}
    assert [told[c] for c in CHANNELS[1:]] == list(population.world.permissions[first, 1:])
    contacts = [contact for row in known for contact in row.contacts]
    assert contacts
    assert max(c.at for c in contacts) < MIDNIGHT
    assert min(c.at for c in contacts) >= MIDNIGHT - timedelta(days=8)
    weekly = population.world.contexts().column("contacts_7d")
    assert sum(len(row.contacts) for row in rows) >= weekly.sum() * 0.9


def test_requests_are_spread_over_the_day(population: ServedPopulation) -> None:
    """Each customer is asked about once, by day and by night, with an id of its own."""
    asked = questions(population)
    assert len({q.request_id for q in asked}) == len(asked) == 400
    hours = np.array([q.decided_at.hour for q in asked if q.decided_at])
    assert all(MIDNIGHT <= q.decided_at < MIDNIGHT + timedelta(days=1) for q in asked)  # type: ignore[operator]
    assert len(set(hours)) > 18
    assert 0.05 < np.mean((hours >= 22) | (hours < 8)) < 0.3


def test_outcomes_are_what_the_world_says(config: RunConfig) -> None:
    """Purchases carry their margin, other events none, and a silent decision only purchases."""
    population = settle(config, MIDNIGHT)
    world = population.world
    mask = world.mask()
    chosen = [int(np.flatnonzero(row)[-1]) for row in mask]
    answers: list[Answer | None] = [
        _answer(world.catalogue.actions[k].action_id, world.catalogue.actions[k].channel)
        for k in chosen
    ]
    answers[0] = None
    done = actions(population, answers)
    assert done[0] == 0
    np.testing.assert_array_equal(done[1:], chosen[1:])
    result = world.step(done)
    found = outcomes(population, answers, result)
    assert len({o.outcome_id for o in found}) == len(found)
    assert sum(o.kind is OutcomeKind.DELIVERED for o in found) == result.delivered[1:].sum()
    bought = sum(o.value_minor for o in found if o.kind is OutcomeKind.PURCHASED)
    assert bought == result.components["margin_minor"][1:].sum()
    assert all(o.value_minor == 0 for o in found if o.kind is not OutcomeKind.PURCHASED)
    assert [o.occurred_at for o in found] == sorted(o.occurred_at for o in found)


def test_summary_counts_decisions_once_per_guardrail() -> None:
    """Two verdicts of one guardrail on one decision are one decision it acted in."""
    twice = [
        Verdict(guardrail="consent", refused=("a",), mass=0.1, reason=reason)
        for reason in ("no_consent", "unknown_consent")
    ]
    cap = Verdict(guardrail="frequency_cap", refused=("a",), mass=0.1, reason="over")
    day = ChannelDay(
        answers=[
            _answer("x", Channel.EMAIL, *twice),
            _answer("no_contact", Channel.NONE, twice[0], cap),
            None,
        ],
        latencies_ms=[1.0, 3.0],
    )
    served = summarise(day)
    assert served.decisions == 2
    assert served.refusals == {"consent": 2, "frequency_cap": 1}
    assert served.by_channel == {"email": 1, "none": 1}
    assert served.p50_ms == pytest.approx(2.0)


@pytest.fixture
def governed(tmp_path: Path) -> Governed:
    """A fresh installation with the demo's board."""
    return establish(Settings(home=tmp_path / "home"))


def _save(
    governed: Governed, policy: UniformPolicy | NeverContact, population: ServedPopulation
) -> str:
    world = population.world
    return governed.artifacts.save(
        policy,
        schema=world.schema,
        catalogue=world.catalogue,
        contexts=world.contexts(),
        mask=world.mask(),
        training={},
    )


def test_unapproved_policy_is_refused_twice(
    governed: Governed, population: ServedPopulation
) -> None:
    """One signature short, neither the registry nor a replica with a forged row serves it."""
    behind = governed.guardrails_digest
    fit, other = (_save(governed, p, population) for p in (NeverContact(), UniformPolicy()))
    put_in_force(governed, fit, Role.MODEL, evidence(fit, behind), "fit")
    refused = try_unapproved(governed, other, evidence(other, behind))
    assert refused.ok
    assert governed.active(Role.MODEL) == fit
    assert governed.active(Role.BASELINE) is None
    assert "1 of 2" in refused.by_registry
    assert "1 of 2" in refused.by_replica
    report = audit_log.verify(governed.database)
    assert report.ok, report.findings


def test_evidence_is_of_the_artifact_proposed(records: SimpleNamespace) -> None:
    """Its own repetition's figures beside another policy on the same people."""
    results = records.results()
    document = evidence_for(
        results,
        "linear_thompson",
        2,
        policy_digest="2" * 64,
        guardrails_digest="b" * 64,
        against_digest="c" * 64,
    )
    made = case.require(document, policy_digest="2" * 64, guardrails_digest="b" * 64)
    money = made.figure(case.FigureName.MONEY)
    assert money.proposed.value == records.VALUES["linear_thompson"] + 2
    assert money.compared.value == records.VALUES["rfm"] + 2
    assert made.compared_with == case.Compared(name="RFM rules", policy_digest="c" * 64)
    assert (made.customers, made.days, made.guarded) == (results.customers, results.days, False)
    assert {row["seed_index"] for row in document["off_policy"]} == {2}
    with pytest.raises(NotFound):
        evidence_for(results, "nobody", policy_digest="2" * 64, guardrails_digest="b" * 64)


def test_evidence_is_of_what_would_be_served(records: SimpleNamespace) -> None:
    """Behind the very guardrails that are proposed; behind others it is not, and says so."""
    results = records.results().model_copy(update={"guarded": records.guarded()})
    asked = {"policy_digest": "2" * 64, "against_digest": None}
    document = evidence_for(results, "linear_thompson", 2, guardrails_digest="b" * 64, **asked)
    made = case.require(document, policy_digest="2" * 64, guardrails_digest="b" * 64)
    assert made.guarded
    money = made.figure(case.FigureName.MONEY)
    assert money.proposed.value == records.GUARDED["linear_thompson"] + 2
    assert money.compared.value == records.GUARDED["rfm"] + 2
    assert [row["reason"] for row in document["guardrails_took"]] == ["no_consent", "quiet_hours"]
    assert all(row["guarded"] for row in document["off_policy"])
    other = evidence_for(results, "linear_thompson", 2, guardrails_digest="c" * 64, **asked)
    assert document["scenario_cap_lifted"] is True
    assert other["guarded"] is other["scenario_cap_lifted"] is False
    assert not any(row["guarded"] for row in other["off_policy"])


def test_the_summary_has_both(records: SimpleNamespace) -> None:
    """What was there is as it was; beside it is the run behind guardrails, or nothing."""
    alone = records.results()
    both = alone.model_copy(update={"guarded": records.guarded()})
    before = summary_of(alone, records.served(), records.checks())
    after = summary_of(both, records.served(), records.checks())
    assert before["guarded"] is None
    for key in ("policies", "evaluations"):
        assert after[key] == before[key]
    found = after["guarded"]
    assert found["guardrails_digest"] == "b" * 64
    row = next(row for row in found["policies"] if row["name"] == "linear_thompson")
    assert row["mean_value_per_customer"] == pytest.approx(records.GUARDED["linear_thompson"] + 2)
    assert row["over_unguarded"][0] == pytest.approx(-2.0)
    assert row["took"][0]["mass"] == 0.125
    assert len(found["evaluations"]) == len(before["evaluations"])
    json.dumps(after, allow_nan=False)


def test_the_best_is_who_is_best_when_served(records: SimpleNamespace) -> None:
    """Another learner may lead behind guardrails; the row named is still the one without."""
    alone = records.results()
    both = alone.model_copy(update={"guarded": records.guarded()})
    assert (alone.best.policy, both.best.policy) == ("linear_thompson", "masked_ppo")
    assert both.best.mean == pytest.approx(records.VALUES["masked_ppo"] + 2)
    assert both.served_standing("masked_ppo").mean == pytest.approx(14.0 + 2 - 0.4)


def test_the_summary_has_no_interval_where_there_is_none(records: SimpleNamespace) -> None:
    """The direct method is a point; whether it covers the truth is no question."""
    summary = summary_of(records.results(), records.served(), records.checks())
    rows = {row["estimator"]: row for row in summary["evaluations"]}
    assert (rows["dm"]["interval"], rows["dm"]["covered"]) == (None, None)
    assert rows["ips"]["interval"] == [pytest.approx(0.47), pytest.approx(0.55)]
    assert rows["snips"]["covered"] is False
    assert rows["ips"]["verdict"] == "with_care"
    json.dumps(summary, allow_nan=False)


def test_figures_for_a_board_are_of_each_customer() -> None:
    """Money leaves the objective's price of an opt-out out; counts have their own intervals."""
    scenario = load_scenario("reference")
    life = roll_out(World(scenario, 500, 3), UniformPolicy(), 4, objective=scenario.objective)
    found = figures(life, scenario.objective, 0.95)
    parts = {name: column.mean() for name, column in life.components.items()}
    money = sum(v if k == "margin_minor" else -v for k, v in parts.items() if k != "opt_outs")
    assert found["money"].value == pytest.approx(money / 100.0)
    assert parts["opt_outs"] > 0
    assert found["money"].value > life.mean_value
    assert found["contacts"].value == pytest.approx(life.contacts[1:].sum() / 500)
    assert found["opt_outs"].value == pytest.approx(parts["opt_outs"])
    assert all(0 <= f.low < f.value < f.high for n, f in found.items() if n != "money")


def test_crm_is_loaded(tmp_path: Path, population: ServedPopulation) -> None:
    """Every customer and every past contact reaches the installation, with progress."""
    database = Database(tmp_path / "troth.db")
    seen: list[tuple[str, int, int]] = []
    loaded = load_crm(database, population, lambda *step: seen.append(step))
    rows = population.crm()
    assert loaded.customers == len(rows)
    assert loaded.contacts == sum(len(row.contacts) for row in rows)
    assert seen[-1][1:] == (400, 400)


def test_the_demo_keeps_the_figures_of_its_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fitted unasked, and nobody's world gets the figures of another."""
    seen: list[RunConfig] = []

    def stop(config: RunConfig, *_: object) -> None:
        seen.append(config)
        raise FailedPrecondition("far enough")

    monkeypatch.setattr(main, "_experiment", stop)
    suite = tmp_path / "grocery.toml"
    data = load("reference").model_dump(mode="json", exclude_none=True) | {"scenario": "grocery"}
    suite.write_text(tomli_w.dumps(data), encoding="utf-8")
    with pytest.raises(FailedPrecondition, match="far enough"):
        main.run_demo(config=str(suite), seed=1, home=tmp_path / "demo", workers=0)
    assert load_scenario(seen[0].scenario).digest == load_scenario("grocery").digest


def test_fitting_to_no_data_is_refused(tmp_path: Path) -> None:
    """Nothing is called fitted that was not."""
    with pytest.raises(NotFound) as caught:
        calibrate_scenario(tmp_path, "reference", tmp_path / "absent")
    assert caught.value.field == "data"
    assert not list(tmp_path.iterdir())


def test_only_a_demo_s_folder_is_replaced(tmp_path: Path) -> None:
    """Somebody's own files are never removed; what a demo left is."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("years of work")
    with pytest.raises(FailedPrecondition), fresh(own):
        pass
    assert (own / "thesis.txt").exists()
    place = tmp_path / "new" / "demo"
    with fresh(place) as home:
        (home.root / "old").mkdir()
        (home.root / "old" / "left.txt").write_text("left over")
        (home.root / "summary.json").write_text("{}")
    with fresh(place) as home:
        assert [p.name for p in home.root.iterdir()] == [MARKER]


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    """A second demo does not empty the folder that a first one works in."""
    with fresh(tmp_path / "demo") as home:
        (home.root / "troth.db").write_text("in use")
        with pytest.raises(FailedPrecondition, match="running"), fresh(home.root):
            pass
        assert (home.root / "troth.db").exists()


def test_summary_has_the_agreed_keys(records: SimpleNamespace) -> None:
    """What programs read stays where it is."""
    summary = summary_of(records.results(), records.served(), records.checks())
    assert {
        "policies",
        "evaluations",
        "served",
        "audit_ok",
        "unapproved_refused",
        "repeat_identical",
        "seconds",
    } <= set(summary)
    best = summary["policies"][1]
    assert best["name"] == "linear_thompson"
    assert best["mean_value_per_customer"] == pytest.approx(17.0)
    assert best["share_of_oracle_gap_closed"] == pytest.approx(0.5)
    assert {"policy", "estimator", "value", "interval", "truth"} <= set(summary["evaluations"][0])
    assert summary["served"]["refusals"]["consent"] == 12


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_served_day_lies_ahead_at_any_hour(hour: int) -> None:
    """The service's clock, on its way to midnight, is never before the signatures."""
    now = datetime(2026, 5, 1, hour, 59, tzinfo=UTC)
    assert served_midnight(now) == MIDNIGHT
    starting = served_midnight(now) - timedelta(days=LONGEST_START_S / DAY_S)
    assert starting > now
