"""Speech Commands, version 2: single words, from a folder or downloaded.

Imports torch. The toolkit's downloader is imported when something has to be downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from toolkit_speech.reader import AudioReader
from toolkit_speech.samples import Labelled
from toolkit_speech.sounds import AudioFiles, Reading
from toolkit_speech.splits import Splits, class_facts
from toolkit_speech.stand_ins import labelled_stand_in

URLS = (
    "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
    "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
)
SHA256 = "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
SAMPLE_RATE = 16000
SECONDS = 1.0
"""Of every clip at most."""
_WORDS = """
backward bed bird cat dog down eight five follow forward four go happy house learn left marvin nine no off on one
right seven sheila six stop three tree two up visual wow yes zero
"""
WORDS = tuple(_WORDS.split())
LISTS = {"val": "validation_list.txt", "test": "testing_list.txt"}
"""Which clips are of these splits; all others are to train on."""


def speech_commands(root: str | None = None) -> Splits:
    """Speech Commands (Warden, 2018), version 2: 105,829 clips of 35 words, a second each at 16 kHz, by 2,618 speakers.

    Its own lists say which are to validate and to test on, 9,981 and 11,005; no speaker is in two splits. Results on
    these 35 classes and on the 12 that some papers use (ten words, unknown and silence) are not the same.

    A batch is `((waveforms, lengths), classes)`, as `toolkit_speech.samples.Labelled` has it. Shorter clips, about a
    tenth, keep their length.

    Facts: `task` multiclass, `num_classes` 35, `class_names` "backward" to "zero", `sample_rate` 16000.

    Has `speech_commands.stand_in(seed)`, a few noises of the 35 classes.

    Arguments:
        root: folder with the words' folders and the lists; downloaded (2.4 GB) when None.

    Raises:
        FileNotFoundError: folders or lists are missing in `root`. The message names them.
        ValueError: a list names a clip that cannot be one; the message begins with its path and line.
    """
    folder = _downloaded() if root is None else _local(Path(root).expanduser())
    listed = {split: _list(folder / name) for split, name in LISTS.items()}
    apart = {name for names in listed.values() for name in names}
    train = [
        f"{word}/{path.name}"
        for word in WORDS
        for path in sorted((folder / word).glob("*.wav"))
        if f"{word}/{path.name}" not in apart
    ]
    if not train:
        raise FileNotFoundError(f"{folder}: holds no clips to train on")
    train_split, val, test = (_labelled(folder, names) for names in (train, listed["val"], listed["test"]))
    return Splits(train_split, val, test, class_facts(WORDS, SAMPLE_RATE))


def _labelled(folder: Path, names: Sequence[str]) -> Labelled:
    paths = [str(folder / name) for name in names]
    # All of them are of a second but for some that are shorter: batches are made without opening each to ask.
    sounds = AudioFiles(paths, Reading(SAMPLE_RATE, False, SECONDS), [SECONDS] * len(paths))
    return Labelled(sounds, torch.tensor([WORDS.index(name.partition("/")[0]) for name in names]))


def _list(path: Path) -> list[str]:
    names = path.read_text(encoding="utf-8").split()
    for number, name in enumerate(names, 1):
        if name.partition("/")[0] not in WORDS:
            raise ValueError(f"{path}:{number}: {name!r} is no clip of one of the 35 words, such as 'bed/1.wav'")
    if not names:
        raise ValueError(f"{path}: lists no clips")
    return names


def _downloaded() -> Path:
    from toolkit.data import fetch, unpack

    archive = fetch(URLS, SHA256, "speech_commands/speech_commands_v0.02.tar.gz")
    return unpack(archive, archive.with_name("unpacked"))


def _local(root: Path) -> Path:
    missing = [name for name in (*LISTS.values(), *WORDS) if not (root / name).exists()]
    if missing:
        listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} others" if len(missing) > 5 else "")
        raise FileNotFoundError(f"root={str(root)!r} lacks {listed}; leave root out to download version 2")
    return root


def _stand_in(seed: int) -> Splits:
    return labelled_stand_in(seed, WORDS, SAMPLE_RATE)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
speech_commands.stand_in = _stand_in  # type: ignore[attr-defined]
speech_commands.reader = AudioReader  # type: ignore[attr-defined]
