"""Experiments and mailings that are there twice, and arms of two spellings, are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.own import fit_own
from simulator.calibration.own_data import read_campaigns, read_responses
from simulator.calibration.own_pastes import pasted
from simulator.calibration.own_reading import Reading
from tests.support import own_files, purchase_logs
from troth.errors import InvalidArgument

MAP = {"arm": "group", "control": "none"}
KEEP = Reading(repeats="keep")


def _trial(rows: int, *columns: str) -> pd.DataFrame:
    table = own_files.responses(np.random.default_rng(8), rows)
    return table[["group", "visit", "conversion", *columns]]


@pytest.mark.parametrize("columns", [(), ("recency",), ("recency", "history")])
@pytest.mark.parametrize("part", [1.0, 0.3])
def test_an_experiment_that_is_there_twice_is_refused(
    columns: tuple[str, ...], part: float
) -> None:
    """Whole or in part, without an id, and though it holds little but yes and no."""
    table = _trial(3000, *columns)
    assert len(read_responses(table, MAP).treated) == 3000
    twice = pd.concat([table, table[1000 : 1000 + int(2000 * part)]], ignore_index=True)
    if part == 1.0:
        twice = pd.concat([table, table], ignore_index=True)
    with pytest.raises(InvalidArgument, match=r"like earlier ones, in their order too"):
        read_responses(twice, MAP)
    assert len(read_responses(twice, MAP, KEEP).treated) == len(twice)


def test_with_ids_rows_that_are_alike_are_refused_and_several_of_one_are_warned_of() -> None:
    """Half of a table; or one customer on several dates."""
    table = _trial(400).assign(customer=np.arange(400))
    with pytest.raises(InvalidArgument, match=r"400 of 800 rows are like an earlier one"):
        read_responses(pd.concat([table, table], ignore_index=True), MAP)
    more = pd.concat([table, table.assign(visit=0, conversion=0)[:60]], ignore_index=True)
    bought = purchase_logs.log(np.random.default_rng(9), 60, joined=(0, 50), days=100)
    said = "responses: 460 rows are of 400 customers and count as independent"
    assert any(line.startswith(said) for line in fit_own(bought, more, columns=MAP).warnings)


def test_mailings_that_are_there_twice_are_refused() -> None:
    """Sixty rows, with their customers and without."""
    table = own_files.campaigns(np.random.default_rng(10), 60)
    twice = pd.concat([table, table], ignore_index=True)
    with pytest.raises(InvalidArgument, match=r"60 of 120 rows are like an earlier one"):
        read_campaigns(twice, {})
    with pytest.raises(InvalidArgument, match=r"like earlier ones, in their order too"):
        read_campaigns(twice.drop(columns="customer"), {})
    assert len(read_campaigns(twice, {}, KEEP).type) == 120


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_honest_tables_are_not_taken_for_twice(share: float) -> None:
    """Yes and no by chance, sorted, by mailing, or alternating."""
    rng = np.random.default_rng(11)
    rows = 20_000
    answer = (rng.random(rows) < share).astype(np.int64)
    mailing = np.repeat(np.arange(40), rows // 40)
    for codes in (
        answer,
        np.sort(answer),
        mailing * 2 + answer,
        (rng.permutation(40)[mailing] % 3) * 2 + answer,
        np.arange(rows) % 2,
        np.arange(rows) % 15,
        np.lexsort((answer, mailing)) % 2,
    ):
        first = np.unique(codes, return_index=True)[1][np.unique(codes, return_inverse=True)[1]]
        assert not pasted(first).any()


def test_arms_are_told_and_are_written_one_way() -> None:
    """Else half of a control counts as treated."""
    table = _trial(300)
    table["group"] = table["group"].replace({"none": "Control", "letter": "mail"})
    columns = {"arm": "group", "control": "Control"}
    (note,) = [line for line in read_responses(table, columns).sheet.table.notes if "arm" in line]
    rows = table["group"].value_counts()
    assert note == (
        f"arm: control is 'Control' ({rows['Control']} rows), treated are 'mail' "
        f"({rows['mail']} rows)"
    )
    for other in ("control", "CON TROL", "con-trol"):
        mixed = table.copy()
        mixed.loc[[3, 5], "group"] = other
        mixed.loc[[4], "group"] = "Control"
        with pytest.raises(InvalidArgument, match=rf"row 3:group: {other!r} is 'Control' of"):
            read_responses(mixed, columns)
    with pytest.raises(InvalidArgument, match=r"has no arm 'none', the control; found 'Control'"):
        read_responses(table, MAP)
    mailed = own_files.campaigns(np.random.default_rng(12), 60)
    mailed.loc[7, "type"] = "Flyer"
    with pytest.raises(InvalidArgument, match=r"row 7:type: 'Flyer' is 'flyer' of"):
        read_campaigns(mailed, {})
