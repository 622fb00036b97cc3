"""The component of a case, built as a recipe would build it, in a folder of its own. Imports torch and Lightning."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from toolkit.build import construct
from toolkit.check import Block, resolve_block
from toolkit.data.download import CACHE_VARIABLE
from toolkit.engine.rng import rng_state, set_rng_state
from toolkit.recipe import KeyPath, Recipe, load, to_yaml
from toolkit.registry import Entry, Plugin, Registry
from toolkit.registry.packages import absent_packages
from toolkit.testing.case import PLUGIN, Case
from toolkit.testing.check import Broken, DoesNotApply
from toolkit.testing.required import with_required
from toolkit.testing.settings import put_back, seed_all

SEED = 7


@dataclass(frozen=True)
class Spec:
    """What a component is built from, as plain values: it can be sent to another process."""

    distribution: str
    kind: str
    use: str
    args: Mapping[str, Any]
    recipe: Mapping[str, Any]
    run_files: Mapping[str, bytes] | None = None


@dataclass
class Subject:
    """What a check looks at."""

    case: Case
    suite: tuple[Case, ...]
    registry: Registry
    """The core, the plugin that is tested and those that it requires, and no other plugin."""
    plugin: Plugin
    folder: Path
    """Empty, and removed afterwards; the working folder too lies in it."""
    _args: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        return self.case.kind

    @property
    def args(self) -> dict[str, Any]:
        """The arguments as a recipe writes them."""
        if self._args is None:
            self._args = arguments_of(self.case, self.folder / "files")
        return self._args

    @property
    def batch(self) -> Any:
        """What the component is called with, made anew and the same. Raises `Broken` where the case has none."""
        if self.case.batch is None:
            raise Broken(f"the case has no `batch`, which a {self.kind} is called with")
        return made(self.case.batch)

    @property
    def spec(self) -> Spec:
        case = self.case
        return Spec(self.plugin.distribution, self.kind, case.use, self.args, case.recipe, made(case.run_files))

    @property
    def block(self) -> Block:
        """The component with its arguments, checked. Raises `Broken` with what is wrong with them."""
        return block_of(self.spec, self.registry, self.folder)[0]

    def build(self, seed: int | None = SEED, **given: Any) -> Any:
        """The component, after the random generators were seeded; with None they are left alone."""
        return built(self.spec, self.registry, self.folder, seed, **given)


def made(value: Any) -> Any:
    """A value, or what a function makes: the same each time, though it draws random numbers."""
    if not callable(value) or isinstance(value, nn.Module):
        return value
    state = rng_state()
    seed_all(SEED)
    try:
        return value()
    finally:
        set_rng_state(state)


def arguments_of(case: Case, folder: Path) -> dict[str, Any]:
    """The arguments of a case; those that name files with the files written into ``folder``."""
    if not callable(case.args):
        return dict(case.args)
    folder.mkdir(exist_ok=True)
    return dict(case.args(folder))


def alone(distribution: str) -> tuple[Registry, Plugin]:
    """The registry as it would be with no other plugins than this one and those that it requires, and the plugin."""
    return _alone(distribution, tuple(each for each in sys.path if isinstance(each, str)))


@functools.lru_cache(maxsize=8)
def _alone(distribution: str, path: tuple[str, ...]) -> tuple[Registry, Plugin]:
    everything = Registry.scan(path)
    plugin = everything.plugin(distribution)
    assert plugin is not None, "whoever asks for checks of a plugin has looked for it"
    names = with_required(distribution, everything)
    return Registry(tuple(each for each in everything.plugins if each.distribution in names)), plugin


@contextmanager
def subject_of(distribution: str, case: Case, suite: Sequence[Case]) -> Iterator[Subject]:
    """What a check of a case looks at; everything global is put back afterwards."""
    registry, plugin = alone(distribution)
    _need_packages(distribution, case, registry)
    with put_back(), working_folder() as folder:
        yield Subject(case, tuple(suite), registry, plugin, folder)


def _need_packages(distribution: str, case: Case, registry: Registry) -> None:
    """Raise DoesNotApply for a component of the core that needs a package which is not installed."""
    for entry in registry.entries(case.kind) if case.kind != PLUGIN else ():
        if (entry.distribution, entry.name) == (distribution, case.use):
            missing = absent_packages(entry, {} if callable(case.args) else case.args)
            if missing:
                raise DoesNotApply(missing)


@contextmanager
def working_folder() -> Iterator[Path]:
    """A new folder with an empty working folder in it, where nothing that was downloaded before is found."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="toolkit-test-") as name:
        folder = Path(name).resolve()
        (folder / "work").mkdir()
        os.chdir(folder / "work")
        cache, os.environ[CACHE_VARIABLE] = os.environ.get(CACHE_VARIABLE), str(folder / "cache")
        try:
            yield folder
        finally:
            os.chdir(before)
            os.environ.pop(CACHE_VARIABLE)
            if cache is not None:
                os.environ[CACHE_VARIABLE] = cache


_PLACES: Mapping[str, KeyPath] = {
    "metric": ("metrics", "it"),
    "transform": ("transforms", "train", "it"),
    "callback": ("callbacks", "it"),
    "logger": ("loggers", "it"),
}
"""Where in a recipe a component of a kind stands; elsewhere the kind is the key, though none is called ``part``."""


def recipe_with(spec: Spec, registry: Registry, folder: Path, rest: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe that was written to a file and read again, with the component of a case in it."""
    *above, key = _PLACES.get(spec.kind, (spec.kind,))
    values: dict[str, Any] = {**(rest or {})}
    inside: dict[str, Any] = values
    for part in above:
        inside = inside.setdefault(str(part), {})
    inside[str(key)] = {"use": f"{spec.distribution}/{spec.use}", **spec.args}
    file = folder / "case.yaml"
    try:
        file.write_text(to_yaml(values), encoding="utf-8")
    except (TypeError, ValueError, AttributeError) as error:
        raise Broken(f"the arguments of the case cannot be written in a recipe: {error}") from error
    recipe = load(str(file), registry=registry, allow_code=bool(rest))
    # As one that the plugin ships: short names of parts inside mean its own.
    return dataclasses.replace(recipe, distribution=spec.distribution)


def block_of(spec: Spec, registry: Registry, folder: Path) -> tuple[Block, Recipe]:
    """The component of a case with its arguments, checked, and the recipe that it is written in."""
    recipe = recipe_with(spec, registry, folder)
    block, problems = resolve_block(recipe, registry, _PLACES.get(spec.kind, (spec.kind,)), spec.kind)
    if block is None or problems:
        raise Broken("; ".join(problem.text for problem in problems))
    return block, recipe


def built(spec: Spec, registry: Registry, folder: Path, seed: int | None = SEED, **given: Any) -> Any:
    """The component of a case. Raises `Broken` or BuildError."""
    block, recipe = block_of(spec, registry, folder)
    if seed is not None:
        seed_all(seed)
    kept = {} if spec.run_files is None else {"run_files": spec.run_files}
    return construct(block, {**_given(spec.kind, folder), **kept, **given}, {}, recipe=recipe)


def entry_of(subject: Subject) -> Entry:
    """The component's entry."""
    return subject.registry.find(subject.kind, f"{subject.plugin.distribution}/{subject.case.use}")


def _given(kind: str, folder: Path) -> dict[str, Any]:
    """What the core gives a component of a kind that needs nothing else to be built."""
    if kind == "callback":
        return {"dirpath": str(folder / "run"), "monitor": "val/loss"}
    if kind == "logger":
        return {"save_dir": str(folder / "run"), "name": "case", "version": "case", "id": "case"}
    return {}
