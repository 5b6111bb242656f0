"""Promises to people under random sequences of everything that may happen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.customers import contact_ledger, other_contacts, profiles
from serving.customers.files import CustomerRow
from serving.customers.importing import store_customers
from serving.customers.other_contacts import Sighting
from serving.customers.permission_reports import PermissionReport
from serving.customers.permissions import PermissionFact
from serving.customers.profiles import Profile
from serving.decisions.records import Decision
from tests.support.decisions import NOON, Bench, loose_config, request
from troth.catalogue import Channel
from troth.guardrails.facts import local_day
from troth.types import Outcome, OutcomeKind, new_id

TOLERANCE = timedelta(hours=1)
CHANNELS = (Channel.EMAIL, Channel.PUSH, Channel.SMS)
ZONES = ("Europe/Vienna", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati")
CAP_HOURS, CAP = 48, 2

hours = st.sampled_from([-72, -24, -2, -1, -0.5, 0, 0.5, 1]).map(lambda n: timedelta(hours=n))
facts = st.tuples(
    st.sampled_from([*CHANNELS, None]),
    st.booleans(),
    st.one_of(st.none(), hours),
    st.sampled_from(["", "form"]),
)
events = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.25, 1, 12, 25])),
    st.tuples(st.just("request"), facts),
    st.tuples(st.just("request"), facts),
    st.tuples(st.just("file"), facts),
    st.tuples(st.just("opt_out"), hours),
    st.tuples(st.just("move"), st.sampled_from(ZONES)),
    st.tuples(st.just("elsewhere"), st.integers(0, 60)),
    st.tuples(st.just("decide"), st.integers(-59, 59)),
    st.tuples(st.just("decide"), st.just(0)),
)


@dataclass
class Life:
    """One customer's, and what they may rely on, told independently of the code under test."""

    bench: Bench
    refused: dict[Channel, list[datetime]] = field(default_factory=dict)
    consented: dict[Channel, list[datetime]] = field(default_factory=dict)
    stated: set[Channel] = field(default_factory=set)
    contacts: list[datetime] = field(default_factory=list)
    granted: list[Decision] = field(default_factory=list)

    def note(self, permission: PermissionFact) -> None:
        """What somebody said, as the promise counts it."""
        now, at = self.bench.now, permission.given_at
        for channel in (permission.channel,) if permission.channel else CHANNELS:
            if not permission.granted:
                doubtful = at is None or at > now + TOLERANCE
                self.refused.setdefault(channel, []).append(now if doubtful else at)  # type: ignore[arg-type]
            elif at is None or not permission.source:
                self.stated.add(channel)
            else:
                self.consented.setdefault(channel, []).append(min(at, now))

    def may(self, channel: Channel) -> bool:
        """Whether the customer can be contacted there."""
        last = max(self.refused.get(channel, []), default=None)
        consents = self.consented.get(channel, [])
        if last is None:
            return bool(consents) or channel in self.stated
        return any(consent > last for consent in consents)

    def happen(self, kind: str, what: object) -> None:
        """Let one event happen, and hold the service to its word."""
        getattr(self, f"on_{kind}")(what)
        with self.bench.database.read() as connection:
            known = profiles.find(connection, "C1")[1]
        for channel in CHANNELS:
            assert known.get(channel, False) is self.may(channel), f"{channel} after {kind}"

    def on_wait(self, hours: float) -> None:
        """Time goes by."""
        self.bench.now += timedelta(hours=hours)

    def on_request(self, what: tuple[Channel | None, bool, timedelta | None, str]) -> None:
        """The customer tells somebody."""
        permission = self.permission(what)
        self.bench.pipeline.set_permission(
            PermissionReport(permission_id=new_id(), customer_id="C1", permission=permission)
        )
        self.note(permission)

    def on_file(self, what: tuple[Channel | None, bool, timedelta | None, str]) -> None:
        """A file tells of them."""
        permission = self.permission(what)
        self.load(CustomerRow(Profile(customer_id="C1", permissions=(permission,))))
        self.note(permission)

    def on_move(self, zone: str) -> None:
        """They are somewhere else now."""
        self.load(CustomerRow(Profile(customer_id="C1", zone=zone)))

    def on_elsewhere(self, ago: int) -> None:
        """Another system contacted them."""
        at = self.bench.now - timedelta(hours=ago, minutes=len(self.contacts))
        row = Sighting(at=at, channel=Channel.WEB)
        self.load(CustomerRow(Profile(customer_id="C1"), (row,)))
        self.contacts.append(at)

    def on_opt_out(self, ahead: timedelta) -> None:
        """They opt out of the last message, by a clock that may be wrong."""
        if not self.granted:
            return
        decision, at = self.granted[-1], self.bench.now + ahead
        self.bench.pipeline.record_outcome(
            Outcome(
                outcome_id=new_id(),
                decision_id=decision.decision_id,
                kind=OutcomeKind.OPTED_OUT,
                value_minor=0,
                occurred_at=at,
            )
        )
        doubtful = at < decision.send_at  # type: ignore[operator]
        told = None if doubtful else at  # before the message that they answer: it counts from now
        self.note(PermissionFact(channel=decision.channel, granted=False, given_at=told))

    def on_decide(self, minutes: int) -> None:
        """Somebody asks."""
        asked = request(decided_at=self.bench.now + timedelta(minutes=minutes))
        decision = self.bench.pipeline.decide(asked)
        if not decision.contacts:
            return
        assert self.may(decision.channel), "contacted after a refusal"
        at = decision.send_at
        assert at == max(asked.decided_at, self.bench.now)  # type: ignore[type-var]
        window = timedelta(hours=CAP_HOURS)
        assert sum(abs(at - other) < window for other in self.contacts) < CAP, "over the cap"
        zone = decision.facts.zone
        for other in self.granted:
            if other.action_id == decision.action_id:
                days = {local_day(other.send_at, z) for z in (zone, other.facts.zone)}
                assert local_day(at, zone) not in days, "the same twice a day"
        self.contacts.append(at)
        self.granted.append(decision)

    def permission(
        self, what: tuple[Channel | None, bool, timedelta | None, str]
    ) -> PermissionFact:
        """A fact, told now."""
        channel, granted, ahead, source = what
        at = None if ahead is None else self.bench.now + ahead
        return PermissionFact(channel=channel, granted=granted, given_at=at, source=source)

    def load(self, row: CustomerRow) -> None:
        """As a file would be."""
        store_customers(
            self.bench.database, [row], clock=lambda: self.bench.now, tolerance=TOLERANCE
        )


