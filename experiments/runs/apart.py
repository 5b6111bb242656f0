"""The stages of a run in a process of its own, started with the environment they need.

``python -m experiments.runs.apart STAGE HOME WORKERS`` carries out one stage of the run whose
configuration lies in HOME; a line of JSON per step on stdout tells how far it is, and a last one
what was wrong. Variables that libraries read as they are loaded hold for such a process, for the
workers it starts, and for nobody else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

from experiments.runs import numerics
from experiments.runs.config import RunConfig
from experiments.runs.executors import executor_of
from experiments.runs.results import (
    Logged,
    LoggedAll,
    Record,
    RunResults,
    Trained,
    TrainedAll,
    read_optional,
    write_record,
)
from experiments.runs.run_folder import RunFolder
from experiments.runs.runner import OnStage, Runner
from troth import errors
from troth.errors import TrothError, Unavailable

Stage = Literal["simulate", "train", "run"]


class ApartRunner:
    """A :class:`experiments.runs.runner.Runner` whose stages run in a process started for each.

    Args:
        config: what to do.
        home: where results go.
        workers: Ray workers of that process; 0 computes in it.
        on_stage: hears of progress.
        environment: variables it is started with, beside this process's own; those of
            :func:`experiments.runs.numerics.settings` if ``None``.
        program: what runs Python there; this interpreter itself by default.

    Raises:
        FailedPrecondition: if no settings are known for this machine.
    """

    def __init__(
        self,
        config: RunConfig,
        home: RunFolder,
        workers: int,
        on_stage: OnStage | None = None,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = (sys.executable,),
    ) -> None:
        self.home = home
        self.seconds: dict[str, float] = {}
        self._workers = workers
        self._on_stage = on_stage or (lambda _stage, _done, _total: None)
        self._environment = numerics.settings() if environment is None else environment
        self._program = program
        home.root.mkdir(parents=True, exist_ok=True)
        write_record(home.config, config)

    def simulate(self) -> list[Logged]:
        """As :meth:`experiments.runs.runner.Runner.simulate`."""
        self._carry_out("simulate")
        return list(self._read(LoggedAll, self.home.logged).rows)

    def train(self) -> list[Trained]:
        """As :meth:`experiments.runs.runner.Runner.train`."""
        self._carry_out("train")
        return list(self._read(TrainedAll, self.home.trained).rows)

    def run(self) -> RunResults:
        """As :meth:`experiments.runs.runner.Runner.run`."""
        self._carry_out("run")
        results = self._read(RunResults, self.home.results)
        self.seconds.update(results.seconds)
        return results

    def _read(self, kind: type[Record], path: Path) -> Record:
        found = read_optional(kind, path)
        if found is None:
            raise Unavailable(f"the process of this stage left no {path}", field="stage")
        return found

    def _carry_out(self, stage: Stage) -> None:
        command = [*self._program, "-m", "experiments.runs.apart", stage]
        command += [str(self.home.root), str(self._workers)]
        with subprocess.Popen(  # noqa: S603  # our own interpreter, our own arguments
            command, env={**os.environ, **self._environment}, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None  # noqa: S101  # asked for above
                for line in process.stdout:
                    self._hear(json.loads(line))
            finally:
                if process.poll() is None and sys.exc_info()[0] is not None:
                    process.terminate()
        if process.returncode:
            raise Unavailable(
                f"the process of this stage ended with {process.returncode}", field="stage"
            )

    def _hear(self, step: dict[str, Any]) -> None:
        if "error" not in step:
            self._on_stage(step["stage"], step["done"], step["total"])
            return
        told = step["error"]
        kind: type[TrothError] = getattr(errors, told["kind"], TrothError)
        raise kind(told["message"], field=told["field"], **told["metadata"])


def carry_out(stage: Stage, home: RunFolder, workers: int, tell: OnStage) -> None:
    """One stage of the run in ``home``, in this process.

    Raises:
        TrothError: as the stage does.
    """
    config = read_optional(RunConfig, home.config)
    if config is None:
        raise errors.NotFound(f"{home.config} does not exist", field="home")
    with executor_of(workers) as executor:
        getattr(Runner(config, home, executor, tell), stage)()


def main() -> None:
    """See the module's docstring."""
    stage, home, workers = sys.argv[1:]
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no step

    def tell(name: str, done: int, total: int) -> None:
        _say(out, {"stage": name, "done": done, "total": total})

    try:
        carry_out(stage, RunFolder(Path(home)), int(workers), tell)  # type: ignore[arg-type]
    except TrothError as error:
        told = {"kind": type(error).__name__, "message": error.message, "field": error.field}
        _say(out, {"error": {**told, "metadata": error.metadata}})


def _say(out: TextIO, step: dict[str, Any]) -> None:
    out.write(json.dumps(step) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
