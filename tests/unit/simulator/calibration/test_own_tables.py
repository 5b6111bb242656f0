"""Exports of purchases as they come: read right, or refused with the rows; never in part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.calibration.complete_journey import read_journey
from simulator.calibration.own.checks import lone_dates
from simulator.calibration.own.data import Transactions, read_transactions
from simulator.calibration.own.pace import visits
from simulator.calibration.own.reading import Reading
from tests.support import own_files as made
from troth.errors import InvalidArgument
from troth.tables import Dialect

HEAD = "customer,date,amount\n"


def bought(folder: Path, text: str | bytes, reading: Reading | None = None) -> Transactions:
    """The purchases in a file of ``text``."""
    path = folder / "x.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_transactions(path, {}, reading)


def refusal(folder: Path, text: str | bytes, reading: Reading | None = None) -> str:
    """What is said of a file of ``text``, without its folder."""
    with pytest.raises(InvalidArgument) as caught:
        bought(folder, text, reading)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_quote_that_is_not_closed_loses_nobody(tmp_path: Path) -> None:
    """Whether it swallows rows until the next one, or makes them one cell."""
    head = "customer,date,amount,category\n"
    rest = '2,2024-01-02,5,x\n3,2024-01-03,6,"pizza\n4,2024-01-04,7,y\n'
    said = refusal(tmp_path, f'{head}1,2024-01-01,20,"pizza\n{rest}')
    assert said.startswith("x.csv:2: ',' expected after '\"', in line 4: is a quote not closed?")
    rest = '2,2024-01-02,5,x\n3,2024-01-03,6,7"\n4,2024-01-04,7,y\n'
    said = refusal(tmp_path, f'{head}1,2024-01-01,20,"12 inch\n{rest}')
    assert said.startswith("x.csv:2: a cell holds what look like rows, up to line 4")
    kept = bought(tmp_path, f'{head}1,2024-01-01,20,"two\nlines"\n2,2024-01-02,5,x\n')
    assert kept.notes == ("rows with a line break in a cell: 1, the first in line 2",)
    assert len(kept.day) == 2


def test_lines_are_those_of_the_file_and_all_faults_are_told(tmp_path: Path) -> None:
    """Blank lines count; the first twenty faults in full, the others by number."""
    said = refusal(tmp_path, f"{HEAD}1,2024-01-01,20\n\n\n2,2024-01-02,abc\n")
    assert said == "x.csv:5:amount: 'abc' is not a number in [0, 1e+09]"
    said = refusal(tmp_path, HEAD + "1,2024-01-40,-\n" * 30)
    assert said.startswith("x.csv:2:amount: '-' is not a number")
    assert "x.csv:11:date: '2024-01-40' is not a date" in said
    assert said.endswith("; and 40 more")


def test_ids_are_told_apart(tmp_path: Path) -> None:
    """7 and 7.0 are one customer, 007, user.0 and user three others."""
    rows = "".join(f"{name},2024-01-0{1 + at},5\n" for at, name in enumerate(
        ("7", "7.0", "007", "user.0", "user")
    ))  # fmt: skip
    found = bought(tmp_path, HEAD + rows)
    assert found.names[found.customer].tolist() == ["7", "7", "007", "user.0", "user"]


def test_ids_that_a_spreadsheet_rounded_are_a_warning(tmp_path: Path) -> None:
    """With how many rows, and the first."""
    row = "1.23457E+12,2024-01-0"
    found = bought(tmp_path, f"{HEAD}{row}1,20\n{row}2,5\n{row}9,8\n")
    (warning,) = found.warnings
    assert "3 rows" in warning
    assert "x.csv:2:customer: '1.23457E+12'" in warning
    assert "rounded by a spreadsheet" in warning


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_what_a_german_spreadsheet_writes_is_read(tmp_path: Path, encoding: str) -> None:
    """Semicolons, decimal commas, thousands, its code pages; days first only where it is said."""
    text = "sep=;\r\ncustomer;date;amount;category\r\n1;{};1.234,50;Möbel\r\n2;{};12,5;Tür\r\n"
    found = bought(tmp_path, text.format("2024-01-01", "2024-01-02").encode(encoding))
    assert found.amount.tolist() == [1234.5, 12.5]
    assert found.category is not None
    assert found.category.tolist() == ["Möbel", "Tür"]
    assert "separated by ';'" in found.notes
    assert "amount: read with decimal commas" in found.notes
    data = text.format("01.02.2024", "02.02.2024").encode(encoding)
    assert "say --day-first or --month-first" in refusal(tmp_path, data)
    found = bought(tmp_path, data, Reading(Dialect(day_first=True)))
    assert found.day.astype(str).tolist() == ["2024-02-01", "2024-02-02"]


def test_all_columns_that_are_missing_are_named_with_what_to_do(tmp_path: Path) -> None:
    """At once, not one after the other, as a newcomer has them in a language of their own."""
    said = refusal(tmp_path, "Kunde;Datum;amount\n1;2024-01-01;5\n")
    assert said == (
        "x.csv: column 'customer', the customer of transactions, and column "
        "'date', the date of transactions, are missing; found Kunde, Datum, amount. What the table "
        "calls customer, say in --columns: transactions.customer=NAME"
    )


def test_a_year_is_no_day(tmp_path: Path) -> None:
    """Else everything happens on 1 January."""
    said = refusal(tmp_path, f"{HEAD}1,2024,20\n2,2024,5\n")
    assert said.count("'2024' is not a date") == 2


RETURNS = (
    HEAD
    + "1,2024-01-01,20\n1,2024-01-05,-20\n2,2024-01-02,35\n"
    + ("2,2024-01-02,-5\n3,2024-02-02,-9\n")
)


def test_returns_are_refused_all_at_once(tmp_path: Path) -> None:
    """With what can be done about them."""
    said = refusal(tmp_path, RETURNS)
    assert said.count("is it a return? --returns net or drop takes it for one") == 3
    assert "x.csv:3:amount: '-20' is not a number in [0, 1e+09]" in said
    assert "is it a return" not in refusal(tmp_path, f"{HEAD}1,2024-01-01,2e9\n")


def test_returns_are_netted_against_what_was_bought(tmp_path: Path) -> None:
    """The latest purchase first, none below 0; what was bought before the data is left out."""
    found = bought(tmp_path, RETURNS, Reading(returns="net"))
    assert found.names[found.customer].tolist() == ["1", "2"]
    assert found.amount.tolist() == [0.0, 30.0]
    said = " ".join(found.notes).replace(f"{tmp_path}/", "")
    assert "latest first, 3 rows (x.csv:3:amount: '-20')" in said
    assert "exceeds all that was bought before in 1 row (x.csv:6:amount: '-9')" in said
    assert "returns: customers with nothing else, left out: 1" in said
    rows = "1,2024-01-09,-25\n1,2024-01-01,20\n1,2024-01-05,10\n1,2024-01-20,50\n"
    found = bought(tmp_path, HEAD + rows, Reading(returns="net"))
    assert found.amount.tolist() == [5.0, 0.0, 50.0]
    cents = "1,2024-01-01,0.1\n1,2024-01-01,0.2\n1,2024-01-02,-0.3\n"
    found = bought(tmp_path, HEAD + cents, Reading(returns="net"))
    assert found.amount.tolist() == [0.0, 0.0]
    assert not any("exceeds" in note for note in found.notes)


def test_returns_may_be_dropped(tmp_path: Path) -> None:
    """Then what was bought stays as it was; returns alone are no purchases."""
    found = bought(tmp_path, RETURNS, Reading(returns="drop"))
    assert found.amount.tolist() == [20.0, 35.0]
    assert any("3 rows" in note and "left out" in note for note in found.notes)
    said = refusal(tmp_path, f"{HEAD}3,2024-02-02,-9\n", Reading(returns="drop"))
    assert said == "x.csv: has returns alone"


def test_an_export_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Pasted whole, or only its end again; unless the user says that it is all real."""
    rows = "1,2024-01-01,20\n1,2024-02-01,10\n2,2024-01-02,5\n"
    said = refusal(tmp_path, HEAD + rows + rows)
    assert said.startswith("x.csv:5:customer: '1' and 3 of 6 rows are like an earlier one in every")
    assert "(lines 5, 6, 7)" in said
    found = bought(tmp_path, HEAD + rows + rows, Reading(repeats="keep"))
    assert (len(found.day), found.repeated) == (6, 3)
    long = [f"{at % 97},2024-{1 + at // 28:02d}-{1 + at % 28:02d},{at}.5\n" for at in range(300)]
    said = refusal(tmp_path, HEAD + "".join(long + long[-25:]))
    assert "25 of 325 rows are like earlier ones, in their order too" in said
    assert bought(tmp_path, HEAD + "".join(long + long[-15:])).repeated == 15


