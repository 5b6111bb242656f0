"""Logged decisions as columns, and the one Arrow schema they are stored in.

Simulation and production write the same schema; off-policy evaluation and the offline
learners read nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import DataLoss, InvalidArgument, NotFound
from troth.features import FeatureSchema

if TYPE_CHECKING:
    import pyarrow as pa

LOG_SCHEMA_VERSION = "1"


def log_schema(raw_width: int, actions: int) -> pa.Schema:
    """The Arrow schema of logged data for F raw features and K actions."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("decision_id", pa.string(), nullable=False),
            pa.field("customer_id", pa.string(), nullable=False),
            pa.field("episode", pa.int32(), nullable=False),
            pa.field("step", pa.int32(), nullable=False),
            pa.field("decided_at", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("features", pa.list_(pa.float32(), raw_width), nullable=False),
            pa.field("mask", pa.list_(pa.bool_(), actions), nullable=False),
            pa.field("action", pa.int32(), nullable=False),
            pa.field("propensity", pa.float64(), nullable=False),
            pa.field("reward_minor", pa.float64(), nullable=False),
            pa.field("censored", pa.bool_(), nullable=False),
            pa.field("policy_digest", pa.string(), nullable=False),
        ]
    )


@dataclass(frozen=True)
class LoggedBatch:
    """n logged decisions with what came of them.

    Attributes:
        contexts: n contexts, raw float32 (n, F).
        catalogue: the K actions.
        mask: bool (n, K), eligible actions as the logging policy saw them.
        action: int64 (n,), column of the action served.
        propensity: float64 (n,), its probability under the whole logging pipeline, in (0, 1].
        reward_minor: float64 (n,), reward under the objective, minor units.
        censored: bool (n,), true while the outcome window is still open.
        customer_id: str (n,), the clusters of every interval.
        episode, step: int64 (n,), the trajectory and the position in it.
        decided_at: datetime64[us] (n,), UTC.
        decision_id: str (n,), unique.
        policy_digest: str (n,), who served.
    """

    contexts: ContextBatch
    catalogue: Catalogue
    mask: NDArray[np.bool_]
    action: NDArray[np.int64]
    propensity: NDArray[np.float64]
    reward_minor: NDArray[np.float64]
    censored: NDArray[np.bool_]
    customer_id: NDArray[np.str_]
    episode: NDArray[np.int64]
    step: NDArray[np.int64]
    decided_at: NDArray[np.datetime64]
    decision_id: NDArray[np.str_]
    policy_digest: NDArray[np.str_]

    def __post_init__(self) -> None:
        n, k = len(self.contexts), len(self.catalogue)
        if self.mask.shape != (n, k):
            raise InvalidArgument(f"shape {self.mask.shape} is not ({n}, {k})", field="mask")
        for name in _COLUMNS:
            length = getattr(self, name).shape
            if length != (n,):
                raise InvalidArgument(f"shape {length} is not ({n},)", field=name)
        if n == 0:
            return
        if self.action.min() < 0 or self.action.max() >= k:
            raise InvalidArgument(f"outside 0..{k - 1}", field="action")
        if not self.mask[np.arange(n), self.action].all():
            raise InvalidArgument("a logged action was not eligible", field="action")
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            raise InvalidArgument("outside (0, 1]", field="propensity")
        if not np.isfinite(self.reward_minor).all():
            raise InvalidArgument("not finite", field="reward_minor")

    def __len__(self) -> int:
        return len(self.contexts)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> LoggedBatch:
        """The sub-batch of ``rows`` (indices, a boolean (n,) array or a slice)."""
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in (*_COLUMNS, "mask")}
        return replace(
            self, contexts=ContextBatch(self.contexts.schema, self.contexts.raw[rows]), **columns
        )

    @classmethod
    def concatenate(cls, parts: list[LoggedBatch]) -> LoggedBatch:
        """All rows of ``parts``, which share one schema and one catalogue.

        Raises:
            InvalidArgument: if there are none or their schemas or catalogues differ.
        """
        if not parts:
            raise InvalidArgument("nothing to concatenate", field="parts")
        first = parts[0]
        for part in parts[1:]:
            if part.contexts.schema.digest != first.contexts.schema.digest:
                raise InvalidArgument("feature schemas differ", field="parts")
            if part.catalogue.digest != first.catalogue.digest:
                raise InvalidArgument("catalogues differ", field="parts")
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in (*_COLUMNS, "mask")
        }
        raw = np.concatenate([part.contexts.raw for part in parts])
        return replace(first, contexts=ContextBatch(first.contexts.schema, raw), **columns)

    def to_table(self) -> pa.Table:
        """The batch as an Arrow table in :func:`log_schema`, schemas in its metadata."""
        import pyarrow as pa

        schema = log_schema(self.contexts.schema.raw_width, len(self.catalogue))
        metadata = {
            "troth.log_schema": LOG_SCHEMA_VERSION,
            "troth.feature_schema": json.dumps(self.contexts.schema.to_dict()),
            "troth.catalogue": json.dumps(self.catalogue.to_dict()),
        }
        nested = {"features": self.contexts.raw, "mask": self.mask}
        arrays = []
        for field in schema:
            if field.name in nested:
                block = nested[field.name]
                flat = pa.array(np.ascontiguousarray(block).reshape(-1), field.type.value_type)
                arrays.append(pa.FixedSizeListArray.from_arrays(flat, type=field.type))
            else:
                arrays.append(pa.array(getattr(self, field.name)).cast(field.type))
        return pa.Table.from_arrays(arrays, schema=schema.with_metadata(metadata))

    @classmethod
    def from_table(cls, table: pa.Table) -> LoggedBatch:
        """Inverse of :meth:`to_table`.

        Raises:
            InvalidArgument: if the metadata or a column is missing or of another type.
        """
        metadata = table.schema.metadata or {}
        if metadata.get(b"troth.log_schema") != LOG_SCHEMA_VERSION.encode():
            raise InvalidArgument(
                f"not a Troth log of schema version {LOG_SCHEMA_VERSION}", field="metadata"
            )
        features = FeatureSchema.from_dict(json.loads(metadata[b"troth.feature_schema"]))
        catalogue = Catalogue.from_dict(json.loads(metadata[b"troth.catalogue"]))
        expected = log_schema(features.raw_width, len(catalogue))
        for field in expected:
            if field.name not in table.schema.names:
                raise InvalidArgument("column is missing", field=field.name)
            if table.schema.field(field.name).type != field.type:
                raise InvalidArgument(
                    f"{table.schema.field(field.name).type} is not {field.type}", field=field.name
                )
        table = table.combine_chunks()
        n = table.num_rows

        def block(name: str, width: int) -> NDArray[Any]:
            column = table.column(name).combine_chunks()
            flat = column.flatten().to_numpy(zero_copy_only=False)
            return np.asarray(flat).reshape(n, width)

        def flat(name: str) -> NDArray[Any]:
            return np.asarray(table.column(name).to_numpy())

        return cls(
            contexts=ContextBatch(
                features, block("features", features.raw_width).astype(np.float32)
            ),
            catalogue=catalogue,
            mask=block("mask", len(catalogue)).astype(bool),
            action=flat("action").astype(np.int64),
            propensity=flat("propensity").astype(np.float64),
            reward_minor=flat("reward_minor").astype(np.float64),
            censored=flat("censored").astype(bool),
            customer_id=flat("customer_id").astype(np.str_),
            episode=flat("episode").astype(np.int64),
            step=flat("step").astype(np.int64),
            decided_at=flat("decided_at").astype("datetime64[us]"),
            decision_id=flat("decision_id").astype(np.str_),
            policy_digest=flat("policy_digest").astype(np.str_),
        )

    def write(self, path: Path) -> None:
        """Write Parquet to ``path``; the file appears whole or not at all."""
        import pyarrow.parquet as pq

        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        pq.write_table(self.to_table(), partial, compression="zstd")
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> LoggedBatch:
        """Read Parquet written by :meth:`write`.

        Raises:
            NotFound: if there is no such file.
            DataLoss: if it is not readable Parquet.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not path.is_file():
            raise NotFound(f"{path} does not exist", field="log")
        try:
            table = pq.read_table(path)
        except pa.ArrowInvalid as error:
            raise DataLoss(f"{path} is not readable Parquet: {error}", field="log") from error
        return cls.from_table(table)


_COLUMNS = tuple(
    f.name for f in fields(LoggedBatch) if f.name not in {"contexts", "catalogue", "mask"}
)
