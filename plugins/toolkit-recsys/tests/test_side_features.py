"""Features of users and items: read from tables beside the interactions, kept by the run, and what two towers gain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from toolkit_recsys.dataset import interactions
from toolkit_recsys.interactions import History
from toolkit_recsys.movielens import movielens_100k
from toolkit_recsys.protocols import RandomRatio
from toolkit_recsys.recommendation.two_tower import TwoTower
from toolkit_recsys.side_features import SideFeatures

from toolkit.cli import main
from toolkit.recipe import load
from toolkit.runs import run

LOG = ["who,what,when", "7,x,1", "7,y,2", "20,x,3", "20,z,4", "3,y,5", "3,z,6"]
PEOPLE = ["who,land,age", "20,fr,50", " 7 ,de,30", "99,it,1000"]
THINGS = ["what,name,tags,price", "x,The X,new|red,1", "z,The Z,red,4", "y,,,"]
COLUMNS = {
    "user_features": {"categorical": ["land"], "numerical": ["age"]},
    "item_features": {"multi": {"tags": "|"}, "numerical": ["price"]},
}


@pytest.fixture
def files(tmp_path):
    def write(log=LOG, people=PEOPLE, things=THINGS, **more):
        paths = {}
        for name, rows in (("file", log), ("users", people), ("items", things)):
            paths[name] = str(tmp_path / f"{name}.csv")
            Path(paths[name]).write_text("\n".join([*rows, ""]))
        arguments = {**paths, "user": "who", "item": "what", "time": "when", "split": RandomRatio(0, 0), **COLUMNS}
        return {**arguments, **more}

    return write


def test_rows_are_those_of_the_numbers_of_users_and_items(files, capsys):
    splits = interactions(**files())
    users, items = (SideFeatures.from_files(splits.run_files, whose) for whose in ("user", "item"))
    assert users is not None
    assert items is not None
    # Users are 3, 7 and 20. Nothing is known of the first; the one who has nothing to do with any item does not count.
    assert users.inputs["categorical"].tolist() == [[0], [1], [2]]
    assert users.inputs["numerical"].flatten().tolist() == [0, -1, 1]
    assert (users.field_sizes, users.multi_sizes, users.num_numerical) == ([3], [], 1)
    assert items.inputs["multi"].tolist() == [[[2, 1]], [[-1, -1]], [[1, -1]]]
    assert items.inputs["numerical"].flatten().tolist() == [-1, 0, 1]
    assert (items.field_sizes, items.multi_sizes) == ([], [3])
    assert {part.dtype for part in users.inputs.values()} == {torch.int64, torch.float32}
    told = capsys.readouterr().err
    assert "users.csv: 1 user of 3 without a row: their features are unknown" in told
    assert "without a title" not in told


def test_titles_and_features_are_of_one_table(files, capsys):
    splits = interactions(**files(title="name"))
    assert json.loads(splits.run_files["ids.json"])["titles"] == ["The X", "", "The Z"]
    assert SideFeatures.from_files(splits.run_files, "item") is not None
    assert "1 item of 3 without a title" in capsys.readouterr().err


def test_a_run_without_features_keeps_none(files):
    splits = interactions(**files(users=None, user_features=None, item_features=None, title="name"))
    assert set(splits.run_files) == {"interactions.npz", "ids.json"}
    assert SideFeatures.from_files(splits.run_files, "user") is None
    splits = interactions(**files(users=None, user_features=None))
    assert SideFeatures.from_files(splits.run_files, "user") is None
    assert SideFeatures.from_files(splits.run_files, "item") is not None


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"users": None}, r"user_features names columns of a table: name it in users"),
        ({"user_features": None}, r"users is given without user_features"),
        (
            {"user_features": {"category": ["land"]}},
            r"user_features: 'category' is not understood; write \{categorical",
        ),
        ({"user_features": {"categorical": "land"}}, r"user_features: 'categorical' is not understood"),
        ({"item_features": {"multi": ["tags"]}}, r"item_features: multi says what separates .*\{tags: \"\|\"\}"),
        ({"item_features": {}}, r"no features"),
        ({"item_features": {"categorical": ["colour"]}}, r"items.csv:1: no column 'colour'"),
        ({"user_features": {"numerical": ["land"]}}, r"users.csv:3: 'land' is 'de', which is not a number"),
        ({"people": [*PEOPLE, "20,de,1"]}, r"users.csv:5: a second row for the user '20'"),
        ({"people": [*PEOPLE, ",de,1"]}, r"users.csv:5: no 'who' in this row"),
        ({"things": THINGS[:1]}, r"items.csv: has no rows"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(files, more, told):
    with pytest.raises(ValueError, match=told):
        interactions(**files(**more))


def test_movielens_has_the_same_features_in_both_layouts(tmp_path):
    published, atomic = tmp_path / "published", tmp_path / "atomic"
    published.mkdir()
    atomic.mkdir()
    rows = [f"{user}\t{item}\t5\t{user + item}" for user in range(1, 9) for item in range(user % 3, 12, 3) if item]
    (published / "u.data").write_text("\n".join([*rows, ""]))
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    (atomic / "ml-100k.inter").write_text("\n".join([header, *rows, ""]))
    people = [f"{user}|{20 + user}|F|artist|{user % 2}" for user in range(1, 9)]
    (published / "u.user").write_text("\n".join([*people, ""]))
    header = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token"
    (atomic / "ml-100k.user").write_text("\n".join([header, *(row.replace("|", "\t") for row in people), ""]))
    flags = "|".join(["0"] * 8 + ["1"] + ["0"] * 8 + ["1", "0"])
    films = [f"{item}|Film {item} (1994)|01-Jan-1994||http|{flags}" for item in range(1, 12)]
    (published / "u.item").write_text("\n".join([*films, ""]), encoding="latin-1")
    header = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
    films = [f"{item}\tFilm {item}\t1994\tDrama War" for item in range(1, 12)]
    (atomic / "ml-100k.item").write_text("\n".join([header, *films, ""]))
    kept = [movielens_100k(str(folder), features=True).run_files["side_features.npz"] for folder in (published, atomic)]
    assert kept[0] == kept[1]
    items = SideFeatures.from_files({"side_features.npz": kept[0]}, "item")
    assert items is not None
    assert items.inputs["multi"].shape == (11, 2, 2)
    assert items.multi_sizes == [13, 3]


def test_films_that_are_not_here_have_features_too():
    stand_in = movielens_100k.stand_in(0, None, True)
    assert SideFeatures.from_files(stand_in.run_files, "user").inputs["categorical"].shape == (24, 1)
    assert SideFeatures.from_files(movielens_100k.stand_in(0).run_files, "user") is None


@pytest.mark.parametrize("hidden", [[], [16, 4]])
def test_towers_add_features_to_numbers(files, hidden):
    torch.manual_seed(0)
    splits = interactions(**files())
    model = TwoTower(3, 3, splits.run_files, width=8, hidden=hidden)
    with torch.no_grad():
        for table in (model.user_tower.features, model.item_tower.features):
            assert table is not None
            table.table.weight.normal_()
            table.numerical.normal_()
    of_users, of_items = model.vectors()
    every = of_users @ of_items.T
    users, own = torch.tensor([2, 0]), torch.tensor([[1, 1, 0], [2, 0, 1]])
    assert torch.allclose(model(users), every[users], atol=1e-6)
    assert torch.allclose(model(users, own), every[users].gather(1, own), atol=1e-6)
    assert torch.allclose(model(users, own[1]), every[users][:, own[1]], atol=1e-6)
    row = model.user_tower
    summed = row.ids.weight[2] + row.features.table.weight[2] + row.features.numerical[0]
    summed = torch.nn.functional.normalize(row.layers(summed), dim=0) / model.temperature
    assert torch.allclose(of_users[2], summed, atol=1e-6)
    every.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


RECIPE = """
# Users who like one kind; the last items of each kind are new in the test split.
seed: 0
task: {use: item_recommendation, negatives: {use: in_batch, corrected: false}}
dataset: {use: interactions, train: train.csv, test: test.csv, items: things.csv, item_features: {categorical: [kind]}}
loader: {batch_size: 64}
model: {use: two_tower, width: 8}
loss: cross_entropy
optimizer: {use: adam, lr: 0.03}
metrics: {recall: {use: item_recall, k: 3}}
trainer: {max_epochs: 25, accelerator: cpu}
"""


def test_items_that_nobody_has_chosen_are_found_by_their_features(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    kinds, old, new = 4, 10, 3
    chosen = [(user, kind, item) for user in range(40) for kind in [user % kinds] for item in range(old)]
    rows = [f"u{user},old {kind} {item}" for user, kind, item in chosen if (user + item) % 3]
    Path("train.csv").write_text("\n".join(["user_id,item_id", *rows, ""]))
    rows = [f"u{user},new {user % kinds} {item}" for user in range(40) for item in range(new)]
    Path("test.csv").write_text("\n".join(["user_id,item_id", *rows, ""]))
    things = [
        f"{age} {kind} {item},{kind}"
        for age, n in (("old", old), ("new", new))
        for kind in range(kinds)
        for item in range(n)
    ]
    Path("things.csv").write_text("\n".join(["item_id,kind", *things, ""]))
    Path("kinds.yaml").write_text(RECIPE)
    known = run(load("kinds.yaml"))
    # Old items of the kind that a user has not chosen are in the way.
    assert known.metrics["test/recall"] > 0.3
    unknown = run(load("kinds.yaml", ["dataset.item_features=null", "dataset.items=null"]))
    assert unknown.metrics["test/recall"] < 0.5 * known.metrics["test/recall"]
    Path("things.csv").unlink()
    capsys.readouterr()
    assert main(["predict", str(known.folder), "--users", "u1", "top=1"]) == 0
    assert json.loads(capsys.readouterr().out)["item"].startswith("new 1 ")


def test_an_item_without_interactions_begins_as_its_features_alone(files):
    splits = interactions(**files())
    history = History.from_files(splits.run_files)
    assert bool((history.train.popularity() > 0).all())
    held = interactions(**files(log=[*LOG, "7,new,9"], things=[*THINGS, "new,N,red,4"], split=None))
    cold = History.from_files(held.run_files).train.popularity() == 0
    model = TwoTower(3, len(cold), held.run_files, width=4)
    assert bool((model.item_tower.ids.weight[cold] == 0).all())
    assert bool((model.item_tower.ids.weight[~cold] != 0).any(1).all())
