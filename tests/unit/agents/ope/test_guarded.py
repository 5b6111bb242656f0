"""A policy on a log behind guardrails: by the served rule, beside what it is without them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agents.ope import target as target_module
from agents.ope.evaluate import evaluate_policy
from agents.ope.guarded import evaluate_both_ways
from agents.ope.target import guarded_target, target_distribution, unguardable
from tests.support.logs import log_of
from tests.support.packages import install_care
from tests.support.packages import site as site
from troth.catalogue import CHANNELS, Catalogue, Channel
from troth.contexts import ContextBatch
from troth.errors import FailedPrecondition
from troth.guardrails import FactsBatch, GuardrailConfig, GuardrailEngine
from troth.guardrails.columns import DENIED, GRANTED, NEVER_US, UNKNOWN
from troth.logs.batches import LoggedBatch
from troth.policy import Distribution, Mask, greedy

N, K = 4_000, 4
ENGINE = GuardrailEngine(GuardrailConfig.shipped())
WEEK_US = timedelta(days=7) // timedelta(microseconds=1)
EMAIL = CHANNELS.index(Channel.EMAIL)


@dataclass(frozen=True)
class Favourites:
    """All mass on the best of scores that depend on the context."""

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """See :class:`troth.policy.Policy`; it is not asked about nobody."""
        assert len(contexts)
        lean = contexts.raw[:, :1] > 0
        return greedy(np.where(lean, np.arange(K), np.arange(K)[::-1]).astype(float), mask)


def log(listed_us: int = WEEK_US) -> LoggedBatch:
    """Uniform decisions; a third refuse e-mail, a tenth were granted the last action today."""
    rng = np.random.default_rng(5)
    action = rng.integers(0, K, N)
    plain = log_of(
        action=action,
        propensity=np.full(N, 1.0 / K),
        reward=100.0 * (rng.random(N) < 0.1 + 0.2 * action),
        actions=K,
        raw=rng.normal(size=(N, 2)),
        censored=rng.random(N) < 0.1,
    )
    refuses, again = rng.random(N) < 1 / 3, rng.random(N) < 0.1
    permissions = np.full((N, len(CHANNELS)), UNKNOWN, dtype=np.int8)
    permissions[:, EMAIL] = np.where(refuses, DENIED, GRANTED)
    granted = np.zeros((N, K), dtype=bool)
    granted[:, K - 1] = again
    facts = FactsBatch(
        permissions=permissions,
        local_minute=np.full(N, 600),
        contact_age_us=np.full((N, 1), NEVER_US),
        contact_channel=np.zeros((N, 1), dtype=np.int8),
        granted_today=granted,
        listed_us=np.full(N, listed_us),
    )
    return replace(plain, facts=facts)


def test_what_is_judged_is_what_would_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused rows play their next best; in whatever chunks the facts go with their rows."""
    logged = log()
    assert logged.facts is not None
    found = guarded_target(Favourites(), logged, ENGINE)
    refuses = logged.facts.permissions[:, EMAIL] == DENIED
    again = logged.facts.granted_today[:, K - 1] & ~refuses
    lean = logged.contexts.raw[:, 0] > 0
    played = found.guarded.argmax(axis=1)
    assert (played[refuses] == 0).all()
    assert (played[again & lean] == K - 2).all()
    assert (found.guarded[~refuses & ~again] == found.unguarded[~refuses & ~again]).all()
    assert (found.unguarded == target_distribution(Favourites(), logged)).all()
    counted: list[int] = []
    monkeypatch.setattr(target_module, "CHUNK", 37)
    in_parts = guarded_target(Favourites(), logged, ENGINE, on_rows=counted.append)
    assert (in_parts.guarded == found.guarded).all()
    assert [row.to_dict() for row in in_parts.took] == [
        pytest.approx(row.to_dict()) for row in found.took
    ]
    assert sum(counted) == N


