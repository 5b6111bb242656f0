"""The contact ledger as rows: contacts granted here, and contacts made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import bindparam, case, delete, func, insert, literal_column, or_, select, update

from serving.storage.session import Session
from serving.storage.statements import Statement, insert_new
from serving.storage.tables import contacts


class ContactMade(NamedTuple):
    """A contact as the guardrails see it; ``made_us`` is the later one of granted and seen."""

    made_us: int
    channel: str
    action_id: str
    day: str
    zone: str | None


class LedgerEntry(NamedTuple):
    """A contact as booked: granted here if it has a decision."""

    contact_id: int
    at_us: int
    decision_id: str | None
    seen_at_us: int | None
    seen_by: str | None


_c = contacts.c
_made = case((_c.seen_at_us > _c.at_us, _c.seen_at_us), else_=_c.at_us)
_AROUND = Statement(
    select(_made.label("made_us"), _c.channel, _c.action_id, _c.day, _c.zone)
    .where(
        _c.customer_id == bindparam("customer_id"),
        _c.at_us > bindparam("granted_after"),
        _c.at_us < bindparam("before"),
        _made > bindparam("after"),
        or_(_c.decision_id.is_(None), _c.decision_id != bindparam("without")),
    )
    .order_by(_made, _c.contact_id)
)
_GRANTED = ("customer_id", "at_us", "channel", "action_id", "day", "decision_id", "zone")
_GRANT = insert_new(contacts, _GRANTED)
_ENTRIES = Statement(
    select(*(contacts.c[name] for name in LedgerEntry._fields))
    .where(_c.customer_id == bindparam("customer_id"), _c.channel == bindparam("channel"))
    .order_by(_c.at_us, _c.contact_id)
)
_SEEN = Statement(
    update(contacts)
    .where(_c.contact_id == bindparam("which"))
    .values(seen_at_us=bindparam("seen_at_us"), seen_by=bindparam("seen_by"))
)
_REMOVE = Statement(
    delete(contacts).where(
        _c.customer_id == bindparam("customer_id"),
        _c.channel == bindparam("channel"),
        _c.at_us == bindparam("at_us"),
        _c.decision_id.is_(None),
    )
)
_ADD = Statement(
    insert(contacts).inline(),
    ("customer_id", "at_us", "channel", "action_id", "day", "zone", "seen_by"),
)
_twice = (
    select(_c.customer_id)
    .where(_c.decision_id.is_not(None))
    .group_by(_c.customer_id, _c.action_id, _c.day)
    .having(func.count() > literal_column("1"))
    .subquery()
)
_TWICE = Statement(select(func.count()).select_from(_twice))


class ContactRepository:
    """The ledger in one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def around(
        self, customer_id: str, *, granted_after: int, after: int, before: int, without: str
    ) -> list[ContactMade]:
        """A customer's contacts within a time, oldest first.

        Args:
            customer_id: whose.
            granted_after: microseconds since 1970: contacts booked earlier are left out.
            after: as are those made earlier, by whichever log is later.
            before: and those booked later than this.
            without: a decision whose own contact is left out.
        """
        rows = self._session.rows(
            _AROUND,
            customer_id=customer_id,
            granted_after=granted_after,
            after=after,
            before=before,
            without=without,
        )
        return [ContactMade._make(row) for row in rows]

    def grant(
        self,
        *,
        customer_id: str,
        at_us: int,
        channel: str,
        action_id: str,
        day: str,
        decision_id: str,
        zone: str | None,
    ) -> bool:
        """Book a contact for a decision; false if it was granted on that day already."""
        return (
            self._session.change(
                _GRANT,
                customer_id=customer_id,
                at_us=at_us,
                channel=channel,
                action_id=action_id,
                day=day,
                decision_id=decision_id,
                zone=zone,
            )
            == 1
        )

    def entries(self, customer_id: str, channel: str) -> list[LedgerEntry]:
        """A customer's contacts through one channel, oldest first."""
        rows = self._session.rows(_ENTRIES, customer_id=customer_id, channel=channel)
        return [LedgerEntry._make(row) for row in rows]

    def mark_seen(self, seen: Iterable[tuple[int, int | None, str | None]]) -> None:
        """Write down (contact, when another log shows it, how it was known)."""
        names = ("which", "seen_at_us", "seen_by")
        self._session.change_all(_SEEN, [dict(zip(names, one, strict=True)) for one in seen])

    def remove_elsewhere(self, customer_id: str, channel: str, times_us: Iterable[int]) -> None:
        """Take contacts made elsewhere out again."""
        common = {"customer_id": customer_id, "channel": channel}
        self._session.change_all(_REMOVE, [{**common, "at_us": at_us} for at_us in times_us])

    def add_elsewhere(
        self,
        customer_id: str,
        channel: str,
        zone: str | None,
        made: Iterable[tuple[int, str, str | None]],
    ) -> None:
        """Book contacts made elsewhere: (microseconds since 1970, day, how it is known)."""
        common = {"customer_id": customer_id, "channel": channel, "zone": zone, "action_id": ""}
        self._session.change_all(
            _ADD,
            [{**common, "at_us": at_us, "day": day, "seen_by": by} for at_us, day, by in made],
        )

    def granted_twice(self) -> int:
        """How many contacts were granted twice on a day; there should be none."""
        return int(self._session.row(_TWICE)[0])