def test_several_files_are_read_together(tmp_path: Path) -> None:
    """In any order, without losing one; what they share is told, what is there twice refused."""
    paths = [tmp_path / name for name in ("jan.csv", "feb.csv", "copy.csv", "both.csv")]
    january = "".join(f"{at},2024-01-{1 + at:02d},{at}\n" for at in range(30))
    february = "".join(f"{at},2024-02-{1 + at:02d},{at}\n" for at in range(20))
    texts = (january, "9,2024-01-30,99\n" + february, january, january + february)
    for path, text in zip(paths, texts, strict=True):
        path.write_text(HEAD + text)
    found = read_transactions(paths[:2], {})
    assert len(found.day) == 51
    assert found.sheet.origin(51, "").source == "jan.csv, feb.csv"
    (overlap,) = [note for note in found.notes if "both have" in note]
    assert overlap == "jan.csv and feb.csv both have purchases on 2024-01-30"
    with pytest.raises(InvalidArgument, match=r"copy\.csv: is the same file as .*jan\.csv"):
        read_transactions([paths[0], paths[2]], {})
    with pytest.raises(InvalidArgument, match=r"both\.csv:2:.*30 of 50 rows are like one of an ea"):
        read_transactions([paths[0], paths[3]], {})
    assert len(read_transactions([paths[0], paths[3]], {}, Reading(repeats="keep")).day) == 80


