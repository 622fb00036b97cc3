"""Runs that recommend items: what is ranked and measured, in one process and two, and what predictions show."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from toolkit_recsys.export import main as export
from toolkit_recsys.interactions import History, Interactions
from toolkit_recsys.recommendation.popularity import MostPopular
from toolkit_recsys.recommendation.task import ItemRecommendation

from toolkit.cli import main
from toolkit.errors import RequestError, RunError
from toolkit.recipe import load
from toolkit.runs import predict_users, resume, run
from toolkit.tracking.folder import RunFolder

USERS, ITEMS = 60, 40

DATA = '''
"""Users of some groups, who choose the items of their group more often; the first items are the most popular."""

from types import SimpleNamespace

import torch
from toolkit_recsys.ids import Ids
from toolkit_recsys.interactions import History, Interactions
from toolkit_recsys.recommendation.popularity import MostPopular
from toolkit_recsys.recommendation.task import ItemRecommendation

USERS, ITEMS, GROUPS = 60, 40, 4


def chosen(sequences: int | None = None):
    generator = torch.Generator().manual_seed(8)
    liked = torch.arange(USERS).unsqueeze(1) % GROUPS == torch.arange(ITEMS) % GROUPS
    chances = (0.08 + 0.6 * liked) * torch.linspace(1.2, 0.4, ITEMS)
    picked = torch.rand(USERS, ITEMS, generator=generator) < chances
    users, items = picked.nonzero(as_tuple=True)
    order = torch.randperm(len(users), generator=generator)
    users, items = users[order], items[order]
    split = torch.rand(len(users), generator=generator)
    parts = [split < 0.7, (split >= 0.7) & (split < 0.85), split >= 0.85]
    train, val, test = (Interactions.from_pairs(users[part], items[part], USERS, ITEMS) for part in parts)

    def to_find(part):
        asked = part.counts().nonzero().flatten()
        relevant = torch.full((len(asked), int(part.counts().max())), -1)
        for row, user in enumerate(asked.tolist()):
            relevant[row, : len(part.of(user))] = part.of(user)
        return asked, relevant

    pairs = (train.users(), train.items)
    if sequences:
        rows = torch.full((USERS, sequences + 1), ITEMS)
        for user in range(USERS):
            mine = train.of(user)[-sequences - 1 :]
            rows[user, len(rows[user]) - len(mine) :] = mine
        pairs = (rows,)
    names = ([f"user {n}" for n in range(USERS)], [f"i{n}" for n in range(ITEMS)], [f"Title {n}" for n in range(ITEMS)])
    ids = Ids(*names)
    return SimpleNamespace(
        train=pairs,
        val=to_find(val),
        test=to_find(test),
        facts={"num_users": USERS, "num_items": ITEMS},
        run_files={"interactions.npz": History(train, val).to_bytes(), "ids.json": ids.to_bytes()},
    )
'''
RECIPE = """
# Items for users.
seed: 3
task: {use: item_recommendation, negatives: {use: uniform}}
dataset: {use: "./data.py:chosen"}
loader: {batch_size: 64, eval_batch_size: 25}
model: {use: bpr, width: 8}
loss: bpr
optimizer: {use: adam, lr: 0.02}
metrics:
  ndcg: {k: 5}
  recall: {use: item_recall, k: 10}
  mrr: {k: 5}
  hits: {use: hit_rate, k: 5}
  precision: {use: item_precision, k: 3}
  coverage: {k: 5}
  novelty: {k: 5}
trainer: {max_epochs: 3, accelerator: cpu}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.py").write_text(DATA)
    (tmp_path / "shop.yaml").write_text(RECIPE)
    return str(tmp_path / "shop.yaml")


@pytest.fixture
def runs(recipe: str) -> Callable[..., RunFolder]:
    def make(*overrides: str) -> RunFolder:
        return RunFolder(run(load(recipe, overrides, allow_code=True)).folder)

    return make


def kept(folder: RunFolder) -> History:
    return History.from_files({"interactions.npz": (folder.path / "files" / "interactions.npz").read_bytes()})


def relevant_of(name: str) -> dict[int, set[int]]:
    """What users of a split are to be shown, from the data itself."""
    scope: dict[str, Any] = {}
    exec(compile(DATA, "data.py", "exec"), scope)
    users, relevant = getattr(scope["chosen"](), name)
    return {
        user: {item for item in row if item >= 0} for user, row in zip(users.tolist(), relevant.tolist(), strict=True)
    }


