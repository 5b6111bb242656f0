"""Columns that hold something else: said by row, in words that say what is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.logs import SCHEMA, catalogue, flat
from tests.support.logs import few as log
from troth.errors import InvalidArgument
from troth.logs.batches import LoggedBatch

N, K = 6, 3
ACTIONS = catalogue(K)


def _dropped(*names: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.drop(columns=list(names))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_dropped("propensity"), "propensity: column is missing"),
        (
            _dropped("mask", "propensity", "x1"),
            "mask: column is missing, and so are propensity, features[x1]; features are one",
        ),
        (
            lambda f: f.rename(columns={"propensity": " Propensity "}),
            "propensity: column is missing; there is ' Propensity ', spelled otherwise",
        ),
        (_dropped("censored"), "censored: column is missing"),
        (_dropped("mask"), "mask: column is missing"),
        (_dropped("x1"), "features[x1]: column is missing"),
        (
            lambda f: f.assign(x0=[1, None, "high", 1, 1, 1]),
            "features[x0]: 'high' in row 2 is not a number; pandas.to_numeric makes them of text",
        ),
        (
            lambda f: f.assign(censored=0),
            "censored: holds whole numbers, such as 0 in row 0, where true or false is needed; "
            ".astype(bool)",
        ),
        (
            lambda f: f.assign(propensity="0.5"),
            "propensity: holds text, such as '0.5' in row 0, where numbers are needed; "
            "pandas.to_numeric",
        ),
        (
            lambda f: f.assign(propensity=[0.5, "a", 1, 1, 1, 1]),
            "propensity: holds values of several types: a number in row 0, text ('a') in row 1",
        ),
        (
            lambda f: f.assign(decision_id=[None, "a", "b", 3, "d", "e"]),
            "decision_id: holds values of several types: text in row 1, a number (3) in row 3",
        ),
        (lambda f: f.assign(propensity=50.0), "if these are per cent, divide them by 100"),
        (
            lambda f: f.assign(action=[0.0, 1, 1.5, 0, 0, 0]),
            "action: 1.5 in row 2 is no whole number",
        ),
        (lambda f: f.assign(step=3e9), "step: 3000000000.0 in row 0 is outside -2147483648.."),
        (
            lambda f: f.assign(censored="False"),
            "true or false is needed; .map({'True': True, 'False': False}) makes it of such text",
        ),
        (
            lambda f: f.assign(decided_at=range(N)),
            "moments with a time zone are needed; pandas.to_datetime(column, unit='s', utc=True)",
        ),
        (
            lambda f: f.assign(customer_id=[b"a"] * N),
            "customer_id: holds binary, such as b'a' in row 0, where text is needed; .astype(str)",
        ),
        (
            lambda f: f.assign(x0=f["decided_at"]),
            "features[x0]: holds datetime64[us, UTC], where numbers are needed",
        ),
        (
            lambda f: f.set_index("customer_id"),
            "customer_id: column is missing; the index holds it: reset_index()",
        ),
        (lambda f: f.assign(action="call"), "action: 'call' in row 0 is not in the catalogue"),
        (
            lambda f: f.assign(mask=1),
            "mask: holds whole numbers, such as 1 in row 0, where each row needs a list of true "
            "or false, one for each action (3)",
        ),
        (
            lambda f: f.assign(mask=[[1] * K] * N),
            "mask: holds lists of whole numbers, such as [1, 1, 1] in row 0, where each row",
        ),
        (
            lambda f: f.assign(decided_at="2026-03-01"),
            "decided_at: holds text, such as '2026-03-01' in row 0, where moments with a time "
            "zone are needed; pandas.to_datetime(column, utc=True)",
        ),
        (
            lambda f: f.assign(decided_at=f["decided_at"].dt.date),
            "decided_at: holds dates, such as",
        ),
        (
            lambda f: f.assign(decided_at=f["decided_at"].dt.tz_localize(None)),
            "decided_at: moments without a time zone",
        ),
        (
            lambda f: f.assign(customer_id=1.5),
            "customer_id: holds numbers, such as 1.5 in row 0, where text is needed; "
            ".astype('Int64').astype(str) makes it of whole numbers that became fractions",
        ),
        (
            lambda f: pd.concat([f, f[["propensity"]]], axis=1),
            "propensity: there are 2 such columns",
        ),
        (lambda f: pd.concat([f, f]), "decision_id: 'D00000000' is in row 0 and again in row 6"),
    ],
)
def test_a_frame_that_is_no_log_says_what_it_lacks(
    change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    """What could only be guessed at is refused in words that say what to do."""
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        LoggedBatch.from_frame(change(flat(log())), SCHEMA, ACTIONS)


def test_a_title_above_the_header_is_told(tmp_path: Path) -> None:
    """Excel's sheet with its name on top: the header is row 0, and how to leave the title out."""
    path = tmp_path / "export.csv"
    columns = flat(log()).drop(columns="mask")
    path.write_text(
        "Export of March" + "," * (columns.shape[1] - 1) + "\n" + columns.to_csv(index=False)
    )
    with pytest.raises(InvalidArgument, match=r"row 0 holds the names.*skiprows=1") as refused:
        LoggedBatch.from_frame(pd.read_csv(path), SCHEMA, ACTIONS)
    assert refused.value.field == "decision_id"
    read = pd.read_csv(path, skiprows=1, parse_dates=["decided_at"]).assign(mask=[[True] * K] * N)
    assert len(LoggedBatch.from_frame(read, SCHEMA, ACTIONS)) == N
    pq.write_table(pa.Table.from_pandas(pd.read_csv(path)), tmp_path / "export.parquet")
    with pytest.raises(InvalidArgument, match="row 0 holds the names of the columns"):
        LoggedBatch.read(tmp_path / "export.parquet", schema=SCHEMA, catalogue=ACTIONS)


def test_all_columns_that_are_missing_are_named_at_once(tmp_path: Path) -> None:
    """Of a file as of a DataFrame."""
    path = tmp_path / "log.parquet"
    log().to_frame().drop(columns=["step", "censored", "propensity"]).to_parquet(path)
    with pytest.raises(
        InvalidArgument, match="missing, and so are propensity, censored"
    ) as refused:
        LoggedBatch.read(path, schema=SCHEMA, catalogue=ACTIONS)
    assert refused.value.field == "step"


@pytest.mark.parametrize("name", ["customer_id", "decision_id"])
@pytest.mark.parametrize("text", ["NULL", "nan", "None", "N/A", "-", " <NA> ", "", "  "])
def test_a_text_for_no_value_is_no_id(name: str, text: str) -> None:
    """One customer of all who are not known would be a cluster, and no one."""
    frame = flat(log())
    frame.loc[3, name] = text
    with pytest.raises(InvalidArgument, match="in row 3, where an id is needed") as refused:
        LoggedBatch.from_frame(frame, SCHEMA, ACTIONS)
    assert refused.value.field == name


def test_blanks_around_an_id_are_not_of_it() -> None:
    """``C1`` and ``C1 `` are one customer, and two such decisions one that is doubled."""
    frame = flat(log())
    frame["customer_id"] = ["C1", "C1 ", "\u00a0C1", "C2", "\tC2", "C2"]
    found = LoggedBatch.from_frame(frame, SCHEMA, ACTIONS)
    np.testing.assert_array_equal(found.customer_id, ["C1"] * 3 + ["C2"] * 3)
    frame.loc[5, "decision_id"] = frame.loc[0, "decision_id"] + " "
    with pytest.raises(InvalidArgument, match="in row 0 and again in row 5"):
        LoggedBatch.from_frame(frame, SCHEMA, ACTIONS)
