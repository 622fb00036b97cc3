"""The published pairs of Labeled Faces in the Wild, and the accuracy on given pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from toolkit_vision.lfw_pairs import SHA256, lfw_pairs
from toolkit_vision.pair_accuracy import PairAccuracy
from toolkit_vision.recall_at_k import RecallAtK
from toolkit_vision.verification_accuracy import VerificationAccuracy

import toolkit
from toolkit.check import resolve
from toolkit.recipe import load
from toolkit.registry import Registry
from toolkit.runs import retest

SIZE = [8, 8]
FOLDS, HALF = 4, 3


def person(fold: int, number: int) -> str:
    return f"Fold_{fold}_{number}"


def text() -> str:
    """Pairs as in the published file: folds of pairs of one person, then of two, nobody in two folds."""
    lines = [f"{FOLDS}\t{HALF}"]
    for fold in range(1, FOLDS + 1):
        lines += [f"{person(fold, number)}\t1\t2" for number in range(HALF)]
        lines += [f"{person(fold, number)}\t1\t{person(fold, number + 1)}\t2" for number in range(HALF)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four people in each fold and three in none, two images of each: of one grey, or of noise in its place."""
    names = [person(fold, number) for fold in range(1, FOLDS + 1) for number in range(HALF + 1)]
    for number, name in enumerate([*names, "Apart_0", "Apart_1", "Apart_2"]):
        folder = tmp_path / "lfw_funneled" / name
        folder.mkdir(parents=True)
        for image in (1, 2):
            Image.new("RGB", (10, 10), (10 * number, 5, 250 - 10 * number)).save(folder / f"{name}_{image:04d}.jpg")
    (tmp_path / "pairs.txt").write_text(text())
    return tmp_path


def people(split: object) -> set[str]:
    return {Path(path).parent.name for path in split.paths}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("fold", "next_fold"), [(1, 2), (4, 1)])
def test_a_fold_tests_the_next_validates_and_others_train(root: Path, fold: int, next_fold: int) -> None:
    data = lfw_pairs(str(root), SIZE, fold=fold)
    assert people(data.test) == {person(fold, number) for number in range(HALF + 1)}
    assert people(data.val) == {person(next_fold, number) for number in range(HALF + 1)}
    assert not people(data.train) & (people(data.test) | people(data.val))
    assert data.facts["num_identities"] == len(people(data.train)) == 2 * (HALF + 1) + 3
    assert [data.facts["class_names"][target] for target in data.train.targets] == [
        Path(path).parent.name for path in data.train.paths
    ]


def test_targets_tell_pairs_and_whether_they_are_the_same(root: Path) -> None:
    test = lfw_pairs(str(root), SIZE, fold=2).test
    assert test.targets == [-2, -2, -3, -3, -6, -6, -7, -7, -10, -10, -11, -11]
    names = [Path(path).name for path in test.paths]
    assert names[:4] == ["Fold_2_0_0001.jpg", "Fold_2_0_0002.jpg", "Fold_2_0_0001.jpg", "Fold_2_1_0002.jpg"]
    image, _ = test[0]
    assert (image.shape, image.dtype) == ((3, 8, 8), torch.uint8)


