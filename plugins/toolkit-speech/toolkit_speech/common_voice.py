"""Mozilla Common Voice, from a folder. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from toolkit_speech.listed import Listed, listed_splits
from toolkit_speech.manifest import Columns, read_manifest
from toolkit_speech.reader import AudioReader
from toolkit_speech.recognition.normaliser import Normaliser
from toolkit_speech.sounds import Reading
from toolkit_speech.splits import Splits
from toolkit_speech.stand_ins import transcribed_stand_in

COLUMNS = Columns("path", "sentence", "", "")
DURATIONS = "clip_durations.tsv"
"""What newer releases have beside the lists: how many milliseconds each clip has."""


def common_voice(
    root: str,
    sample_rate: int = 16000,
    max_seconds: float = 30.0,
    characters: str | None = None,
    normaliser: Normaliser = "basic",
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """Mozilla Common Voice (Ardila et al., 2020): sentences that volunteers read aloud, in one of its languages.

    Mozilla asks for a registration, so that the archive has to be downloaded by hand and unpacked. Its own lists
    `train.tsv`, `dev.tsv` and `test.tsv` are the splits; no speaker is in two of them. The clips, MP3 files of 32 or
    48 kHz, are brought to `sample_rate` when they are read.

    A batch is `((waveforms, lengths), characters)`, as `toolkit_speech.samples.Transcribed` has it, of clips of similar
    length. How long they are is read from `clip_durations.tsv`, or from every clip where there is none.

    Facts: `sample_rate`, `vocab_size`, `pad_id` 0, which is CTC's blank.

    Has `common_voice.stand_in(seed)`, a few noises with random transcripts.

    Arguments:
        root: the folder of the language, with `clips` and the lists.
        sample_rate: samples a second of the waveforms.
        max_seconds: a longer clip is a bad one.
        characters: of the alphabet; those of the training sentences when None.
        normaliser: what is made of a sentence: `basic` (small letters, no marks), or `none`.
        run_files: given by the toolkit: the alphabet of a run that goes on.

    Raises:
        FileNotFoundError: `root` holds no such list, or no clips.
        ValueError: a list is damaged. The message begins with its path and line.
    """
    folder = Path(root).expanduser()
    lists = {split: folder / f"{name}.tsv" for split, name in (("train", "train"), ("val", "dev"), ("test", "test"))}
    missing = [path.name for path in lists.values() if not path.is_file()]
    missing += [] if (folder / "clips").is_dir() else ["clips"]
    if missing:
        raise FileNotFoundError(
            f"root={str(folder)!r} lacks {', '.join(missing)}; give the unpacked folder of a language of Common Voice"
        )
    seconds = _durations(folder / DURATIONS) if (folder / DURATIONS).is_file() else {}
    parts: dict[str, Listed | None] = {}
    for split, path in lists.items():
        rows = read_manifest(str(path), COLUMNS, None)
        paths = [os.path.join(folder, "clips", row.audio) for row in rows]
        parts[split] = Listed(paths, [row.text for row in rows], [seconds.get(row.audio) for row in rows])
    return listed_splits(parts, Reading(sample_rate, True, max_seconds), characters, normaliser, run_files)


def _durations(path: Path) -> dict[str, float]:
    """Seconds by the name of a clip."""
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], 2):
        clip, _, milliseconds = line.partition("\t")
        if not milliseconds.strip().isdecimal():
            raise ValueError(f"{path}:{number}: not the name of a clip and its milliseconds: {line[:60]!r}")
        found[clip] = int(milliseconds) / 1000
    return found


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
common_voice.stand_in = transcribed_stand_in  # type: ignore[attr-defined]
common_voice.reader = AudioReader  # type: ignore[attr-defined]
