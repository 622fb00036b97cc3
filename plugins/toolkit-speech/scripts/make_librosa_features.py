"""Write what librosa makes of two sounds, which `log_mel` and `mfcc` are held against.

    pip install librosa
    python plugins/toolkit-speech/scripts/make_librosa_features.py

The file is committed, so that nobody needs librosa (and SciPy, Numba and LLVM) for 30 frames.
"""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np

PLUGIN = Path(__file__).resolve().parent.parent
FILE = PLUGIN / "tests" / "librosa_features.npz"


def waveforms() -> dict[int, np.ndarray]:
    """By sampling rate: a recorded "W", and a tone that rises in noise."""
    with np.load(PLUGIN / "toolkit_speech" / "data" / "symbols.npz") as clips:
        spoken = clips["W"][:2400].astype(np.float32) / 128 - 1
    times = np.arange(3001) / 16000
    noise = np.random.default_rng(0).normal(0, 0.01, len(times))
    return {8000: spoken, 16000: (0.3 * np.sin(2 * np.pi * (300 + 9000 * times) * times) + noise).astype(np.float32)}


def features(waveform: np.ndarray, rate: int) -> dict[str, np.ndarray]:
    """By name, `(channels, frames)`: windows of 25 ms every 10 ms, 40 bands, 13 coefficients."""
    window = round(0.025 * rate)
    power = librosa.feature.melspectrogram(
        y=waveform,
        sr=rate,
        n_fft=1 << (window - 1).bit_length(),
        hop_length=round(0.01 * rate),
        win_length=window,
        n_mels=40,
    )
    still = librosa.feature.mfcc(S=librosa.power_to_db(power, top_db=None), n_mfcc=13)
    return {
        "waveform": waveform,
        "mel": power,
        "mfcc": still,
        "delta": librosa.feature.delta(still, mode="nearest"),
        "delta_delta": librosa.feature.delta(still, order=2, mode="nearest"),
    }


def main() -> None:
    found = {
        f"{name}_{rate}": values.astype(np.float32)
        for rate, waveform in waveforms().items()
        for name, values in features(waveform, rate).items()
    }
    np.savez_compressed(FILE, librosa=np.array(librosa.__version__), **found)
    print(FILE, FILE.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
