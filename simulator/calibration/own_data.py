"""What a user brings: purchases, an experiment's responses, mailed campaigns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.sheets import Sheet, open_table, read_sheet
from troth.errors import InvalidArgument

if TYPE_CHECKING:
    import pandas as pd

TRANSACTIONS = ("customer", "date", "amount", "category", "store", "joined")
RESPONSES = (
    "treated", "arm", "recency", "history", "customer", "date", "visit", "conversion", "spend",
)  # fmt: skip
CAMPAIGNS = ("customer", "campaign", "type", "sent", "redeemed", "expires")
KINDS = {"transactions": TRANSACTIONS, "responses": RESPONSES, "campaigns": CAMPAIGNS}
_CONTROL = "control"
_MOST = 1e9
MOST_QUIET_DAYS = 366
"""A longer time in which nobody buys anything is a wrong date."""


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
    """

    sheet: Sheet
    customer: NDArray[np.int64]
    names: NDArray[np.str_]
    day: NDArray[np.datetime64]
    amount: NDArray[np.float64]
    category: NDArray[np.str_] | None
    store: NDArray[np.str_] | None
    joined: NDArray[np.datetime64] | None

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

    @property
    def repeated(self) -> int:
        """Rows that are like an earlier one in customer, day, amount, category and store."""
        labels = [text for text in (self.category, self.store) if text is not None]
        columns = [
            self.customer,
            self.day.astype(np.int64),
            self.amount,
            *(np.unique(text, return_inverse=True)[1] for text in labels),
        ]
        order = np.lexsort(columns)
        same = np.ones(len(order) - 1, dtype=np.bool_)
        for column in columns:
            same &= column[order][1:] == column[order][:-1]
        return int(same.sum())


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


def columns_of(kind: str, columns: Mapping[str, str], there: Collection[str]) -> dict[str, str]:
    """The part of a column map that is for one kind of table: ``kind.name`` before ``name``.

    A plain name that several tables may have, such as ``customer``, is the purchases', and
    another table's only where that one has the column too.

    Args:
        kind: "transactions", "responses" or "campaigns".
        columns: the map as the user gave it.
        there: the table's own columns.

    Raises:
        InvalidArgument: for a name that no table has.
    """
    known = {name for names in KINDS.values() for name in names} | {_CONTROL}
    for key in columns:
        table, dot, name = key.partition(".")
        if (dot and (table not in KINDS or name not in (*KINDS[table], _CONTROL))) or (
            not dot and key not in known
        ):
            raise InvalidArgument(
                f"{key!r} names no column; those are {', '.join(sorted(known))}, after "
                f"{'., '.join(KINDS)}. where tables differ",
                field="--columns",
            )
    found = {}
    for name in (*KINDS[kind], _CONTROL):
        shared = sum(name in names for names in KINDS.values()) > 1 and kind != "transactions"
        if f"{kind}.{name}" in columns:
            found[name] = columns[f"{kind}.{name}"]
        elif name in columns and (not shared or columns[name] in there):
            found[name] = columns[name]
    return found


def read_transactions(
    source: str | Path | pd.DataFrame, columns: Mapping[str, str]
) -> Transactions:
    """Read purchases: customer, date, amount, and category, store and joined where they are.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming file, row, column, value and what is allowed; also for a date
            that lies alone, more than a year from all others.
    """
    table = open_table(source, "transactions")
    wanted = columns_of("transactions", columns, table.names)
    sheet = read_sheet(table, TRANSACTIONS[:3], TRANSACTIONS[3:], wanted)
    names, customer = np.unique(sheet.keys("customer"), return_inverse=True)
    day = sheet.days("date")
    _refuse_lone_dates(sheet, day)
    return Transactions(
        sheet=sheet,
        customer=customer.astype(np.int64),
        names=names,
        day=day,
        amount=sheet.numbers("amount", 0.0, _MOST),
        category=sheet.keys("category") if "category" in sheet else None,
        store=sheet.keys("store") if "store" in sheet else None,
        joined=sheet.days("joined") if "joined" in sheet else None,
    )


