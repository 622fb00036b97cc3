"""Write the handwritten digits that scikit-learn ships as the two IDX files of this package.

    pip install scikit-learn
    python plugins/toolkit-vision/scripts/make_digits.py

The files are committed, so that nobody needs scikit-learn (and SciPy) for 1797 images of 8x8 pixels. Running this again
gives the same bytes.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

from sklearn.datasets import load_digits

FOLDER = Path(__file__).resolve().parent.parent / "toolkit_vision" / "data"


def main() -> None:
    digits = load_digits()
    images = digits.images.astype("uint8")
    targets = digits.target.astype("uint8")
    assert images.shape == (1797, 8, 8), images.shape
    assert (images == digits.images).all(), "the pixels are whole numbers from 0 to 16"
    FOLDER.mkdir(exist_ok=True)
    for name, array in (("digits-images-idx3-ubyte.gz", images), ("digits-labels-idx1-ubyte.gz", targets)):
        header = struct.pack(f">BBBB{array.ndim}i", 0, 0, 0x08, array.ndim, *array.shape)
        # mtime 0 keeps the time of writing out of the file.
        (FOLDER / name).write_bytes(gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))
        print(FOLDER / name)


if __name__ == "__main__":
    main()
