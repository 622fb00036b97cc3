"""Datasets of interactions, from files to splits: shapes, what is left out, and what a run keeps."""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from toolkit_recsys.amazon import amazon_reviews
from toolkit_recsys.dataset import interactions
from toolkit_recsys.ids import Ids
from toolkit_recsys.interactions import History
from toolkit_recsys.movielens import movielens_1m, movielens_100k, movielens_latest
from toolkit_recsys.protocols import ByTime, LeaveOneOut, RandomRatio

HEADER = "user_id,item_id,rating,timestamp"


@pytest.fixture
def table(tmp_path):
    def write(*rows, name="log.csv", header=HEADER):
        path = tmp_path / name
        path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        return str(path)

    return write


def named(splits, name):
    """The pairs of a split by their outside ids."""
    ids, part = Ids.from_files(splits.run_files), getattr(splits, name)
    if part is None:
        return None
    pairs = zip(*part, strict=True) if name == "train" else ((u, i) for u, row in zip(*part, strict=True) for i in row)
    return {(ids.users[user], ids.items[item]) for user, item in pairs if item >= 0}


def chain(users=4, each=5, first=0):
    """Rows in which each user takes five items one after the other."""
    return [
        f"u{user},i{first + user + step},{step % 5 + 1},{100 - user + step}"
        for user in range(users)
        for step in range(each)
    ]


def test_every_interaction_is_in_one_split(table):
    splits = interactions(table(*chain()), split=RandomRatio(0.2, 0.2))
    parts = [named(splits, name) for name in ("train", "val", "test")]
    assert [len(part) for part in parts] == [12, 4, 4]
    everything = {tuple(row.split(",")[:2]) for row in chain()}
    assert set.union(*parts) == everything
    assert splits.facts == {"num_users": 4, "num_items": 8}
    assert all(tensor.dtype == torch.int64 for tensor in (*splits.train, *splits.val, *splits.test))
    assert splits.val[0].tolist() == [0, 1, 2, 3]


def test_those_to_be_found_are_padded_and_users_without_any_are_not_asked_for(table, capsys):
    rows = [*chain(2, 5), "lone,i0,5,7"]
    splits = interactions(table(*rows), split=ByTime(0.0, 0.5))
    assert splits.val is None
    users, relevant = splits.test
    ids = Ids.from_files(splits.run_files)
    assert [ids.users[user] for user in users.tolist()] == ["u0", "u1"]
    assert relevant.shape == (2, 2)
    assert {ids.items[item] for item in relevant[0].tolist()} == {"i3", "i4"}
    assert "1 user of 3 in train alone, with too few interactions" in capsys.readouterr().err
    splits = interactions(table(*chain(1, 5), "u1,a,1,1", "u1,b,1,2"), split=ByTime(0.0, 0.4))
    assert splits.test[1].tolist()[1][1] == -1


def test_sequences_are_in_order_of_time_and_padded_at_the_left(table):
    rows = ["a,x,1,30", "a,y,1,10", "a,z,1,20", "b,y,1,5", "b,x,1,6", "c,x,1,1"]
    splits = interactions(table(*rows), split=RandomRatio(0, 0), sequences=3)
    ids = Ids.from_files(splits.run_files)
    (sequences,) = splits.train
    shown = [[(*ids.items, "-")[item] for item in row] for row in sequences.tolist()]
    assert shown == [["-", "y", "z", "x"], ["-", "-", "y", "x"]]
    (short,) = interactions(table(*rows), split=RandomRatio(0, 0), sequences=1).train
    assert [[ids.items[item] for item in row] for row in short.tolist()] == [["y", "z"], ["z", "x"], ["y", "x"]]
    with pytest.raises(ValueError, match=r"sequences=0: a number of items from 1 up"):
        interactions(table(*rows), sequences=0)
    with pytest.raises(ValueError, match=r"no user has two items to train on"):
        interactions(table("a,x,1,1", "b,y,1,1"), sequences=3)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 7, 50])
