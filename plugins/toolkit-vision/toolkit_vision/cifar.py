"""CIFAR-10 and CIFAR-100: files of bytes, from a folder or downloaded.

Imports torch. The toolkit's downloader is imported when something has to be downloaded. The binary version of the
archives is read: that for Python holds pickles, which can run code when they are loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from toolkit_vision.reader import ImageReader
from toolkit_vision.splits import Splits, Tensors, image_facts, stand_in, with_validation

IMAGE_SIZE = (32, 32)
PIXELS = 3 * 32 * 32
CIFAR100_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""


@dataclass(frozen=True)
class Source:
    """An archive of CIFAR, and how its files are made."""

    name: str
    """Name of the dataset component, and of its folder in the cache."""
    url: str
    sha256: str
    folder: str
    """In the archive."""
    train: Sequence[str]
    test: Sequence[str]
    label_bytes: int
    """Before the pixels of each image; the last of them is the class."""
    python_folder: str
    """In the archive that holds pickles."""
    class_names: Sequence[str]


CIFAR10 = Source(
    name="cifar10",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    folder="cifar-10-batches-bin",
    train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    test=("test_batch.bin",),
    label_bytes=1,
    python_folder="cifar-10-batches-py",
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)

CIFAR100 = Source(
    name="cifar100",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    folder="cifar-100-binary",
    train=("train.bin",),
    test=("test.bin",),
    label_bytes=2,
    python_folder="cifar-100-python",
    class_names=tuple(CIFAR100_NAMES.split()),
)


def cifar10(root: str | None = None, val_size: int = 5000, split_seed: int = 0) -> Splits:
    """CIFAR-10: 50,000 photographs of ten kinds of things to train and 10,000 to test, 32x32 pixels.

    The validation split is cut from the training images, with the same share of every class; the test images are
    never touched. Images are `(samples, 3, 32, 32)` uint8, targets are `(samples,)` int64.

    Facts: `task` multiclass, `num_classes` 10, `class_names` "airplane" to "truck", `in_channels` 3, `image_size`
    [32, 32].

    Has `cifar10.stand_in(seed)`, a few samples of noise with the same shapes and facts.

    Arguments:
        root: folder with the files of the binary version, `data_batch_1.bin` and so on, or with its
            `cifar-10-batches-bin`; downloaded (170 MB) when None.
        val_size: number of training images to validate on; 0 for no validation split.
        split_seed: which ones.

    Raises:
        FileNotFoundError: files are missing in `root`. The message lists them.
        ValueError: a file is damaged; the message begins with its path.
    """
    return _splits(CIFAR10, root, val_size, split_seed)


def cifar100(root: str | None = None, val_size: int = 5000, split_seed: int = 0) -> Splits:
    """CIFAR-100: 50,000 photographs of a hundred kinds of things to train and 10,000 to test, 32x32 pixels.

    The validation split is cut from the training images, with the same share of every class; the test images are
    never touched. Images are `(samples, 3, 32, 32)` uint8, targets are `(samples,)` int64, the fine labels.

    Facts: `task` multiclass, `num_classes` 100, `class_names` "apple" to "worm", `in_channels` 3, `image_size`
    [32, 32].

    Has `cifar100.stand_in(seed)`, a few samples of noise with the same shapes and facts.

    Arguments:
        root: folder with the files of the binary version, `train.bin` and `test.bin`, or with its `cifar-100-binary`;
            downloaded (169 MB) when None.
        val_size: number of training images to validate on; 0 for no validation split.
        split_seed: which ones.

    Raises:
        FileNotFoundError: files are missing in `root`. The message lists them.
        ValueError: a file is damaged; the message begins with its path.
    """
    return _splits(CIFAR100, root, val_size, split_seed)


def _splits(source: Source, root: str | None, val_size: int, split_seed: int) -> Splits:
    folder = _downloaded(source) if root is None else _local(source, Path(root).expanduser())
    train, val = with_validation(_read(source, folder, source.train), val_size, split_seed)
    return Splits(train, val, _read(source, folder, source.test), image_facts(source.class_names, IMAGE_SIZE))


def _read(source: Source, folder: Path, names: Sequence[str]) -> Tensors:
    parts = [_read_file(source, folder / name) for name in names]
    return torch.cat([images for images, _ in parts]), torch.cat([targets for _, targets in parts])


def _read_file(source: Source, path: Path) -> Tensors:
    content = path.read_bytes()
    record = source.label_bytes + PIXELS
    if not content or len(content) % record:
        raise ValueError(f"{path}: {len(content)} bytes; a file of {source.name} is images of {record} bytes each")
    # A bytearray: torch warns about memory that cannot be written to.
    rows = torch.frombuffer(bytearray(content), dtype=torch.uint8).reshape(-1, record)
    targets = rows[:, source.label_bytes - 1].long()
    classes = len(source.class_names)
    wrong = (targets >= classes).nonzero().flatten()
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(f"{path}: image {first} has the label {int(targets[first])}; there are 0 to {classes - 1}")
    return rows[:, source.label_bytes :].reshape(-1, 3, *IMAGE_SIZE), targets


def _downloaded(source: Source) -> Path:
    from toolkit.data import fetch, unpack

    archive = fetch(source.url, source.sha256, f"{source.name}/{Path(source.url).name}")
    return unpack(archive, archive.with_name("unpacked")) / source.folder


def _local(source: Source, root: Path) -> Path:
    files = (*source.train, *source.test)
    instead = f"leave root out to download {source.name}"
    if not root.is_dir():
        raise FileNotFoundError(f"root={str(root)!r} is not a folder; {instead}")
    folder = root / source.folder if (root / source.folder).is_dir() else root
    missing = [name for name in files if not (folder / name).is_file()]
    if not missing:
        return folder
    if source.python_folder == root.name or (root / source.python_folder).is_dir():
        raise FileNotFoundError(
            f"root={str(root)!r} holds the version for Python, whose files are pickles and can run code; "
            f"put the binary version there ({source.url}), or {instead}"
        )
    raise FileNotFoundError(
        f"root={str(root)!r} lacks {', '.join(missing)} of the binary version; put them there, or {instead}"
    )


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
cifar10.stand_in = lambda seed: stand_in(image_facts(CIFAR10.class_names, IMAGE_SIZE), seed)  # type: ignore[attr-defined]
cifar100.stand_in = lambda seed: stand_in(image_facts(CIFAR100.class_names, IMAGE_SIZE), seed)  # type: ignore[attr-defined]
cifar10.reader = ImageReader  # type: ignore[attr-defined]
cifar100.reader = ImageReader  # type: ignore[attr-defined]
