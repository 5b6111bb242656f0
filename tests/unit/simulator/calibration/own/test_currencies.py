"""Amounts in several currencies are not added up, however the column beside them says so."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from simulator.calibration.own.data import read_transactions
from troth.errors import InvalidArgument


def _table(name: str, values: list[object]) -> pd.DataFrame:
    rows = len(values)
    return pd.DataFrame(
        {"customer": range(rows), "date": "2024-01-01", "amount": 20.0, name: values}
    )


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("currency", ["", "USD", ""], "'' names no currency"),
        ("currency", ["EUR", "", "EUR"], "'' names no currency"),
        ("what", ["EUR", "n/a", "EUR"], "names no currency"),
        ("Cur.", ["home", "NULL", "home"], "names no currency"),
        ("what", ["$", "€", "$"], "'€' is another currency"),
        ("what", ["euro", "Dollar", "euro"], "'Dollar' is another currency"),
        ("what", ["GEL", "KZT", "GEL"], "'KZT' is another currency"),
        ("orderCurrency", ["978", "840", "978"], "'840' is another currency"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "object", "category", "parquet"])
def test_a_second_currency_is_refused(
    tmp_path: Path, name: str, values: list[object], said: str, kind: str
) -> None:
    """Left blank, as a sign, a name, a rare code or a number; in text, frames and Parquet."""
    table = _table(name, values)
    source: pd.DataFrame | Path = table
    if kind == "csv":
        source = tmp_path / "x.csv"
        table.to_csv(source, index=False)
    elif kind == "parquet":
        source = tmp_path / "x.parquet"
        table.astype({name: "category"}).to_parquet(source)
    else:
        source = table.astype({name: kind})
    with pytest.raises(InvalidArgument) as caught:
        read_transactions(source, {})
    assert said in str(caught.value)


def test_a_column_of_numbers_in_a_frame_is_looked_at() -> None:
    """ISO's numbers for currencies, and a missing one."""
    for values in ([978, 840, 978], [978.0, None, 978.0]):
        with pytest.raises(InvalidArgument, match=r"(another|names no) currency"):
            read_transactions(_table("currency", values), {})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("currency", ["EUR", "eur", "€"]),
        ("size", ["TOP", "ALL", ""]),
        ("kind", ["GEL", "PEN", "CUP"]),
        ("current_stock", ["12", "13", ""]),
        ("recurring", ["yes", "no", ""]),
        ("currency", ["", "", ""]),
        ("what", ["a", "", "USD"]),
    ],
)
def test_what_is_one_currency_or_none_is_read(name: str, values: list[object]) -> None:
    """However it is written; words that happen to be codes are none."""
    assert len(read_transactions(_table(name, values), {}).day) == 3
