"""Guardrail configurations kept by digest, so that old decisions can be judged again."""

from __future__ import annotations

import sqlite3

from troth.digests import canonical_json, parse_json
from troth.errors import DataLoss, NotFound
from troth.guardrails.config import GuardrailConfig


def remember(connection: sqlite3.Connection, config: GuardrailConfig) -> None:
    """Keep ``config`` under its digest; inside a write transaction."""
    connection.execute(
        "INSERT OR IGNORE INTO guardrail_configs VALUES (?, ?)",
        (config.digest, canonical_json(config.to_dict()).decode()),
    )


def recall(connection: sqlite3.Connection, digest: str) -> GuardrailConfig:
    """The configuration of ``digest``.

    Raises:
        NotFound: if it was never kept.
        DataLoss: if what is kept is not what was kept.
    """
    row = connection.execute(
        "SELECT config FROM guardrail_configs WHERE digest = ?", (digest,)
    ).fetchone()
    if row is None:
        raise NotFound(f"{digest} is not a kept configuration", field="guardrails_digest")
    config = GuardrailConfig.from_dict(parse_json(row["config"]))
    if config.digest != digest:
        raise DataLoss(f"configuration {digest} was changed", field="guardrails_digest")
    return config
