"""The two pictures of the README: a report in a browser, and the dashboard of a population."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import gymnasium as gym
import numpy as np
from PIL import Image

import envs  # noqa: F401  # registers the environments
from experiments.runs.run_folder import RunFolder
from troth.errors import FailedPrecondition, NotFound, Unavailable
from troth.files import write_whole
from troth.streams import generator

REPORT, DASHBOARD = "report.png", "dashboard.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH, HEIGHT = 1040, 840
"""Of the picture, CSS pixels: the report from its head to the plot of its policies."""
_BELOW = 200
"""The window is higher: what its lower end would show, some browsers leave blank."""
CUSTOMERS, DAYS, SEED = 2_000, 56, 7
COLOURS = 128
"""A palette is enough for plots and text, and a quarter of the size."""
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    f"--window-size={WIDTH},{HEIGHT + _BELOW}",
)
_PATIENCE_S = 60.0


def browser() -> str | None:
    """Path of an installed Chromium, ``None`` if there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def take_report(home: RunFolder, folder: Path) -> Path:
    """The first screen of a run's report, PNG.

    Raises:
        NotFound: if there is no report.
        FailedPrecondition: without Chromium.
        Unavailable: if it draws nothing.
    """
    if not home.report.is_file():
        raise NotFound(f"{home.report} does not exist; `troth demo` makes it", field="home")
    program = browser()
    if program is None:
        raise FailedPrecondition(f"none of {', '.join(BROWSERS)} is installed", field="browser")
    with TemporaryDirectory() as scratch:
        shot = Path(scratch) / REPORT
        command = [program, *_FLAGS, f"--user-data-dir={scratch}/profile"]
        command += [f"--screenshot={shot}", home.report.resolve().as_uri()]
        try:
            subprocess.run(  # noqa: S603  # a browser of this machine, a page of our own
                command, capture_output=True, timeout=_PATIENCE_S, check=True
            )
        except subprocess.SubprocessError as error:
            raise Unavailable(f"{program} does not draw the report: {error}") from error
        return _save(Image.open(shot).crop((0, 0, WIDTH, HEIGHT)), folder / REPORT)


def take_dashboard(folder: Path) -> Path:
    """The dashboard of :data:`CUSTOMERS` after :data:`DAYS` days of any eligible contact, PNG.

    A fifth of them is contacted each day.
    """
    population = gym.make_vec(
        "troth/NextBestAction-v0",
        num_envs=CUSTOMERS,
        horizon_days=DAYS + 1,
        render_mode="rgb_array",
    )
    try:
        _, info = population.reset(seed=SEED)
        rng = generator("experiments.pictures", SEED)
        for _ in range(DAYS):
            mask = info["action_mask"].copy()
            mask[rng.random(CUSTOMERS) > 0.2, 1:] = False
            mask[mask[:, 1:].any(axis=1), 0] = False
            actions = np.where(mask, rng.random(mask.shape), -1.0).argmax(axis=1)
            _, _, _, _, info = population.step(actions)
        frames = population.render()
    finally:
        population.close()
    assert frames  # noqa: S101  # asked for above
    frame = np.asarray(frames[0], dtype=np.uint8)
    return _save(Image.fromarray(frame), folder / DASHBOARD)


def _save(picture: Image.Image, path: Path) -> Path:
    small = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    data = io.BytesIO()
    small.save(data, format="PNG", optimize=True)
    write_whole(path, data.getvalue())
    return path
