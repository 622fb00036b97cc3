"""From sounds and texts to splits for recognition. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit_speech.alphabet import FILE, Alphabet
from toolkit_speech.recognition.normaliser import Normaliser, normalised
from toolkit_speech.samples import Transcribed, together
from toolkit_speech.sounds import Sounds
from toolkit_speech.splits import SPLITS, Splits

TRANSCRIPTS = "transcripts.txt"
"""What a run keeps the texts of its training utterances as, a line for each, for language models."""


@dataclass(frozen=True)
class Utterances:
    """Sounds of a split, and what is said in each."""

    sounds: Sounds
    texts: Sequence[str]


def transcribed_splits(
    parts: Mapping[str, Utterances | None],
    sample_rate: int,
    characters: str | None = None,
    normaliser: Normaliser = "basic",
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """Splits of sounds with transcripts; the alphabet is that of the texts of `train` unless it is given.

    Arguments:
        parts: by the names of splits; `train` is one.
        sample_rate: samples a second of the sounds.
        characters: of the alphabet, in their order.
        normaliser: what texts are made into; see `toolkit_speech.recognition.normaliser`.
        run_files: what the run has kept; None in a new one.

    Raises:
        ValueError: there is no character, or one is given twice.
    """
    texts = {
        name: [normalised(text, normaliser) for text in part.texts] for name, part in parts.items() if part is not None
    }
    if run_files and FILE in run_files:
        alphabet = Alphabet.from_files(run_files)
    else:
        alphabet = Alphabet(characters or sorted(set[str]().union(*texts["train"])))
        if alphabet.vocab_size == 1:
            raise ValueError("all transcripts of train are empty")
    made: dict[str, Transcribed | None] = dict.fromkeys(SPLITS)
    for name, part in parts.items():
        if part is not None:
            made[name] = Transcribed(part.sounds, texts[name], alphabet)
    kept = (run_files or {}).get(TRANSCRIPTS) or "\n".join(texts["train"]).encode()
    return Splits(
        made["train"],
        made["val"],
        made["test"],
        # 0 is CTC's blank, and no character.
        facts={"sample_rate": sample_rate, "vocab_size": alphabet.vocab_size, "pad_id": 0},
        run_files={**alphabet.to_files(), TRANSCRIPTS: kept},
        collate=together,
    )
