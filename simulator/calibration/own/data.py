"""What a user brings: purchases, an experiment's responses, mailed campaigns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.own.arms import distinct, read_treated
from simulator.calibration.own.checks import (
    MOST_QUIET_DAYS,
    doubtful_dates,
    overlapping,
    refuse_quiet,
)
from simulator.calibration.own.columns import (
    CONTACT,
    CONTROL,
    RESPONSES,
    TRANSACTIONS,
    columns_of,
)
from simulator.calibration.own.currencies import refuse_currencies
from simulator.calibration.own.outcomes import check_outcomes, read_spend
from simulator.calibration.own.pastes import refuse_pastes
from simulator.calibration.own.reading import Reading, Repeats, Returns
from simulator.calibration.own.repeats import alike, refuse_repeats
from simulator.calibration.own.returns import net
from simulator.calibration.sheets import Sheet, read_sheet
from troth.errors import InvalidArgument

if TYPE_CHECKING:
    from simulator.calibration.sheets import Source

_MOST = 1e9


@dataclass(frozen=True, slots=True)
class Transactions:
    """Purchases, one row each.

    Attributes:
        sheet: where they came from.
        customer: int64 (m,) positions in ``names``.
        names: text (n,), the customers in order.
        day: datetime64[D] (m,).
        amount: float64 (m,), major units, >= 0.
        category, store: text (m,), or ``None`` where there is no such column.
        joined: datetime64[D] (m,), when the customer joined or first bought, likewise.
        end: datetime64[D], of observation.
        again: bool (m,), whether a row is like an earlier one in every column read.
        notes: what was read and how, one sentence each.
        warnings: what may be wrong though it can be read, likewise.
    """

    sheet: Sheet
    customer: NDArray[np.int64]
    names: NDArray[np.str_]
    day: NDArray[np.datetime64]
    amount: NDArray[np.float64]
    category: NDArray[np.str_] | None
    store: NDArray[np.str_] | None
    joined: NDArray[np.datetime64] | None
    end: np.datetime64
    again: NDArray[np.bool_]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def repeated(self) -> int:
        """How many rows are like an earlier one."""
        return int(self.again.sum())

    def baskets(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Amount per customer and day, customer int64 (k,) and amount float64 (k,), all > 0."""
        pairs = np.stack((self.customer, self.day.astype(np.int64)))
        unique, at = np.unique(pairs, axis=1, return_inverse=True)
        amount = np.bincount(at.ravel(), weights=self.amount)
        paid = amount > 0.0
        return unique[0][paid], amount[paid].astype(np.float64)

    def first_days(self) -> NDArray[np.datetime64]:
        """Each customer's first day in the data, datetime64[D] (n,)."""
        first = np.full(len(self.names), self.day.max())
        np.minimum.at(first, self.customer, self.day)
        return first

    def newcomers(self, since: np.datetime64 | None) -> NDArray[np.bool_]:
        """Who may be taken to have begun with his first purchase in the data, bool (n,).

        All but those who first bought before ``since``, or joined before the data begin.
        """
        new = np.ones(len(self.names), dtype=np.bool_)
        if since is not None:
            new &= self.first_days() >= since
        if self.joined is not None:
            new[self.customer[self.joined < self.day.min()]] = False
        return new


