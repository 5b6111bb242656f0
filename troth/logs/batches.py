"""Logged decisions as columns.

Simulation and production write the same schema; off-policy evaluation and the offline
learners read nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import DataLoss, InvalidArgument, NotFound
from troth.features import FeatureSchema
from troth.files import whole
from troth.guardrails.columns import FactsBatch
from troth.logs.checks import check
from troth.logs.facts import check_facts, facts_of, facts_schema, facts_to_arrays, told_schema
from troth.logs.tables import columns_of, log_schema, meaning_of, metadata_of, places, table_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class LoggedBatch:
    """n logged decisions with what came of them.

    Attributes:
        contexts: n contexts, raw float32 (n, F).
        catalogue: the K actions.
        mask: bool (n, K), eligible actions as the logging policy saw them.
        action: int64 (n,), column of the action served.
        propensity: float64 (n,), its probability under the whole logging pipeline, in (0, 1].
        reward_minor: float64 (n,), finite, reward under the objective, minor units.
        censored: bool (n,), true while the outcome window is still open.
        customer_id: str (n,), the clusters of every interval.
        episode, step: int64 (n,), the trajectory and the position in it.
        decided_at: datetime64[us] (n,), UTC.
        decision_id: str (n,), unique and not empty, as customer ids are not.
        policy_digest: str (n,), who served.
        facts: what was known of the customers, n rows; ``None`` if the log does not say.

    Raises:
        InvalidArgument: for a column that is not as described; see :mod:`troth.logs.checks`.
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
    facts: FactsBatch | None = None

    def __post_init__(self) -> None:
        check(self)
        if self.facts is not None:
            check_facts(self.facts, len(self), self.catalogue)

    def __len__(self) -> int:
        return len(self.contexts)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> LoggedBatch:
        """The sub-batch of ``rows`` (indices, a boolean (n,) array or a slice)."""
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in (*_COLUMNS, "mask")}
        return replace(
            self,
            contexts=ContextBatch(self.contexts.schema, self.contexts.raw[rows]),
            facts=None if self.facts is None else self.facts.take(rows),
            **columns,
        )

    @classmethod
    def concatenate(cls, parts: list[LoggedBatch]) -> LoggedBatch:
        """All rows of ``parts``, which share one schema and one catalogue.

        Raises:
            InvalidArgument: if there are none or their schemas or catalogues differ, or if some
                have facts and some have none.
        """
        if not parts:
            raise InvalidArgument("nothing to concatenate", field="parts")
        first = parts[0]
        for part in parts[1:]:
            if part.contexts.schema.digest != first.contexts.schema.digest:
                raise InvalidArgument("feature schemas differ", field="parts")
            if part.catalogue.digest != first.catalogue.digest:
                raise InvalidArgument("catalogues differ", field="parts")
        facts = [part.facts for part in parts if part.facts is not None]
        if len(facts) not in (0, len(parts)):
            raise InvalidArgument(
                f"{len(facts)} of {len(parts)} logs have facts; dataclasses.replace(log, "
                "facts=None) leaves them out",
                field="parts",
            )
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in (*_COLUMNS, "mask")
        }
        raw = np.concatenate([part.contexts.raw for part in parts])
        return replace(
            first,
            contexts=ContextBatch(first.contexts.schema, raw),
            facts=FactsBatch.concatenate(facts) if facts else None,
            **columns,
        )

    def to_table(self) -> pa.Table:
        """The batch as an Arrow table in :func:`log_schema`, schemas in its metadata.

        The columns of :func:`~troth.logs.facts.facts_schema` follow, if there are facts, and of
        each told fact one.
        """
        import pyarrow as pa

        schema = log_schema(self.contexts.schema.raw_width, len(self.catalogue))
        metadata = metadata_of(self.contexts.schema, self.catalogue)
        nested = {"features": self.contexts.raw, "mask": self.mask}
        arrays = []
        for field in schema:
            if field.name in nested:
                block = nested[field.name]
                flat = pa.array(np.ascontiguousarray(block).reshape(-1), field.type.value_type)
                arrays.append(pa.FixedSizeListArray.from_arrays(flat, type=field.type))
            else:
                arrays.append(pa.array(getattr(self, field.name)).cast(field.type))
        if self.facts is not None:
            more = pa.schema([*facts_schema(len(self.catalogue)), *told_schema(self.facts)])
            arrays += facts_to_arrays(self.facts, more)
            schema = pa.schema([*schema, *more])
        return pa.Table.from_arrays(arrays, schema=schema.with_metadata(metadata))

    @classmethod
    def from_table(
        cls,
        table: pa.Table,
        *,
        schema: FeatureSchema | None = None,
        catalogue: Catalogue | None = None,
    ) -> LoggedBatch:
        """Inverse of :meth:`to_table`; also of a table that another program has rewritten.

        Args:
            table: with the columns of :func:`~troth.logs.tables.log_schema`, and all or none
                of :func:`~troth.logs.facts.facts_schema`, beside these ``fact.NAME`` for facts
                that customers were told of; others are not looked at.
            schema: what the features mean, for a table that does not carry it itself; one
                that does must carry the same.
            catalogue: likewise what the actions are.

        Raises:
            InvalidArgument: if nothing says what the columns mean, one is absent or holds
                something else, or a value is missing or out of range.
            FailedPrecondition: if the table carries another schema or catalogue.
            DataLoss: if what it carries cannot be read.
        """
        schema, catalogue = meaning_of(table, schema, catalogue)
        columns = columns_of(table, schema, catalogue)
        return cls._of(schema, catalogue, columns, facts_of(table, catalogue))

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, schema: FeatureSchema, catalogue: Catalogue
    ) -> LoggedBatch:
        """The rows of a pandas DataFrame, whatever its index.

        Columns are those of :func:`~troth.logs.tables.log_schema`, in any order, but:

        - features are one column each, by name, or lists in ``features``; NaN is missing;
        - ``action`` holds columns of the catalogue, or ids of its actions;
        - ``decided_at`` has a time zone;
        - ``episode`` (0 if absent), ``step`` (the place in the customer's history) and
          ``policy_digest`` (empty) may be left out: nothing is estimated from them;
        - columns of :func:`~troth.logs.facts.facts_schema` are all there, or none; beside them
          may be columns ``fact.NAME``.

        Raises:
            InvalidArgument: if a column is absent or holds something else, or a value is
                missing or out of range; names the column, and the row counted from 0.
        """
        table = table_of(frame, schema, catalogue)
        columns = columns_of(table, schema, catalogue)
        if "step" not in frame:
            columns["step"] = places(columns["customer_id"], columns["decided_at"])
        return cls._of(schema, catalogue, columns, facts_of(table, catalogue))

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame, a row per decision; lists are arrays."""
        frame: pd.DataFrame = self.to_table().replace_schema_metadata(None).to_pandas()
        return frame

    @classmethod
    def _of(
        cls,
        schema: FeatureSchema,
        catalogue: Catalogue,
        columns: dict[str, Any],
        facts: FactsBatch | None,
    ) -> LoggedBatch:
        raw = columns.pop("features")
        return cls(contexts=ContextBatch(schema, raw), catalogue=catalogue, facts=facts, **columns)

    def write(self, path: Path | str) -> None:
        """Write Parquet to ``path``; the file appears whole or not at all."""
        import pyarrow.parquet as pq

        with whole(Path(path)) as partial:
            pq.write_table(self.to_table(), partial, compression="zstd")

    @classmethod
    def read(
        cls,
        path: Path | str,
        *,
        schema: FeatureSchema | None = None,
        catalogue: Catalogue | None = None,
    ) -> LoggedBatch:
        """Read Parquet written by :meth:`write`, or by another program with these columns.

        ``schema`` and ``catalogue`` are for a file that does not carry them itself, as after
        pandas has written it: see :meth:`from_table`.

        Raises:
            NotFound: if there is no such file.
            DataLoss: if it is not readable Parquet.
            InvalidArgument, FailedPrecondition: as :meth:`from_table` does.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(path)
        if not path.is_file():
            raise NotFound(f"{path} does not exist", field="log")
        try:
            table = pq.read_table(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataLoss(f"{path} is not readable Parquet: {error}", field="log") from error
        return cls.from_table(table, schema=schema, catalogue=catalogue)


_COLUMNS = tuple(
    f.name for f in fields(LoggedBatch) if f.name not in {"contexts", "catalogue", "mask", "facts"}
)
