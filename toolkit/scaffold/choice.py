"""What a new plugin can begin with: one example of each kind. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.errors import RequestError, did_you_mean
from toolkit.registry.entry import HOOKS, KINDS, RECIPES, group

HOOK, RECIPE = "hook", "recipe"

CHOICES = (*KINDS, HOOK, RECIPE)
"""What `--kind` takes, in the order of the documentation."""

DEFAULT_CHOICE = ("model", "dataset")
"""Trains with the core's own components: a model needs data, and everything else has a built-in."""


@dataclass(frozen=True, slots=True)
class Example:
    """What is written for one kind: a module of the template's name, with one class or function in it."""

    kind: str
    stem: str
    """The module's name, and the end of the component's: ``mlp`` in ``acme_nets_mlp``."""
    attribute: str
    """The class or function; empty for a module that is named as a whole."""
    about: str
    """What it is, for the table in the plugin's README."""

    @property
    def group(self) -> str:
        """The entry-point group that it is offered in."""
        return HOOKS if self.kind == HOOK else group(self.kind)


EXAMPLES = (
    Example("task", "mixed", "MixedClassification", "classification of pairs of samples that are mixed (mixup)"),
    Example("model", "mlp", "MLP", "one hidden layer over the pixels of an image"),
    Example("dataset", "bars", "bars", "noisy images of a line in one of four directions, made from a seed"),
    Example("loss", "focal", "Focal", "cross-entropy with less weight on what is easy"),
    Example("optimizer", "lion", "Lion", "steps of one length, in the direction of a momentum's sign"),
    Example("scheduler", "trapezoid", "trapezoid", "up in a line, level, down in a line"),
    Example("metric", "brier", "Brier", "squared distance of the probabilities from the truth"),
    Example("transform", "noise", "Noise", "normal noise on the inputs"),
    Example("callback", "weight_norm", "WeightNorm", "logs the length of the vector of all weights, and how it grew"),
    Example("logger", "json_lines", "JSONLines", "a line of JSON for every logged step"),
    Example("part", "swish", "Swish", "an activation that learns its own steepness"),
    Example(HOOK, "summary", "", "`summary.md` in the folder of every finished run"),
)
"""One for each choice but recipes, of which there always is one."""

_NAMES = {
    **{kind: kind for kind in CHOICES},
    **{group(kind).removeprefix("toolkit."): kind for kind in KINDS},
    HOOKS.removeprefix("toolkit."): HOOK,
    RECIPES.removeprefix("toolkit."): RECIPE,
}
"""As `toolkit ls` does, `--kind` takes the singular and the plural."""


def chosen_examples(kinds: Iterable[str]) -> tuple[Example, ...]:
    """The examples of these kinds, each once, in the documentation's order; the default choice where there are none.

    A part comes with a model: nothing of the core's would take it.

    Raises:
        RequestError: one is no kind; the message says which there are.
    """
    chosen = set()
    for name in kinds:
        if name not in _NAMES:
            hint = did_you_mean(name, _NAMES) or f" There are: {', '.join(CHOICES)}."
            raise RequestError(f"--kind {name}: there is no such kind.{hint}")
        chosen.add(_NAMES[name])
    chosen = chosen or set(DEFAULT_CHOICE)
    if "part" in chosen:
        chosen.add("model")
    return tuple(example for example in EXAMPLES if example.kind in chosen)
