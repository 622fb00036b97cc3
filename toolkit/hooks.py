"""The moments of a run that a plugin may listen to, and the loading of the listeners that installed plugins offer.

Imports pluggy, and of the toolkit the errors and the registry; never torch.

A listener is a module (or a class or an object of one) that a distribution names in its entry-point group
``toolkit.hooks``. Its functions carry the name of a hook, take any of the hook's arguments by name, and are marked with
`hookimpl`::

    from toolkit.hooks import hookimpl      # or: hookimpl = pluggy.HookimplMarker("toolkit")

    @hookimpl
    def toolkit_run_finished(run, result):
        print(run.id, result.metrics)
"""

from __future__ import annotations

import functools
import importlib
import inspect
import types
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import pluggy

from toolkit.errors import RunError, did_you_mean
from toolkit.registry import Plugin, Registry, renamed

PROJECT = "toolkit"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as a listener."""


class Hooks:
    """Every hook, with the sentence that says when it is called.

    The objects that listeners are given belong to later layers of the toolkit, and so are not typed here: ``run`` is a
    `toolkit.runs.run.Run`, ``experiment`` a built experiment (`toolkit.build.Experiment`), ``result`` a
    `toolkit.runs.RunResult`.
    """

    @hookspec
    def toolkit_trainer_options(self, experiment: Any, options: dict[str, Any]) -> None:
        """Change the keyword arguments of Lightning's ``Trainer``, in place, before the trainer is made.

        Called in every process of the run, once everything of the recipe is built, and again when the run is resumed.
        Every process has to make the same changes. Where Lightning refuses the recipe's ``trainer``, it is called once
        more before the run has a folder, so that a listener can put that right: ``callbacks`` is empty then, and
        ``logger`` False.

        Args:
            experiment: what will be trained: ``recipe``, ``facts``, ``model``, ``task``, ``data``.
            options: the arguments by name; ``callbacks`` and ``logger`` hold lists of built objects.
        """

    @hookspec
    def toolkit_run_started(self, run: Any) -> None:
        """A run has its folder and its id, everything is built, and training is about to begin.

        Called in every process of the run, and again when the run is resumed; ``run.is_main`` is True in the one that
        writes and prints.

        Args:
            run: the run: ``id``, ``name``, ``folder``, ``recipe``, ``experiment``, ``trainer``, ``is_main``, and
                ``resumed_from``, which is None in a run that begins.
        """

    @hookspec
    def toolkit_run_finished(self, run: Any, result: Any) -> None:
        """A run has come to its end, and its folder is complete.

        Called in every process of the run, after training and test, and before loggers are closed.

        Args:
            run: the run, as above; ``record`` is the content of ``run.json``.
            result: what it reached: ``metrics``, ``folder``, ``model``, ``status``, ``id``, ``best_checkpoint``.
        """

    @hookspec
    def toolkit_run_failed(self, run: Any, error: BaseException) -> None:
        """A run has ended before its time, and its folder says why.

        Called in place of ``toolkit_run_finished``, in every process of the run that is alive: not in one that was
        killed, and not for a recipe that was refused before training. Ctrl-C and SIGTERM end a run so too.

        Args:
            run: the run, as above.
            error: the exception that ended it; ``KeyboardInterrupt`` for Ctrl-C.
        """


HOOKS = tuple(name for name in vars(Hooks) if name.startswith(f"{PROJECT}_"))
"""The names of all hooks."""

TOLD_AFTERWARDS = ("toolkit_run_finished", "toolkit_run_failed")
"""Hooks whose listeners can no longer harm the run: one that raises is reported, and the others are still called."""


class HookError(RunError):
    """A listener raised while a run was starting; the message names its plugin."""


@dataclass(frozen=True)
class Listener:
    """One entry of the group ``toolkit.hooks``: who offers it, and where it is."""

    plugin: Plugin
    name: str
    value: str
    """``module`` or ``module:attribute``."""

    def __str__(self) -> str:
        """``hooks 'telemetry' (acme-nets 1.0, acme_nets.hooks)``, for messages."""
        return f"hooks {self.name!r} ({self.plugin}, {self.value})"


@dataclass(frozen=True)
class LoadedHooks:
    """The listeners of this environment, ready to be called."""

    manager: pluggy.PluginManager
    problems: tuple[str, ...] = ()
    """Why listeners were left out, and which of them use old names. A run prints the messages and goes on."""
    _reports: list[str] = field(default_factory=list, repr=False)

    def trainer_options(self, experiment: Any, options: dict[str, Any]) -> None:
        """Let the listeners change ``options`` in place. Raises `HookError` for a listener that raises."""
        self._call("toolkit_trainer_options", experiment=experiment, options=options)

    def run_started(self, run: Any) -> None:
        """Tell the listeners that a run begins. Raises `HookError` for a listener that raises."""
        self._call("toolkit_run_started", run=run)

    def run_finished(self, run: Any, result: Any) -> tuple[str, ...]:
        """Tell the listeners that a run has ended well; returns a message for each listener that raised."""
        return self._told("toolkit_run_finished", run=run, result=result)

    def run_failed(self, run: Any, error: BaseException) -> tuple[str, ...]:
        """Tell the listeners that a run was cut short; returns a message for each listener that raised."""
        return self._told("toolkit_run_failed", run=run, error=error)

    def _told(self, hook: str, **arguments: Any) -> tuple[str, ...]:
        self._reports.clear()
        try:
            self._call(hook, **arguments)
        except HookError as error:  # from a wrapper, which pluggy needs to see raise
            self._reports.append(str(error))
        return tuple(self._reports)

    def _call(self, hook: str, **arguments: Any) -> None:
        old = {name: arguments[each.new] for name, each in renamed.HOOK_ARGUMENTS.get(hook, {}).items()}
        getattr(self.manager.hook, hook)(**arguments, **old)


def load_hooks(registry: Registry) -> LoadedHooks:
    """Import the listeners that the plugins of ``registry`` offer, each on its own.

    A listener that cannot be imported, names a hook or an argument that does not exist, or belongs to a plugin built
    for another toolkit is left out, and ``problems`` of the result says so: it must not harm a run that never asked
    for it.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    _allow_old_arguments(manager)
    problems: list[str] = []
    reports: list[str] = []
    for plugin in registry.plugins:
        for name, value in plugin.hooks:
            listener = Listener(plugin, name, value)
            try:
                problems += _register(manager, listener, reports)
            except _LeftOut as reason:
                problems.append(f"{listener} {reason}\nThe run goes on without it.")
    manager.check_pending()
    return LoadedHooks(manager, tuple(problems), reports)


