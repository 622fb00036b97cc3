"""The top level of a recipe and the blocks that belong to the core itself: seed, loader, engine, trainer, expect.

Imports Lightning when its signatures are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from toolkit.check.arguments import check_type, unknown_key
from toolkit.check.expect import check_expect
from toolkit.check.loader import check_loader
from toolkit.check.report import Report
from toolkit.check.signature import Parameter, signature_of
from toolkit.check.trainer import check_trainer
from toolkit.check.types import fits
from toolkit.check.wording import shown
from toolkit.errors import did_you_mean, nearest
from toolkit.recipe.grammar import ENGINE_KEYS, KEEP_KEYS, LARGEST_SEED, SAVE_KEYS, TOP_LEVEL

ENGINE_TYPES: Mapping[str, Any] = {
    # Whole steps, or auto for those where they pay; the modes of torch.compile for the model alone.
    "compile": bool
    | Literal["step", "auto", "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"],
    "channels_last": bool,
    "ema": float | dict[str, Any] | None,
    "keep": dict[str, int],
    "save": dict[str, float | None],
}
"""By key, the type of what stands in the block `engine`."""


def check_top_level(values: Mapping[str, Any], report: Report) -> dict[str, dict[str, Any]]:
    """Report what is wrong outside the components.

    Returns:
        The blocks loader, engine, trainer and expect; an empty one where the recipe has none that can be read.
    """
    for key in values:
        if key not in TOP_LEVEL:
            guess = did_you_mean(key, TOP_LEVEL) or f" The keys of a recipe are {', '.join(TOP_LEVEL)}."
            report.at_key((key,), f"a recipe has no key {key!r}.{guess}")
    for key, example in (("task", "classification"), ("dataset", "digits")):
        if values.get(key) is None and not is_misspelt(key, values):
            report.missing(key, f"a recipe needs a {key}, such as `{key}: {example}`")
    _check_seed(values.get("seed", 0), report)
    blocks = {name: _block(name, values.get(name), report) for name in ("loader", "engine", "trainer", "expect")}
    check_loader(blocks["loader"], report)
    _check_engine(blocks["engine"], report)
    if values.get("trainer") is None or isinstance(values["trainer"], dict):
        check_trainer(blocks["trainer"], report)
    check_expect(blocks["expect"], report)
    return blocks


def is_misspelt(key: str, values: Mapping[str, Any]) -> bool:
    """Whether a top-level key is not missing but written wrong, which is reported as such."""
    return any(written not in TOP_LEVEL and nearest(written, TOP_LEVEL) == key for written in values)


def _block(name: str, value: Any, report: Report) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        report.at_value((name,), f"expected a mapping, got {shown(value)}")
    return value if isinstance(value, dict) else {}


def _check_seed(seed: Any, report: Report) -> None:
    if type(seed) is not int or not 0 <= seed <= LARGEST_SEED:
        report.at_value(("seed",), f"expected a whole number from 0 to {LARGEST_SEED}, got {shown(seed)}")


def _check_engine(values: Mapping[str, Any], report: Report) -> None:
    for name, value in values.items():
        path = ("engine", name)
        if name not in ENGINE_KEYS:
            report.at_key(path, unknown_key("engine", name, ENGINE_KEYS))
        elif not fits(value, ENGINE_TYPES[name]):
            check_type(value, Parameter(name, ENGINE_TYPES[name]), path, report)
        elif name == "keep":
            _check_keep(value, report)
        elif name == "save":
            _check_save(value, report)
        elif name == "ema" and value is not None:
            _check_ema(value, report)


def _check_keep(values: Mapping[str, int], report: Report) -> None:
    for name, count in values.items():
        path = ("engine", "keep", name)
        if name not in KEEP_KEYS:
            report.at_key(path, unknown_key("engine.keep", name, KEEP_KEYS))
        elif count < 0:
            report.at_value(path, f"expected a whole number from 0 up, got {shown(count)}")


def _check_save(values: Mapping[str, float | None], report: Report) -> None:
    for name, value in values.items():
        path = ("engine", "save", name)
        if name not in SAVE_KEYS:
            report.at_key(path, unknown_key("engine.save", name, SAVE_KEYS))
        elif name == "steps" and value is not None and (type(value) is not int or value < 1):
            report.at_value(path, f"expected a whole number from 1 up, or null, got {shown(value)}")
        elif value is not None and value <= 0:
            report.at_value(path, f"expected a number above 0, or null, got {shown(value)}")


def _check_ema(value: Any, report: Report) -> None:
    """``ema: 0.999`` is short for ``ema: {decay: 0.999}``, the arguments of Lightning's EMAWeightAveraging."""
    path: tuple[str, ...] = ("engine", "ema")
    options = value if isinstance(value, dict) else {"decay": value}
    if isinstance(value, dict):
        from pytorch_lightning.callbacks import EMAWeightAveraging

        parameters = signature_of(EMAWeightAveraging).parameters
        for name, option in options.items():
            if name not in parameters:
                report.at_key((*path, name), unknown_key("engine.ema", name, list(parameters)))
            else:
                check_type(option, parameters[name], (*path, name), report)
        path = (*path, "decay")
    decay = options.get("decay")
    if isinstance(decay, (int, float)) and not isinstance(decay, bool) and not 0 < decay < 1:
        report.at_value(path, f"expected a decay between 0 and 1, such as 0.999, got {shown(decay)}")
