"""MovieLens-100k as clicks and ratings, from files of its two layouts."""

from __future__ import annotations

import pytest
from toolkit_recsys.clicks.movielens import movielens_100k_clicks, movielens_100k_ratings
from toolkit_recsys.clicks.schema import SCHEMA_FILE, Schema
from toolkit_recsys.movielens_features import GENRES

RATINGS = [(user, film, 1 + (user * film) % 5) for user in range(1, 11) for film in range(1, 11)]
USERS = [(user, 20 + user % 3, "FM"[user % 2], "none", f"9{user:04}") for user in range(1, 11)]
FILMS = [(film, f"Film Number {film}", 1990 + film % 4, ("Drama", "War")[: 1 + film % 2]) for film in range(1, 11)]


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "published" / "ml-100k"
    folder.mkdir(parents=True)
    (folder / "u.data").write_text("".join(f"{u}\t{f}\t{r}\t1\n" for u, f, r in RATINGS))
    (folder / "u.user").write_text("".join("|".join(map(str, user)) + "\n" for user in USERS))
    lines = []
    for film, title, year, genres in FILMS:
        flags = "|".join(str(int(genre in genres)) for genre in GENRES)
        lines.append(f"{film}|{title} ({year})|01-Jan-{year}||http://x|{flags}\n")
    (folder / "u.item").write_text("".join(lines).replace("Number 7", "N\xfcmber 7"), encoding="latin-1")
    return tmp_path / "published"


@pytest.fixture
def atomic(tmp_path):
    folder = tmp_path / "atomic"
    folder.mkdir()

    def write(name, header, rows):
        (folder / f"ml-100k.{name}").write_text("\n".join([header, *("\t".join(map(str, row)) for row in rows), ""]))

    write("inter", "user_id:token\titem_id:token\trating:float", RATINGS)
    write("user", "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token", USERS)
    films = [
        (film, title.replace("Number 7", "N\xfcmber 7"), year, " ".join(genres)) for film, title, year, genres in FILMS
    ]
    header = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
    write("item", header, films)
    return folder, write


def test_both_layouts_give_the_same_clicks(published, atomic):
    one, other = movielens_100k_clicks(str(published)), movielens_100k_clicks(str(atomic[0]))
    assert [len(part[1]) for part in (one.train, one.val, one.test)] == [80, 10, 10], "of each user's ten ratings"
    assert one.facts == other.facts
    assert one.facts["field_sizes"][:4] == [11, 11, 4, 3]
    assert one.train[0]["categorical"].tolist() == other.train[0]["categorical"].tolist()
    assert one.train[1].tolist() == other.train[1].tolist()
    schema = Schema.from_bytes(one.run_files[SCHEMA_FILE])
    title, genres = schema.multi
    assert {"Film", "Number", "7", "N\xfcmber"} <= set(title.values)
    assert set(genres.values) == {"Drama", "War"}


def test_splits_that_recbole_reads_are_taken_as_they_are(atomic):
    folder, write = atomic
    header = "user_id:token\titem_id:token\trating:float"
    for name, rows in (("train", RATINGS[:60]), ("valid", RATINGS[60:75]), ("test", RATINGS[75:])):
        write(f"{name}.inter", header, rows)
    data = movielens_100k_clicks(str(folder))
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [60, 15, 25]
    assert data.test[1].tolist() == [float(rating >= 4) for _, _, rating in RATINGS[75:]]


def test_every_rating_is_in_one_of_five_folds(published):
    tested = []
    for fold in range(5):
        data = movielens_100k_ratings(str(published), fold=fold)
        assert data.val is None
        assert data.facts["task"] is None
        tested += data.test[1].tolist()
    assert sorted(tested) == sorted(rating for _, _, rating in RATINGS)


def test_a_folder_without_the_files_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds neither u.data, u.user, u.item nor ml-100k.inter"):
        movielens_100k_clicks(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"holds neither"):
        movielens_100k_ratings(str(tmp_path))