def test_what_is_measured_is_what_a_plain_program_finds(runs: Callable[..., RunFolder]) -> None:
    folder = runs("model=popularity")
    metrics = folder.read_json()["metrics"]
    history = kept(folder)
    counts = history.train.popularity().tolist()
    assert len(set(counts)) < ITEMS, "some items are equally popular, so that the order among them is anybody's"
    for split, parts in (("val", [history.train]), ("test", [history.train, history.val])):
        values: dict[str, list[float]] = {
            "ndcg": [],
            "recall": [],
            "mrr": [],
            "hits": [],
            "precision": [],
            "novelty": [],
        }
        shown: set[int] = set()
        for user, relevant in relevant_of(split).items():
            seen = {item for part in parts if part is not None for item in part.of(user).tolist()}
            assert not seen & relevant
            order = ranking(counts, seen)
            found = [place for place, item in enumerate(order, 1) if item in relevant]
            best = sum(1 / math.log2(place + 1) for place in range(1, min(5, len(relevant)) + 1))
            values["ndcg"].append(sum(1 / math.log2(place + 1) for place in found if place <= 5) / best)
            values["recall"].append(sum(place <= 10 for place in found) / len(relevant))
            values["mrr"].append(1 / found[0] if found and found[0] <= 5 else 0)
            values["hits"].append(float(any(place <= 5 for place in found)))
            values["precision"].append(sum(place <= 3 for place in found) / 3)
            values["novelty"] += [math.log2((USERS + 1) / (counts[item] + 1)) for item in order[:5]]
            shown |= set(order[:5])
        for label, listed in values.items():
            assert metrics[f"{split}/{label}"] == pytest.approx(sum(listed) / len(listed), abs=1e-6), label
        assert metrics[f"{split}/coverage"] == pytest.approx(len(shown) / ITEMS)


def ranking(counts: list[int], seen: set[int]) -> list[int]:
    """The order that the toolkit has, with ties as torch breaks them."""
    scores = torch.tensor(counts, dtype=torch.float32)
    scores[list(seen)] = -torch.inf
    places: list[int] = scores.topk(10).indices.tolist()
    assert not set(places) & seen
    assert [counts[item] for item in places] == sorted((counts[item] for item in places), reverse=True)
    return places


def test_bpr_learns_more_than_what_is_popular_and_on_the_straight_path(runs: Callable[..., RunFolder]) -> None:
    popular = runs("model=popularity").read_json()
    learnt = runs("trainer.max_epochs=20").read_json()
    assert learnt["loop"]["path"] == "fast"
    assert learnt["metrics"]["test/ndcg"] > 1.2 * popular["metrics"]["test/ndcg"]
    assert learnt["best"]["metric"] == "val/ndcg"
    assert not any(name.startswith(("val/loss", "test/loss")) for name in learnt["metrics"])


OTHERS = {
    "neumf": ["model={use: neumf, width: 8, hidden: [16, 8]}", "loss=pointwise", "task.negatives.number=2"],
    "lightgcn": ["model={use: lightgcn, width: 8}"],
    "two_tower": ["model={use: two_tower, width: 8}", "loss=cross_entropy", "task.negatives={use: in_batch}"],
    "sampled softmax": ["loss=cross_entropy", "task.negatives={use: popularity, number: 10, corrected: true}"],
    "full softmax": ["loss=cross_entropy", "task.negatives=null"],
    "sasrec": ["model={use: sasrec, width: 8, length: 9}", "loss=cross_entropy", "task.negatives=null"],
    "gru4rec": ["model={use: gru4rec, width: 8, hidden: 8, length: 9}", "loss=cross_entropy", "task.negatives=null"],
    "bert4rec": ["model={use: bert4rec, width: 8, length: 9}", "loss=cross_entropy", "task.negatives=null"],
    "mult_vae": ["model={use: mult_vae, latent: 8, hidden: [16]}", "loss=cross_entropy", "task.negatives=null"],
}
ONE_AFTER_ANOTHER = ("sasrec", "gru4rec", "bert4rec", "mult_vae")


@pytest.mark.parametrize("name", OTHERS)
def test_a_run_that_goes_on_is_one_that_was_not_stopped(name: str, runs: Callable[..., RunFolder]) -> None:
    given = [*OTHERS[name], "loader.batch_size=32"]
    given += ["dataset.sequences=9"] if name in ONE_AFTER_ANOTHER else []
    whole = runs(*given, "trainer.max_epochs=2").read_json()
    assert whole["loop"]["path"] == "fast"
    assert whole["metrics"]["train/loss"] < 1e3
    part = runs(*given, "trainer.max_epochs=1")
    resume(part, ["trainer.max_epochs=2"], allow_code=True)
    assert part.read_json()["metrics"] == whole["metrics"]


