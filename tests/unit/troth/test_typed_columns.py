"""Cells as numbers, days and names: read where they can mean one thing, refused otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from troth.errors import InvalidArgument
from troth.tables import BLANKS, Dialect, Table, read_table


def column(
    folder: Path, cells: list[str], dialect: Dialect | None = None, *, delimiter: str = ";"
) -> Table:
    """A table of a column x of ``cells`` beside another."""
    path = folder / "t.csv"
    rows = "".join(f'"{cell}"{delimiter}0\n' for cell in ["x", *cells])
    path.write_text(rows.replace(f'"x"{delimiter}0', f"x{delimiter}y", 1), encoding="utf-8")
    return read_table(path, dialect)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["12", "12.5", "-3", "+4", ".5", "7."], [12, 12.5, -3, 4, 0.5, 7]),
        (["1.234,50", "12,5"], [1234.5, 12.5]),
        (["1,234.50", "12.5"], [1234.5, 12.5]),
        (["1.234.567", "1,5"], [1234567, 1.5]),
        (["1.234", "0,5"], [1234, 0.5]),
        (["1,234", "0.5"], [1234, 0.5]),
        (["1 234,50", "1\u00a0234,5", "1\u202f234"], [1234.5, 1234.5, 1234]),
        (["1'234.50", "1\u2019234"], [1234.5, 1234]),
        (["5.00-", "(5.00)", "\u22125.00", "- 5"], [-5, -5, -5, -5]),
        (["12.00 EUR", "3 EUR", "-4.5EUR"], [12, 3, -4.5]),
        (["€ 12,00", "€3,5"], [12, 3.5]),
        (["-$5.25", "($5.25)", "$1,000.00"], [-5.25, -5.25, 1000]),
        (["1e2", "1.5e-05", "2E+3"], [100, 1.5e-05, 2000]),
    ],
)
def test_numbers_that_can_mean_one_thing(
    tmp_path: Path, cells: list[str], values: list[float]
) -> None:
    """Whatever the country, as long as all values of a column agree."""
    found = column(tmp_path, cells).numbers("x", -1e9, 1e9)
    np.testing.assert_allclose(found, values, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "abc",
        "NaN",
        "nan",
        "inf",
        "Infinity",
        "1e999",
        "1_000",
        "0x10",
        "12%",
        "1,23,4.5",
        "--5",
        "12,3456.5",
        "1234 567",
        "12 34",
        "5-5",
        "(-5)",
        "EUR",
        "$5 EUR",
        "٣",
        "True",
        "1.2.3",
        "-",
    ],
)
def test_what_is_no_number_is_refused(tmp_path: Path, cell: str) -> None:
    """With its line, whatever Python would make of it."""
    table = column(tmp_path, ["1.5", cell])
    with pytest.raises(InvalidArgument, match=r":3:x: .* is not a number in \[-1e\+09, 1e\+09\]$"):
        table.numbers("x", -1e9, 1e9)


@pytest.mark.parametrize("cells", [["1.234", "12"], ["1,234", "12"], ["12.125", "3,500"]])
def test_thousands_or_a_fraction_is_for_the_user_to_say(tmp_path: Path, cells: list[str]) -> None:
    """A group of three behind a sign proves nothing, nor do two signs that contradict."""
    with pytest.raises(InvalidArgument, match=r":2:x: .*say the decimal sign|not written with"):
        column(tmp_path, cells).numbers("x", 0.0, 1e9)


def test_the_decimal_sign_may_be_said(tmp_path: Path) -> None:
    """Then the other one sets off groups; between commas a point needs no proof."""
    for sign, value in ((".", 1.234), (",", 1234.0)):
        table = column(tmp_path, ["1.234"], Dialect(decimal=sign))
        assert table.numbers("x", 0.0, 1e9).tolist() == [value]
    between_commas = column(tmp_path, ["1.234", "12"], delimiter=",")
    assert between_commas.numbers("x", 0.0, 1e9).tolist() == [1.234, 12.0]
    with pytest.raises(InvalidArgument, match="thousands or a fraction"):
        column(tmp_path, ["1,234", "12"], delimiter=",").numbers("x", 0.0, 1e9)
    with pytest.raises(InvalidArgument, match="'12,5' is not a number"):
        column(tmp_path, ["12,5"], Dialect(decimal=".")).numbers("x", 0.0, 1e9)


def test_the_few_that_are_written_otherwise_are_the_faults(tmp_path: Path) -> None:
    """Decimal commas among points, and other currencies, each with its line."""
    with pytest.raises(InvalidArgument) as caught:
        column(tmp_path, ["1.5", "2,5", "3.5", "4,5", "5.5"]).numbers("x", 0.0, 1e9)
    assert caught.value.message.count("not written with decimal points") == 2
    with pytest.raises(InvalidArgument) as caught:
        column(tmp_path, ["1.5 EUR", "2 EUR", "3.5 USD", "4 EUR", "5.5"]).numbers("x", 0.0, 1e9)
    assert ":4:x: '3.5 USD' is not in EUR, as 3 of 5 amounts are" in str(caught.value)
    assert ":6:x: '5.5' is not in EUR" in str(caught.value)


def test_what_a_column_was_taken_for_is_noted(tmp_path: Path) -> None:
    """The sign and the currency; numbers that a spreadsheet has shortened are a warning."""
    table = column(tmp_path, ["1,5 EUR", "2 EUR"])
    table.numbers("x", 0.0, 1e9)
    assert table.notes[-2:] == ["x: read with decimal commas", "x: in EUR"]
    table = column(tmp_path, ["1.2E+05", "7"])
    table.numbers("x", 0.0, 1e9)
    assert table.warnings[0].endswith(f"spreadsheet, in 1 row ({tmp_path}/t.csv:2:x: '1.2E+05')")


@pytest.mark.parametrize(
    "cell",
    [
        "2024-05-31",
        "20240531",
        "20240531.0",
        "2024/05/31",
        "2024.5.31",
        " 2024-05-31 ",
        "2024-05-31 23:59:59",
        "2024-05-31T23:59:59.123456789Z",
        "2024-05-31T00:00:00+02:00",
        "2024-05-31 11:59 PM",
        "2024-05-31 23:59 UTC",
        "20240531T235959",
        "2024-05-31 9:00-0500",
    ],
)
def test_days_with_the_year_first_need_no_guess(tmp_path: Path, cell: str) -> None:
    """With a time or without; of a time with a zone, the day is the one on the wall."""
    assert column(tmp_path, [cell]).days("x").astype(str).tolist() == ["2024-05-31"]


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "2024",
        "2024-05",
        "202405",
        "2024-13-01",
        "2024-02-30",
        "1899-12-31",
        "2101-01-01",
        "45443",
        "1717113600",
        "31 May 2024",
        "24-05-31",
        "2024-05-31 25:00",
        "2024-05-31 13:00 PM",
        "2024-05/31",
        "2024-05-31x",
        "9999-12-31",
        "0.5",
    ],
)
def test_what_is_no_day_is_refused(tmp_path: Path, cell: str) -> None:
    """A year alone is no day of January."""
    with pytest.raises(InvalidArgument, match=r":2:x: .*is not a date in \[1900-01-01"):
        column(tmp_path, [cell]).days("x")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            ["31/05/24", "5/31/24 10:00", "31.5.24", "24-05-31", "31-May-24", "1 Mai 24", "240531"],
            "a year of two digits is not guessed, export dates with all four",
        ),
        (["45443", "45443.25"], "a spreadsheet's number of 2024-05-31? Format the column as dates"),
        (
            ["31 May 2024", "31. Mai 2024", "May 31, 2024", "31-Dez-2024", "31 mars 2024 9:05"],
            "export the month as a number",
        ),
    ],
)
@pytest.mark.parametrize("day_first", [None, True])
def test_of_what_is_no_day_it_is_said_what_to_do(
    tmp_path: Path, cells: list[str], said: str, day_first: bool | None
) -> None:
    """Whether or not the order of day and month is told: the century is not."""
    with pytest.raises(InvalidArgument) as caught:
        column(tmp_path, cells, Dialect(day_first=day_first)).days("x")
    assert [said in fault for fault in caught.value.faults] == [True] * len(cells)


def test_what_is_no_date_at_all_gets_no_advice(tmp_path: Path) -> None:
    """Nor does a year with its month."""
    cells = ["2024", "202405", "soon", "1717113600", "2024-05-31x", "1.5", "99999"]
    with pytest.raises(InvalidArgument) as caught:
        column(tmp_path, cells).days("x")
    assert [fault.partition("20240531")[2] for fault in caught.value.faults] == [""] * len(cells)


@pytest.mark.parametrize("cell", ["03/04/2024", "31/05/2024", "31.05.2024", "3-4-2024 12:00"])
def test_a_year_that_stands_last_is_for_the_user_to_say(tmp_path: Path, cell: str) -> None:
    """Day or month first is never guessed."""
    with pytest.raises(InvalidArgument, match="say --day-first or --month-first"):
        column(tmp_path, [cell]).days("x")


def test_day_first_and_month_first(tmp_path: Path) -> None:
    """Beside dates with the year first, which stay what they are."""
    cells = ["03/04/2024", "3.4.2024 9:30", "2024-05-06"]
    for day_first, first in ((True, "2024-04-03"), (False, "2024-03-04")):
        days = column(tmp_path, cells, Dialect(day_first=day_first)).days("x").astype(str)
        assert days.tolist() == [first, first, "2024-05-06"]
    with pytest.raises(InvalidArgument, match="'31/05/2024' is not a date"):
        column(tmp_path, ["31/05/2024"], Dialect(day_first=False)).days("x")


def test_days_may_be_missing_where_that_is_allowed(tmp_path: Path) -> None:
    """Nothing, as tables write it, is no fault; anything else is."""
    table = column(tmp_path, ["", "NaT", "null", "2024-05-31"])
    assert np.isnat(table.days("x", missing=True)).tolist() == [True, True, True, False]
    with pytest.raises(InvalidArgument, match="'soon'"):
        column(tmp_path, ["soon"]).days("x", missing=True)


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["7", "7.0", "007", "user.0", "user"], ["7", "7", "007", "user.0", "user"]),
        (["7.0", "07.0", "-3.0", "0.0"], ["7", "07.0", "-3", "0"]),
        (["7", "7.0", "7.1"], ["7", "7.0", "7.1"]),
        (["1.0.0", "7.00", "7."], ["1.0.0", "7.00", "7."]),
        ([" C1", "C1\u00a0", "\ufeffC1", "c1"], ["C1", "C1", "C1", "c1"]),
        (["NA", "nan", "None"], ["NA", "nan", "None"]),
    ],
)
def test_ids_are_text(tmp_path: Path, cells: list[str], names: list[str]) -> None:
    """But for whole numbers that were floats for a while, and blanks around them."""
    assert column(tmp_path, cells).texts("x").tolist() == names


def test_what_became_of_ids_is_told_with_its_rows(tmp_path: Path) -> None:
    """Blanks and floats are noted, rounded ids are a warning, formulas and gaps refused."""
    table = column(tmp_path, ["C1 ", "7", "7.0", "1.23457E+12", "1,23457e+12", "1.23457E+12"])
    table.texts("x")
    assert table.notes[1:] == [
        f"x: blanks around names left out in 1 row ({tmp_path}/t.csv:2:x: 'C1 ')",
        f"x: taken for the whole number that others have in 1 row ({tmp_path}/t.csv:4:x: '7.0')",
    ]
    (warning,) = table.warnings
    assert warning.startswith("x: rounded by a spreadsheet")
    assert warning.endswith(f" in 3 rows ({tmp_path}/t.csv:5:x: '1.23457E+12')")
    with pytest.raises(InvalidArgument, match=r":2:x: ' ' is missing.*:3:x: '=.00123' is a spr"):
        column(tmp_path, [" ", '=""00123']).texts("x")


def test_flags_choices_and_whole_numbers(tmp_path: Path) -> None:
    """As tables write them."""
    assert column(tmp_path, ["1", "no", "TRUE", "0.0"]).flags("x").tolist() == [1, 0, 1, 0]
    assert column(tmp_path, ["b", " a"]).choices("x", ("a", "b")).tolist() == [1, 0]
    assert column(tmp_path, ["3", "4.0"]).integers("x", 0, 9).tolist() == [3, 4]
    moments = column(tmp_path, ["2024-05-31T00:30:00.5+02:00"]).moments("x")
    assert str(moments[0]) == "2024-05-30T22:30:00.500000"
    for cell, read in (
        ("maybe", lambda table: table.flags("x")),
        ("c", lambda table: table.choices("x", ("a", "b"))),
        ("3.5", lambda table: table.integers("x", 0, 9)),
        ("10", lambda table: table.integers("x", 0, 9)),
        ("2024-05-31T00:30:00", lambda table: table.moments("x")),
    ):
        with pytest.raises(InvalidArgument, match=f":2:x: '{cell}' is not"):
            read(column(tmp_path, [cell]))


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    """Rows that are too short beside wrong cells of several columns, in the file's order."""
    path = tmp_path / "t.csv"
    path.write_text("who,when,much\nA,2024-01-01,5\nB,soon,x\nC,2024-01-03\n,2024-01-04,-1\n")
    table = read_table(path)

    def check() -> None:
        with table.checking():
            table.labels("who")
            table.days("when")
            table.refuse(table.numbers("much", 0.0, 9.0) == 5.0, "who", "may not have 5")

    with pytest.raises(InvalidArgument) as caught:
        check()
    assert str(caught.value) == (
        f"{path}:2:who: 'A' may not have 5; "
        f"{path}:3:much: 'x' is not a number in [0, 9]; "
        f"{path}:3:when: 'soon' is not a date in [1900-01-01, 2100-12-31], such as 2024-05-31 or "
        f"20240531; {path}:4: 2 values, where the header has 3; "
        f"{path}:5:much: '-1' is not a number in [0, 9]; "
        f"{path}:5:who: '' is missing, where a name is needed"
    )


