"""Asks Lightning for the trainer of a run before anything of the run is made. Imports Lightning."""

from __future__ import annotations

import warnings

from toolkit.build import Experiment
from toolkit.engine.trainer import make_trainer
from toolkit.errors import RequestError
from toolkit.hooks import load_hooks


def refuse_trainer(experiment: Experiment) -> None:
    """Makes sure that Lightning takes the block ``trainer`` of a recipe on this machine.

    Where several processes are to be started, each would find out for itself, in a copy of the recipe.

    Raises:
        RecipeError: it does not; with the place in the recipe.
    """
    bare = {"logger": False, "callbacks": []}
    quiet = dict.fromkeys(("enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    options = {**experiment.checked.trainer, **bare, **quiet}
    with warnings.catch_warnings():
        # They are the run's, which makes its trainer once more.
        warnings.simplefilter("ignore")
        try:
            make_trainer(options, experiment.recipe)
        except RequestError:
            # A listener may have another word in this.
            load_hooks(experiment.checked.registry).trainer_options(experiment, options)
            make_trainer(options, experiment.recipe)
