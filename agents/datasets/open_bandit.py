"""The Open Bandit Dataset: fashion items in three slots of a shop's page, with propensities.

Two policies logged the same week of the same campaign: ``random`` (uniform) and ``bts``
(Bernoulli Thompson sampling). One row is one item in one slot. Evaluating the second policy on
the first one's log, and comparing with the second log's own click rate, is a test on real
people.

How it becomes a :class:`~troth.batches.LoggedBatch`:

- Item j is action j + 1, web content of the one journey ``recommendation``. Row 0, *no
  contact*, exists in every Troth catalogue but not in these data: column 0 of the mask is
  false in every row, so nothing can be estimated of it, and policies that insist on *no
  contact* refuse these rows.
- The propensity is given the slot, so the slot is a feature of the context, and a policy's
  distribution may differ by slot. A value is then the mean over slots as logged, which is what
  Open Bandit Pipeline computes with its ``position`` argument.
- The reward is the click, 0 or 1, in place of minor units.
- The data name no customers: each row is a cluster of its own, and the intervals are blind to
  a visitor's seeing several rows.

References:
    Y. Saito, S. Aihara, M. Matsutani and Y. Narita, "Open Bandit Dataset and Pipeline: Towards
    Realistic and Reproducible Off-policy Evaluation", NeurIPS 2021 Datasets and Benchmarks
    (arXiv 2008.07146). Data: ZOZO, Inc., CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from troth.batches import LoggedBatch
from troth.catalogue import NO_CONTACT_ACTION, Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.digests import digest
from troth.errors import DataLoss, InvalidArgument, NotFound
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.policy import Distribution

if TYPE_CHECKING:
    import pandas as pd

SLOTS = 3
"""Places on the page; the files number them from 1."""
USER_FEATURES = tuple(f"user_feature_{at}" for at in range(4))
JOURNEY = "recommendation"
MAX_AFFINITY = 1000.0


class Campaign(StrEnum):
    """Which items the campaign shows."""

    MEN = "men"
    WOMEN = "women"


class Logger(StrEnum):
    """Which policy wrote the log."""

    RANDOM = "random"
    BTS = "bts"


def read_logs(root: Path, campaign: Campaign | str) -> tuple[LoggedBatch, LoggedBatch]:
    """Both logs of a campaign, under one schema and one catalogue.

    Args:
        root: the data set's folder, with ``{random,bts}/CAMPAIGN/CAMPAIGN.csv.gz`` (or ``.csv``)
            and ``item_context.csv`` beside it.
        campaign: ``men`` or ``women``.

    Returns:
        The uniform policy's log and the Thompson policy's log, rows as they lie in the files.

    Raises:
        InvalidArgument: for another campaign.
        NotFound: if a file is absent.
        DataLoss: if a file lacks a column or holds values out of range.
    """
    try:
        campaign = Campaign(campaign)
    except ValueError:
        raise InvalidArgument(
            f"{campaign!r} is not one of {', '.join(Campaign)}", field="campaign"
        ) from None
    random, bts = (_Table.read(root, logger, campaign) for logger in Logger)
    if random.items != bts.items:
        raise DataLoss(f"the two logs of {campaign} hold different items", field="item_id")
    catalogue = item_catalogue(random.items)
    schema = _schema((random, bts), random.items)
    return random.batch(schema, catalogue), bts.batch(schema, catalogue)


def item_catalogue(items: int) -> Catalogue:
    """*No contact* and ``items`` items of one journey."""
    none = NO_CONTACT_ACTION
    shown = (
        Action(
            action_id=f"item-{item:02d}",
            journey=JOURNEY,
            step=1,
            offer=f"item {item}",
            kind=OfferKind.CONTENT,
            channel=Channel.WEB,
        )
        for item in range(items)
    )
    return Catalogue(actions=(none, *shown), journeys=(JOURNEY,))


def visitor_features(contexts: ContextBatch) -> NDArray[np.float32]:
    """Encoded slot and user features, float32 (n, 3 + levels), for a reward model.

    The affinities are left out: 95 % of rows have none, and times every item they would make
    the model three times as wide.
    """
    names = contexts.schema.columns
    columns = [at for at, name in enumerate(names) if not name.startswith("affinity_")]
    return np.ascontiguousarray(contexts.encoded[:, columns])


def item_features(catalogue: Catalogue) -> NDArray[np.float64]:
    """One column per item, float64 (K, K - 1), row 0 zero: tells items apart in a reward model.

    The catalogue's own features cannot: all items are the same kind of contact.
    """
    return np.ascontiguousarray(np.eye(len(catalogue))[:, 1:])


def slots(contexts: ContextBatch) -> NDArray[np.int64]:
    """The slot of each row, int64 (n,) in 0..2."""
    return contexts.column("slot").astype(np.int64)


def marginal_policy(log: LoggedBatch, contexts: ContextBatch) -> Distribution:
    """The policy that wrote ``log``, as its frequencies of items per slot, at ``contexts``.

    Thompson sampling here ignores the visitor but learned all week, so its probabilities
    p_t(a | slot) moved with time. What its click rate speaks of is their mean over the week,
    which the share of item a among the slot's rows estimates without bias. The mean of the
    *logged* propensities of item a does not: an item is seen more often while its propensity
    is high, so that mean tends to E[p^2] / E[p]; over the men's items those sum to about 2.
    Open Bandit Pipeline's examples take the prior that was in production instead: the same
    kind of policy, at another moment of its learning.

    Args:
        log: the policy's own log.
        contexts: n contexts of the same schema, e.g. of another policy's log.

    Returns:
        float64 (n, K), rows sum to 1, 0 in column 0.

    Raises:
        InvalidArgument: if ``contexts`` holds a slot that ``log`` lacks.
    """
    counts = np.zeros((SLOTS, len(log.catalogue)))
    np.add.at(counts, (slots(log.contexts), log.action), 1.0)
    total = counts.sum(axis=1, keepdims=True)
    at = slots(contexts)
    if (total[at] == 0).any():
        raise InvalidArgument("the policy's log has no row in one of the slots", field="slot")
    return np.asarray((counts / np.maximum(total, 1.0))[at], dtype=np.float64)


class _Table:
    """One CSV of the data set, checked for columns and ranges."""

    def __init__(self, name: str, frame: pd.DataFrame, items: int) -> None:
        self.name, self.frame, self.items = name, frame, items
        needed = (
            *("timestamp", "item_id", "position", "click", "propensity_score"),
            *USER_FEATURES,
            *(f"user-item_affinity_{item}" for item in range(items)),
        )
        for column in needed:
            if column not in frame:
                raise DataLoss(f"{name}: column is missing", field=column)
        propensity = frame["propensity_score"]
        for column, allowed in (
            ("item_id", frame["item_id"].between(0, items - 1)),
            ("position", frame["position"].between(1, SLOTS)),
            ("click", frame["click"].isin((0, 1))),
            ("propensity_score", (propensity > 0) & (propensity <= 1)),
        ):
            if not allowed.all():
                row = int(np.argmin(allowed.to_numpy()))
                value = frame[column].iloc[row]
                raise DataLoss(f"{name}: {value} in row {row} is out of range", field=column)

    @classmethod
    def read(cls, root: Path, logger: Logger, campaign: Campaign) -> _Table:
        import pandas as pd

        folder, name = root / logger / campaign, f"{logger}/{campaign}"
        items = folder / "item_context.csv"
        log = folder / f"{campaign}.csv.gz"
        if not log.is_file() and log.with_suffix("").is_file():
            log = log.with_suffix("")
        for path in (log, items):
            if not path.is_file():
                raise NotFound(f"{path} does not exist", field="directory")
        try:
            frame = pd.read_csv(log, dtype=dict.fromkeys(USER_FEATURES, str))
            ids = pd.read_csv(items)["item_id"]
        except (OSError, EOFError, ValueError, KeyError) as error:
            raise DataLoss(f"{name} is not readable: {error}", field="directory") from error
        if sorted(ids) != list(range(len(ids))):
            raise DataLoss(f"{name}: items are not numbered from 0", field="item_id")
        return cls(name, frame, len(ids))

    def texts(self, column: str) -> pd.Series[str]:
        """A hashed user feature; missing is the empty text."""
        return self.frame[column].fillna("").astype(str)

    def batch(self, schema: FeatureSchema, catalogue: Catalogue) -> LoggedBatch:
        import pandas as pd

        frame, n = self.frame, len(self.frame)
        raw = np.empty((n, schema.raw_width), dtype=np.float32)
        raw[:, 0] = frame["position"].to_numpy() - 1
        for at, name in enumerate(USER_FEATURES, start=1):
            raw[:, at] = pd.Categorical(self.texts(name), schema.features[at].levels).codes
        affinities = [f"user-item_affinity_{item}" for item in range(self.items)]
        raw[:, 1 + len(USER_FEATURES) :] = frame[affinities].to_numpy()
        mask = np.ones((n, len(catalogue)), dtype=bool)
        mask[:, 0] = False
        rows = np.array([f"{self.name}/{row:08d}" for row in range(n)], dtype=np.str_)
        moments = pd.to_datetime(frame["timestamp"], utc=True, format="ISO8601")
        return LoggedBatch(
            contexts=ContextBatch(schema, schema.validate(raw)),
            catalogue=catalogue,
            mask=mask,
            action=frame["item_id"].to_numpy().astype(np.int64) + 1,
            propensity=frame["propensity_score"].to_numpy().astype(np.float64),
            reward_minor=frame["click"].to_numpy().astype(np.float64),
            censored=np.zeros(n, dtype=bool),
            customer_id=rows,
            episode=np.arange(n, dtype=np.int64),
            step=np.zeros(n, dtype=np.int64),
            decided_at=moments.dt.tz_localize(None).to_numpy().astype("datetime64[us]"),
            decision_id=rows,
            policy_digest=np.full(n, digest({"open_bandit": self.name})),
        )


def _schema(tables: Iterable[_Table], items: int) -> FeatureSchema:
    """Slot, hashed user features and affinities; the levels are those seen in either log."""
    features = [_category("slot", [str(at + 1) for at in range(SLOTS)])]
    tables = tuple(tables)
    for name in USER_FEATURES:
        levels: set[str] = set()
        for table in tables:
            levels.update(table.texts(name))
        features.append(_category(name, sorted(levels)))
    features += [
        Feature(
            name=f"affinity_{item:02d}",
            kind=FeatureKind.LOG,
            low=0.0,
            high=MAX_AFFINITY,
            unit="past clicks on the item",
        )
        for item in range(items)
    ]
    return FeatureSchema(tuple(features))


def _category(name: str, levels: list[str]) -> Feature:
    return Feature(
        name=name,
        kind=FeatureKind.CATEGORY,
        low=0.0,
        high=float(len(levels) - 1),
        levels=tuple(levels),
    )
