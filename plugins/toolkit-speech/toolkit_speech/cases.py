"""Cases of the plugin's components, for `toolkit test-plugin toolkit-speech` and its tests."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toolkit.testing import Case

RATE = 8000
FRONT_END = {"use": "log_mel", "sample_rate": RATE, "mels": 16}


def _heard() -> tuple[Tensor, Tensor]:
    """Three sounds of half a second, of which the last one is shorter."""
    waveforms = torch.rand(3, RATE // 2, generator=torch.Generator().manual_seed(0)) - 0.5
    lengths = torch.tensor([RATE // 2, RATE // 2, RATE // 4])
    waveforms[2, RATE // 4 :] = 0
    return waveforms, lengths


def _keywords(use: str, **args: Any) -> Case:
    return Case(kind="model", use=use, args={"num_classes": 3, "front_end": FRONT_END, **args}, batch=_heard)


def _recogniser(use: str, **args: Any) -> Case:
    return Case(kind="model", use=use, args={"vocab_size": 7, "front_end": FRONT_END, **args}, batch=_heard)


def _spoken_to() -> tuple[tuple[Tensor, Tensor], Tensor]:
    return _heard(), torch.tensor([[0, 3, 4], [0, 5, 2], [0, 1, 6]])


MODELS = [
    _keywords("bc_resnet"),
    _keywords("ds_cnn", width=8, depth=1),
    _keywords("keyword_cnn", width=8, depth=2),
    _recogniser("cnn_bilstm", channels=4, width=8, depth=1),
    _recogniser("conformer_ctc", width=16, depth=1, heads=2, kernel=3),
    _recogniser("streaming_lstm", width=8, depth=1),
    Case(
        kind="model",
        use="conformer_seq2seq",
        args={
            "vocab_size": 7,
            "front_end": FRONT_END,
            "width": 16,
            "encoder_depth": 1,
            "decoder_depth": 1,
            "heads": 2,
            "kernel": 3,
        },
        batch=_spoken_to,
    ),
]


def _features() -> tuple[Tensor, Tensor]:
    return torch.rand(3, 20, 16, generator=torch.Generator().manual_seed(0)), torch.tensor([20, 20, 10])


def _arpa(folder: Path) -> dict[str, Any]:
    lines = [
        "\\data\\",
        "ngram 1=4",
        "",
        "\\1-grams:",
        "-1.0 <s>",
        "-1.0 </s>",
        "-0.5 yes",
        "-0.7 no",
        "",
        "\\end\\",
        "",
    ]
    (folder / "words.arpa").write_text("\n".join(lines))
    return {"file": str(folder / "words.arpa")}


PARTS = [
    Case(kind="part", use="arpa", args=_arpa),
    Case(kind="part", use="ngram", args={"order": 2}),
    Case(kind="part", use="prefix_beam", args={"width": 2}),
    Case(kind="part", use="leaf", args={"sample_rate": RATE, "filters": 8}, batch=_heard),
    Case(kind="part", use="log_mel", args={"sample_rate": RATE, "mels": 16}, batch=_heard),
    Case(kind="part", use="mfcc", args={"sample_rate": RATE, "mels": 20}, batch=_heard),
    Case(kind="part", use="strided_conv", args={"channels": 8}, batch=_heard),
    Case(kind="part", use="spec_augment", args={"frequencies": 3, "frames": 5}, batch=_features),
]


def _write(file: Path, number: int) -> None:
    import numpy as np
    import soundfile

    times = np.arange(RATE // 10) / RATE
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, 0.5 * np.sin(2 * math.pi * (200 + 20 * number) * times), RATE)


def _folder(folder: Path) -> dict[str, Any]:
    for number in range(24):
        _write(folder / ("high" if number % 2 else "low") / f"{number}.wav", number)
    return {"root": str(folder), "max_seconds": 1.0, "val_share": 0.2, "test_share": 0.2}


def _manifest(folder: Path) -> dict[str, Any]:
    lines = ["file,text"]
    for number in range(24):
        _write(folder / f"{number}.wav", number)
        lines.append(f"{number}.wav,{'yes' if number % 2 else 'no'}")
    (folder / "all.csv").write_text("\n".join(lines) + "\n")
    return {"file": str(folder / "all.csv"), "val_share": 0.2, "test_share": 0.2}


CODES = {"train_codes": 12, "val_codes": 4, "test_codes": 4, "symbols": [3, 4]}

DATASETS = [
    *(Case(kind="dataset", use=use) for use in ("librispeech", "speech_commands")),
    Case(kind="dataset", use="common_voice", args={"root": "absent"}),
    Case(kind="dataset", use="audio_folder", args=_folder),
    Case(kind="dataset", use="audio_manifest", args=_manifest),
    Case(kind="dataset", use="spoken_codes", args=CODES),
    Case(kind="dataset", use="spoken_symbols", args={"train_each": 2, "val_each": 1, "test_each": 1}),
]


def _transcripts() -> tuple[list[str], list[str]]:
    return ["the cat sat", "a dog", "it is late"], ["the cat sits", "a dog", "is it late"]


METRICS = [Case(kind="metric", use=use, batch=_transcripts) for use in ("cer", "wer")]

TRANSFORMS = [
    *(
        Case(kind="transform", use=use, batch=lambda: (_heard(), torch.tensor([0, 1, 2])))
        for use in ("random_gain", "random_noise", "random_resampling", "random_speed")
    ),
    Case(
        kind="transform",
        use="random_reverberation",
        args={"sample_rate": RATE},
        batch=lambda: (_heard(), torch.tensor([0, 1, 2])),
    ),
]

TRAINED = {
    "dataset": {"use": "spoken_codes", **CODES},
    "optimizer": {"use": "adamw", "lr": 0.001},
    "metrics": {"cer": {}},
    "loader": {"batch_size": 4, "workers": 0},
}
NETWORK = {"front_end": {"use": "log_mel", "mels": 16}, "width": 16, "heads": 2, "kernel": 3}

TASKS = [
    Case(
        kind="task",
        use="ctc",
        recipe={**TRAINED, "model": {"use": "conformer_ctc", "depth": 1, **NETWORK}},
    ),
    Case(
        kind="task",
        use="transcription",
        args={"max_length": 5, "beam": 2},
        recipe={
            **TRAINED,
            "model": {"use": "conformer_seq2seq", "encoder_depth": 1, "decoder_depth": 1, **NETWORK},
            "loss": "cross_entropy",
        },
    ),
]

CASES = [*MODELS, *PARTS, *DATASETS, *METRICS, *TRANSFORMS, *TASKS]
