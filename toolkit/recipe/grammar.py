"""The closed lists of the recipe grammar: top-level keys, collections, the core's own words, and facts."""

from __future__ import annotations

import re

TOP_LEVEL = (
    "extends",
    "seed",
    "task",
    "dataset",
    "loader",
    "model",
    "loss",
    "optimizer",
    "scheduler",
    "metrics",
    "transforms",
    "callbacks",
    "loggers",
    "trainer",
    "engine",
    "expect",
)

BLOCKS = ("task", "dataset", "model", "loss", "optimizer", "scheduler")
"""Top-level keys that hold one component; the key is the component's kind."""

TRANSFORMS = ("train", "eval")
"""Which batches transforms are for: those of training, and those of validation and test."""

COLLECTIONS: dict[tuple[str | int, ...], str] = {
    ("metrics",): "metric",
    ("callbacks",): "callback",
    ("loggers",): "logger",
    **{("transforms", stage): "transform" for stage in TRANSFORMS},
}
"""Paths that hold components keyed by label, and the kind of each."""

WORDS = {
    "optimizer": ("no_decay", "groups"),
    "scheduler": ("interval", "frequency", "monitor"),
    "model": ("freeze", "init_from"),
}
"""By kind, the words that the core takes out of a block before the component sees its arguments; ``use`` everywhere."""

LABEL = re.compile(r"[a-z][a-z0-9_]*")
"""What a label of a collection looks like."""

RESULT = re.compile(r"(train|val|test)/[a-z][a-z0-9_]*(/[^/\s]+)*")
"""What a key of ``expect`` looks like."""

EXPECTATION = re.compile(r"\s*(>=|<=|==|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
"""What a value of ``expect`` looks like: comparison and number."""

LARGEST_SEED = 2**32 - 1
"""NumPy takes no larger one."""

TIMED = ("step_size", "milestones", "T_max", "T_0", "total_iters", "gamma")
"""Arguments of a scheduler whose meaning depends on what is counted, steps or epochs."""

ENDS = ("max_epochs", "max_steps", "max_time")
"""Arguments of the trainer that end a training; one of them has to be given."""

BATCH_SIZE = 32
"""Samples in a batch of one process where a recipe does not say."""

ENGINE_KEYS = ("compile", "channels_last", "ema", "keep", "save")

KEEP_KEYS = ("best", "last")
"""The keys of ``engine.keep``."""

SAVE_KEYS = ("steps", "minutes")
"""The keys of ``engine.save``."""

STEP_GRAPH = "step"
"""The value of ``engine.compile`` that asks for whole steps in one graph."""

FACTS = {
    "task": "binary, multiclass or multilabel",
    "num_classes": "number of classes of a target",
    "num_labels": "number of labels of a multi-label target",
    "num_targets": "number of values of a regression target",
    "num_identities": "number of identities to train on, where those of the other splits are others",
    "class_names": "the classes' names, in the order of their numbers",
    "in_channels": "channels of an image",
    "image_size": "[height, width] of an image in pixels",
    "in_features": "length of a flat feature vector",
    "vocab_size": "number of tokens",
    "pad_id": "number of the padding token",
    "bos_id": "number of the token that begins a text",
    "eos_id": "number of the token that ends a text",
    "characters_per_token": "by split, how many characters of its text a token stands for",
    "num_users": "number of users",
    "num_items": "number of items",
    "num_features": "number of input features",
    "field_sizes": "how many numbers each field of categories has, in the order of the fields",
    "multi_sizes": "the same of fields of several categories",
    "num_numerical": "number of numerical features beside fields of categories",
    "target_mean": "mean of the targets to train on",
    "sample_rate": "samples a second of the audio",
}
"""What a dataset can know about itself. A dataset may add names that begin with its own component name and ``_``."""

FACT_KINDS = ("model", "loss", "metric", "task", "transform", "part")
"""Kinds whose parameters are filled from facts (a part only inside one of the others)."""

RUN_FACTS = ("total_steps", "steps_per_epoch", "epochs")
"""What the trainer knows once the data is counted; fills scheduler parameters."""
