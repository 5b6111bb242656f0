"""The readers: what they take, and the one line they refuse with."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from simulator.calibration import cdnow, hillstrom
from simulator.calibration.histories import PurchaseHistories, histories, purchases_within
from troth.errors import InvalidArgument, NotFound

LOG_HEAD = " customer_id  date number_of_cds  dollar_value\r\n"
TRIAL_HEAD = "recency,history,segment,visit,conversion,spend\n"
TRIAL_ROW = "3,120.5,No E-Mail,0,0,0.0\n"


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, newline="")
    return path


def test_log_is_read_with_its_dates_and_baskets(tmp_path: Path) -> None:
    """Two receipts of one day are one basket; a day on which nothing was paid is none."""
    rows = (
        " 00001 19970101  1   11.77\r\n 00002 19970112  1   12.00\r\n 00002 19970112  5   77.00\r\n"
    )
    path = _write(tmp_path / "log.txt", LOG_HEAD + rows + " 00001 19970228  1    0.00\r\n")
    log = cdnow.read_log(path)
    assert log.day.tolist()[0].isoformat() == "1997-01-01"
    assert str(log.last) == "1997-02-28"
    customer, dollars = log.baskets()
    assert customer.tolist() == [1, 2]
    assert dollars.tolist() == [11.77, 89.0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("00001 19970101 1 x", "3:dollar_value: 'x' is not a number in [0, 1e+07]"),
        ("00001 19970101 1 -3.0", "3:dollar_value: '-3.0' is not a number"),
        ("00001 19970101 1 nan", "3:dollar_value: 'nan' is not a number"),
        ("00001 19970231 1 3.0", "3:date: '19970231' is not a date in [1900-01-01, 2100-12-31]"),
        ("00001 19971301 1 3.0", "3:date: '19971301' is not a date in [1900-01-01, 2100-12-31]"),
        ("1.5 19970101 1 3.0", "3:customer_id: '1.5' is not a whole number in [0, 4294967295]"),
        ("00001 19970101 3.0", "3: 3 values, where the header has 4"),
    ],
)
def test_wrong_log_values_are_pointed_at(tmp_path: Path, row: str, said: str) -> None:
    """The message is one line with file, line, column, value and what is allowed."""
    path = _write(tmp_path / "log.txt", LOG_HEAD + "00001 19970101 1 3.0\r\n" + row + "\r\n")
    with pytest.raises(InvalidArgument) as caught:
        cdnow.read_log(path)
    assert str(caught.value).startswith(f"{path}:{said}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ID,frequency,recency\n1,0,0\n", ":1: column 'T' is missing"),
        ("ID,frequency,recency,T\n", ": has no rows below the header"),
        ("ID,frequency,recency,T\n1,0,2.0,9.0\n", ":2:recency: '2.0' must be 0 exactly where"),
        ("ID,frequency,recency,T\n1,1,9.5,9.0\n", ":2:recency: '9.5' is later than the end"),
    ],
)
def test_wrong_summaries_are_pointed_at(tmp_path: Path, text: str, said: str) -> None:
    """Missing columns, no rows, and a customer whose numbers contradict each other."""
    path = _write(tmp_path / "summary.csv", text)
    with pytest.raises(InvalidArgument) as caught:
        cdnow.read_summary(path)
    assert str(caught.value).startswith(f"{path}{said}")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("3,120.5,Some E-Mail,0,0,0.0", "3:segment: 'Some E-Mail' is not one of No E-Mail, "),
        ("3,120.5,Mens E-Mail,2,0,0.0", "3:visit: '2' is not a whole number in [0, 1]"),
        ("3,120.5,Mens E-Mail,0,1,9.0", "3:conversion: '1' is 1 for a customer who did not visit"),
    ],
)
def test_wrong_trial_values_are_pointed_at(tmp_path: Path, row: str, said: str) -> None:
    """An unknown arm, a visit that is no flag, a purchase without a visit."""
    path = _write(tmp_path / "trial.csv", TRIAL_HEAD + TRIAL_ROW + row + "\n")
    with pytest.raises(InvalidArgument) as caught:
        hillstrom.read_trial(path)
    assert str(caught.value).startswith(f"{path}:{said}")


def test_trial_without_a_control_is_refused(tmp_path: Path) -> None:
    """One arm alone has no lift."""
    path = _write(tmp_path / "trial.csv", TRIAL_HEAD + TRIAL_ROW)
    with pytest.raises(InvalidArgument, match="with an e-mail and customers without"):
        hillstrom.read_trial(path)


def test_damaged_and_absent_files_are_refused(tmp_path: Path) -> None:
    """A file that is not what its name says, and a file that is not there."""
    path = tmp_path / "trial.csv.gz"
    path.write_bytes(gzip.compress(b"recency,history\n1,2\n" * 500)[:40])
    with pytest.raises(InvalidArgument, match="not readable as text"):
        hillstrom.read_trial(path)
    path.write_bytes(b"plain")
    with pytest.raises(InvalidArgument, match="not readable as text"):
        hillstrom.read_trial(path)
    with pytest.raises(NotFound, match="no such file"):
        cdnow.read_log(tmp_path / "absent.txt")


def test_ambiguous_folders_are_refused(tmp_path: Path) -> None:
    """Two trials, or a summary without its log, are questions only the user can answer."""
    assert hillstrom.locate(tmp_path) is None
    assert cdnow.locate(tmp_path) == (None, None)
    for name in ("a.csv", "b.csv.gz"):
        _write(tmp_path / "hillstrom" / name, "")
    with pytest.raises(InvalidArgument, match=r"found a\.csv, b\.csv\.gz"):
        hillstrom.locate(tmp_path)
    _write(tmp_path / "cdnow" / cdnow.SUMMARY, "")
    with pytest.raises(InvalidArgument, match="but not CDNOW_master"):
        cdnow.locate(tmp_path)


def test_histories_count_days_up_to_the_end() -> None:
    """Frequency counts days after the first; later purchases and later customers are not seen."""
    customer = np.array([7, 7, 7, 7, 3, 9])
    day = np.array(
        ["2001-01-01", "2001-01-15", "2001-01-15", "2001-03-01", "2001-01-29", "2001-02-20"],
        dtype="datetime64[D]",
    )
    ids, data = histories(customer, day, np.datetime64("2001-02-05"))
    assert ids.tolist() == [3, 7]
    assert data.frequency.tolist() == [0, 1]
    assert data.recency.tolist() == [0.0, 2.0]
    assert data.age.tolist() == [1.0, 5.0]
    later = purchases_within(
        ids, customer, day, np.datetime64("2001-02-05"), np.datetime64("2001-03-01")
    )
    assert later.tolist() == [0, 1]


def test_contradictory_histories_are_refused() -> None:
    """A last purchase after the end of observation cannot be."""
    with pytest.raises(InvalidArgument, match=r"histories\[1\]"):
        PurchaseHistories(np.array([0, 1]), np.array([0.0, 9.0]), np.array([5.0, 8.0]))


@pytest.mark.data
def test_log_has_the_published_totals(data_dir: Path) -> None:
    """69,659 receipts of 23,570 customers, whose middle is the end of the 39 weeks."""
    log = cdnow.read_log(data_dir / "cdnow" / cdnow.MASTER)
    assert len(log) == 69_659
    assert len(np.unique(log.customer)) == 23_570
    assert (str(log.middle), str(log.last)) == ("1997-09-30", "1998-06-30")
    assert log.dollars.mean() == pytest.approx(35.9, abs=0.05)


@pytest.mark.data
def test_sample_summary_is_what_the_raw_log_gives(data_dir: Path) -> None:
    """In order of first purchase and id, the log's histories hold the sample's as a subsequence.

    The sample carries no ids of the master log, so this is the strongest comparison there is:
    all 2,357 triples, exact to the day, in the sample's order.
    """
    log = cdnow.read_log(data_dir / "cdnow" / cdnow.MASTER)
    sample = cdnow.read_summary(data_dir / "cdnow" / cdnow.SUMMARY)
    ids, raw = histories(log.customer, log.day, log.middle)
    order = np.lexsort((ids, -raw.age))

    def triples(data: PurchaseHistories) -> list[tuple[int, int, int]]:
        days = (np.rint(values * 7.0).astype(int).tolist() for values in (data.recency, data.age))
        return list(zip(data.frequency.tolist(), *days, strict=True))

    in_order = triples(raw)
    rest = iter([in_order[at] for at in order])
    assert all(wanted in rest for wanted in triples(sample))
    assert len(sample) == 2_357
