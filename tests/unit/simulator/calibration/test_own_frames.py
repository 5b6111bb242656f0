"""Decimal signs and types of purchases from frames, Parquet and several files."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.own.data import read_transactions
from simulator.calibration.own.reading import Reading
from troth.errors import InvalidArgument
from troth.tables import Dialect


def _frame(**columns: object) -> pd.DataFrame:
    two = {"customer": ["1", "2"], "date": ["2024-01-01", "2024-01-02"], "amount": [1.25, 2.4]}
    return pd.DataFrame({**two, **columns})


@pytest.mark.parametrize("parquet", [False, True])
@pytest.mark.parametrize("dtype", ["object", "category", "bytes"])
def test_text_amounts_of_a_frame_are_read_as_a_files(
    tmp_path: Path, dtype: str, parquet: bool
) -> None:
    """By the decimal sign that is given; without one, refused where it could be either."""
    texts: object = [b"1.250", b"2.400"]
    if dtype != "bytes":
        texts = pd.Series(["1.250", "2.400"], dtype=dtype)
    source: pd.DataFrame | Path = _frame(amount=texts)
    if parquet:
        path = tmp_path / "x.parquet"
        source.to_parquet(path)
        source = path
    for sign, amount in ((",", [1250.0, 2400.0]), (".", [1.25, 2.4])):
        found = read_transactions(source, {}, Reading(Dialect(decimal=sign)))
        assert found.amount.tolist() == amount
    with pytest.raises(InvalidArgument, match=r"'1\.250' may be thousands or a fraction"):
        read_transactions(source, {})


@pytest.mark.parametrize("sign", [None, ",", "."])
def test_numbers_of_a_frame_need_no_sign(sign: str | None) -> None:
    """What came as a number is that number."""
    for amount in (np.array([1.125, 2.5]), [Decimal("1.125"), Decimal("2.500")]):
        found = read_transactions(_frame(amount=amount), {}, Reading(Dialect(decimal=sign)))
        assert found.amount.tolist() == [1.125, 2.5]


def test_ids_that_came_as_bytes_are_text() -> None:
    """As some programs write text to Parquet."""
    found = read_transactions(_frame(customer=[b"1000", "Müller".encode()]), {})
    assert found.names.tolist() == ["1000", "Müller"]
    with pytest.raises(InvalidArgument, match=r"transactions: customer: holds bytes that are no"):
        read_transactions(_frame(customer=[b"1000", b"M\xfcller"]), {})


def test_each_file_has_its_own_decimal_sign(tmp_path: Path) -> None:
    """What one proves says nothing of another; where each is plain, each is read by its own."""
    one, two = tmp_path / "m1.csv", tmp_path / "m2.csv"
    one.write_text("customer;date;amount\n1;2024-01-01;1.250\n2;2024-01-02;2.400\n")
    two.write_text("customer,date,amount\n1,2024-02-01,3.50\n")
    for paths in ([one, two], [two, one]):
        with pytest.raises(InvalidArgument, match=r"m1\.csv:2:amount: '1\.250' may be thousands"):
            read_transactions(paths, {})
    one.write_text("customer;date;amount\n1;2024-01-01;1.250\n2;2024-01-02;2,40\n")
    found = read_transactions([one, two], {})
    assert found.amount.tolist() == [1250.0, 2.4, 3.5]
    assert "amount: read with decimal commas in m1.csv" in found.notes
    one.write_text("customer;date;amount\n1;2024-01-01;7 EUR\n")
    two.write_text("customer,date,amount\n1,2024-02-01,$7\n2,2024-02-01,$8\n")
    with pytest.raises(InvalidArgument, match=r"m1\.csv:2:amount: '7 EUR' is not in \$"):
        read_transactions([one, two], {})