@dataclass(frozen=True, slots=True)
class Responses:
    """An experiment, one row per customer; ``None`` where a column is absent.

    Attributes:
        sheet: where it came from.
        treated: bool (n,).
        recency: float64 (n,), months since the last purchase.
        history: float64 (n,), major units spent in the past year.
        visit, conversion: bool (n,).
        spend: float64 (n,), major units.
        customer, day: who and when, to look recency and history up in the purchases.
    """

    sheet: Sheet
    treated: NDArray[np.bool_]
    recency: NDArray[np.float64] | None
    history: NDArray[np.float64] | None
    visit: NDArray[np.bool_] | None
    conversion: NDArray[np.bool_] | None
    spend: NDArray[np.float64] | None
    customer: NDArray[np.str_] | None
    day: NDArray[np.datetime64] | None


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Mailings, one row per customer and campaign.

    Attributes:
        sheet: where they came from.
        type: text (m,).
        delay: float64 (m,) whole days from sent to redeemed, NaN where not redeemed.
        life: float64 (m,) days from sent to expiry, infinite where none is given.
        customers: how many they went to; ``None`` where the table does not say.
    """

    sheet: Sheet
    type: NDArray[np.str_]
    delay: NDArray[np.float64]
    life: NDArray[np.float64]
    customers: int | None


def read_transactions(
    source: Source, columns: Mapping[str, str], reading: Reading | None = None
) -> Transactions:
    """Read purchases: customer, date, amount, and category, store and joined where they are.

    Args:
        source: a file, several of the same columns, or a data frame.
        columns: the calibration's names -> the table's, where they differ.
        reading: what the user says of it.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming file, row, column, value and what is allowed, all at once; also for
            dates beyond a year in which nobody bought, several currencies, an export that is there
            twice, and an end of observation that cannot be.
    """
    reading = reading or Reading()
    sheet = read_sheet(
        source,
        "transactions",
        TRANSACTIONS[:3],
        TRANSACTIONS[3:],
        lambda names: columns_of("transactions", columns, names),
        reading.dialect,
    )
    refused = reading.returns == "refuse"
    with sheet.table.checking():
        names, customer = sheet.ids("customer")
        day, clock = sheet.table.times(sheet.theirs["date"])
        amount = sheet.table.numbers(
            sheet.theirs["amount"],
            0.0 if refused else -_MOST,
            _MOST,
            below=": is it a return? --returns net or drop takes it for one" if refused else "",
        )
        labels = {name: sheet.labels(name) for name in ("category", "store") if name in sheet}
        joined = sheet.days("joined") if "joined" in sheet else None
        refuse_currencies(sheet)
    rows, end, notes = _until(sheet, day, reading.until)
    refuse_quiet(sheet, np.minimum(day, end))
    told = [at for _, at in labels.values()] + ([] if joined is None else [joined])
    first = alike([customer, day, *told], amount, clock)
    if reading.repeats == "refuse":
        refuse_repeats(sheet, first, day)
    warnings = doubtful_dates(sheet, rows, customer[rows], day[rows])
    amount, rows, said = _returned(sheet, customer, day, amount, rows, reading.returns)
    kept, who = np.unique(customer[rows], return_inverse=True)
    return Transactions(
        sheet=sheet,
        customer=who.astype(np.int64),
        names=names[kept],
        day=day[rows],
        amount=amount[rows],
        category=_by_row(labels, "category", rows),
        store=_by_row(labels, "store", rows),
        joined=None if joined is None else joined[rows],
        end=end,
        again=(first != np.arange(len(first)))[rows],
        notes=(*sheet.table.notes, *overlapping(sheet, day), *notes, *said),
        warnings=(*sheet.table.warnings, *warnings),
    )


def _by_row(
    labels: Mapping[str, tuple[NDArray[np.str_], NDArray[np.int64]]],
    column: str,
    rows: NDArray[np.int64],
) -> NDArray[np.str_] | None:
    if column not in labels:
        return None
    names, at = labels[column]
    return names[at[rows]]


def _until(
    sheet: Sheet, day: NDArray[np.datetime64], until: np.datetime64 | None
) -> tuple[NDArray[np.int64], np.datetime64, list[str]]:
    """Rows within the observation, its end, and what is left out."""
    if until is None:
        return np.arange(len(day)), np.datetime64(day.max(), "D"), []
    inside = day <= until
    if not inside.any():
        raise InvalidArgument(f"{until} is before the first purchase, {day.min()}", field="until")
    last = day[inside].max()
    if (quiet := int((until - last).astype(np.int64))) > MOST_QUIET_DAYS:
        raise InvalidArgument(
            f"{until} is {quiet:,} days after the last purchase, where {MOST_QUIET_DAYS} are "
            "allowed",
            field="until",
        )
    after = np.flatnonzero(~inside)
    said = [f"until {until}: left out after it {sheet.told('date', after)}"] if len(after) else []
    return np.flatnonzero(inside), until, said


def _returned(
    sheet: Sheet,
    customer: NDArray[np.int64],
    day: NDArray[np.datetime64],
    amount: NDArray[np.float64],
    rows: NDArray[np.int64],
    returns: Returns,
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[str]]:
    """Amounts and rows without returns, and what became of them."""
    back = rows[amount[rows] < 0.0]
    if not len(back):
        return amount, rows, []
    bought = rows[amount[rows] >= 0.0]
    if not len(bought):
        raise InvalidArgument("has returns alone", field=sheet.name)
    lost = np.setdiff1d(customer[back], customer[bought])
    of = sheet.told("amount", back)
    said = []
    if returns == "net":
        netted = net(customer[rows], day[rows], amount[rows])
        amount = amount.copy()
        amount[rows] = netted.amount
        said.append(f"returns: taken off what the same customer bought, the latest first, {of}")
        if len(netted.unmatched):
            over = sheet.told("amount", rows[netted.unmatched])
            said.append(f"returns: left out what exceeds all that was bought before in {over}")
    else:
        said.append(f"returns: left out {of}")
    if len(lost):
        said.append(f"returns: customers with nothing else, left out: {len(lost):,}")
    return amount, bought, said


def heard(
    bought: Transactions, answered: Responses | None, mailed: Campaigns | None
) -> tuple[list[str], list[str]]:
    """Notes and warnings of all tables, each with the table's kind before it."""
    told = [("transactions", bought.notes, bought.warnings)]
    for kind, found in (("responses", answered), ("campaigns", mailed)):
        if found is not None:
            table = found.sheet.table
            told.append((kind, tuple(table.notes), tuple(table.warnings)))
    return (
        [f"{kind}: {note}" for kind, notes, _ in told for note in notes],
        [f"{kind}: {warning}" for kind, _, warnings in told for warning in warnings],
    )


