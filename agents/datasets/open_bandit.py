"""The Open Bandit Dataset: fashion items in three slots of a shop's page, with propensities.

Two policies logged the same week of the same campaign: ``random`` (uniform) and ``bts``
(Bernoulli Thompson sampling). One row is one item in one slot. Evaluating the second policy on
the first one's log, and comparing with the second log's own click rate, is a test on real
people.

How it becomes a :class:`~troth.logs.batches.LoggedBatch`:

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

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import NO_CONTACT_ACTION, Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.digests import digest
from troth.errors import DataLoss, InvalidArgument, NotFound
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.logs.batches import LoggedBatch
from troth.policy import Distribution
from troth.tables import Table, read_table

SLOTS = 3
"""Places on the page; the files number them from 1."""
USER_FEATURES = tuple(f"user_feature_{at}" for at in range(4))
JOURNEY = "recommendation"
MAX_AFFINITY = 1000.0
MOST_ITEMS = 100_000
_NUMBERS = ("timestamp", "item_id", "position", "click", "propensity_score")


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
    random, bts = (_Log.read(root, logger, campaign) for logger in Logger)
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


@dataclass(frozen=True)
class _Log:
    """One CSV of the data set, checked for columns and ranges."""

    name: str
    table: Table
    items: int

    @classmethod
    def read(cls, root: Path, logger: Logger, campaign: Campaign) -> _Log:
        folder, name = root / logger / campaign, f"{logger}/{campaign}"
        items = folder / "item_context.csv"
        log = folder / f"{campaign}.csv.gz"
        if not log.is_file() and log.with_suffix("").is_file():
            log = log.with_suffix("")
        for path in (log, items):
            if not path.is_file():
                raise NotFound(f"{path} does not exist", field="directory")
        with _damage(name, "directory"):
            listed = read_table(items, columns=("item_id",))
        with _damage(name, "item_id"):
            ids = listed.integers("item_id", 0, MOST_ITEMS)
        if sorted(ids.tolist()) != list(range(len(ids))):
            raise DataLoss(f"{name}: items are not numbered from 0", field="item_id")
        with _damage(name, "directory"):
            table = read_table(log)
        for column in (*_NUMBERS, *USER_FEATURES, *_affinities(len(ids))):
            if column not in table.columns:
                raise DataLoss(f"{name}: column is missing", field=column)
        return cls(name, table, len(ids))

    def levels(self, column: str) -> list[str]:
        """The texts of a hashed user feature; missing is the empty text."""
        return sorted({text.strip() for text in self.table.columns[column].texts})

    def batch(self, schema: FeatureSchema, catalogue: Catalogue) -> LoggedBatch:
        table, n = self.table, len(self.table)
        raw = np.empty((n, schema.raw_width), dtype=np.float32)
        raw[:, 0] = self._whole("position", 1, SLOTS) - 1
        for at, name in enumerate(USER_FEATURES, start=1):
            with _damage(self.name, name):
                raw[:, at] = table.choices(name, schema.features[at].levels)
        for at, name in enumerate(_affinities(self.items), start=1 + len(USER_FEATURES)):
            with _damage(self.name, name):
                raw[:, at] = table.numbers(name, 0.0, MAX_AFFINITY)
        mask = np.ones((n, len(catalogue)), dtype=bool)
        mask[:, 0] = False
        rows = np.array([f"{self.name}/{row:08d}" for row in range(n)], dtype=np.str_)
        with _damage(self.name, "propensity_score"):
            propensity = table.numbers("propensity_score", np.nextafter(0.0, 1.0), 1.0)
        with _damage(self.name, "timestamp"):
            decided_at = table.moments("timestamp")
        return LoggedBatch(
            contexts=ContextBatch(schema, schema.validate(raw)),
            catalogue=catalogue,
            mask=mask,
            action=self._whole("item_id", 0, self.items - 1) + 1,
            propensity=propensity,
            reward_minor=self._whole("click", 0, 1).astype(np.float64),
            censored=np.zeros(n, dtype=bool),
            customer_id=rows,
            episode=np.arange(n, dtype=np.int64),
            step=np.zeros(n, dtype=np.int64),
            decided_at=decided_at,
            decision_id=rows,
            policy_digest=np.full(n, digest({"open_bandit": self.name})),
        )

    def _whole(self, column: str, low: int, high: int) -> NDArray[np.int64]:
        with _damage(self.name, column):
            return self.table.integers(column, low, high)


def _affinities(items: int) -> list[str]:
    return [f"user-item_affinity_{item}" for item in range(items)]


@contextmanager
def _damage(name: str, field: str) -> Iterator[None]:
    """What is wrong with a published file is damage, not a wrong argument."""
    try:
        yield
    except InvalidArgument as error:
        raise DataLoss(f"{name}: {error}", field=field) from error


def _schema(tables: Iterable[_Log], items: int) -> FeatureSchema:
    """Slot, hashed user features and affinities; the levels are those seen in either log."""
    features = [_category("slot", [str(at + 1) for at in range(SLOTS)])]
    tables = tuple(tables)
    for name in USER_FEATURES:
        levels: set[str] = set()
        for table in tables:
            levels.update(table.levels(name))
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