def test_every_item_after_a_user_s_first_is_to_be_told_once(table, length):
    numbers = {"a": 1, "b": 2, "c": 7, "d": 12, "e": 3}
    rows = [f"{user},i{item},1,{item}" for user, number in numbers.items() for item in range(number)]
    splits = interactions(table(*rows), split=RandomRatio(0, 0), sequences=length)
    pieces = [[item for item in row if item < 12] for row in splits.train[0].tolist()]
    told = [(before, after) for piece in pieces for before, after in itertools.pairwise(piece)]
    # Numbers of items are in the order of their names.
    ids = Ids.from_files(splits.run_files).items
    wanted = [(item, item + 1) for number in numbers.values() for item in range(number - 1)]
    assert sorted((int(ids[a][1:]), int(ids[b][1:])) for a, b in told) == sorted(wanted)
    assert splits.train[0].shape == (sum(-(-(number - 1) // length) for number in numbers.values()), length + 1)


def test_a_run_keeps_train_and_val_in_order_of_time_and_all_ids(table):
    splits = interactions(table(*chain()), split=LeaveOneOut())
    history, ids = History.from_files(splits.run_files), Ids.from_files(splits.run_files)
    assert ids.users == ["u0", "u1", "u2", "u3"]
    assert [ids.items[item] for item in history.before("test").of(1).tolist()] == ["i1", "i2", "i3", "i4"]
    assert [ids.items[item] for item in history.train.of(1).tolist()] == ["i1", "i2", "i3"]
    assert history.train.values.tolist()[:3] == [1, 2, 3]
    assert history.val.times.tolist() == [103, 102, 101, 100]
    assert splits.run_files == interactions(table(*chain()), split=LeaveOneOut()).run_files


def test_repetitions_low_values_and_rare_ones_are_left_out_in_this_order(table, capsys):
    rows = ["a,x,5,1", "a,x,2,9", "a,y,4,2", "b,y,4,3", "b,z,4,4", "c,y,3,5", "c,z,5,5"]
    splits = interactions(table(*rows), min_value=4, min_per_item=2, split=RandomRatio(0, 0))
    # The later opinion of x is a low one; z has two, of b and c.
    assert named(splits, "train") == {("a", "y"), ("b", "y"), ("b", "z"), ("c", "z")}
    told = capsys.readouterr().err
    assert "1 interaction of a user with an item of earlier or later rows: the latest of each pair is kept" in told
    assert "2 interactions of 6 below min_value=4" in told
    assert "min_per_user=1, min_per_item=2" not in told
    splits = interactions(table(*rows, "c,x,4,6"), min_value=4, min_per_user=2, split=RandomRatio(0, 0))
    assert named(splits, "train") == {("b", "y"), ("b", "z"), ("c", "z"), ("c", "x")}
    told = capsys.readouterr().err
    assert "min_per_user=2, min_per_item=1: 1 interaction left out; 2 users and 3 items stay" in told


def test_a_core_without_anybody_is_told(table):
    with pytest.raises(
        ValueError, match=r"log.csv: min_per_user=9, min_per_item=1: nothing is left of 20 interactions"
    ):
        interactions(table(*chain()), min_per_user=9)
    with pytest.raises(ValueError, match=r"numbers from 1 up"):
        interactions(table(*chain()), min_per_user=0)


def test_what_is_new_in_a_later_split_is_counted(table, capsys):
    train, test = (
        table(*chain(2), name="a.train.csv"),
        table("u0,new,5,200", "stranger,i1,5,201", "u1,i2,1,1", name="t.csv"),
    )
    splits = interactions(train=train, test=test)
    assert named(splits, "test") == {("u0", "new")}
    assert splits.val is None
    assert Ids.from_files(splits.run_files).users == ["u0", "u1"]
    told = capsys.readouterr().err
    assert f"{test}: 1 interaction that an earlier split has too: left out of test" in told
    assert "1 user without an interaction to train on left out, with 1 of val and test" in told
    assert "1 item not in train; what users did with them (1 of test) counts as to be found all the same" in told


def test_files_of_splits_are_read_as_recbole_reads_them(table):
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    rows = [row.replace(",", "\t") for row in chain()]
    files = {
        name: table(*rows[place::3], name=f"log.{name}.inter", header=header)
        for place, name in enumerate(("train", "val", "test"))
    }
    titles = table("i0\tA film", "i1\t", name="log.item", header="item_id:token\ttitle:token_seq")
    splits = interactions(**files, items=titles)
    for place, name in enumerate(("train", "val", "test")):
        assert named(splits, name) == {tuple(row.split("\t")[:2]) for row in rows[place::3]}
    ids = Ids.from_files(splits.run_files)
    assert [ids.title(0), ids.title(1)] == ["A film", "i1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give either file, or train with val and test where there are such"),
        (
            {"file": "a.csv", "test": "b.csv"},
            "give either file, or train with val and test where there are such; test given",
        ),
        ({"test": "b.csv"}, "where there are such; test given"),
        (
            {"file": "log.csv", "split": "by_time"},
            "split='by_time' is no part that divides; write split: {use: by_time}",
        ),
        ({"train": "a.csv", "split": RandomRatio()}, "split is given with train: files that are divided already stay"),
        ({"train": "a.csv", "min_per_item": 2}, "min_per_user or min_per_item is given with train"),
    ],
)
def test_arguments_that_do_not_go_together(table, monkeypatch, tmp_path, arguments, message):
    table(*chain())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as raised:
        interactions(**arguments)
    assert message in str(raised.value)


def test_times_that_are_named_must_be_there_and_protocols_ask_for_them(table):
    path = table("a,x", "a,y", header="user_id,item_id")
    with pytest.raises(ValueError, match=r"log.csv: the split leave_one_out goes by time, and no column of times"):
        interactions(path, split=LeaveOneOut())
    with pytest.raises(ValueError, match=r"log.csv:1: no column 'when'. Columns: user_id, item_id"):
        interactions(path, time="when")


def test_titles_that_are_missing_are_counted(table, capsys):
    titles = table("i0,Alien", "i1,", name="titles.csv", header="item_id,title")
    splits = interactions(table(*chain()), items=titles)
    assert json.loads(splits.run_files["ids.json"])["titles"][:2] == ["Alien", ""]
    assert "7 items of 8 without a title" in capsys.readouterr().err


def write_all(folder, files, encoding="utf-8"):
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        (folder / name).write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))


