"""What users install: the built wheel, at both ends of the versions that it allows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import pytest

from tests.architecture.inventory import PACKAGES, ROOT
from troth.cli import extras

pytestmark = [pytest.mark.wheel, pytest.mark.slow, pytest.mark.timeout(600)]

LIGHT = {"decide", "protos", "scenarios"}
"""Commands that need no extra."""
ASK = Path(__file__).with_name("ask.py")
LOWER = re.compile(r"([\w.-]+(?:\[[\w,]+\])?).*>=([\w.]+)")


def clean_environment() -> dict[str, str]:
    """That of the tests, without what points at the source tree or changes the output."""
    dropped = ("PYTHON", "TROTH_", "VIRTUAL_ENV", "COV_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return {**kept, "COLUMNS": "120", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def run(*command: object, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command outside the source tree, and insist on its exit code."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@dataclass(frozen=True)
class Installed:
    """A fresh environment with the wheel in it.

    Attributes:
        home: an empty folder.
        programs: where its commands are.
    """

    home: Path
    programs: Path

    def troth(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        return run(self.programs / "troth", *arguments, cwd=self.home, code=code)

    def python(self, *arguments: object) -> str:
        """Run Python; what it printed. Any warning of ours or of others is an error."""
        return run(self.programs / "python", "-W", "error", *arguments, cwd=self.home).stdout

    def listed(self) -> set[str]:
        """The commands that ``troth --help`` lists."""
        commands = self.troth("--help").stdout.split("Commands")[1]
        return set(re.findall(r"^│ (\w+) ", commands, re.MULTILINE))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: builds leave things behind that later builds take up."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGES:
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.nb[ci]")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(*PIP, "wheel", "--no-deps", "--wheel-dir", "dist", ".", cwd=source)
    (built,) = (source / "dist").glob("troth-*.whl")
    return built


PIP = (sys.executable, "-m", "pip", "--quiet")
Installer = Callable[..., Installed]


@pytest.fixture
def install(tmp_path: Path, wheel: Path) -> Installer:
    """Makes an environment, and installs the wheel with more requirements beside it."""

    def installer(*arguments: str, extra: str = "") -> Installed:
        run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=tmp_path)
        python = tmp_path / "env" / "bin" / "python"
        run(
            *PIP,
            "--python",
            python,
            "install",
            "--no-compile",
            *arguments,
            f"{wheel}{extra}",
            cwd=tmp_path,
        )
        home = tmp_path / "home"
        home.mkdir()
        return Installed(home, python.parent)

    return installer


def lowest(wheel: Path, extra: str = "") -> Iterator[str]:
    """The wheel's own requirements and those of an extra, each at its lower bound."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    for requirement in metadata.get_all("Requires-Dist") or []:
        wanted = "extra ==" not in requirement or f'extra == "{extra}"' in requirement
        if wanted and (bound := LOWER.match(requirement)):
            yield f"{bound[1]}=={bound[2]}"


def test_the_wheel_holds_every_file(wheel: Path) -> None:
    """Code, SQL, scenarios, suites, templates and the ``.proto``: all that lies in the folders."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    lying = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == lying
    assert "troth/v1/decision_service.proto" in packed


@pytest.mark.parametrize("end", ["lowest", "newest"])
def test_the_light_install_is_whole(install: Installer, wheel: Path, end: str) -> None:
    """No warning, no command that is not there, a client that gets a decision, and the proto."""
    installed = install(*(lowest(wheel) if end == "lowest" else ["--upgrade"]))
    version = installed.troth("--version")
    assert (version.stdout, version.stderr) == (f"{wheel.name.split('-')[1]}\n", "")
    assert installed.troth("--help").stderr == ""
    assert installed.listed() == LIGHT
    refused = installed.troth("pause", "daily", "--reason", "x", code=5)
    assert refused.stderr == "troth: command: pause needs an extra: pip install 'troth[serve]'\n"
    refused = installed.troth("demo", "--help", code=5)
    assert refused.stderr.endswith("demo needs an extra: pip install 'troth[train,serve]'\n")
    installed.troth("protos", "--out", "here")
    written = installed.home / "here" / "troth" / "v1" / "decision_service.proto"
    assert (
        written.read_bytes()
        == (ROOT / "protos" / written.relative_to(installed.home / "here")).read_bytes()
    )
    assert installed.python(ASK, installed.programs / "troth") == "d1 d1 welcome_email\n"


def test_the_service_is_whole_at_the_lowest_versions(install: Installer, wheel: Path) -> None:
    """Its commands are there and run, and what it serves with can be imported."""
    installed = install(*lowest(wheel, "serve"), extra="[serve]")
    needs_it_alone = {name for name, needs in extras.NEEDS.items() if needs == ("serve",)}
    assert installed.listed() == LIGHT | needs_it_alone
    installed.troth("keys", "new", "ada", "--out", "keys")
    installed.troth("board", "init", "--home", "here")
    installed.troth("board", "add", "ada", "--public-key", "keys/ada.pub", "--home", "here")
    assert installed.troth("registry", "--home", "here").stderr == ""
    imported = "import serving.rpc.app, serving.rpc.foreground, serving.customers.importing"
    run(installed.programs / "python", "-c", imported, cwd=installed.home)


def test_the_full_install_is_whole(install: Installer) -> None:
    """Every command is there, and runs from the wheel: nothing is read from the source tree."""
    installed = install("--no-deps")
    # The extras are those of this environment; a path in a .pth file brings no editable install.
    (packages,) = (installed.programs.parent / "lib").glob("python*/site-packages")
    running = {p for p in sys.path if p.endswith("site-packages")}
    (packages / "extras.pth").write_text("".join(f"{path}\n" for path in sorted(running)))
    assert installed.listed() == LIGHT | extras.NEEDS.keys()
    (where,) = {
        Path(line).parents[1]
        for line in installed.python(
            "-c",
            f"import {', '.join(PACKAGES)}\nfor m in ({', '.join(PACKAGES)}): print(m.__file__)",
        ).splitlines()
    }
    assert where == packages
    assert installed.troth("scenarios").stderr == ""
    installed.python(
        "-c",
        "from pathlib import Path; from serving.storage.database import Database;"
        " Database(Path('troth.db'))",
    )
