"""Your own recordings with their words, by a list of them. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit_speech.listed import Listed, listed_splits
from toolkit_speech.manifest import Columns, Row, read_manifest
from toolkit_speech.reader import AudioReader
from toolkit_speech.recognition.normaliser import Normaliser
from toolkit_speech.sounds import Reading, sample_rate_of
from toolkit_speech.splits import SPLITS, Splits
from toolkit_speech.stand_ins import transcribed_stand_in

NAMES_OF_SPLITS = {name: name for name in SPLITS} | dict.fromkeys(("valid", "validation", "dev"), "val")
"""What a column of splits may hold, and what it means."""


def audio_manifest(
    file: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    root: str | None = None,
    audio: str = "file",
    text: str = "text",
    seconds: str = "seconds",
    split: str = "split",
    columns: Sequence[str] | None = None,
    sample_rate: int | None = None,
    resample: bool = False,
    max_seconds: float = 60.0,
    characters: str | None = None,
    normaliser: Normaliser = "basic",
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """Recordings and what is said in them, as CSV, TSV or JSON Lines list them: a row for each, with file and text.

    Either one `file`, or `train` with `val` and `test` where there are such. The one file may have a column of splits:
    train, val (valid, validation, dev), test. Where there is none, validation and test recordings are drawn from all;
    where `train` is given, or the column holds no val, validation recordings are drawn from the training ones. Nobody
    is asked who speaks: the same voice can be in several splits unless the manifest keeps them apart. What is wrong
    with a manifest, see `toolkit_speech.manifest.read_manifest`: **quotes in a TSV are characters**.

    WAV, FLAC, OGG (Vorbis and Opus), MP3, AIFF and AU are read, when they are wanted. A recording that cannot be used
    stops the run unless `loader.on_bad_sample` is `skip`; `toolkit check --deep` reads all and lists those with a bad
    file, another sampling rate, more than `max_seconds`, an empty transcript, or characters outside the alphabet, with
    path and reason. Files are opened once at the beginning to learn how long they are, where no column says it.

    A batch is `((waveforms, lengths), characters)`, as `toolkit_speech.samples.Transcribed` has it, of recordings of
    similar length.

    Facts: `sample_rate`, `vocab_size`, `pad_id` 0, which is CTC's blank.

    Has `audio_manifest.stand_in(seed)`, a few noises with random transcripts, at 16 kHz.

    Arguments:
        file: a list of all recordings.
        train: a list of those to train on.
        val: of those to validate on.
        test: of those to test on.
        root: the folder that the paths begin in; the manifest's own when None.
        audio: the column of the paths.
        text: the column of what is said.
        seconds: the column of how long a recording is; need not be there.
        split: the column of `file` that says which split a recording belongs to.
        columns: the names of all columns of a CSV or TSV file without a first line that names them.
        sample_rate: samples a second; that of the first training file when None.
        resample: whether files of another rate are brought to this one.
        max_seconds: of a recording at most.
        characters: of the alphabet; those of the training texts when None.
        normaliser: what is made of a text: `basic` (small letters, no marks), or `none`.
        val_share: which share to validate on, where the files do not tell; 0 for no validation split.
        test_share: which share to test on, where `file` has no column of splits; 0 for no test split.
        split_seed: which ones.
        run_files: given by the toolkit: the alphabet of a run that goes on.

    Raises:
        FileNotFoundError: there is no such manifest, or none of its recordings.
        ValueError: it is no manifest. The message begins with the file, and the line where there is one.
    """
    files = {"train": train, "val": val, "test": test}
    given = [name for name, path in files.items() if path is not None]
    if file is not None and given:
        raise ValueError(f"file and {given[0]} are given: either one file, or train with val and test")
    if file is None and train is None:
        beside = f"; {' and '.join(given)} given without train" if given else ""
        raise ValueError(f"give either file, or train with val and test where there are such{beside}")
    named = Columns(audio, text, seconds, split)
    if file is not None:
        rows = _by_split(file, read_manifest(file, named, columns))
        divided = rows["train"][0].split is not None
    else:
        rows = {name: read_manifest(path, named, columns) for name, path in files.items() if path is not None}
        divided = True
    parts: dict[str, Listed | None] = {}
    for name, found in rows.items():
        folder = str(Path(root or Path(file or files[name] or "").parent).expanduser())
        # As strings: a Path for each of 280,000 recordings takes seconds.
        paths = [os.path.join(folder, row.audio) for row in found]
        parts[name] = Listed(paths, [row.text for row in found], [row.seconds for row in found])
    rest = parts["train"]
    assert rest is not None
    rate = sample_rate or sample_rate_of(rest.paths)
    if not divided:
        rest, parts["test"] = rest.cut(test_share, "test_share", split_seed)
    if parts.get("val") is None:
        # Of all recordings, where the test recordings were drawn from them too.
        share = val_share if divided else val_share / (1 - test_share)
        rest, parts["val"] = rest.cut(share, "val_share", split_seed)
    parts["train"] = rest
    return listed_splits(parts, Reading(rate, resample, max_seconds), characters, normaliser, run_files)


def _by_split(file: str, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each split; all are of train where none says of which it is.

    Raises:
        ValueError: a row is of no split, or none is to train on.
    """
    if all(row.split is None for row in rows):
        return {"train": list(rows)}
    found: dict[str, list[Row]] = {}
    for row in rows:
        name = NAMES_OF_SPLITS.get(row.split or "")
        if name is None:
            at = f"{Path(file).expanduser()}:{row.line}"
            raise ValueError(f"{at}: the split {row.split or ''!r} is none of {', '.join(NAMES_OF_SPLITS)}")
        found.setdefault(name, []).append(row)
    if "train" not in found:
        raise ValueError(f"{file}: its column of splits names no train")
    return found


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
audio_manifest.stand_in = transcribed_stand_in  # type: ignore[attr-defined]
audio_manifest.reader = AudioReader  # type: ignore[attr-defined]