def _refuse_lone_dates(sheet: Sheet, day: NDArray[np.datetime64]) -> None:
    """Refuse dates, fewer than half of all, beyond a year in which nobody bought.

    One wrong year would be taken for the beginning or the end of the data, and everybody else
    for long gone.
    """
    days = np.unique(day)
    for at in np.flatnonzero(np.diff(days).astype(np.int64) > MOST_QUIET_DAYS).tolist():
        quiet = int((days[at + 1] - days[at]).astype(np.int64))
        early = day <= days[at]
        sheet.refuse(
            early if early.sum() * 2 <= len(day) else ~early,
            "date",
            f"is beyond {quiet} days in which nobody bought (from {days[at]} to {days[at + 1]}), "
            f"where {MOST_QUIET_DAYS} are allowed",
        )


def read_responses(source: str | Path | pd.DataFrame, columns: Mapping[str, str]) -> Responses:
    """Read an experiment: who was treated, and what they did.

    ``treated`` holds 0 or 1; or ``arm`` holds names, of which ``control=NAME`` in the column map
    is the arm without a contact.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming file, row, column, value and what is allowed.
    """
    table = open_table(source, "responses")
    wanted = columns_of("responses", columns, table.names)
    control = wanted.pop(_CONTROL, None)
    sheet = read_sheet(table, (), RESPONSES, wanted)
    if "treated" in sheet:
        treated = sheet.flags("treated")
    elif "arm" in sheet and control is not None:
        treated = sheet.keys("arm") != control
    else:
        raise InvalidArgument(
            "needs a column treated (0 or 1), or arm with control=NAME in the column map",
            field=sheet.name,
        )
    if treated.all() or not treated.any():
        raise InvalidArgument("needs customers with a contact and without", field=sheet.name)
    responses = Responses(
        sheet=sheet,
        treated=treated,
        recency=sheet.numbers("recency", 0.0, 120.0) if "recency" in sheet else None,
        history=sheet.numbers("history", 0.0, _MOST) if "history" in sheet else None,
        visit=sheet.flags("visit") if "visit" in sheet else None,
        conversion=sheet.flags("conversion") if "conversion" in sheet else None,
        spend=sheet.numbers("spend", 0.0, _MOST) if "spend" in sheet else None,
        customer=sheet.keys("customer") if "customer" in sheet else None,
        day=sheet.days("date") if "date" in sheet else None,
    )
    if responses.visit is not None and responses.conversion is not None:
        sheet.refuse(
            responses.conversion & ~responses.visit,
            "conversion",
            "is for a customer who did not visit, where only a visitor can buy",
        )
    return responses


def read_campaigns(source: str | Path | pd.DataFrame, columns: Mapping[str, str]) -> Campaigns:
    """Read mailings: type, sent, redeemed (a date, or empty), and expires where it is.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming file, row, column, value and what is allowed.
    """
    table = open_table(source, "campaigns")
    wanted = columns_of("campaigns", columns, table.names)
    sheet = read_sheet(
        table,
        ("type", "sent", "redeemed"),
        ("customer", "campaign", "expires"),
        wanted,
    )
    sent, redeemed = sheet.days("sent"), sheet.days("redeemed", missing=True)
    delay = _days(redeemed - sent)
    sheet.refuse(delay < 0.0, "redeemed", "is before the mailing was sent")
    life = np.full(len(delay), np.inf)
    if "expires" in sheet:
        expires = sheet.days("expires", missing=True)
        life = np.where(np.isnat(expires), np.inf, _days(expires - sent))
        sheet.refuse(life < 0.0, "expires", "is before the mailing was sent")
        sheet.refuse(delay > life, "redeemed", "is after the offer expired")
    customers = len(np.unique(sheet.keys("customer"))) if "customer" in sheet else None
    return Campaigns(sheet, sheet.keys("type"), delay, life, customers)


def _days(span: NDArray[np.timedelta64]) -> NDArray[np.float64]:
    """Whole days, float64, NaN for NaT."""
    days = span.astype("timedelta64[D]").astype(np.float64)
    return np.where(np.isnat(span), np.nan, days)
