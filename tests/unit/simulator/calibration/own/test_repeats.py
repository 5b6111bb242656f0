"""The same purchases twice, however they are written or ordered, are refused; chance is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.own.data import read_transactions
from simulator.calibration.own.influence import without
from simulator.calibration.own.reading import Reading
from tests.support.purchase_logs import START, log
from troth.errors import InvalidArgument

HEAD = "customer,date,amount\n"
LONG = 20


def test_who_is_left_out_takes_their_repeated_rows_along() -> None:
    """Before, the note counted rows of a till that no figure rests on."""
    table = log(np.random.default_rng(3), 80, joined=(0, 50), days=120)
    table = table.astype({"customer": str}).drop_duplicates()
    till = pd.DataFrame({"customer": "TILL", "date": table["date"].iloc[[5] * 4], "amount": 5.0})
    bought = read_transactions(pd.concat([table, till, table[:1]], ignore_index=True), {})
    assert bought.repeated == 4
    left = without(bought, ["TILL"])
    assert left.repeated == 1
    assert left.again.tolist() == [False] * len(table) + [True]
    ended = Reading(until=table["date"].max().to_datetime64().astype("datetime64[D]") - 1)
    assert len(read_transactions(table, {}, ended).again) < len(table)


def _files(folder: Path, *texts: str) -> list[Path]:
    paths = [folder / f"{at}.csv" for at in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return paths


def _shop(customers: int = 120) -> pd.DataFrame:
    table = log(np.random.default_rng(3), customers, joined=(0, 200), days=300)
    return table.astype({"date": "datetime64[ns]"}).sort_values("date", ignore_index=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("7,2024-01-{:02d},20.00", "7,2024-01-{:02d} 00:00:00,20"),
        ("7,2024-01-{:02d},20", "7.0,2024-01-{:02d},20"),
        ("7,2024-01-{:02d},20", "7,2024-01-{:02d}, 20.00"),
        ("7,2024-01-{:02d},20", "7 ,202401{:02d},+20.0"),
        ("7,2024-01-{:02d} 09:15,20", "7,2024-01-{:02d},20"),
        ("7,2024-01-{:02d} 2:15 PM,20", "7,2024-01-{:02d}T14:15:00.000,20"),
    ],
)
def test_rows_are_alike_by_what_was_read(tmp_path: Path, one: str, other: str) -> None:
    """However two exports, or two halves of one, write it."""
    first, second = ("".join(f"{row.format(at)}\n" for at in range(1, 13)) for row in (one, other))
    with pytest.raises(InvalidArgument, match="12 of 12 rows are like one of an earlier file"):
        read_transactions(_files(tmp_path, HEAD + first, HEAD + second), {})
    with pytest.raises(InvalidArgument, match="12 of 24 rows are like an earlier one"):
        read_transactions(_files(tmp_path, HEAD + first + second), {})


def test_times_and_labels_tell_purchases_apart(tmp_path: Path) -> None:
    """Who buys the same at nine and at ten bought twice."""
    rows = "".join(
        f"7,2024-01-{at:02d} {time},20,{what}\n"
        for at in range(1, 13)
        for time, what in (("09:15", "a"), ("09:16", "a"), ("09:15", "b"), ("09:15:00.5", "a"))
    )
    (path,) = _files(tmp_path, "customer,date,amount,category\n" + rows)
    assert read_transactions(path, {}).repeated == 0


def test_an_export_inside_another_is_found_in_any_order(tmp_path: Path) -> None:
    """A month and the year it is in: the month is few of the year's rows."""
    year = _shop()
    month = year[year["date"] < np.datetime64(START) + 40]
    assert len(month) < 0.1 * len(year)
    shuffled = year.sample(frac=1.0, random_state=4)
    for other in (year[::-1], shuffled):
        paths = _files(tmp_path, month.to_csv(index=False), other.to_csv(index=False))
        with pytest.raises(InvalidArgument, match=r"1\.csv:.*of which 100% is there again"):
            read_transactions(paths, {})
        kept = read_transactions(paths, {}, Reading(repeats="keep"))
        assert len(kept.day) == len(year) + len(month)


@pytest.mark.parametrize("order", ["backwards", "shuffled"])
def test_a_part_pasted_in_another_order_is_found(tmp_path: Path, order: str) -> None:
    """A quarter of one file again; or two files that share some weeks."""
    table = _shop(600)
    part = table[len(table) // 2 : 3 * len(table) // 4]
    part = part[::-1] if order == "backwards" else part.sample(frac=1.0, random_state=5)
    (path,) = _files(tmp_path, pd.concat([table, part]).to_csv(index=False))
    like = "in their order too" if order == "backwards" else "on days on end"
    with pytest.raises(InvalidArgument, match=f"rows are like earlier ones, {like}"):
        read_transactions(path, {})
    last = table["date"].iloc[len(table) // 2]
    weeks = (table["date"] > last - np.timedelta64(7, "D")) & (table["date"] <= last)
    late = table[table["date"] > last - np.timedelta64(7, "D")].sample(frac=1.0, random_state=6)
    assert LONG < weeks.sum() < 0.1 * len(late)
    paths = _files(
        tmp_path, table[table["date"] <= last].to_csv(index=False), late.to_csv(index=False)
    )
    with pytest.raises(InvalidArgument, match=f"{weeks.sum()} of .* on days on end"):
        read_transactions(paths, {})


def test_what_is_bought_twice_is_no_paste(tmp_path: Path) -> None:
    """Three coffees a day for one customer, among others' purchases; months as separate files."""
    table = _shop()
    coffee = pd.DataFrame(
        {
            "customer": 9999,
            "date": np.repeat(np.array(START) + np.arange(0, 200, 5), 3),
            "amount": 2.5,
        }
    )
    whole = pd.concat([table, coffee.astype({"date": "datetime64[ns]"})])
    (path,) = _files(tmp_path, whole.to_csv(index=False))
    assert read_transactions(path, {}).repeated == 80
    months = [part.to_csv(index=False) for _, part in table.groupby(table["date"].dt.month)]
    assert len(read_transactions(_files(tmp_path, *months), {}).day) == len(table)
