"""Experiments and mailings that are there twice, and arms of two spellings, are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.own.data import read_campaigns, read_responses
from simulator.calibration.own.pastes import pasted
from simulator.calibration.own.reading import Reading
from simulator.calibration.own.world import fit_own
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


def test_arms_that_count_as_one_contact_are_warned_of_or_kept_apart() -> None:
    """With their names and rows, at the top; ``contact`` reads one of them beside the control."""
    table = _trial(600, "recency", "history")
    table.loc[table["group"] == "letter", "group"] = np.array(["mail", "call", "push"])[
        np.arange((table["group"] == "letter").sum()) % 3
    ]
    rows = table["group"].value_counts()
    read = read_responses(table, MAP)
    assert len(read.treated) == 600
    (said,) = [line for line in read.sheet.table.warnings if "arm" in line]
    assert said.startswith(
        f"arm: 'call' ({rows['call']} rows), 'mail' ({rows['mail']} rows), 'push' "
        f"({rows['push']} rows) count as one contact against 'none' ({rows['none']} rows)"
    )
    assert "contact=NAME" in said
    one = read_responses(table, {**MAP, "contact": "call"})
    assert (len(one.treated), int(one.treated.sum())) == (rows["none"] + rows["call"], rows["call"])
    kept = table[table["group"].isin(["none", "call"])]
    alone = read_responses(kept, MAP)
    assert one.visit is not None
    assert one.recency is not None
    assert alone.visit is not None
    assert one.visit.tolist() == alone.visit.tolist()
    assert one.recency.tolist() == kept["recency"].tolist()
    assert not one.sheet.table.warnings
    assert any("arm: left out 'mail' (" in line for line in one.sheet.table.notes)
    for wrong, what in (("fax", "has no arm 'fax', the contact"), ("none", "control and contact")):
        with pytest.raises(InvalidArgument, match=what):
            read_responses(table, {**MAP, "contact": wrong})
    with pytest.raises(InvalidArgument, match="as contact=NAME needs it too"):
        read_responses(table, {"arm": "group", "contact": "call"})


def test_spend_that_conversion_denies_is_refused_with_its_rows() -> None:
    """Paid without a purchase, or a visit; what came back; a purchase for nothing is a warning."""
    table = _trial(300).assign(visit=1, conversion=0, spend=0.0)
    table.loc[[0, 1, 2], "conversion"] = 1
    table.loc[[0, 1, 2], "spend"] = 20.0
    assert not read_responses(table, MAP).sheet.table.warnings
    wrong = table.copy()
    wrong.loc[[7, 9], "spend"] = 5.0
    with pytest.raises(
        InvalidArgument, match=r"row 7:spend: '5.0' is of a customer whose conv"
    ) as e:
        read_responses(wrong, MAP)
    assert [fault.split(":spend")[0] for fault in e.value.faults] == [
        "responses:row 7",
        "responses:row 9",
    ]
    unseen = wrong.assign(visit=0).drop(columns="conversion")
    with pytest.raises(InvalidArgument, match=r"row 0:spend: '20.0' is of a customer who did not"):
        read_responses(unseen, MAP)
    back = table.copy()
    back.loc[4, "spend"] = -5.0
    with pytest.raises(InvalidArgument, match=r"row 4:spend: '-5.0' .* what came back"):
        read_responses(back, MAP)
    blank = table.copy()
    blank.loc[5, "spend"] = np.nan
    with pytest.raises(InvalidArgument, match=r"row 5:spend: '' .*: write 0 for who did not buy"):
        read_responses(blank, MAP)
    free = table.copy()
    free.loc[[1, 2], "spend"] = 0.0
    (said,) = read_responses(free, MAP).sheet.table.warnings
    assert said.startswith("spend: nothing in 2 rows (responses:row 1:spend: '0.0') of customers")
    unread = table.assign(conversion=table["conversion"].astype(str))
    unread.loc[0, "conversion"] = "maybe"  # its spend is no second fault
    with pytest.raises(InvalidArgument) as caught:
        read_responses(unread, MAP)
    assert len(caught.value.faults) == 1


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
    assert not any("arm" in line for line in read_responses(table, columns).sheet.table.warnings)
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
