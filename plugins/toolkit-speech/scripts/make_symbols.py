"""Write the 36 recorded symbols that the PyPI package captcha ships as the one file of this package.

    pip download --no-deps captcha==0.7.1
    python plugins/toolkit-speech/scripts/make_symbols.py captcha-0.7.1-py3-none-any.whl

The file is committed, so that nobody needs the package for 0.14 MB of sound. Running this again gives the same bytes.
"""

from __future__ import annotations

import io
import string
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np

FILE = Path(__file__).resolve().parent.parent / "toolkit_speech" / "data" / "symbols.npz"

SYMBOLS = string.digits + string.ascii_uppercase


def samples(data: bytes) -> np.ndarray:
    """The samples of a WAV file as they are stored: unsigned bytes at 8 kHz, 128 is silence."""
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 1, 8000), file.getparams()
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8)


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        clips = {symbol: samples(wheel.read(f"captcha/data/{symbol}/default.wav")) for symbol in SYMBOLS}
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FILE, **clips)
    print(FILE, FILE.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
