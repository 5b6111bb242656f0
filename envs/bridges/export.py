"""Recordings for others: logged batches in Parquet, data sets of Minari in HDF5."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from envs.base.episodes import MINOR_PER_MAJOR
from envs.bridges.recording import Episode, Recording
from troth.contexts import ContextBatch
from troth.errors import AlreadyExists, FailedPrecondition
from troth.files import whole_folder
from troth.logs.batches import LoggedBatch

if TYPE_CHECKING:
    from minari.data_collector import EpisodeBuffer  # type: ignore[import-untyped,unused-ignore]


def to_log(recording: Recording, policy_digest: str) -> LoggedBatch:
    """A recording of contacts in the one log schema.

    Decisions are named after where they were made: environment, seed, customer and day. An
    action is logged as the column of the catalogue it stands for, and the mask holds the
    columns that could have been chosen. What the firm knew of each customer that morning is
    logged too, so that policies can be judged on it behind guardrails.

    Args:
        recording: of one of the decision problems.
        policy_digest: who is logged as having served.

    Raises:
        FailedPrecondition: if its steps are not decisions on contacts.
    """
    env: Any = recording.env.unwrapped
    if recording.episodes[0].choices[0].columns is None:
        raise FailedPrecondition(f"{type(env).__name__} makes no contacts", field="recording")
    return LoggedBatch.concatenate(
        [
            _day(recording, episode, day, policy_digest)
            for episode in recording.episodes
            for day in range(len(episode.choices))
        ]
    )


def _day(recording: Recording, episode: Episode, day: int, policy_digest: str) -> LoggedBatch:
    env: Any = recording.env.unwrapped
    scenario, choice = env.scenario, episode.choices[day]
    assert choice.columns is not None  # noqa: S101  (to_log has seen to it)
    assert choice.eligible is not None  # noqa: S101
    n = len(choice.columns)
    numbers = np.arange(episode.first_customer, episode.first_customer + n)
    customer = np.char.add("C", np.char.zfill(numbers.astype(np.str_), 8))
    where = env.spec.id if env.spec is not None else type(env).__name__
    return LoggedBatch(
        contexts=ContextBatch(scenario.schema, episode.raw[day]),
        catalogue=scenario.catalogue,
        mask=choice.eligible,
        action=choice.columns,
        propensity=choice.propensity,
        reward_minor=episode.rewards[day] * MINOR_PER_MAJOR,
        censored=np.zeros(n, dtype=bool),
        customer_id=customer,
        episode=numbers,
        step=np.full(n, day, dtype=np.int64),
        decided_at=episode.moments[day],
        decision_id=np.char.add(np.char.add(f"{where}/{episode.seed}/", customer), f"/{day}"),
        policy_digest=np.full(n, policy_digest),
        facts=episode.facts[day],
    )


def write_minari(
    recording: Recording, root: Path, dataset_id: str, *, author: str, description: str
) -> Path:
    """Write a data set that ``minari.load_dataset`` reads, one episode per customer.

    Infos are ``propensity`` (T + 1,), NaN behind the last step, and ``action_mask``
    (T + 1, A), all true behind the last step, where the environment has masks.

    Args:
        recording: of any of the vector environments.
        root: Minari's folder of data sets (``MINARI_DATASETS_PATH``).
        dataset_id: e.g. ``troth/channel-selection/uniform-v0``.
        author: of the data set.
        description: of the data set.

    Returns:
        The folder written; it appears whole or not at all.

    Raises:
        AlreadyExists: if there is such a data set.
        FailedPrecondition: if Minari or h5py is not installed.
    """
    try:
        import h5py  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
        import minari  # type: ignore[import-untyped,unused-ignore]
        from minari.dataset.minari_storage import (  # type: ignore[import-untyped,unused-ignore]
            MinariStorage,
        )
    except ImportError as error:
        raise FailedPrecondition(
            f"{error.name} is not installed: pip install minari h5py", field="minari"
        ) from error
    folder = root.resolve() / dataset_id / "data"  # Minari loses its way on relative paths
    if folder.exists():
        raise AlreadyExists(f"{folder} exists", field="dataset_id")
    env = recording.env
    try:
        with whole_folder(folder) as partial:
            storage = MinariStorage.new(
                partial,
                observation_space=env.single_observation_space,
                action_space=env.single_action_space,
                env_spec=_spec(env),
                data_format="hdf5",  # Minari 0.5.4's Arrow and Parquet writers fail on infos
                jpeg_encoding=False,
            )
            storage.update_episodes(
                _buffer(episode, i) for episode in recording.episodes for i in range(env.num_envs)
            )
            storage.update_metadata(
                {
                    "dataset_id": dataset_id,
                    "author": {author},
                    "description": description,
                    "algorithm_name": "recorded policy",
                    "minari_version": minari.__version__,
                }
            )
    except FileExistsError as error:  # somebody else wrote one meanwhile
        raise AlreadyExists(f"{folder} exists", field="dataset_id") from error
    return folder


def _buffer(episode: Episode, i: int) -> EpisodeBuffer:
    from minari.data_collector import EpisodeBuffer  # type: ignore[import-untyped,unused-ignore]

    steps = len(episode.choices)
    truncations = np.zeros(steps, dtype=bool)
    truncations[-1] = True
    propensity = [choice.propensity[i] for choice in episode.choices]
    infos: dict[str, NDArray[Any]] = {"propensity": np.array([*propensity, np.nan])}
    masks = [choice.mask[i] for choice in episode.choices if choice.mask is not None]
    if masks:
        infos["action_mask"] = np.stack([*masks, np.ones_like(masks[0])])
    return EpisodeBuffer(
        observations=episode.observations[:, i],
        actions=np.stack([choice.actions[i] for choice in episode.choices]),
        rewards=episode.rewards[:, i],
        terminations=np.zeros(steps, dtype=bool),
        truncations=truncations,
        infos=infos,
    )


def _spec(env: Any) -> EnvSpec | None:
    """The single environment's specification, with the arguments that JSON can hold."""
    made = env.unwrapped.spec
    if made is None:
        return None
    spec = deepcopy(gymnasium.spec(made.id))
    spec.kwargs = {
        name: value
        for name, value in made.kwargs.items()
        if name not in ("num_envs", "render_mode") and isinstance(value, str | int | float)
    }
    return spec