def test_all_pairs_and_nothing_to_train_on(root: Path) -> None:
    data = lfw_pairs(str(root), SIZE, fold=None)
    assert (data.train, data.val) == (None, None)
    assert len(data.test) == 2 * 2 * FOLDS * HALF
    assert "num_identities" not in data.facts
    assert list(data.test.problems()) == []
    (root / "lfw_funneled" / "Fold_3_1" / "Fold_3_1_0002.jpg").unlink()
    assert "Fold_3_1_0002.jpg: No such file" in "".join(data.test.problems())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "pairs.txt:1: begins with the number of folds"),
        ("10\t3\n", "pairs.txt:1: announces 60 pairs, but the file has 0"),
        ("1\t1\nA\t1\t2\nA\t1\n", "pairs.txt:3: no pair: .*: 'A 1'"),
        ("1\t1\nA\t1\t2\nB\t1\t2\n", "pairs.txt:2: a fold has 1 pairs of one person, then 1 of two people"),
    ],
)
def test_a_list_that_is_damaged_is_named(root: Path, content: str, message: str) -> None:
    (root / "pairs.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        lfw_pairs(str(root), SIZE)


def test_what_is_not_there_is_named(root: Path) -> None:
    with pytest.raises(ValueError, match=r"fold=5: .*pairs\.txt has the folds 1 to 4; null for all"):
        lfw_pairs(str(root), SIZE, fold=5)
    (root / "pairs.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks pairs\.txt; put it there, or leave root out"):
        lfw_pairs(str(root), SIZE)


def test_without_a_folder_both_are_downloaded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def fetch(url: str, sha256: str, name: str) -> Path:
        asked.append((name, sha256))
        return root / Path(name).name

    monkeypatch.setattr("toolkit.data.fetch", fetch)
    monkeypatch.setattr("toolkit.data.unpack", lambda archive, folder: root)
    assert len(lfw_pairs(image_size=SIZE).test) == 4 * HALF
    assert [name for name, _ in asked] == ["lfw/lfw-funneled.tgz", "lfw/pairs.txt"]
    assert asked[1][1] == SHA256


def accuracy(similarities: list[float], same: list[int], folds: int) -> float:
    """Of pairs of embeddings that are so far apart, in a random order."""
    angle = torch.tensor(similarities).acos()
    first = torch.stack((torch.ones(len(angle)), torch.zeros(len(angle))), dim=1)
    second = torch.stack((angle.cos(), angle.sin()), dim=1)
    targets = -1 - 2 * torch.arange(len(angle)) - torch.tensor(same)
    embeddings, targets = torch.cat((first, second)), targets.repeat(2)
    metric = PairAccuracy(folds)
    for rows in torch.randperm(len(targets), generator=torch.Generator().manual_seed(0)).chunk(3):
        metric.update(3 * embeddings[rows], targets[rows])
    return float(metric.compute())


def test_the_threshold_is_that_of_the_other_folds() -> None:
    # Apart in either half, by 0.7 in the first and by 0.2 in the second: each half's threshold is wrong for the other.
    assert accuracy([0.9, 0.5, 0.3, 0.1], [1, 0, 1, 0], folds=2) == 0.5
    assert accuracy([0.9, 0.5, 0.8, 0.4], [1, 0, 1, 0], folds=2) == 1
    assert accuracy([0.9, 0.5, 0.8, 0.4], [0, 1, 0, 1], folds=2) == 0.5


def test_a_pair_that_lost_an_image_does_not_count_and_too_few_are_no_number() -> None:
    metric = PairAccuracy(2)
    metric.update(torch.eye(3)[[0, 0, 0, 1, 0, 0, 0, 1, 2]], -1 - torch.tensor([1, 1, 2, 2, 5, 5, 6, 6, 9]))
    assert metric.compute() == 1
    few = PairAccuracy()
    few.update(torch.eye(2), torch.tensor([-2, -3]))
    assert few.compute().isnan()
    with pytest.raises(ValueError, match="folds=1: at least 2"):
        PairAccuracy(1)


def test_pairs_and_identities_are_not_mixed_up() -> None:
    for metric, numbers, said in (
        (PairAccuracy(), [0, 1], "these are identities"),
        (RecallAtK(), [-2, -2], "take the metric pair_accuracy"),
        (VerificationAccuracy(), [-2, -2], "take the metric pair_accuracy"),
    ):
        metric.update(torch.eye(2), torch.tensor(numbers))
        with pytest.raises(ValueError, match=said):
            metric.compute()


RECIPE = """
# Faces.
task: recognition
dataset: {{use: lfw_pairs, root: {root}, image_size: [8, 8]}}
loader: {{batch_size: 8, workers: 0}}
model: {{use: small_cnn, width: 4, num_classes: 8}}
loss: {{use: arcface, embedding_size: 8, scale: 16}}
optimizer: {{use: adamw, lr: 0.01}}
metrics: {{pairs: {{use: pair_accuracy, folds: 3}}}}
trainer: {{max_epochs: 2, accelerator: cpu}}
"""


def test_a_run_of_one_fold_and_a_test_on_all_pairs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces.yaml").write_text(RECIPE.format(root=root))
    assert resolve(load("./faces.yaml"), Registry.scan()).problems == ()
    result = toolkit.run(load("./faces.yaml"))
    assert {"val/pairs", "test/pairs"} <= result.metrics.keys()
    everything = retest("last", ["dataset.fold=null", "metrics.pairs.folds=4"])
    assert 0 <= everything.metrics["test/pairs"] <= 1
