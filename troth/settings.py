"""Settings of a Troth installation: defaults, its ``settings.toml``, ``TROTH_*`` variables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, field_serializer
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from troth.brake import DEFAULT_HOME
from troth.database_url import DatabaseUrl
from troth.errors import InvalidArgument
from troth.text import toml_values
from troth.validation import Violation

DATABASE_FILE, BOARD_FILE = "troth.db", "board.toml"
"""In the home: the store, unless ``database`` says where, and the roster."""
SETTINGS_FILE = "settings.toml"
"""In the home: settings that stay with it, so that every command judges by the same."""


def _place(given: Any) -> Any:
    """A text with a scheme is a URL, any other a path; an error does not repeat it."""
    if not isinstance(given, str) or "://" not in given:
        return given
    if given.startswith("sqlite:///"):
        return Path(given.removeprefix("sqlite:///"))
    try:
        return DatabaseUrl(given)
    except InvalidArgument as error:
        raise ValueError(error.message) from None


class Settings(BaseSettings):
    """Where things lie and how the service behaves.

    Every field can be set by an environment variable, e.g. ``TROTH_HOME=/srv/troth``, and all
    but ``home`` in ``settings.toml`` of the home; the variable wins.

    Raises:
        InvalidArgument: if that file is not TOML or has a key that is no setting.
        pydantic.ValidationError: naming the setting whose value cannot be;
            :func:`settings_of` turns it into an :class:`InvalidArgument` of one line.
    """

    model_config = SettingsConfigDict(
        env_prefix="TROTH_", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    home: Path = Field(default=Path(DEFAULT_HOME), description="State of this installation.")
    database: Annotated[Path | DatabaseUrl, BeforeValidator(_place)] = Field(
        default_factory=lambda found: found["home"] / DATABASE_FILE,
        description="The store of registry, ledger, decisions, outcomes and audit: an SQLite file,"
        " or the URL of a PostgreSQL database.",
    )
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then variables, then the file of the home that these two name."""
        return init_settings, env_settings, _FileOfTheHome(settings_cls)

    def deciding(self) -> dict[str, float]:
        """The settings that a decision depends on: what an approval is bound to."""
        return {
            "max_clock_skew_s": self.max_clock_skew_s,
            "model_budget_ms": self.model_budget_ms,
        }

    @field_serializer("database", when_used="json")
    def _whole_place(self, place: Path | DatabaseUrl) -> str:
        return place.secret if isinstance(place, DatabaseUrl) else str(place)

    def resolved(self) -> Settings:
        """The same with absolute paths, for a process that works elsewhere."""
        place = self.database
        return self.model_copy(
            update={
                "home": self.home.resolve(),
                "database": place.resolve() if isinstance(place, Path) else place,
            }
        )

    @property
    def artifacts(self) -> Path:
        """The content-addressed artifact directory."""
        return self.home / "artifacts"

    @property
    def board(self) -> Path:
        """The board roster: members and their public keys."""
        return self.home / BOARD_FILE


class _FileOfTheHome(PydanticBaseSettingsSource):
    """``settings.toml`` of the home, if there is one."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Unused: the file is read whole."""
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        """The settings in the file."""
        fields = self.settings_cls.model_fields
        path = Path(self.current_state.get("home", fields["home"].default)) / SETTINGS_FILE
        try:
            found = toml_values(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except ValueError as error:
            raise InvalidArgument(f"{path} is not TOML: {error}", field="settings") from error
        unknown = sorted(found.keys() - (fields.keys() - {"home"}))
        if unknown:
            raise InvalidArgument(f"{path}: {unknown[0]!r} is no setting", field="settings")
        return found


def settings_of(home: Path | None = None) -> Settings:
    """The settings in force, with ``home`` in place of their own if given.

    Raises:
        InvalidArgument: naming the variable that holds what cannot be.
    """
    try:
        return Settings(home=home) if home else Settings()
    except ValidationError as error:
        violation = Violation.first(error)
        if violation.key.startswith("database"):  # a password may be in it
            violation = replace(violation, value="")
        raise InvalidArgument(
            violation.line(Settings), field=f"TROTH_{violation.key.upper()}"
        ) from error
