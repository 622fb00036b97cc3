"""Cases of the plugin's components, for `toolkit test-plugin toolkit-recsys` and its tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toolkit.testing import Case

USERS, ITEMS, LENGTH = 8, 24, 6
WORLD: dict[str, Any] = {"users": USERS, "items": ITEMS, "mean": 6, "factors": 2}
SIZES = {"field_sizes": [4, 6], "multi_sizes": [5], "num_numerical": 2, "target_mean": 0.3}


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _features() -> dict[str, Tensor]:
    categorical = torch.stack(
        (torch.randint(4, (5,), generator=_seeded()), torch.randint(6, (5,), generator=_seeded())), 1
    )
    multi = torch.randint(-1, 5, (5, 1, 3), generator=_seeded())
    multi[:, 0, 0] = 2
    return {"categorical": categorical, "numerical": torch.rand(5, 2, generator=_seeded()), "multi": multi}


def _pairs_of_categories() -> dict[str, Tensor]:
    return {"categorical": _features()["categorical"]}


def _click_model(use: str, **args: Any) -> Case:
    return Case(kind="model", use=use, args={**SIZES, **args}, batch=_features)


def _interactions() -> Mapping[str, bytes]:
    from toolkit_recsys.generated import generated_interactions

    return generated_interactions(**WORLD).run_files


def _counted(folder: Path) -> dict[str, Any]:
    """Users and items of the interactions, in which not every item need come up."""
    from toolkit_recsys.generated import generated_interactions

    facts = generated_interactions(**WORLD).facts
    return {"num_users": facts["num_users"], "num_items": facts["num_items"], "width": 4}


def _described() -> Mapping[str, bytes]:
    """Interactions of users and items with features."""
    from toolkit_recsys.stand_in import stand_in

    return stand_in(0, features=True).run_files


def _counted_and_described(folder: Path) -> dict[str, Any]:
    from toolkit_recsys.stand_in import stand_in

    return {**stand_in(0, features=True).facts, "width": 4, "hidden": [8]}


def _users() -> Tensor:
    return torch.arange(5)


def _histories() -> tuple[tuple[Tensor, Tensor], ...]:
    histories = torch.randint(ITEMS, (3, LENGTH), generator=_seeded())
    histories[2, :3] = ITEMS
    places = (histories != ITEMS).flatten().nonzero().squeeze(1)
    return ((histories, places),)


BY_PLACES = "forward takes places counted over all histories of the batch, which the task names: rows cannot be cut out"


def _sequence_model(use: str, **args: Any) -> Case:
    return Case(
        kind="model",
        use=use,
        args={"num_items": ITEMS, "width": 8, "length": LENGTH, **args},
        batch=_histories,
        known_failures={"rows_are_independent_in_eval_mode": BY_PLACES, "runs_under_two_process_ddp": BY_PLACES},
    )


MODELS = [
    _click_model("autoint", width=4, layers=1, head_width=4),
    _click_model("dcn_v2", width=4, layers=1, hidden=[8]),
    _click_model("deepfm", width=4, hidden=[8]),
    _click_model("final_mlp", width=4, first=[8], second=[8], heads=2),
    _click_model("fm", width=4),
    _click_model("fwfm", width=4),
    _click_model("logistic_regression"),
    _click_model("wide_and_deep", width=4, hidden=[8]),
    Case(kind="model", use="biases", args={"field_sizes": [4, 6]}, batch=_pairs_of_categories),
    Case(kind="model", use="rating_mf", args={"field_sizes": [4, 6], "width": 4}, batch=_pairs_of_categories),
    *(
        Case(kind="model", use=use, args={"num_users": USERS, "num_items": ITEMS, "width": 4, **more}, batch=_users)
        for use, more in (("bpr", {}), ("neumf", {"hidden": [8]}), ("two_tower", {"hidden": [8]}))
    ),
    Case(
        kind="model",
        use="lightgcn",
        args=_counted,
        run_files=_interactions,
        batch=_users,
    ),
    Case(kind="model", use="two_tower", args=_counted_and_described, run_files=_described, batch=_users),
    *(Case(kind="model", use=use, run_files=_interactions, batch=_users) for use in ("ease", "item_knn", "popularity")),
    _sequence_model("bert4rec", layers=1),
    _sequence_model("gru4rec", hidden=8),
    _sequence_model("sasrec", layers=1),
    Case(
        kind="model",
        use="mult_vae",
        args={"num_items": ITEMS, "latent": 4, "hidden": [8]},
        batch=lambda: (torch.rand(4, ITEMS, generator=_seeded()) > 0.7).float(),
    ),
]

LOSSES = [
    Case(kind="loss", use=use, batch=lambda: (torch.rand(4, 5, generator=_seeded()), torch.arange(4)))
    for use in ("bpr", "pointwise")
]


def _ranked() -> tuple[Any, Tensor]:
    from toolkit_recsys.recommendation.metrics import Ranked

    items = torch.stack([torch.randperm(ITEMS, generator=_seeded())[:10] for _ in range(4)])
    hits = torch.rand(4, 10, generator=_seeded()) > 0.6
    return Ranked(items, hits, torch.rand(4, 10, generator=_seeded())), torch.tensor([3, 10, 5, 0])


def _clicks() -> tuple[Tensor, Tensor]:
    return torch.rand(7, generator=_seeded()), torch.tensor([0, 1, 0, 0, 1, 1, 0])


METRICS = [
    *(Case(kind="metric", use=use, batch=_clicks) for use in ("click_ratio", "log_loss")),
    *(
        Case(kind="metric", use=use, args={"k": 5}, batch=_ranked)
        for use in ("hit_rate", "item_precision", "item_recall", "mrr", "ndcg", "novelty")
    ),
    Case(kind="metric", use="coverage", args={"k": 5, "num_items": ITEMS}, batch=_ranked),
]

PARTS = [
    Case(kind="part", use=use)
    for use in (
        "by_time",
        "in_batch",
        "leave_one_out",
        "popularity",
        "random_ratio",
        "sampled_candidates",
        "uniform",
    )
]


def _click_table(folder: Path) -> dict[str, Any]:
    rows = [f"{number % 2},u{number % 5},i{number % 7},{number / 10}" for number in range(60)]
    (folder / "clicks.csv").write_text("\n".join(["label,user,item,price", *rows]) + "\n")
    return {"file": str(folder / "clicks.csv"), "categorical": ["user", "item"], "numerical": ["price"]}


def _log(folder: Path) -> dict[str, Any]:
    rows = [f"u{user},i{(user * 3 + k * 5) % 20},{user + k}" for user in range(8) for k in range(10)]
    (folder / "log.csv").write_text("\n".join(["user_id,item_id,time", *rows]) + "\n")
    return {"file": str(folder / "log.csv"), "time": "time"}


DATASETS = [
    *(
        Case(kind="dataset", use=use)
        for use in (
            "amazon_reviews",
            "movielens_100k",
            "movielens_100k_clicks",
            "movielens_100k_ratings",
            "movielens_1m",
            "movielens_latest",
        )
    ),
    *(Case(kind="dataset", use=use, args={"root": "absent"}) for use in ("avazu", "criteo", "frappe")),
    Case(kind="dataset", use="click_table", args=_click_table),
    Case(kind="dataset", use="generated_clicks", args={"rows": 60, "users": 8, "items": 6, "val_share": 0.2}),
    Case(kind="dataset", use="generated_interactions", args=WORLD),
    Case(kind="dataset", use="interactions", args=_log),
]

TASKS = [
    Case(
        kind="task",
        use="item_recommendation",
        args={"negatives": {"use": "uniform"}},
        recipe={
            "dataset": {"use": "generated_interactions", **WORLD},
            "model": {"use": "bpr", "width": 4},
            "loss": "bpr",
            "optimizer": {"use": "adamw", "lr": 0.01},
            "metrics": {"ndcg": {}},
        },
    ),
]

CASES = [*MODELS, *PARTS, *DATASETS, *LOSSES, *METRICS, *TASKS]
