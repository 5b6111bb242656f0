"""Settings of a Troth installation: defaults, overridden by ``TROTH_*`` variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things lie and how the service behaves.

    Every field can be set by an environment variable, e.g. ``TROTH_HOME=/srv/troth``.
    """

    model_config = SettingsConfigDict(env_prefix="TROTH_", extra="forbid", frozen=True)

    home: Path = Field(default=Path("runs/default"), description="State of this installation.")
    address: str = Field(default="127.0.0.1:9700", description="host:port of the gRPC ingress.")
    replicas: int = Field(default=2, ge=1, le=64, description="Decision replicas.")
    max_clock_skew_s: float = Field(
        default=300.0,
        ge=0.0,
        le=3600.0,
        description="Largest |decided_at - server clock| accepted, seconds.",
    )
    model_budget_ms: float = Field(
        default=50.0, gt=0.0, description="Time the model has before the baseline answers, ms."
    )

    def deciding(self) -> dict[str, float]:
        """The settings that a decision depends on: what an approval is bound to."""
        return {
            "max_clock_skew_s": self.max_clock_skew_s,
            "model_budget_ms": self.model_budget_ms,
        }

    @property
    def database(self) -> Path:
        """The SQLite file of registry, ledger, decisions, outcomes and audit."""
        return self.home / "troth.db"

    @property
    def artifacts(self) -> Path:
        """The content-addressed artifact directory."""
        return self.home / "artifacts"

    @property
    def board(self) -> Path:
        """The board roster: members and their public keys."""
        return self.home / "board.toml"