@pytest.mark.parametrize("name", ["ease", "item_knn", "popularity"])
def test_a_fitted_model_has_one_epoch(name: str, runs: Callable[..., RunFolder], capsys: Any) -> None:
    folder = runs(f"model={name}", "trainer.max_epochs=50")
    record = folder.read_json()
    assert "fitted to the training interactions; nothing is trained" in capsys.readouterr().err
    assert record["status"] == "finished"
    assert record["tested"]["epoch"] == 1
    assert [path.name for path in folder.checkpoints.glob("*.ckpt")] == ["epoch-0001.ckpt"]
    assert "train/loss" not in record["metrics"]
    assert record["metrics"]["test/ndcg"] > 0.1
    assert main(["predict", str(folder.path), "--users", "user 5", "--allow-code"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10


def test_two_processes_measure_what_one_does(runs: Callable[..., RunFolder]) -> None:
    still = ["optimizer.lr=0.0", "trainer.max_epochs=1"]
    one = runs(*still).read_json()["metrics"]
    two = runs(*still, "trainer.devices=2").read_json()
    assert two["loop"]["path"] == "fast"
    names = [name for name in one if not name.startswith("train/")]
    assert len(names) == 14
    for name in names:
        assert two["metrics"][name] == pytest.approx(one[name], abs=1e-6), name


def test_a_fitted_model_is_fitted_by_one_process() -> None:
    history = History(Interactions.from_pairs(torch.tensor([0, 1]), torch.tensor([0, 1]), 2, 2))
    files = {"interactions.npz": history.to_bytes()}
    task: Any = ItemRecommendation(MostPopular(files), run_files=files)
    task._trainer = SimpleNamespace(world_size=2)
    with pytest.raises(RequestError, match="the model MostPopular is fitted by one process: set trainer.devices=1"):
        task.setup("fit")


def test_lists_for_users(runs: Callable[..., RunFolder], capsys: Any) -> None:
    folder = runs("trainer.max_epochs=1")
    history = kept(folder)
    capsys.readouterr()
    command = ["predict", "last", "--users", "user 7", "user 0", "top=4", "--allow-code"]
    assert main(command) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["input"], row["rank"]) for row in rows] == [("user 7", n) for n in range(1, 5)] + [
        ("user 0", n) for n in range(1, 5)
    ]
    for user in (7, 0):
        mine = [row for row in rows if row["input"] == f"user {user}"]
        assert all(row["title"] == f"Title {row['item'][1:]}" for row in mine)
        assert [row["score"] for row in mine] == sorted((row["score"] for row in mine), reverse=True)
        assert history.val is not None
        seen = {*history.train.of(user).tolist(), *history.val.of(user).tolist()}
        assert seen.isdisjoint(int(row["item"][1:]) for row in mine)
    assert main([*command, "--output", "lists.csv"]) == 0
    with Path("lists.csv").open() as file:
        assert [row["item"] for row in csv.DictReader(file)] == [row["item"] for row in rows]
    # More than there are: all that was not seen, once.
    everything = predict_users(folder, ["user 7"], [f"top={ITEMS + 5}"], allow_code=True).rows
    seen = {*history.train.of(7).tolist(), *kept(folder).before("test").of(7).tolist()}
    assert {int(row["item"][1:]) for row in everything} == set(range(ITEMS)) - seen
    assert len(everything) == ITEMS - len(seen)


def test_strangers(runs: Callable[..., RunFolder], capsys: Any) -> None:
    folder = runs("trainer.max_epochs=1")
    capsys.readouterr()
    assert main(["predict", "last", "--users", "user 7", "nobody", "--allow-code"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "--users nobody: not among the 60 users of the data (such as user 0, user 1, user 2)" in printed.err
    rows = predict_users(folder, ["nobody", "user 7"], ["top=2", "unknown=popular"], allow_code=True).rows
    counts = kept(folder).train.popularity()
    assert [row["score"] for row in rows[:2]] == counts.sort(descending=True).values[:2].tolist()
    assert [row["input"] for row in rows] == ["nobody", "nobody", "user 7", "user 7"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tpo=3"], "item_recommendation recommends by no argument 'tpo'. Did you mean 'top'?"),
        (["top=0"], "top=0: a number of items from 1 up"),
        (["top", "=", "3"], "write top=3 without spaces around `=`"),
        (["unknown=guess"], "unknown: expected one of 'stop', 'popular'"),
        (["--prompt", "text"], "--prompt and --users: one of them takes the place of files"),
        (["--pictures", "here"], "--pictures: there are no pictures of what is recommended to users"),
    ],
)
def test_what_is_asked_wrong_is_told(words: list[str], told: str, trained: RunFolder, capsys: Any) -> None:
    assert main(["predict", str(trained.path), "--users", "user 7", *words, "--allow-code"]) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.out == ""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "data.py").write_text(DATA)
    (folder / "shop.yaml").write_text(RECIPE)
    changed = pytest.MonkeyPatch()
    changed.chdir(folder)
    try:
        made = run(load(str(folder / "shop.yaml"), ["trainer.max_epochs=1"], allow_code=True)).folder.resolve()
    finally:
        changed.undo()
    return RunFolder(made)


