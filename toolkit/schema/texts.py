"""What an editor says about the keys of a recipe that are the core's own. Imports nothing."""

from __future__ import annotations

TOP_LEVEL = {
    "extends": "The recipe to start from, by name (vision/digits) or as a file (./base.yaml). What stands here is laid "
    "over it; a block that names another component replaces the one that is there.",
    "seed": "Where all random numbers come from. The same seed gives the same run.",
    "task": "What a step is: how model, loss, optimizer and metrics come together.",
    "dataset": "The data: its splits, and what it knows about itself (the facts), which fills arguments of the others.",
    "loader": "How batches are made.",
    "model": "What is trained.",
    "loss": "What the training makes smaller.",
    "optimizer": "How parameters are changed.",
    "scheduler": "How the learning rate goes.",
    "metrics": "What is measured on every split, by label: the name of a metric unless `use` says otherwise.",
    "transforms": "What is done to batches on the device: `train` for those of the training, `eval` for the others.",
    "callbacks": "What listens to the training, by label.",
    "loggers": "Where metrics are written, by label.",
    "trainer": "The arguments of Lightning's Trainer, under their own names. One of max_epochs, max_steps and max_time "
    "has to be there.",
    "engine": "How the training is carried out: compilation, averaged weights, checkpoints.",
    "expect": 'The results that this recipe reaches, such as `test/accuracy: ">= 0.98"`.',
}

ENGINE = {
    "compile": "torch.compile: true, or one of its modes, for the model; `step` for whole steps in one CUDA graph, "
    "`auto` for those where it pays.",
    "channels_last": "Keep images in memory with their channels last, which convolutions on a GPU are faster with.",
    "ema": "Evaluate an exponential moving average of the weights: its decay, such as 0.999, or the arguments of "
    "Lightning's EMAWeightAveraging.",
    "keep": "How many checkpoints are kept: `best` and `last`.",
    "save": "How often a checkpoint is written inside an epoch: every `steps` or `minutes`; null for never.",
}

WORDS = {
    "optimizer.no_decay": "Parameters without weight decay: `bias`, `norm` (those of normalisation layers), or "
    "patterns of their names.",
    "optimizer.groups": "Options of this optimizer for the parameters whose names match a pattern; the first that "
    "matches counts.",
    "scheduler.interval": "What the scheduler counts: optimizer steps, or epochs.",
    "scheduler.frequency": "Move at every n-th step or epoch.",
    "scheduler.monitor": "What reduce_on_plateau watches, such as val/loss.",
    "model.freeze": "Parameters that are not trained: `bias`, `norm`, or patterns of their names.",
    "model.init_from": "Weights to begin with: a file beside the recipe, or a run, whose best checkpoint is taken.",
}

FILLED = {
    "the dataset": "Filled from the dataset where it is left out.",
    "the run": "Filled from the length of the training, or what it watches, where it is left out.",
}
"""By who fills an argument, what is said of it."""

USE = "The component's name."

NO_SUCH_NAME = "No installed plugin offers this."

OLD_NAME = "Deprecated: this is called `{}` now."
"""What is said of an argument's old name."""