def test_what_guardrails_took_is_counted_over_the_rows_that_are_judged() -> None:
    """The mass of the policy's own choices that were refused; open rows are left out."""
    logged = log()
    assert logged.facts is not None
    took = {row.reason: row for row in guarded_target(Favourites(), logged, ENGINE).took}
    closed = ~logged.censored
    refuses = (logged.facts.permissions[:, EMAIL] == DENIED)[closed]
    lean = (logged.contexts.raw[:, 0] > 0)[closed]
    again = logged.facts.granted_today[closed, K - 1] & ~refuses
    assert took["no_consent"].mass == pytest.approx((refuses & lean).mean())
    assert took["no_consent"].rows == pytest.approx(refuses.mean())
    assert took["granted_today"].mass == pytest.approx((again & lean).mean())
    assert took["over_1_in_24h"].mass == took["quiet_hours"].rows == 0.0


def test_both_ways_are_two_evaluations_of_one_log() -> None:
    """What is unguarded is as without facts, to the bit."""
    logged = log()
    found = evaluate_both_ways(Favourites(), logged, ENGINE)
    target = guarded_target(Favourites(), logged, ENGINE)
    assert found.unguarded == evaluate_policy(logged, target.unguarded)
    assert found.guarded == evaluate_policy(logged, target.guarded)
    assert found.guarded["dr"].value < found.unguarded["dr"].value - 5.0  # type: ignore[operator]
    document = found.to_dict()
    assert document["guardrails_digest"] == ENGINE.digest
    assert document["unguarded_because"] is None
    assert {row["guardrail"] for row in document["guarded"]["took"]} == {
        "consent",
        "quiet_hours",
        "frequency_cap",
        "repeat",
    }
    assert document["estimates"] == found.unguarded.to_dict()["estimates"]


@pytest.mark.parametrize("chunk", [1, 37, N])
def test_open_rows_do_not_keep_a_log_from_being_judged(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is estimated from them, however little is listed of their contacts."""
    monkeypatch.setattr(target_module, "CHUNK", chunk)
    whole = log()
    assert whole.facts is not None
    listed = np.where(whole.censored, 1, WEEK_US)
    listed[np.flatnonzero(whole.censored)[::2]] = WEEK_US
    short = replace(whole, facts=replace(whole.facts, listed_us=listed))
    assert unguardable(short, ENGINE) is None
    found, expected = (guarded_target(Favourites(), each, ENGINE) for each in (short, whole))
    reaches = listed == WEEK_US
    assert (found.guarded[reaches] == expected.guarded[reaches]).all()
    assert (found.guarded[~reaches] == expected.unguarded[~reaches]).all()
    assert (found.unguarded == expected.unguarded).all()
    assert found.took == expected.took
    both = [evaluate_both_ways(Favourites(), each, ENGINE) for each in (short, whole)]
    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("logged", "why"),
    [
        (replace(log(), facts=None), "does not say what was known"),
        (log(listed_us=WEEK_US // 7), "24 hours far, and the guardrails look 168 hours far"),
    ],
)
def test_a_log_that_does_not_allow_it_is_judged_without_and_says_so(
    logged: LoggedBatch, why: str
) -> None:
    """No guardrail is applied by halves."""
    assert why in (unguardable(logged, ENGINE) or "")
    with pytest.raises(FailedPrecondition, match="no guardrail can be applied"):
        guarded_target(Favourites(), logged, ENGINE)
    found = evaluate_both_ways(Favourites(), logged, ENGINE)
    assert found.guarded is None
    assert found.took == ()
    assert why in (found.unguarded_because or "")
    assert found.to_dict()["guarded"] is None


def test_a_guardrail_of_another_package_judges_logs_that_say_what_it_needs(site: Path) -> None:
    """A log without its fact is judged without guardrails, and says which is missing."""
    install_care(site)
    told = ENGINE.config.to_dict() | {"care": {"kinds": ["discount"]}}
    engine = GuardrailEngine(GuardrailConfig.from_dict(told))
    without = evaluate_both_ways(Favourites(), log(), engine)
    assert without.guarded is None
    assert without.unguarded_because == (
        "the log has no column fact.in_care (1 if the customer is in debt counselling), which a "
        "guardrail needs"
    )
    logged = log()
    assert logged.facts is not None
    facts = replace(logged.facts, told={"in_care": np.arange(N) % 2})
    judged = evaluate_both_ways(Favourites(), replace(logged, facts=facts), engine)
    assert judged.guarded is not None
    assert {t.reason for t in judged.took if t.guardrail == "care" and t.mass} == {"in_care"}
