"""MNIST and Fashion-MNIST: four IDX files, from a folder or downloaded.

Imports torch. The toolkit's downloader is imported when something has to be downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit_vision.read_idx import read_pair
from toolkit_vision.reader import ImageReader
from toolkit_vision.splits import Splits, Tensors, image_facts, stand_in, with_validation

IMAGE_SIZE = (28, 28)
TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class Source:
    """Where the four files of a dataset can be downloaded."""

    name: str
    """Name of the dataset component, and of its folder in the cache."""
    mirrors: Sequence[str]
    """Addresses of folders that hold `<file>.gz`."""
    sha256: dict[str, str]
    """By file name without `.gz`, the checksum of the `.gz` file."""
    class_names: Sequence[str]


MNIST = Source(
    name="mnist",
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
    sha256={
        "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    class_names=tuple(str(digit) for digit in range(10)),
)

FASHION_MNIST = Source(
    name="fashion_mnist",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    ),
    sha256={
        "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
)


def mnist(root: str | None = None, val_size: int = 5000, split_seed: int = 0) -> Splits:
    """MNIST: 60,000 handwritten digits to train and 10,000 to test, 28x28 pixels.

    The validation split is cut from the training images, with the same share of every class; the test images are
    never touched. Images are `(samples, 1, 28, 28)` uint8, targets are `(samples,)` int64.

    Facts: `task` multiclass, `num_classes` 10, `class_names` "0" to "9", `in_channels` 1, `image_size` [28, 28].

    Has `mnist.stand_in(seed)`, a few samples of noise with the same shapes and facts.

    Arguments:
        root: folder with the four IDX files, as published (`.gz`) or decompressed; downloaded when None.
        val_size: number of training images to validate on; 0 for no validation split.
        split_seed: which ones.

    Raises:
        FileNotFoundError: files are missing in `root`. The message lists them.
        ValueError: a file is damaged; the message begins with its path.
    """
    return _splits(MNIST, root, val_size, split_seed)


def fashion_mnist(root: str | None = None, val_size: int = 5000, split_seed: int = 0) -> Splits:
    """Fashion-MNIST: 60,000 pictures of clothing to train and 10,000 to test, 28x28 pixels, in MNIST's format.

    The validation split is cut from the training images, with the same share of every class; the test images are
    never touched. Images are `(samples, 1, 28, 28)` uint8, targets are `(samples,)` int64.

    Facts: `task` multiclass, `num_classes` 10, `class_names` "T-shirt/top" to "Ankle boot", `in_channels` 1,
    `image_size` [28, 28].

    Has `fashion_mnist.stand_in(seed)`, a few samples of noise with the same shapes and facts.

    Arguments:
        root: folder with the four IDX files, as published (`.gz`) or decompressed, such as that of Debian's package
            dataset-fashion-mnist; downloaded when None.
        val_size: number of training images to validate on; 0 for no validation split.
        split_seed: which ones.

    Raises:
        FileNotFoundError: files are missing in `root`. The message lists them.
        ValueError: a file is damaged; the message begins with its path.
    """
    return _splits(FASHION_MNIST, root, val_size, split_seed)


def _splits(source: Source, root: str | None, val_size: int, split_seed: int) -> Splits:
    names = (*TRAIN, *TEST)
    paths = _downloaded(source, names) if root is None else _local(source, Path(root).expanduser(), names)
    train = _read(source, paths, TRAIN)
    test = _read(source, paths, TEST)
    train, val = with_validation(train, val_size, split_seed)
    return Splits(train, val, test, _facts(source))


def _facts(source: Source) -> dict[str, Any]:
    return image_facts(source.class_names, IMAGE_SIZE, in_channels=1)


def _read(source: Source, paths: dict[str, Path], names: tuple[str, str]) -> Tensors:
    images, targets = read_pair(paths[names[0]], paths[names[1]], classes=len(source.class_names))
    if images.shape[2:] != IMAGE_SIZE:
        height, width = images.shape[2:]
        raise ValueError(f"{paths[names[0]]}: its images are {height}x{width}, those of {source.name} are 28x28")
    return images, targets


def _downloaded(source: Source, names: Sequence[str]) -> dict[str, Path]:
    from toolkit.data import fetch

    return {
        name: fetch(
            [f"{mirror}/{name}.gz" for mirror in source.mirrors], source.sha256[name], f"{source.name}/{name}.gz"
        )
        for name in names
    }


def _local(source: Source, root: Path, names: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name in names:
        for path in (root / name, root / f"{name}.gz"):
            if path.is_file():
                found.setdefault(name, path)
    missing = [name for name in names if name not in found]
    if missing:
        if not root.is_dir():
            raise FileNotFoundError(f"root={str(root)!r} is not a folder; leave root out to download {source.name}")
        raise FileNotFoundError(
            f"root={str(root)!r} lacks {', '.join(missing)} (each may end in .gz); put them there, "
            f"or leave root out to download {source.name}"
        )
    return found


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
mnist.stand_in = lambda seed: stand_in(_facts(MNIST), seed)  # type: ignore[attr-defined]
fashion_mnist.stand_in = lambda seed: stand_in(_facts(FASHION_MNIST), seed)  # type: ignore[attr-defined]
mnist.reader = ImageReader  # type: ignore[attr-defined]
fashion_mnist.reader = ImageReader  # type: ignore[attr-defined]
