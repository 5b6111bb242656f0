"""Simulated channel systems, a process of their own: they ask, act, and report what came of it.

``python -m experiments.demo.channels CONFIG MIDNIGHT OUTPUT`` settles the population and waits
for a line on stdin that names the service's address and clock. Then it asks over gRPC for one
decision per customer, each as the service's clock comes to its moment, lives the simulated day
with the actions decided, and reports the outcomes. A line of JSON per step on stdout tells how
far it is.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.demo.governing import DECISION_POINT
from experiments.demo.population import ServedPopulation, settle
from experiments.runs.config import RunConfig
from experiments.runs.results import Served
from experiments.runs.rollout import decision_ids
from serving.clock import ServiceClock
from simulator.rollout import customer_numbers
from simulator.world import StepResult
from troth.catalogue import NO_CONTACT, Channel
from troth.client import Answer, AsyncDecisionClient, Question
from troth.errors import TrothError
from troth.files import write_text
from troth.streams import derive_seed
from troth.types import Outcome, OutcomeKind, parse_time

AT_ONCE = 8
"""Requests under way at the same time."""
DEADLINE_S = 30.0
SETTLED = "settled"
"""What is told when the population is there and the service may start."""

_DELAYS = {
    OutcomeKind.DELIVERED: timedelta(minutes=1),
    OutcomeKind.OPENED: timedelta(hours=1),
    OutcomeKind.CLICKED: timedelta(hours=1, minutes=2),
    OutcomeKind.PURCHASED: timedelta(hours=3),
    OutcomeKind.OPTED_OUT: timedelta(hours=4),
}
"""How long after the decision an event is seen."""
AHEAD = timedelta(minutes=50)
"""How long before its moment, by the service's clock, a request or a report is sent: within
the tolerance of an hour, and early enough for the moment to be the later one of the two on
any machine, so that the hour of a decision does not depend on how fast it is."""


@dataclass
class ServedDay:
    """What the channel systems saw.

    Attributes:
        answers: by row; ``None`` where there was no answer.
        latencies_ms: of each first request, retries included.
        errors: requests without an answer, by status.
        differing: repeated requests whose answer was not the first one.
    """

    answers: list[Answer | None]
    latencies_ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    differing: int = 0
    outcomes: int = 0


def questions(population: ServedPopulation) -> list[Question]:
    """One request per customer, in the order of the day."""
    world = population.world
    raw = world.contexts().raw
    moments, journeys = population.moments(), population.journeys()
    ids = request_ids(population, moments)
    return [
        Question(
            customer_id=str(world.customer_ids[row]),
            decision_point=DECISION_POINT,
            features=raw[row].tolist(),
            feature_schema_digest=world.schema.digest,
            triggered_journeys=journeys[row],
            decided_at=moments[row],
            request_id=ids[row],
        )
        for row in range(world.size)
    ]


def request_ids(population: ServedPopulation, moments: Sequence[datetime]) -> list[str]:
    """A UUID per request that the same demo on the same day gives again."""
    world = population.world
    stamps = np.array([m.replace(tzinfo=None) for m in moments], dtype="datetime64[us]")
    seed = derive_seed("experiments.demo.requests", world.seed)
    return [str(i) for i in decision_ids(seed, customer_numbers(world), world.day, stamps)]


async def hold_day(
    population: ServedPopulation,
    address: str,
    clock: ServiceClock,
    repeats: int,
    tell: Callable[[str, int, int], None],
) -> ServedDay:
    """Ask for everyone in time, ask some again, live the day, report."""
    asked = questions(population)
    order = sorted(range(len(asked)), key=lambda row: asked[row].decided_at or datetime.max)
    day = ServedDay(answers=[None] * len(asked))
    async with AsyncDecisionClient(address, deadline_s=DEADLINE_S) as client:

        async def ask(row: int) -> None:
            await _reached(clock, asked[row].decided_at)
            began = time.perf_counter()
            try:
                day.answers[row] = await client.decide(asked[row])
            except TrothError as error:
                day.errors[error.code.name] += 1
                return
            day.latencies_ms.append(1000.0 * (time.perf_counter() - began))

        async def again(row: int) -> None:
            day.differing += await client.decide(asked[row]) != day.answers[row]
            day.repeats += 1

        async def report(outcome: Outcome) -> None:
            await _reached(clock, outcome.occurred_at)
            await client.record_outcome(outcome)
            day.outcomes += 1

        await _each(ask, order, "deciding", tell)
        answered = [row for row in order if day.answers[row] is not None]
        chosen = np.linspace(0, len(answered) - 1, min(repeats, len(answered))).astype(int)
        await _each(again, [answered[at] for at in chosen], "repeating", tell)
        result = population.world.step(actions(population, day.answers))
        await _each(report, outcomes(population, day.answers, result), "reporting", tell)
    return day


def actions(population: ServedPopulation, answers: Sequence[Answer | None]) -> NDArray[np.int64]:
    """int64 (n,): what is done to each customer; nothing where there was no answer."""
    catalogue = population.world.catalogue
    return np.array(
        [NO_CONTACT if a is None else catalogue.index(a.action_id) for a in answers],
        dtype=np.int64,
    )


def outcomes(
    population: ServedPopulation, answers: Sequence[Answer | None], result: StepResult
) -> list[Outcome]:
    """Every event of the day as a report, ordered by time."""
    happened = {
        OutcomeKind.DELIVERED: result.delivered,
        OutcomeKind.OPENED: result.opened,
        OutcomeKind.CLICKED: result.clicked,
        OutcomeKind.PURCHASED: result.purchased,
        OutcomeKind.OPTED_OUT: result.opted_out,
    }
    numbers = customer_numbers(population.world)
    moments = population.moments()
    found = []
    for at, (kind, flags) in enumerate(happened.items()):
        times = [moment + _DELAYS[kind] for moment in moments]
        stamps = np.array([m.replace(tzinfo=None) for m in times], dtype="datetime64[us]")
        seed = derive_seed("experiments.demo.outcomes", population.world.seed, at)
        ids = decision_ids(seed, numbers, population.world.day, stamps)
        for row in np.flatnonzero(flags).tolist():
            answer = answers[row]
            if answer is None:
                continue
            bought = kind is OutcomeKind.PURCHASED
            found.append(
                Outcome(
                    outcome_id=str(ids[row]),
                    decision_id=answer.decision_id,
                    kind=kind,
                    value_minor=int(result.components["margin_minor"][row]) if bought else 0,
                    occurred_at=times[row],
                )
            )
    return sorted(found, key=lambda outcome: outcome.occurred_at)


def summarise(day: ServedDay) -> Served:
    """The figures of the day."""
    answers = [answer for answer in day.answers if answer is not None]
    refused = Counter(name for a in answers for name in {v.guardrail for v in a.verdicts})
    p50, p99 = np.percentile(day.latencies_ms or [float("nan")], [50, 99])
    return Served(
        decisions=len(answers),
        by_channel=dict(Counter(str(a.channel) for a in answers).most_common()),
        by_served_by=dict(Counter(str(a.served_by) for a in answers).most_common()),
        refusals=dict(refused.most_common()),
        p50_ms=float(p50),
        p99_ms=float(p99),
        outcomes=day.outcomes,
        repeats=day.repeats,
        repeats_differing=day.differing,
        errors=dict(day.errors),
    )


def contacted(day: ServedDay) -> int:
    """Customers who were contacted."""
    return sum(a is not None and a.channel is not Channel.NONE for a in day.answers)


async def _reached(clock: ServiceClock, moment: datetime | None) -> None:
    """Wait until it is time to speak of ``moment``."""
    if moment is not None:
        await asyncio.sleep(max(0.0, clock.seconds_until(moment - AHEAD)))


async def _each(
    work: Callable[[Any], Awaitable[None]],
    items: Sequence[Any],
    what: str,
    tell: Callable[[str, int, int], None],
) -> None:
    """Do ``work`` on every item, in order, at most ``AT_ONCE`` at a time."""
    pending = iter(items)
    done = 0

    async def worker() -> None:
        nonlocal done
        for item in pending:
            await work(item)
            done += 1
            if done % 50 == 0 or done == len(items):
                tell(what, done, len(items))

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def main() -> None:
    """See the module's docstring."""
    config_path, midnight, output = sys.argv[1:]
    config = RunConfig.model_validate_json(Path(config_path).read_bytes())

    def tell(what: str, done: int, total: int) -> None:
        print(json.dumps({"what": what, "done": done, "total": total}), flush=True)

    population = settle(config, parse_time(midnight), lambda d, n: tell("settling", d, n))
    tell(SETTLED, 1, 1)
    service = json.loads(sys.stdin.readline())
    clock = ServiceClock.from_dict(service["clock"])
    day = asyncio.run(hold_day(population, service["address"], clock, config.serve.repeats, tell))
    decisions = [answer.decision_id for answer in day.answers if answer is not None]
    write_text(
        Path(output),
        json.dumps({"served": summarise(day).model_dump(), "decisions": decisions}) + "\n",
    )


if __name__ == "__main__":
    main()