@contextmanager
def life() -> Iterator[Life]:
    """A fresh one, of somebody who permits everything."""
    with tempfile.TemporaryDirectory() as folder:
        one = Life(Bench(Path(folder), config=loose_config(contacts=CAP, hours=CAP_HOURS)))
        one.on_move(ZONES[0])
        one.on_request((None, True, timedelta(hours=-72), "form"))
        try:
            yield one
        finally:
            one.bench.close()


@given(story=st.lists(events, min_size=15, max_size=40))
@settings(max_examples=60, deadline=None)
def test_no_story_breaks_a_promise(story: Sequence[tuple[str, object]]) -> None:
    """No contact after a refusal without a later consent, none over the caps, none twice a day."""
    with life() as one:
        for kind, what in story:
            one.happen(kind, what)


@given(told=st.lists(facts, min_size=2, max_size=6), seed=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_of_files_does_not_matter(
    told: list[tuple[Channel | None, bool, timedelta | None, str]], seed: object
) -> None:
    """The same files in any order, at one hour, leave the same permissions."""
    found = []
    for _ in range(2):
        with life() as one:
            for fact in told:
                one.on_file(fact)
            with one.bench.database.read() as connection:
                found.append(profiles.find(connection, "C1"))
        seed.shuffle(told)  # type: ignore[attr-defined]
    assert found[0] == found[1]


@given(
    grants=st.sets(st.integers(0, 60), max_size=4),
    rows=st.sets(st.tuples(st.integers(0, 80), st.integers(-1, 4)), max_size=6),
    seed=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_order_of_logs_does_not_matter(
    grants: set[int], rows: set[tuple[int, int]], seed: object
) -> None:
    """Grants and a provider's rows, some of them with ids, pair up alike in any order."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    order, found = sorted(rows), []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            one = Bench(Path(folder))
            with one.database.write() as connection:
                for at in sorted(grants):
                    connection.execute(
                        "INSERT INTO contacts (customer_id, at_us, channel, action_id, day,"
                        " decision_id) VALUES ('C1', ?, 'push', 'a', ?, ?)",
                        (
                            contact_ledger.microseconds(start + timedelta(hours=at)),
                            str(at),
                            f"d{at}",
                        ),
                    )
                for at, named in order:
                    who = f"d{sorted(grants)[named]}" if 0 <= named < len(grants) else ""
                    row = Sighting(
                        at=start + timedelta(hours=at), channel=Channel.PUSH, decision_id=who
                    )
                    other_contacts.book(connection, "C1", None, [row])
                found.append(
                    connection.execute(
                        "SELECT at_us, decision_id, seen_at_us, seen_by FROM contacts"
                        " ORDER BY at_us, decision_id"
                    ).fetchall()
                )
            one.close()
        seed.shuffle(order)  # type: ignore[attr-defined]
    assert [tuple(row) for row in found[0]] == [tuple(row) for row in found[1]]


def test_the_stories_tell_of_contacts() -> None:
    """A story that ends with a contact exists: the promises above are not kept by silence."""
    with life() as one:
        one.happen("decide", 0)
        assert len(one.granted) == 1
        one.happen("opt_out", timedelta(0))
        assert not one.may(one.granted[0].channel)
    assert NOON.tzinfo is UTC