def test_observation_may_end_later_or_earlier(tmp_path: Path) -> None:
    """Nothing sold since is information; what comes after the end is left out aloud."""
    rows = "1,2024-01-01,20\n1,2024-02-01,10\n2,2024-01-02,5\n"
    later = bought(tmp_path, HEAD + rows, Reading(until=np.datetime64("2024-06-30")))
    assert (str(later.end), len(later.day)) == ("2024-06-30", 3)
    assert str(bought(tmp_path, HEAD + rows).end) == "2024-02-01"
    earlier = bought(tmp_path, HEAD + rows, Reading(until=np.datetime64("2024-01-31")))
    assert (str(earlier.end), earlier.amount.tolist()) == ("2024-01-31", [20.0, 5.0])
    (said,) = earlier.notes
    assert "until 2024-01-31: left out after it 1 row" in said
    assert "x.csv:3:date: '2024-02-01')" in said
    for until, why in (
        ("2023-12-31", "is before the first"),
        ("2030-01-01", "days after the last"),
    ):
        said = refusal(tmp_path, HEAD + rows, Reading(until=np.datetime64(until)))
        assert said.startswith(f"until: {until} is ")
        assert why in said


def test_currencies_are_not_added_up(tmp_path: Path) -> None:
    """Whether they stand in a column that nobody reads, or beside the amount."""
    head = "customer,date,amount,what\n"
    rows = "1,2024-01-01,20,EUR\n2,2024-01-02,5,usd\n3,2024-01-03,6,EUR\n"
    said = refusal(tmp_path, head + rows)
    assert said == (
        "x.csv:3:what: 'usd' is another currency than most (2 rows in EUR, 1 rows in USD): leave "
        "one in the file"
    )
    one = bought(tmp_path, head + rows.replace("usd", "EUR"))
    assert one.notes == ("columns not read: what",)
    said = refusal(tmp_path, head.replace("what", "Currency") + rows.replace("EUR", "euro"))
    assert "'usd' is another currency" in said
    assert bought(tmp_path, head + "1,2024-01-01,20,ALE\n2,2024-01-02,5,USD\n").repeated == 0
    said = refusal(tmp_path, f"{HEAD}1,2024-01-01,20 EUR\n2,2024-01-02,$5\n3,2024-01-02,9 EUR\n")
    assert "x.csv:3:amount: '$5' is not in EUR, as 2 of 3 amounts are" in said


