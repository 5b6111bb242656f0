"""Hillstrom's experiment as a log of decisions; its two mails differ by their id alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from troth.catalogue import NO_CONTACT_ACTION, Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.logs.batches import LoggedBatch


def mail(action_id: str, channel: Channel = Channel.EMAIL) -> Action:
    """A content of journey ``news``; mails differ by their id alone."""
    return Action(
        action_id=action_id,
        journey="news",
        step=1,
        offer=action_id,
        kind=OfferKind.CONTENT,
        channel=channel,
    )


def hillstrom(data_dir: Path) -> LoggedBatch:
    """Hillstrom's experiment; the reward is 100 for a visit, so that a mean is per cent."""
    frame = pd.read_csv(data_dir / "hillstrom" / "hillstrom_half.csv.gz")
    n = len(frame)
    flags = ("mens", "womens", "newbie")
    schema = FeatureSchema(
        (
            Feature(name="recency", kind=FeatureKind.NUMERIC, low=0, high=12, loc=6, scale=3),
            Feature(name="history", kind=FeatureKind.LOG, low=0, high=1e5, loc=5, scale=1),
            *(Feature(name=name, kind=FeatureKind.FLAG, low=0, high=1) for name in flags),
        )
    )
    raw = frame[["recency", "history", *flags]].to_numpy(np.float32)
    mails = Catalogue((NO_CONTACT_ACTION, mail("mens"), mail("womens")), ("news",))
    arms = {"No E-Mail": 0, "Mens E-Mail": 1, "Womens E-Mail": 2}
    return LoggedBatch(
        contexts=ContextBatch(schema, raw),
        catalogue=mails,
        mask=np.ones((n, 3), dtype=bool),
        action=frame["segment"].map(arms).to_numpy(np.int64),
        propensity=np.full(n, 1 / 3),
        reward_minor=100.0 * frame["visit"].to_numpy(np.float64),
        censored=np.zeros(n, dtype=bool),
        customer_id=np.array([f"C{row:05d}" for row in range(n)]),
        episode=np.zeros(n, dtype=np.int64),
        step=np.zeros(n, dtype=np.int64),
        decided_at=np.full(n, np.datetime64("2008-03-20", "us")),
        decision_id=np.array([f"D{row:05d}" for row in range(n)]),
        policy_digest=np.full(n, "0" * 64),
    )
