"""Guardrail configurations kept by digest, so that old decisions can be judged again."""

from __future__ import annotations

from typing import Any

from serving.storage.unit_of_work import UnitOfWork
from troth.digests import canonical_json, parse_json
from troth.digests import digest as digest_of
from troth.errors import DataLoss, NotFound
from troth.guardrails.config import GuardrailConfig


def remember(unit: UnitOfWork, config: GuardrailConfig) -> None:
    """Keep ``config`` under its digest; inside a write transaction."""
    unit.decisions.keep_configuration(config.digest, canonical_json(config.to_dict()).decode())


def recall(unit: UnitOfWork, digest: str) -> GuardrailConfig:
    """The configuration of ``digest``.

    Raises:
        NotFound: if it was never kept.
        DataLoss: if what is kept is not what was kept.
        InvalidArgument, FailedPrecondition: if a guardrail is of a package that is not
            installed, or not in the version and with the files that it had.
    """
    config = GuardrailConfig.from_dict(_kept(unit, digest))
    if config.digest != digest:
        raise DataLoss(f"configuration {digest} was changed", field="guardrails_digest")
    return config


def recall_own(unit: UnitOfWork, digest: str) -> GuardrailConfig:
    """Troth's own guardrails of the configuration of ``digest``, whatever became of the others.

    Raises:
        NotFound: if it was never kept.
        DataLoss: if what is kept is not what was kept.
    """
    data = _kept(unit, digest)
    if digest_of(data) != digest:
        raise DataLoss(f"configuration {digest} was changed", field="guardrails_digest")
    return GuardrailConfig.of_own(data)


def _kept(unit: UnitOfWork, digest: str) -> dict[str, Any]:
    text = unit.decisions.configuration(digest)
    if text is None:
        raise NotFound(f"{digest} is not a kept configuration", field="guardrails_digest")
    data: dict[str, Any] = parse_json(text)
    return data
