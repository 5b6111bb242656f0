"""The columns of a user's tables, and what the user calls them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from troth.errors import InvalidArgument

TRANSACTIONS = ("customer", "date", "amount", "category", "store", "joined")
RESPONSES = (
    "treated", "arm", "recency", "history", "customer", "date", "visit", "conversion", "spend",
)  # fmt: skip
CAMPAIGNS = ("customer", "campaign", "type", "sent", "redeemed", "expires")
KINDS = {"transactions": TRANSACTIONS, "responses": RESPONSES, "campaigns": CAMPAIGNS}
CONTROL, CONTACT = "control", "contact"
"""Names of arms, not of columns: without a contact, and the one to compare with it."""


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
    known = {name for names in KINDS.values() for name in names} | {CONTROL, CONTACT}
    for key in columns:
        table, dot, name = key.partition(".")
        if (dot and (table not in KINDS or name not in (*KINDS[table], CONTROL, CONTACT))) or (
            not dot and key not in known
        ):
            raise InvalidArgument(
                f"{key!r} names no column; those are {', '.join(sorted(known))}, after "
                f"{'., '.join(KINDS)}. where tables differ",
                field="--columns",
            )
    found = {}
    for name in (*KINDS[kind], CONTROL, CONTACT):
        shared = sum(name in names for names in KINDS.values()) > 1 and kind != "transactions"
        if f"{kind}.{name}" in columns:
            found[name] = columns[f"{kind}.{name}"]
        elif name in columns and (not shared or columns[name] in there):
            found[name] = columns[name]
    return found
