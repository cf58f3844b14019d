"""DVC's side of the scheduler: its graph, its question whether a stage changed, its caches, its dvc.lock.

All of it is DVC's own code in one process and one thread. `Stage.run` (dvc/stage/__init__.py) runs a command and waits;
here it is cut in two, `settle` before the command and `keep` after it, so that others can run meanwhile.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

from probeline.pipeline import files
from probeline.pipeline.errors import UserError, unknown

LOCK = Path("dvc.lock")
Settled = Literal["unchanged", "cached", "to run"]


class Graph:
    """The stages that are asked for, and what they need.

    Attributes:
        needs: The names of all stages, in the order in which `dvc repro` would run them, and whose outputs each needs.
    """

    def __init__(self, repo: Any, targets: Sequence[str]) -> None:
        from dvc.dvcfile import PROJECT_FILE
        from dvc.repo.reproduce import get_active_graph, plan_repro

        known = [stage.addressing for stage in repo.index.stages]
        asked = [stage for target in targets or [PROJECT_FILE] for stage in _collect(repo, target, known)]
        graph = get_active_graph(repo.index.graph)
        self._repo = repo
        self._stages = {stage.addressing: stage for stage in plan_repro(graph, asked)}
        self.needs = {
            name: frozenset(needed.addressing for needed in graph.successors(stage))
            for name, stage in self._stages.items()
        }
        self._lock = _Lock(repo, list(self._stages.values()))

    def command(self, name: str) -> tuple[list[list[str]], dict[str, Any]]:
        """How DVC would run the command of a stage: the arguments of every process, and the options of `Popen`."""
        from dvc.stage.run import _enforce_cmd_list, _make_cmd, get_executable, prepare_kwargs

        stage = self._stages[name]
        commands = [_make_cmd(get_executable(), command) for command in _enforce_cmd_list(stage.cmd)]
        return commands, prepare_kwargs(stage)

    def changed(self, name: str) -> bool:
        """Whether DVC would run a stage, or take it from its cache."""
        return bool(self._stages[name].changed())

    def settle(self, name: str) -> Settled:
        """Do all that DVC does before the command of a stage; what it needs must be there.

        A stage that did not change is left alone. One that ran before, with the same inputs, comes back from the run
        cache. Of one that has to run, the outputs are removed.

        Raises:
            Exception: Of DVC: something that it needs is missing, or the like.
        """
        from dvc.stage.cache import RunCacheNotFoundError

        stage = self._stages[name]
        if stage.frozen or not stage.cmd:  # no command to run: DVC verifies, or downloads
            if stage.reproduce() is None:
                return "unchanged"
            self._lock.write(stage)
            return "cached"
        if not stage.changed():
            return "unchanged"
        stage.remove_outs(ignore_remove=False, force=False)
        try:
            self._repo.stage_cache.restore(stage)
        except RunCacheNotFoundError:
            stage.save_deps()
            return "to run"
        self.keep(name)
        return "cached"

    def keep(self, name: str) -> None:
        """Do all that DVC does after the command of a stage: cache its outputs, and write it into dvc.lock.

        Raises:
            Exception: Of DVC: an output is missing, the disk is full, or the like.
        """
        stage = self._stages[name]
        uncached = any(not out.use_cache for out in stage.outs if not (out.is_metric or out.is_plot))
        stage.save(run_cache=not uncached)
        stage.commit()
        self._lock.write(stage)


class _Lock:
    """dvc.lock as DVC would write it after every stage.

    DVC reads and writes the whole file each time, in place, which takes most of a second where there are a hundred
    stages. Here an entry becomes text once, by DVC's writer, and the file is replaced in one step: a kill leaves the
    old one or the new one.
    """

    def __init__(self, repo: Any, stages: list[Any]) -> None:
        from dvc.dvcfile import PROJECT_FILE

        own = [stage for stage in stages if stage.cmd and stage.relpath == PROJECT_FILE]
        old = own[0].dvcfile.lockfile_contents if own else {}
        self._repo = repo
        self._old = {"schema": "2.0", "stages": {}, **old}
        self._entries = dict(self._old["stages"])
        self._order = [stage.name for stage in own]
        self._texts: dict[str, str] = {}

    def write(self, stage: Any) -> None:
        """Take in a stage that DVC has just saved, and replace the file.

        DVC appends a new stage to the file. So that the order is the same as if DVC had run, a new stage waits for
        those before it. Where they never come, the next run takes it from the run cache.
        """
        from dvc.stage.serialize import to_lockfile
        from dvc.utils.serialize import dumps_yaml

        if stage.addressing not in self._order:  # a .dvc file, or the dvc.yaml of another folder
            stage.dump(update_pipeline=False)
            return
        self._entries.update(to_lockfile(stage))
        self._texts.pop(stage.name, None)
        names = list(self._old["stages"])
        for name in self._order:
            if name not in self._entries:
                break
            if name not in self._old["stages"]:
                names.append(name)
        for name in names:
            if name not in self._texts:
                self._texts[name] = dumps_yaml({"stages": {name: self._entries[name]}}).partition("\n")[2]
        stages = "".join(["stages:\n", *(self._texts[name] for name in names)])
        text = "".join(stages if key == "stages" else dumps_yaml({key: value}) for key, value in self._old.items())
        if names:
            files.write(LOCK, text)
            self._repo.scm_context.track_file(str(LOCK))


@contextmanager
def opened(targets: Sequence[str]) -> Iterator[Graph]:
    """The graph of the pipeline in this folder, for this process alone: every other `dvc` here refuses to work.

    Raises:
        UserError: Another dvc is at work, a target is unknown, or DVC cannot read its files.
    """
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.rwlock import rwlock

    for module in ("dvc.progress", "dvc_data.callbacks"):  # no bars of DVC's: they would lie over our last line
        logging.getLogger(module).setLevel(logging.CRITICAL)
    try:
        with Repo() as repo, repo.lock, repo.scm_context(quiet=True):
            # A dvc that runs a stage has let go of the lock of the folder; but what it reads and writes is in `rwlock`.
            with rwlock(repo.tmp_dir, repo.fs, "make repro", [], [repo.root_dir], hardlink=False):
                pass
            with _without_rwlock():
                yield Graph(repo, targets)
    except LockError:
        raise UserError("another dvc is at work in this folder; wait for its end, and run the same again") from None
    except DvcException as error:
        raise UserError(f"{said(error)}; `dvc status` may say more") from error


@contextmanager
def _without_rwlock() -> Iterator[None]:
    """Leave `rwlock` alone: DVC rewrites it in place many times a stage, and a kill in between leaves half of it."""
    import dvc.rwlock

    kept = dvc.rwlock.rwlock
    dvc.rwlock.rwlock = lambda *_: nullcontext()  # the lock of the folder is held: nobody else is at work
    try:
        yield
    finally:
        dvc.rwlock.rwlock = kept


def _collect(repo: Any, target: str, known: list[str]) -> list[Any]:
    from dvc.exceptions import DvcException
    from dvc.repo.reproduce import collect_stages

    try:
        return list(collect_stages(repo, [target]))
    except DvcException:
        raise UserError(unknown("stage", target, {*known, *(name.partition("@")[0] for name in known)})) from None


def said(error: BaseException) -> str:
    """What an error of DVC says, with the error that caused it, on one line."""
    if isinstance(error, OSError) and error.filename:
        return f"{os.path.relpath(error.filename)}: {error.strerror}"
    texts = [str(error) or type(error).__name__, *([str(error.__cause__)] if error.__cause__ else [])]
    return ": ".join(" ".join(text.split()) for text in texts if text)
