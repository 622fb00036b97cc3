"""A folder of recordings, with a folder for every class. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from toolkit_speech.audio import SUFFIXES, UNREAD
from toolkit_speech.reader import AudioReader
from toolkit_speech.samples import Labelled
from toolkit_speech.sounds import AudioFiles, Reading, sample_rate_of
from toolkit_speech.splits import SPLITS, Splits, class_facts, share_of, stratified
from toolkit_speech.stand_ins import labelled_stand_in


def audio_folder(
    root: str,
    sample_rate: int | None = None,
    resample: bool = False,
    max_seconds: float = 10.0,
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
) -> Splits:
    """Your own recordings, sorted into folders, one for every class.

    `root` holds `train`, and `val` and `test` if there are such splits, each with a folder for every class; or it holds
    the folders of the classes itself, and validation and test recordings are cut from them, of every class the same
    share. From a `train` without a `val` beside it only the validation recordings are cut. Classes are numbered in the
    order of their names. Recordings may lie in folders further down. What is hidden (its name begins with a dot) is not
    looked at.

    WAV, FLAC, OGG (Vorbis and Opus), MP3, AIFF and AU are read, when they are wanted. `toolkit check --deep` reads all
    and lists those with a bad file, another sampling rate or more than `max_seconds`, with path and reason.

    A batch is `((waveforms, lengths), classes)`, as `toolkit_speech.samples.Labelled` has it, of recordings of similar
    length.

    Facts: `task` multiclass, `num_classes`, `class_names` (the folders' names), `sample_rate`.

    Has `audio_folder.stand_in(seed)`, a few noises of three classes, at 16 kHz.

    Arguments:
        root: the folder.
        sample_rate: samples a second; that of the first training file when None.
        resample: whether files of another rate are brought to this one.
        max_seconds: of a recording at most.
        val_share: of the recordings, which share to validate on, where there is no `val`; 0 for no validation split.
        test_share: which share to test on, where there is no `train`; 0 for no test split.
        split_seed: which ones.

    Raises:
        FileNotFoundError: `root` is not a folder.
        ValueError: there are no classes, one has no recordings, or the splits' classes differ. The message names the
            folder.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"root={str(folder)!r} is not a folder; give one that has a folder for every class")
    splits = [name for name in SPLITS if (folder / name).is_dir()]
    if splits and "train" not in splits:
        raise ValueError(f"{folder}: has {' and '.join(splits)} but no train")
    if splits:
        class_names = _folders(folder / "train")
        parts = {name: _found(folder / name, class_names, whole=name == "train") for name in splits}
    else:
        class_names = _folders(folder)
        parts = {"train": _found(folder, class_names, whole=True)}
    rest, val, test = parts["train"], parts.get("val"), parts.get("test")
    samples = len(rest.paths)
    if not splits:
        rest, test = rest.cut(share_of(samples, test_share, "test_share"), split_seed)
    if val is None:
        val_size = share_of(samples, val_share, "val_share")
        if val_size >= len(rest.paths):
            raise ValueError(f"val_share={val_share}, test_share={test_share}: none of {samples} is left to train on")
        rest, val = rest.cut(val_size, split_seed)
    reading = Reading(sample_rate or sample_rate_of(rest.paths), resample, max_seconds)
    train, validated, tested = (None if part is None else part.read(reading) for part in (rest, val, test))
    return Splits(train, validated, tested, class_facts(class_names, reading.sample_rate))


@dataclass(frozen=True)
class _Found:
    """Recordings with their classes."""

    paths: list[str]
    targets: list[int]
    unread: list[str] = field(default_factory=list)
    """Recordings of kinds that are not decoded."""

    def cut(self, size: int, seed: int) -> tuple[_Found, _Found | None]:
        if not size:
            return self, None
        rest, cut = (part.tolist() for part in stratified(torch.tensor(self.targets), size, seed))
        taken = [_Found([self.paths[n] for n in part], [self.targets[n] for n in part]) for part in (rest, cut)]
        return _Found(taken[0].paths, taken[0].targets, self.unread), taken[1]

    def read(self, reading: Reading) -> Labelled:
        return Labelled(AudioFiles(self.paths, reading, beside=self.unread), torch.tensor(self.targets))


def _folders(folder: Path) -> list[str]:
    """The classes that a folder has folders of.

    Raises:
        ValueError: there are none.
    """
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise ValueError(f"{folder}: has no folders, one for each class")
    return names


def _found(folder: Path, class_names: Sequence[str], *, whole: bool) -> _Found:
    """The recordings in a folder of classes; where it is to be whole, there must be some of every class.

    Raises:
        ValueError: it has a folder of another class, or no recordings of one that it must have.
    """
    strange = [name for name in _folders(folder) if name not in class_names]
    if strange:
        raise ValueError(f"{folder / strange[0]}: there is no such class in {folder.parent / 'train'}")
    found = _Found([], [])
    empty = []
    for target, name in enumerate(class_names):
        before = len(found.paths)
        for path in _files(folder / name):
            if path.suffix.lower() in SUFFIXES:
                found.paths.append(str(path))
            elif path.suffix.lower() in UNREAD:
                found.unread.append(str(path))
        found.targets.extend([target] * (len(found.paths) - before))
        if len(found.paths) == before:
            empty.append(f"{folder / name}: no recordings of this class")
    if empty and (whole or not found.paths):
        known = ", ".join(sorted(SUFFIXES))
        raise ValueError("\n".join(empty) + f"\nremove the folder, or put recordings there that end in {known}")
    return found


def _files(folder: Path) -> list[Path]:
    """The files in a folder, also further down, in order, without hidden ones."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in sorted(files) if not name.startswith(".")]
    return found


def _stand_in(seed: int) -> Splits:
    return labelled_stand_in(seed, ["first", "second", "third"])


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
audio_folder.stand_in = _stand_in  # type: ignore[attr-defined]
audio_folder.reader = AudioReader  # type: ignore[attr-defined]