def test_several_files_are_one_table(tmp_path: Path) -> None:
    """Rows keep their file and line; columns may stand in another order, but not be others."""
    for name, text in (("a.csv", "x,y\n1,p\n\n2,q\n"), ("b.csv", "y;x\np;2\nr;zero\n")):
        (tmp_path / name).write_text(text)
    table = read_table([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert table.texts("y").tolist() == ["p", "q", "p", "r"]
    with pytest.raises(InvalidArgument) as caught:
        table.numbers("x", 0.0, 9.0)
    assert caught.value.field == f"{tmp_path}/b.csv:3:x"
    (tmp_path / "c.csv").write_text("x,z\n1,2\n")
    with pytest.raises(InvalidArgument, match=r"c\.csv: has other columns than .*a\.csv: y, z"):
        read_table([tmp_path / "a.csv", tmp_path / "c.csv"])


def test_a_dialect_is_checked(tmp_path: Path) -> None:
    """What cannot be a dialect is refused; what can holds for the file."""
    for wrong in (
        {"delimiter": ";;"}, {"delimiter": '"'}, {"delimiter": "a"}, {"decimal": ";"},
        {"encoding": "utf-9"}, {"encoding": "base64"},
    ):  # fmt: skip
        with pytest.raises(InvalidArgument, match=next(iter(wrong))):
            Dialect(**wrong)
    path = tmp_path / "t.txt"
    path.write_bytes("naïve^x\n1^2\n".encode("utf-16-le"))
    with pytest.raises(InvalidArgument, match="not a text file"):
        read_table(path)
    table = read_table(path, Dialect(delimiter="^", encoding="utf-16-le"))
    assert table.header == ("naïve", "x")
    path.write_bytes("a,naïve\n1,2\n".encode("cp437"))
    assert read_table(path, Dialect(encoding="cp437")).header == ("a", "naïve")
    path.write_text("  a   b \n\n 1\t2\n")
    assert list(read_table(path, Dialect(delimiter=BLANKS)).rows()) == [(3, {"a": "1", "b": "2"})]


def test_columns_nobody_asked_for_are_kept_while_they_are_plain(tmp_path: Path) -> None:
    """Few values are worth a look; ids of receipts are not worth their memory."""
    path = tmp_path / "t.csv"
    path.write_text("x,kind,receipt,\n" + "".join(f"{i},k{i % 3},r{i},\n" for i in range(200)))
    table = read_table(path, columns=("x",))
    assert list(table.columns) == ["x"]
    assert list(table.others) == ["kind"]
    assert table.others["kind"].times.tolist() == [67, 67, 66]
    assert table.notes == ["a column without a name is not read"]
    with pytest.raises(InvalidArgument, match=r"t\.csv:1: column 'z' is missing; found x, kind"):
        read_table(path, columns=("x", "z"))