def test_one_wrong_date_is_a_warning_with_its_row(tmp_path: Path) -> None:
    """At either end of the data, however few days or many the others take."""
    table = made.transactions(np.random.default_rng(7), 300)
    for at, date in ((4, "2024-01-01"), (9, "2020-11-20")):
        wrong = table.assign(date=table["date"].astype(str))
        wrong.loc[at, "date"] = date
        wrong.to_csv(tmp_path / "x.csv", index=False)
        (warning,) = read_transactions(tmp_path / "x.csv", {}).warnings
        assert f"in 1 row ({tmp_path}/x.csv:{at + 2}:date: '{date}')" in warning
        assert "days from all others" in warning


@pytest.mark.parametrize("share", [0.002, 0.008])
@pytest.mark.parametrize("shift", [-360, 360])
def test_several_wrong_dates_are_a_warning(share: float, shift: int) -> None:
    """A few among thousands, a year early or late."""
    table = made.transactions(np.random.default_rng(7), 500, days=300)
    day = table["date"].to_numpy().astype("datetime64[D]")
    wrong = np.random.default_rng(8).choice(len(day), int(share * len(day)), replace=False)
    day[wrong] += shift
    (end,) = lone_dates(visits(table["customer"].to_numpy(dtype=np.int64), day)[1], day)
    assert set(end[0].tolist()) <= set(wrong.tolist())
    assert len(end[0]) > 0.7 * len(wrong)


@pytest.mark.parametrize("customers", [1, 5, 20, 50, 100, 300])
def test_honest_shops_are_not_warned(customers: int) -> None:
    """However small."""
    for seed in range(8):
        table = made.transactions(np.random.default_rng(seed), customers)
        day = table["date"].to_numpy().astype("datetime64[D]")
        assert lone_dates(visits(table["customer"].to_numpy(dtype=np.int64), day)[1], day) == []


@pytest.mark.data
def test_real_shops_are_not_warned(data_dir: Path) -> None:
    """CDNOW, whose purchases ebb away, and the Complete Journey."""
    cdnow = data_dir / "cdnow" / "CDNOW_master.txt"
    columns = {"customer": "customer_id", "amount": "dollar_value"}
    log = read_transactions(cdnow, columns, Reading(Dialect(delimiter=" +")))
    assert len(log.day) == 69_659
    journey = read_transactions(read_journey(data_dir / "complete_journey").transactions, {})
    assert log.warnings == journey.warnings == ()
    assert log.repeated / len(log.day) < 0.005
    assert journey.repeated / len(journey.day) < 0.01


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    """So that a name with a slip of the pen shows."""
    found = bought(tmp_path, "customer,date,amount,Category,till\n1,2024-01-01,5,a,3\n")
    assert found.notes == ("columns not read: Category, till",)
    assert found.category is None