def test_vectors_are_exported(trained: RunFolder, tmp_path: Path, capsys: Any) -> None:
    assert export([str(trained.path), str(tmp_path / "out"), "--allow-code"]) == 0
    assert "60 users and 40 items, 8 numbers each" in capsys.readouterr().out
    users, items = np.load(tmp_path / "out" / "users.npy"), np.load(tmp_path / "out" / "items.npy")
    ids = json.loads((tmp_path / "out" / "ids.json").read_text())
    rows = predict_users(trained, ["user 7"], ["top=3"], allow_code=True).rows
    scores = users[ids["users"].index("user 7")] @ items.T
    for row in rows:
        assert scores[ids["items"].index(row["item"])] == pytest.approx(row["score"], abs=1e-3)
    assert export([str(trained.path), str(tmp_path / "out"), "--allow-code"]) == 2
    assert "this file exists" in capsys.readouterr().err


def test_an_index_finds_what_the_model_ranks(trained: RunFolder, tmp_path: Path) -> None:
    faiss = pytest.importorskip("faiss")
    assert export([str(trained.path), str(tmp_path / "out"), "--faiss", "--allow-code"]) == 0
    index = faiss.read_index(str(tmp_path / "out" / "items.faiss"))
    users, items = np.load(tmp_path / "out" / "users.npy"), np.load(tmp_path / "out" / "items.npy")
    _, found = index.search(users, 5)
    wanted = torch.from_numpy(users @ items.T).topk(5).indices
    assert found.tolist() == wanted.tolist()


def test_sampled_evaluation_is_by_name_and_says_what_it_is(runs: Callable[..., RunFolder], capsys: Any) -> None:
    popular = ["model=popularity", "metrics.recall.k=10"]
    whole = runs(*popular).read_json()["metrics"]
    assert "Krichene" not in capsys.readouterr().err
    sampled = ["task.candidates={use: sampled_candidates, number: 3}"]
    found = [runs(*popular, *sampled).read_json()["metrics"] for _ in range(2)]
    assert "Krichene and Rendle, KDD 2020" in capsys.readouterr().err
    assert found[0] == found[1]
    assert found[0]["test/recall"] > whole["test/recall"] + 0.1
    other = runs(*popular, "task.candidates={use: sampled_candidates, number: 3, seed: 1}").read_json()["metrics"]
    assert other["test/ndcg"] != found[0]["test/ndcg"]


WRONG: list[tuple[list[str], str]] = [
    (["task.negatives=null"], "the loss BPRLoss holds an item against others: set task.negatives"),
    (["loss=null"], "the model MatrixFactorization is trained, and there is no loss"),
    (["metrics.mean_squared_error={}"], "the task 'item_recommendation' cannot feed mean_squared_error"),
    (["metrics.clicks={use: log_loss}"], "metrics.clicks: LogLoss ranks no items; there are ndcg"),
    (["dataset.sequences=5"], "leave out dataset.sequences"),
    (["model={use: sasrec, length: 5}", "loss=cross_entropy"], "leave out task.negatives"),
    (["model={use: sasrec}", "loss=cross_entropy", "task.negatives=null"], "set dataset.sequences"),
]


@pytest.mark.parametrize(("overrides", "told"), WRONG)
def test_what_does_not_go_together_is_told(overrides: list[str], told: str, recipe: str) -> None:
    with pytest.raises((RequestError, RunError)) as caught:
        run(load(recipe, overrides, allow_code=True))
    assert told in str(caught.value)


def test_data_without_interactions_is_refused(recipe: str, tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text(DATA.replace('"interactions.npz": History(train, val).to_bytes(), ', ""))
    with pytest.raises(RequestError, match="the dataset keeps no interactions.npz"):
        run(load(recipe, allow_code=True))
