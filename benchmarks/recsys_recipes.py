"""What `benchmarks.recsys` trains: by model, RecBole's configuration and the toolkit's recipe. Imports nothing heavy.

Chosen on the validation split; `tried` says among how many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RANKED = {"ndcg": {"k": 10}, "recall": {"use": "item_recall", "k": 10}}
PATIENCE = 10
"""Validations without a better one until the training ends; RecBole's default."""


@dataclass(frozen=True)
class Model:
    """One model on both sides."""

    label: str
    """In the table."""
    recbole: str
    """What RecBole calls it."""
    config: Mapping[str, Any]
    """RecBole's configuration, where it differs from its defaults."""
    watched: str
    """RecBole's metric that the best epoch is chosen by; the first of `metrics` is the toolkit's."""
    reported: tuple[str, str]
    """RecBole's two metrics in the table; those of `metrics` are the toolkit's."""
    recipe: Mapping[str, Any]
    """What the toolkit is told, over `BASE`."""
    tried: int
    """Among how many configurations the recipe was chosen."""
    files: str = "pairs"
    """Which files both read: `pairs`, `features` or `ordered`; see `benchmarks.recsys_files`."""


BASE: Mapping[str, Any] = {
    "task": {"use": "item_recommendation", "negatives": {"use": "uniform"}},
    "loader": {"batch_size": 2048, "eval_batch_size": 1024},
    "optimizer": {"use": "adam", "lr": 1e-3},
    "metrics": RANKED,
    "trainer": {"max_epochs": 300, "accelerator": "cpu"},
}
PAIRS = {
    "load_col": {"inter": ["user_id", "item_id"]},
    "benchmark_filename": ["train", "valid", "test"],
    "valid_metric": "NDCG@10",
}

MODELS: Mapping[str, Model] = {
    "bpr": Model(
        "BPR matrix factorisation, width 64",
        "BPR",
        PAIRS,
        "ndcg@10",
        ("ndcg@10", "recall@10"),
        {
            "model": {"use": "bpr", "width": 64},
            "loss": "bpr",
            "optimizer": {"use": "adamw", "lr": 3e-3, "weight_decay": 0.5},
        },
        tried=5,
    ),
    "neumf": Model(
        "NeuMF: vectors of 64, layers of 128 and 64; ours a layer of 64, 4 negatives",
        "NeuMF",
        PAIRS,
        "ndcg@10",
        ("ndcg@10", "recall@10"),
        {
            "task": {"use": "item_recommendation", "negatives": {"use": "uniform", "number": 4}},
            "model": {"use": "neumf", "width": 64, "hidden": [64], "dropout": 0.0},
            "loss": "pointwise",
            "optimizer": {"use": "adamw", "lr": 3e-3, "weight_decay": 0.1},
        },
        tried=2,
    ),
    "lightgcn": Model(
        "LightGCN, width 64, 2 layers",
        "LightGCN",
        PAIRS,
        "ndcg@10",
        ("ndcg@10", "recall@10"),
        {
            "model": {"use": "lightgcn", "width": 64, "layers": 2},
            "loss": "bpr",
            "optimizer": {"use": "adamw", "lr": 5e-3, "weight_decay": 0.1},
        },
        tried=3,
    ),
    "sasrec": Model(
        "SASRec, width 64, 2 blocks, 2 heads, the last 50 items",
        "SASRec",
        {
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
            # Its loss is a softmax over all items.
            "train_neg_sample_args": None,
            "valid_metric": "NDCG@10",
        },
        "ndcg@10",
        ("ndcg@10", "recall@10"),
        {
            "task": {"use": "item_recommendation"},
            "loader": {"batch_size": 128, "eval_batch_size": 1024},
            "model": {"use": "sasrec", "width": 64, "layers": 2, "heads": 2, "dropout": 0.5, "length": 50},
            "loss": "cross_entropy",
            "optimizer": {"use": "adam", "lr": 3e-3},
        },
        tried=2,
        files="ordered",
    ),
    "deepfm": Model(
        "DeepFM, width 10, 3 layers of 128: ratings of 4 and more as clicks",
        "DeepFM",
        {
            "load_col": {
                "inter": ["user_id", "item_id", "rating"],
                "user": ["user_id", "age", "gender", "occupation", "zip_code"],
                "item": ["item_id", "movie_title", "release_year", "class"],
            },
            "threshold": {"rating": 4},
            "benchmark_filename": ["train", "valid", "test"],
            "eval_args": {"mode": "labeled"},
            "train_neg_sample_args": None,
            "metrics": ["AUC", "LogLoss"],
            "valid_metric": "AUC",
        },
        "auc",
        ("auc", "logloss"),
        {
            "task": "classification",
            "loader": {"batch_size": 2048, "eval_batch_size": 8192},
            "model": {"use": "deepfm", "width": 10, "hidden": [128, 128, 128], "dropout": 0.2},
            "loss": "bce_with_logits",
            "optimizer": {"use": "adamw", "lr": 5e-3, "weight_decay": 0.5},
            # The mean of the last fifty steps or so: at this rate validations go up and down by 0.003.
            "engine": {"ema": 0.98},
            "metrics": {"auroc": {}, "log_loss": {}},
        },
        tried=6,
        files="features",
    ),
}
"""By the name for `--only`."""