def rated(separator, header=(), users=3, each=10):
    rows = [
        separator.join(map(str, (user, 10 * item, item % 5 + 1, 1000 + item)))
        for user in range(1, users + 1)
        for item in range(1, each + 1)
    ]
    return [*header, *rows]


@pytest.mark.parametrize(
    ("dataset", "folder", "files"),
    [
        (
            movielens_100k,
            ".",
            {
                "u.data": rated("\t"),
                "u.item": [f"{10 * item}|Café {item} (1995)|01-Jan-1995||url" + "|0" * 19 for item in range(1, 11)],
            },
        ),
        (
            movielens_1m,
            "ml-1m",
            {
                "ratings.dat": rated("::"),
                "movies.dat": [f"{10 * item}::Café {item} (1995)::Drama|War" for item in range(1, 11)],
            },
        ),
    ],
)
def test_movielens_as_grouplens_has_it(tmp_path, dataset, folder, files):
    write_all(tmp_path / folder, files, "latin-1")
    splits = dataset(str(tmp_path), min_value=2, split=LeaveOneOut())
    assert splits.facts == {"num_users": 3, "num_items": 8}
    ids = Ids.from_files(splits.run_files)
    assert ids.items[:2] == ["10", "20"]
    assert ids.titles[0] == "Café 1 (1995)"
    # The tenth has one star.
    assert {ids.items[item] for item in splits.test[1].flatten().tolist()} == {"90"}


def test_movielens_latest_and_recbole_s_files(tmp_path):
    header = ("userId,movieId,rating,timestamp",)
    write_all(
        tmp_path / "ml-latest-small",
        {"ratings.csv": rated(",", header), "movies.csv": ["movieId,title,genres", '10,"Matrix, The (1999)",Action']},
    )
    assert Ids.from_files(movielens_latest(str(tmp_path)).run_files).titles[0] == "Matrix, The (1999)"
    header = ("user_id:token\titem_id:token\trating:float\ttimestamp:float",)
    write_all(
        tmp_path / "atomic",
        {
            "ml-100k.inter": rated("\t", header),
            "ml-100k.item": ["item_id:token\tmovie_title:token_seq\tclass:token_seq", "10\tToy Story\tComedy"],
        },
    )
    assert Ids.from_files(movielens_100k(str(tmp_path / "atomic")).run_files).titles[0] == "Toy Story"


def test_amazon_reviews_know_the_columns_of_each_release(tmp_path):
    rows = [f"A{user},B{item},5.0,{1000 + item}" for user in range(3) for item in range(4)]
    swapped = [",".join([item, user, *more]) for user, item, *more in (row.split(",") for row in rows)]
    write_all(tmp_path, {"ratings_Beauty.csv": rows, "Beauty.csv": swapped})
    write_all(tmp_path / "new", {"Beauty.csv": ["user_id,parent_asin,rating,timestamp", *rows]})
    for root, release in ((tmp_path, "2014"), (tmp_path, "2018"), (tmp_path / "new", "2023")):
        splits = amazon_reviews(str(root), "Beauty", release, min_per_user=1, min_per_item=1)
        assert Ids.from_files(splits.run_files).users == ["A0", "A1", "A2"]
    with pytest.raises(FileNotFoundError, match=r"holds neither Toys.csv nor Toys.csv.gz, the ratings of 2018"):
        amazon_reviews(str(tmp_path), "Toys", "2018")
    with pytest.raises(
        FileNotFoundError, match=r"has no checksum to download by: download the ratings of 2014, ratings_"
    ):
        amazon_reviews(release="2014")


def test_folders_that_hold_no_movielens(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is not a folder; name one, or leave root out to download ml-100k"):
        movielens_100k(str(tmp_path / "nowhere"))
    with pytest.raises(
        FileNotFoundError, match=r"holds neither ratings.dat and movies.dat nor ml-1m.inter and ml-1m.item"
    ):
        movielens_1m(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"ml-latest changes from time to time .* name the folder in root"):
        movielens_latest(size="full")


@pytest.mark.parametrize("dataset", [interactions, movielens_100k, movielens_1m, movielens_latest, amazon_reviews])
def test_stand_ins_have_the_shapes_of_the_data(dataset):
    splits = dataset.stand_in(3)
    assert splits.train[0].shape == splits.train[1].shape
    assert splits.facts["num_users"] == len(Ids.from_files(splits.run_files).users)
    (sequences,) = dataset.stand_in(3, sequences=7).train
    assert sequences.shape[1] == 8