def read_responses(
    source: Source, columns: Mapping[str, str], reading: Reading | None = None
) -> Responses:
    """Read an experiment: who was treated, and what they did.

    ``treated`` holds 0 or 1; or ``arm`` holds names, of which ``control=NAME`` in the column map
    is the arm without a contact, and ``contact=NAME``, if given, the only other that is read.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming file, row, column, value and what is allowed, all at once.
    """
    arms: dict[str, str] = {}

    def mapped(names: Sequence[str]) -> dict[str, str]:
        wanted = columns_of("responses", columns, names)
        arms.update({key: wanted.pop(key) for key in (CONTROL, CONTACT) if key in wanted})
        return wanted

    reading = reading or Reading()
    sheet = read_sheet(source, "responses", (), RESPONSES, mapped, reading.dialect)
    with sheet.table.checking():
        answered, kept = _responses(sheet, arms.get(CONTROL), arms.get(CONTACT))
        if reading.repeats == "refuse":
            refuse_pastes(sheet, list(_arrays(answered).values()))
    return replace(answered, **{name: rows[kept] for name, rows in _arrays(answered).items()})


def _arrays(answered: Responses) -> dict[str, Any]:
    values = {field.name: getattr(answered, field.name) for field in fields(answered)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _responses(
    sheet: Sheet, control: str | None, contact: str | None
) -> tuple[Responses, NDArray[np.bool_]]:
    """All rows, and which of them count, bool (n,)."""
    treated, kept = read_treated(sheet, control, contact)
    ids = sheet.ids("customer") if "customer" in sheet else None
    responses = Responses(
        sheet=sheet,
        treated=treated,
        recency=sheet.numbers("recency", 0.0, 120.0) if "recency" in sheet else None,
        history=sheet.numbers("history", 0.0, _MOST) if "history" in sheet else None,
        visit=sheet.flags("visit") if "visit" in sheet else None,
        conversion=sheet.flags("conversion") if "conversion" in sheet else None,
        spend=read_spend(sheet, _MOST) if "spend" in sheet else None,
        customer=None if ids is None else ids[0][ids[1]],
        day=sheet.days("date") if "date" in sheet else None,
    )
    check_outcomes(sheet, responses.visit, responses.conversion, responses.spend)
    return responses, kept


def read_campaigns(
    source: Source, columns: Mapping[str, str], reading: Reading | None = None
) -> Campaigns:
    """Read mailings: type, sent, redeemed (a date, or empty), and expires where it is.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming file, row, column, value and what is allowed, all at once.
    """
    reading = reading or Reading()
    sheet = read_sheet(
        source,
        "campaigns",
        ("type", "sent", "redeemed"),
        ("customer", "campaign", "expires"),
        lambda names: columns_of("campaigns", columns, names),
        reading.dialect,
    )
    with sheet.table.checking():
        return _campaigns(sheet, reading.repeats)


def _campaigns(sheet: Sheet, repeats: Repeats) -> Campaigns:
    sent, redeemed = sheet.days("sent"), sheet.days("redeemed", missing=True)
    delay = _days(redeemed - sent)
    sheet.refuse(delay < 0.0, "redeemed", "is before the mailing was sent")
    life = np.full(len(delay), np.inf)
    if "expires" in sheet:
        expires = sheet.days("expires", missing=True)
        life = np.where(np.isnat(expires), np.inf, _days(expires - sent))
        sheet.refuse(life < 0.0, "expires", "is before the mailing was sent")
        sheet.refuse(delay > life, "redeemed", "is after the offer expired")
    types, of = distinct(sheet, "type")
    given: list[NDArray[np.generic]] = [of, sent, delay, life]
    customers = None
    if "customer" in sheet:
        names, who = sheet.ids("customer")
        customers = len(names)
        given.append(who)
    if "campaign" in sheet:
        given.append(sheet.table.columns[sheet.theirs["campaign"]].codes)
    if repeats == "refuse":
        refuse_pastes(sheet, given)
    return Campaigns(sheet, types[of], delay, life, customers)


def _days(span: NDArray[np.timedelta64]) -> NDArray[np.float64]:
    """Whole days, float64, NaN for NaT."""
    days = span.astype("timedelta64[D]").astype(np.float64)
    return np.where(np.isnat(span), np.nan, days)