class _LeftOut(Exception):
    """Why a listener cannot take part, as the end of a sentence that begins with the listener."""


class _OldName(DeprecationWarning):
    """A listener takes an argument by a name that will go."""


def _allow_old_arguments(manager: pluggy.PluginManager) -> None:
    """Let listeners take arguments by their old names; pluggy then warns of each that does."""
    for hook, old in renamed.HOOK_ARGUMENTS.items():
        spec = getattr(manager.hook, hook).spec
        spec.argnames = (*spec.argnames, *old)
        spec.warn_on_impl_args = {
            name: _OldName(each.told(f"the argument of {hook}", name)) for name, each in old.items()
        }


def _register(manager: pluggy.PluginManager, listener: Listener, reports: list[str]) -> list[str]:
    """Let a listener take part; returns what its author should know of the names that it uses."""
    if listener.plugin.built_for_another:
        raise _LeftOut(
            f"was built for another version of the toolkit: it asks for toolkit-core {listener.plugin.requires_core}, "
            f"and {listener.plugin.core_version} is installed"
        )
    offered = _imported(listener)
    guarded = types.SimpleNamespace()
    notes: list[str] = []
    marked = {name: options for name in dir(offered) if (options := manager.parse_hookimpl_opts(offered, name))}
    unmarked = next((name for name in (*HOOKS, *renamed.HOOKS) if name not in marked and hasattr(offered, name)), None)
    if unmarked is not None:
        raise _LeftOut(f"does not mark {unmarked} as a listener: put @hookimpl of toolkit.hooks above it")
    heard = {options.get("specname") or name for name, options in marked.items()}
    for name, options in marked.items():
        hook = options.get("specname") or name
        function = getattr(offered, name)
        if hook in renamed.HOOKS:
            today = renamed.HOOKS[hook]
            if today.new in heard:
                continue  # it goes with both versions of the toolkit
            notes.append(f"{listener}: {today.told('the hook', hook)}")
            hook = today.new
        elif hook not in HOOKS and not options.get("optionalhook"):
            raise _LeftOut(f"listens to {hook!r}, which is no hook.{did_you_mean(hook, HOOKS)} {_THERE_ARE}")
        guard = _blamed(function, hook, listener, reports)
        # Not pluggy's warn_on_impl, for which the old hook would be called beside the new one: a wrapper would then
        # wrap the listeners to the old name only.
        setattr(guard, f"{PROJECT}_impl", {**options, "specname": hook})
        setattr(guarded, name, guard)
    if not vars(guarded):
        raise _LeftOut(f"holds no listener: nothing in it is marked with @hookimpl. {_THERE_ARE}")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", _OldName)
        try:
            manager.register(guarded, name=str(listener))
        except pluggy.PluginValidationError as error:
            raise _LeftOut(f"does not fit its hook: {str(error).splitlines()[-1]}") from error
    return notes + [f"{listener}: {each.message}" for each in told if issubclass(each.category, _OldName)]


_THERE_ARE = f"There are: {', '.join(HOOKS)}"


def _imported(listener: Listener) -> Any:
    module, _, attribute = listener.value.partition(":")
    try:
        found = functools.reduce(getattr, filter(None, attribute.split(".")), importlib.import_module(module.strip()))
        return found() if isinstance(found, type) else found
    # SystemExit too: a module that calls sys.exit() while it is imported must not end somebody's run.
    except (Exception, SystemExit) as error:
        raise _LeftOut(f"could not be imported: {type(error).__name__}: {error}") from error


def _blamed(function: Callable[..., Any], hook: str, listener: Listener, reports: list[str]) -> Callable[..., Any]:
    """``function`` so that what it raises names the plugin; pluggy alone would let a bare exception through."""

    def failed(error: Exception) -> HookError:
        error.add_note(f"while {listener} listened to {hook}")
        return HookError(f"{listener} failed in {hook}: {type(error).__name__}: {error}")

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any) -> Generator[Any, Any, Any]:
            try:
                return (yield from function(*args))
            except HookError:  # another listener's, on its way through this one
                raise
            except Exception as error:
                raise failed(error) from error

        return wrapper

    @functools.wraps(function)
    def plain(*args: Any) -> Any:
        try:
            return function(*args)
        except Exception as error:
            blame = failed(error)
            if hook not in TOLD_AFTERWARDS:
                raise blame from error
            reports.append(str(blame))
            return None

    return plain
