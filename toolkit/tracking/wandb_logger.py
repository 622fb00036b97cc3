"""The logger `wandb`: a run's metrics, configuration, pictures and checkpoints at Weights & Biases.

Imports Lightning's logger base class; wandb itself only when a logger is built on the process that logs. It is not
Lightning's WandbLogger, which asks for a key at a terminal, prints, records the command line as it is, and lets
whatever wandb raises end the training.
"""

from __future__ import annotations

import logging
import os
import shutil
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lightning_fabric.loggers.logger import _DummyExperiment, rank_zero_experiment
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from toolkit.tracking.folder import FINISHED, RunFolder
from toolkit.tracking.redact import Redactor
from toolkit.tracking.wandb_files import (
    AXIS,
    last_logged,
    mark_uploaded,
    session_folders,
    upload_command,
)
from toolkit.tracking.wandb_session import (
    Messages,
    Mode,
    choose_mode,
    data_in,
    end_service,
    find_key,
    make_settings,
    quiet,
    told_no_secrets,
)

if TYPE_CHECKING:
    import wandb

PROJECT = "toolkit"

_log = logging.getLogger("toolkit.wandb")


class WandbLogger(Logger):
    """Logs to Weights & Biases: to the server when an API key is configured, else into the run's folder, for later.

    The server never stops a run and nothing is lost when it is slow or gone: wandb writes everything below ``wandb/``
    in the run's folder first. A resumed run goes on in the same W&B run and leaves out what that run has already.

    Args:
        save_dir: the run's folder.
        name: what the user calls the run, else the recipe's name.
        version: the run's id.
        id: the run's id, which becomes the id of the W&B run.
        project: the W&B project; ``WANDB_PROJECT`` or else ``toolkit`` when left out.
        entity: the user or team that owns the project; your own account when left out.
        group: what W&B groups runs by.
        tags: words to find the run by.
        notes: a remark about the run.
        mode: ``online``, ``offline`` or ``disabled``. ``WANDB_MODE`` is respected too: of the two, the one that keeps
            more to itself wins.
        log_checkpoints: whether checkpoints are uploaded as artifacts.

    Raises:
        ValueError: wandb refuses one of the arguments, such as a project with a slash in its name.
    """

    def __init__(
        self,
        save_dir: str,
        name: str = "",
        version: str = "",
        id: str = "",
        *,
        project: str | None = None,
        entity: str | None = None,
        group: str | None = None,
        tags: list[str] | None = None,
        notes: str | None = None,
        mode: Mode | None = None,
        log_checkpoints: bool = False,
    ) -> None:
        super().__init__()
        self._save_dir = Path(save_dir).absolute()
        self._name = name
        self._id = id or version
        self._mode = mode
        self._log_checkpoints = log_checkpoints
        self._redactor = Redactor.from_environment()
        self._options: dict[str, Any] = self._redactor.values(
            {
                "project": project or os.environ.get("WANDB_PROJECT") or PROJECT,
                "entity": entity,
                "run_group": group,
                "run_tags": tuple(tags) if tags else None,
                "run_notes": notes,
                "run_id": self._id,
            }
        )
        self._run: wandb.Run | None = None
        self._off = False
        """Whether nothing is logged: W&B is disabled, or does not work even offline."""
        self._replaced = False
        """Whether wandb's own process died and the run went on offline with a second one."""
        self._url: str | None = None
        self._logged: dict[str, int] = {}
        """The last step of every metric in what earlier processes of this run logged."""
        self._step = 0
        self._messages = Messages()
        self._open = ExitStack()
        if _logs_here() and choose_mode(mode, None) != "disabled":
            make_settings(self._options)

    @property
    def name(self) -> str:
        return self._name

    @property
    def version(self) -> str:
        return self._id

    @property
    def save_dir(self) -> str:
        return str(self._save_dir)

    @property
    def url(self) -> str | None:
        """Where the run is shown; None when it is not online."""
        return self._url

    @property
    def where(self) -> str:
        """Where the run is logged, for the run's header; begins the W&B run."""
        if isinstance(self.experiment, _DummyExperiment):
            return "disabled"
        return self._url or "offline, into the run's folder"

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The ``wandb.Run``, started by the first use; on other processes, and while W&B is disabled, a stand-in."""
        if self._run is None and not self._off:
            # From the first call on: wandb's own process keeps the environment that it was started in.
            with told_no_secrets(self._redactor):
                self._run = self._start()
            self._off = self._run is None
        return self._run or _DummyExperiment()

    @rank_zero_only
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Saves the run's configuration.

        Args:
            params: plain nested values, such as the resolved recipe with what came from the environment as written.
            args: not used.
            kwargs: not used.
        """
        config = self._redactor.values(dict(vars(params) if isinstance(params, Namespace) else params))
        self._do(lambda run: cast(Any, run.config).update(config, allow_val_change=True))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Logs the metrics of one step, except those that this W&B run has for that step or a later one.

        Args:
            metrics: names such as ``train/loss``, and their values.
            step: the step they belong to, on the axis ``trainer/global_step``; None means the last one.
        """
        self._log_row(dict(metrics), step)

    @rank_zero_only
    def log_summary(self, values: Mapping[str, Any]) -> None:
        """Adds to the run's summary, the columns of W&B's table of runs.

        Args:
            values: names such as ``best/val/accuracy`` and ``final/test/accuracy``, and their values.
        """
        if values:
            self._do(lambda run: run.summary.update(self._redactor.values(dict(values))))

    @rank_zero_only
    def log_image(self, key: str, images: Sequence[Any], step: int | None = None) -> None:
        """Logs pictures.

        Args:
            key: a name such as ``plots/confusion``.
            images: paths of picture files, or arrays of shape ``(height, width)`` or ``(height, width, channels)``.
            step: the step they belong to; None means the last one.
        """
        if self.experiment is not self._run:
            return
        import wandb

        try:
            made = [wandb.Image(str(image) if isinstance(image, Path) else image) for image in images]
        # A picture that cannot be read says nothing about W&B, which goes on.
        except Exception as error:
            _log.warning("%s could not be sent to W&B (%s).", key, _reason(error))
            return
        self._log_row({key: made}, step)

    @rank_zero_only
    def log_table(
        self, key: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], step: int | None = None
    ) -> None:
        """Logs a table, unless this W&B run has it for that step or a later one.

        Args:
            key: a name such as ``plots/samples``.
            columns: the columns' names.
            rows: plain values, one for every column.
            step: the step they belong to; None means the last one.
        """
        if self.experiment is not self._run:
            return
        import wandb

        redacted = [self._redactor.values(list(row)) for row in rows]
        with data_in(self._save_dir / "wandb" / "data"):
            self._log_row({key: wandb.Table(list(columns), redacted, allow_mixed_types=True)}, step)

    @rank_zero_only
    def log_checkpoint(
        self, path: str | Path, aliases: Sequence[str], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Uploads a checkpoint as a version of the artifact ``model-<id>``; does nothing without ``log_checkpoints``.

        Args:
            path: the checkpoint. It is not copied: while it waits for its upload, it has to stay where it is.
            aliases: names of this version, such as ``best`` and ``last``.
            metadata: plain values to keep with it, such as its epoch and score.
        """
        if not self._log_checkpoints or self.experiment is not self._run:
            return

        def upload(run: wandb.Run) -> None:
            import wandb

            artifact = wandb.Artifact(f"model-{self._id}", type="model", metadata=dict(metadata or {}))
            artifact.add_file(str(path), policy="immutable")
            run.log_artifact(artifact, aliases=list(aliases))

        self._do(upload)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Does nothing: Lightning calls this after fitting and again after testing. `close` ends the W&B run."""

    @rank_zero_only
    def close(self, status: str) -> None:
        """Ends the W&B run, after everything was logged. Waits for the upload, but not for long.

        Args:
            status: the run's status; W&B shows every other than ``finished`` as failed.
        """
        run, self._run = self._run, None
        if run is None:
            return
        complete = not run.offline
        with self._open:
            try:
                run.finish(exit_code=0 if status == FINISHED else 1)
            # TimeoutError is wandb's word for an upload that is not complete. All of it is on disk, whatever happened.
            except Exception as error:
                _log.debug("finishing: %s", error)
                complete = False
            except BaseException:
                _tear_down(run, seconds=5)
                raise
            # Its last records reach the disk only when wandb's process ends (0.31).
            _tear_down(run)
        if complete and not self._messages.gave_up:
            mark_uploaded(Path(run.settings.sync_dir))

    def upload_hint(self) -> str | None:
        """The line that says how to upload what W&B's server does not have; None when there is nothing to upload."""
        command = upload_command(self._save_dir, self._id) if _logs_here() else None
        return f"To upload this run to W&B: {command}" if command else None

    def _start(self) -> wandb.Run | None:
        import wandb

        # Reports of wandb's own errors go to its maker, and are sent while the run waits.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        configured = wandb.setup().settings
        mode: Mode = "offline" if self._replaced else choose_mode(self._mode, configured.mode)
        if mode == "disabled":
            return None
        earlier = session_folders(self._save_dir, self._id)
        self._logged = last_logged(earlier)
        self._step = max(self._logged.values(), default=0)
        resumed = bool(earlier or RunFolder(self._save_dir).read_json().get("sessions"))
        key = find_key(configured.base_url, configured.api_key)
        if mode == "online" and (key or os.environ.get("WANDB_IDENTITY_TOKEN_FILE")):
            try:
                return self._init("online", key, resume=resumed)
            # Whatever wandb raises here, a refused key as well as a server that does not answer.
            except Exception as error:
                _log.warning("W&B cannot be reached (%s); the run is logged offline.", _reason(error))
                self._open.close()
                # wandb's process knows the failed attempt under the run's id and would refuse that id now.
                _tear_down(None)
                for folder in session_folders(self._save_dir, self._id):
                    if folder not in earlier:
                        shutil.rmtree(folder, ignore_errors=True)
        try:
            return self._init("offline", None, resume=resumed)
        except Exception as error:
            _log.warning("W&B does not work here (%s); the run goes on without it.", _reason(error))
            self._open.close()
            return None

    def _init(self, mode: Mode, key: str | None, *, resume: bool) -> wandb.Run:
        import wandb

        settings = make_settings(
            {
                **self._options,
                **self._recorded(),
                "root_dir": str(self._save_dir),
                "mode": mode,
                "api_key": key,
                # To be added to what earlier processes of this run have uploaded. A first process says nothing:
                # uploaded again, after its server had failed, its rows then replace those that had arrived.
                "resume": "allow" if resume else None,
                "reinit": "create_new" if _others_run() else None,
            }
        )
        self._messages = Messages()
        self._open.enter_context(quiet(self._messages))
        run = wandb.init(settings=settings)
        run.define_metric(AXIS)
        run.define_metric("*", step_metric=AXIS, step_sync=True)
        self._url = run.url if mode == "online" else None
        return run

    def _recorded(self) -> dict[str, Any]:
        """What the run's own record says, for wandb: its name, tags, note and commit."""
        record = RunFolder(self._save_dir).read_json()
        git = record.get("git") or {}
        tags = [*(self._options["run_tags"] or ()), *record.get("tags", ())]
        recorded = {
            "run_name": record.get("name") or f"{self._name} {self._id}".strip(),
            "run_notes": self._options["run_notes"] or record.get("note") or None,
            # W&B refuses longer ones, and repeated ones.
            "run_tags": tuple(dict.fromkeys(tag[:64] for tag in tags if tag)) or None,
            "git_commit": git.get("commit"),
            "git_remote_url": git.get("remote") or None,
        }
        found: dict[str, Any] = self._redactor.values(recorded)
        return found

    def _log_row(self, values: dict[str, Any], step: int | None) -> None:
        if self.experiment is not self._run:
            return
        if step is not None:
            self._step = max(step, self._step)
            values = {name: value for name, value in values.items() if step > self._logged.get(name, -1)}
            if not values.keys() - {"epoch"}:
                return
        values[AXIS] = self._step if step is None else step
        self._do(lambda run: run.log(values))

    def _do(self, action: Callable[[wandb.Run], object]) -> None:
        """Does something with the run; when wandb's own process has died, once more, offline, with a new one."""
        if self.experiment is not self._run or self._run is None:
            return
        try:
            action(self._run)
            return
        except Exception as error:
            goes_on = "the run goes on without it" if self._replaced else "the run is logged offline from here"
            _log.warning("W&B has stopped working (%s); %s.", _reason(error), goes_on)
        self._open.close()
        _tear_down(self._run)
        self._run, self._off = None, self._replaced
        if not self._replaced:
            self._replaced = True
            self._do(action)


def _tear_down(run: wandb.Run | None, seconds: float = 30) -> None:
    """Ends wandb's own process, unless another W&B run of this program still needs it.

    Args:
        run: ours, where there is one already.
        seconds: how long it is waited for before it is killed. What it was told is on disk long before.
    """
    if not _others_run(run):
        end_service(seconds)


def _logs_here() -> bool:
    """Whether this is the process of the run that logs."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


def _others_run(ours: Any = None) -> bool:
    """Whether this program has a W&B run besides ours, such as one in the notebook around us."""
    import wandb

    return getattr(wandb.setup(), "most_recent_active_run", wandb.run) not in (None, ours)


def _reason(error: Exception) -> str:
    """The first line of an error that wandb wrote for its own options."""
    text = (str(error).strip().splitlines() or [""])[0]
    # wandb 0.31 says this when the server answers 401 or 403.
    return "it refused the API key" if text in ("", "<no message>") else text
