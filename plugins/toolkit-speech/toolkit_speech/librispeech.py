"""LibriSpeech: read English books, from a folder or downloaded.

Imports torch. The toolkit's downloader is imported when something has to be downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit_speech.listed import Listed, listed_splits
from toolkit_speech.reader import AudioReader
from toolkit_speech.sounds import Reading
from toolkit_speech.splits import Splits
from toolkit_speech.stand_ins import ENGLISH, transcribed_stand_in

URL = "https://www.openslr.org/resources/12"
SAMPLE_RATE = 16000
FOLDER = "LibriSpeech"
"""In the archives."""
SHA256 = {
    "train-clean-100": "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
    "train-clean-360": "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
    "train-other-500": "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
    "dev-clean": "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
    "dev-other": "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
    "test-clean": "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
    "test-other": "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
}
"""Of the archive of each subset."""


def librispeech(
    root: str | None = None,
    train: Sequence[str] = ("train-clean-100",),
    val: Sequence[str] = ("dev-clean",),
    test: Sequence[str] = ("test-clean",),
    max_seconds: float = 40.0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """LibriSpeech (Panayotov et al., 2015): a thousand hours of English books read aloud, at 16 kHz.

    Its subsets are train-clean-100, train-clean-360, train-other-500, dev-clean, dev-other, test-clean and test-other,
    of 100, 363, 497, 5.4, 5.3, 5.4 and 5.1 hours; no speaker is in two of them. Papers train on the first or on the
    first three, and report on the two tests. Transcripts are in small letters here, with the apostrophe.

    A batch is `((waveforms, lengths), characters)`, as `toolkit_speech.samples.Transcribed` has it, of recordings of
    similar length. Every file is opened once at the beginning to learn how long it is.

    Facts: `sample_rate` 16000, `vocab_size` 29, `pad_id` 0, which is CTC's blank.

    Has `librispeech.stand_in(seed)`, a few noises with random transcripts.

    Arguments:
        root: folder that holds the subsets' folders, or `LibriSpeech` with them; downloaded when None (6.3 GB for
            train-clean-100, 60 GB for all).
        train: the subsets to train on.
        val: to validate on; empty for no validation split.
        test: to test on; empty for no test split.
        max_seconds: a longer recording is a bad one; none has more than 36.
        run_files: given by the toolkit.

    Raises:
        FileNotFoundError: subsets are missing in `root`. The message lists them.
        ValueError: there is no such subset, or one is in two splits; or a transcript is damaged.
    """
    wanted = {"train": list(train), "val": list(val), "test": list(test)}
    names = [name for split in wanted.values() for name in split]
    strange = [name for name in names if name not in SHA256]
    if strange or not wanted["train"] or len(set(names)) < len(names):
        beside = f"{strange[0]!r} is none of" if strange else "train takes at least one, and each is in one split, of"
        raise ValueError(f"{beside} LibriSpeech's subsets: {', '.join(SHA256)}")
    folders = _downloaded(names) if root is None else _local(Path(root).expanduser(), names)
    parts = {
        split: _listed([folders[name] for name in subsets]) if subsets else None for split, subsets in wanted.items()
    }
    return listed_splits(parts, Reading(SAMPLE_RATE, False, max_seconds), ENGLISH, "basic", run_files)


def _listed(folders: Sequence[Path]) -> Listed:
    paths, texts = list[str](), list[str]()
    for folder in folders:
        for file in sorted(folder.glob("*/*/*.trans.txt")):
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                name, _, text = line.partition(" ")
                if not name or not text:
                    raise ValueError(f"{file}:{number}: no name and transcript: {line[:60]!r}")
                paths.append(os.path.join(file.parent, f"{name}.flac"))
                texts.append(text)
    if not paths:
        raise FileNotFoundError(f"{folders[0]}: holds no */*/*.trans.txt, the transcripts")
    return Listed(paths, texts, [None] * len(paths))


def _downloaded(names: Sequence[str]) -> dict[str, Path]:
    from toolkit.data import fetch, unpack

    folders = {}
    for name in names:
        archive = fetch(f"{URL}/{name}.tar.gz", SHA256[name], f"librispeech/{name}.tar.gz")
        folders[name] = unpack(archive, archive.with_name(f"{name}-unpacked")) / FOLDER / name
    return folders


def _local(root: Path, names: Sequence[str]) -> dict[str, Path]:
    if not root.is_dir():
        raise FileNotFoundError(f"root={str(root)!r} is not a folder; leave root out to download LibriSpeech")
    inside = root / FOLDER if (root / FOLDER).is_dir() else root
    missing = [name for name in names if not (inside / name).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"root={str(root)!r} lacks {', '.join(missing)}; leave root out to download LibriSpeech"
        )
    return {name: inside / name for name in names}


def _stand_in(seed: int) -> Splits:
    return transcribed_stand_in(seed, ENGLISH, SAMPLE_RATE)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
librispeech.stand_in = _stand_in  # type: ignore[attr-defined]
librispeech.reader = AudioReader  # type: ignore[attr-defined]
