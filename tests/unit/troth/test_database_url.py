"""Where a store is: a file or a URL, whose password nobody is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from serving.options import settings_of
from troth.database_url import DatabaseUrl
from troth.errors import InvalidArgument
from troth.settings import Settings

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:hunter2@db:5433/troth", "postgresql://ann@db:5433/troth"),
        ("postgres://ann:hunter2@db/troth", "postgresql://ann@db/troth"),
        ("postgresql://db/troth?password=hunter2&sslmode=require", "postgresql://db/troth"),
        ("postgresql:///troth?host=/run/hunter2", "postgresql:///troth"),
        ("postgresql://ann:hunter%402@[::1]:5433/troth", "postgresql://ann@[::1]:5433/troth"),
        ("postgresql://ann:hunter2@a:1,b:2/troth", "postgresql://ann@a:1,b:2/troth"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    """Neither as text nor in what Python prints of objects."""
    found = DatabaseUrl(url)
    assert str(found) == shown
    assert SECRET not in repr(found) + f"{found}" + repr(Settings(home=Path("h"), database=found))
    assert found.secret == url


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:hunter2@db/troth",
        "postgresql://ann:hunter2@db",
        "postgresql://ann:hunter2@db:port/troth",
        "postgresql://ann:hunter2@[db/troth",
        "postgresql://ann:x@hunter2@db/troth",
        "postgresql://ann:1/hunter2@db/troth",
        "postgresql://ann:1/x?hunter2@db/troth",
        "postgresql://ann:1/x#hunter2@db/troth",
        "postgresql://ann@db:1:hunter2/troth",
    ],
)
def test_what_is_no_url_of_a_store_is_refused_unseen(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name of the setting, in one line that does not repeat it."""
    with pytest.raises(InvalidArgument, match="database") as refused:
        DatabaseUrl(url)
    monkeypatch.setenv("TROTH_DATABASE", url)
    with pytest.raises(InvalidArgument, match="TROTH_DATABASE") as by_settings:
        settings_of(None)
    with pytest.raises(ValidationError) as by_pydantic:
        Settings()
    assert SECRET not in f"{refused.value} {by_settings.value} {by_pydantic.value}"


def test_the_setting_takes_files_and_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a variable; by default it is a file of the home."""
    assert Settings(home=Path("here")).database == Path("here/troth.db")
    for text, meant in (
        ("elsewhere/x.db", Path("elsewhere/x.db")),
        ("sqlite:////var/x.db", Path("/var/x.db")),
        ("postgresql://db/troth", DatabaseUrl("postgresql://db/troth")),
    ):
        monkeypatch.setenv("TROTH_DATABASE", text)
        assert Settings(home=Path("here")).database == meant


def test_the_file_of_the_home_may_say_it(tmp_path: Path) -> None:
    """So that every command of an installation opens the same store."""
    (tmp_path / "settings.toml").write_text('database = "postgresql://db/troth"\n')
    assert Settings(home=tmp_path).database == DatabaseUrl("postgresql://db/troth")


@pytest.mark.parametrize("place", [Path("x/y.db"), DatabaseUrl("postgresql://a:b@db/t")])
def test_another_process_means_the_same_store(
    place: Path | DatabaseUrl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wherever it works: a service is given settings as JSON, paths in full."""
    monkeypatch.chdir(tmp_path)
    settings = Settings(home=Path("home"), database=place).resolved()
    again = Settings(**settings.model_dump(mode="json"))
    assert again == settings
    assert again.home == tmp_path / "home"
    assert again.database == (tmp_path / place if isinstance(place, Path) else place)
