"""The Oxford-IIIT Pet dataset: breeds, species, and masks; from a folder or downloaded.

Imports torch. The toolkit's downloader is imported when something has to be downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from toolkit_vision.image_files import ImageFiles, problems_of
from toolkit_vision.images import checked_size, covering, opened, read_bytes, rgb, to_tensor
from toolkit_vision.reader import ImageReader
from toolkit_vision.splits import Splits, Tensors, image_facts, noise, share_of, stand_in, stratified

URLS = ("https://www.robots.ox.ac.uk/~vgg/data/pets/data", "https://thor.robots.ox.ac.uk/datasets/pets")
SHA256 = {
    "images.tar.gz": "67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d",
    "annotations.tar.gz": "52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91",
}

BREEDS = (
    "Abyssinian",
    "American Bulldog",
    "American Pit Bull Terrier",
    "Basset Hound",
    "Beagle",
    "Bengal",
    "Birman",
    "Bombay",
    "Boxer",
    "British Shorthair",
    "Chihuahua",
    "Egyptian Mau",
    "English Cocker Spaniel",
    "English Setter",
    "German Shorthaired",
    "Great Pyrenees",
    "Havanese",
    "Japanese Chin",
    "Keeshond",
    "Leonberger",
    "Maine Coon",
    "Miniature Pinscher",
    "Newfoundland",
    "Persian",
    "Pomeranian",
    "Pug",
    "Ragdoll",
    "Russian Blue",
    "Saint Bernard",
    "Samoyed",
    "Scottish Terrier",
    "Shiba Inu",
    "Siamese",
    "Sphynx",
    "Staffordshire Bull Terrier",
    "Wheaten Terrier",
    "Yorkshire Terrier",
)
SPECIES = ("cat", "dog")
MASK_CLASSES = ("background", "pet")

NOT_LOOKED_AT = 255
"""In masks: the border of a pet, which the annotation calls ambiguous."""
_OF_TRIMAP = torch.full((256,), NOT_LOOKED_AT, dtype=torch.uint8)
_OF_TRIMAP[1], _OF_TRIMAP[2] = 1, 0
"""What a trimap's values are in a mask: it has 1 for the pet, 2 for the background, 3 for the border."""


def oxford_pets(
    root: str | None = None,
    target: Literal["breed", "species"] = "breed",
    image_size: Sequence[int] = (224, 224),
    val_share: float = 0.1,
    split_seed: int = 0,
) -> Splits:
    """Oxford-IIIT Pets (Parkhi et al., 2012): 7349 photographs of cats and dogs of 37 breeds.

    Its own division: 3680 to train, from which the validation split is cut with the same share of every breed, and
    3669 to test. `oxford_pet_masks` has the same photographs with masks.

    A sample is an image `(3, height, width)` uint8, scaled to cover `image_size` and centre-cropped, with the number of
    its breed or species.

    Facts: `task` multiclass, `num_classes` 37, or 2 for species, `class_names`, `in_channels` 3, `image_size`.

    Has `oxford_pets.stand_in(seed)`, a few samples of noise of the 37 breeds, 224x224 pixels.

    Arguments:
        root: folder with `images` and `annotations`; downloaded (792 and 19 MB) when None.
        target: what is to be told of an image.
        image_size: height and width of the images in pixels.
        val_share: of the training images, which share to validate on; 0 for no validation split.
        split_seed: which ones.

    Raises:
        FileNotFoundError: files are missing in `root`. The message lists them.
        ValueError: a list of images is damaged; the message begins with its path and line.
    """
    size = checked_size(image_size)
    files = _files(root)

    def images(pets: Sequence[_Pet]) -> ImageFiles:
        return ImageFiles([files.image(pet) for pet in pets], [getattr(pet, target) for pet in pets], size)

    facts = image_facts({"breed": BREEDS, "species": SPECIES}[target], size)
    return _splits(files, images, val_share, split_seed, facts)


def oxford_pet_masks(
    root: str | None = None,
    image_size: Sequence[int] = (224, 224),
    val_share: float = 0.1,
    split_seed: int = 0,
) -> Splits:
    """Oxford-IIIT Pets (Parkhi et al., 2012) with masks: 7349 photographs, and which of their pixels are the pet.

    Its own division: 3680 to train, from which the validation split is cut with the same share of every breed, and
    3669 to test; the same ones as `oxford_pets`.

    A sample is an image `(3, height, width)` uint8, scaled to cover `image_size` and centre-cropped, with its mask
    `(height, width)` uint8, treated alike: 0 for background, 1 for the pet, and 255 for the border between them, which
    the annotation calls ambiguous and which is not looked at. Images are as they were stored, not turned by EXIF data:
    so are the masks.

    Facts: `task` multiclass, `num_classes` 2, `class_names` "background" and "pet", `in_channels` 3, `image_size`.

    Has `oxford_pet_masks.stand_in(seed)`, a few samples of noise of 224x224 pixels.

    Arguments:
        root: folder with `images` and `annotations`; downloaded (792 and 19 MB) when None.
        image_size: height and width of the images in pixels.
        val_share: of the training images, which share to validate on; 0 for no validation split.
        split_seed: which ones.

    Raises:
        FileNotFoundError: files are missing in `root`. The message lists them.
        ValueError: a list of images is damaged; the message begins with its path and line.
    """
    size = checked_size(image_size)
    files = _files(root)

    def masked(pets: Sequence[_Pet]) -> Masked:
        return Masked([(files.image(pet), files.trimap(pet)) for pet in pets], size)

    return _splits(files, masked, val_share, split_seed, image_facts(MASK_CLASSES, size))


def _splits(
    files: _Files, made: Callable[[Sequence[_Pet]], Any], val_share: float, seed: int, facts: Mapping[str, Any]
) -> Splits:
    """The published division, with the validation split cut from the training images by breed, whatever is trained."""
    pets, test = files.listed("trainval"), files.listed("test")
    val_size = share_of(len(pets), val_share, "val_share")
    rest, cut = stratified(torch.tensor([pet.breed for pet in pets]), val_size, seed)
    val = made([pets[index] for index in cut.tolist()]) if val_size else None
    return Splits(made([pets[index] for index in rest.tolist()]), val, made(test), facts)


class Masked:
    """A map-style dataset of images in files, each with a mask in another file.

    A sample is `(image, mask)`: uint8 `(3, height, width)` and uint8 `(height, width)`.

    Arguments:
        paths: of each image and its trimap.
        size: height and width of the samples.
    """

    def __init__(self, paths: Sequence[tuple[str, str]], size: tuple[int, int]) -> None:
        self.paths = list(paths)
        self.size = size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Raises ValueError, with the file's path, where the sample cannot be read."""
        image_path, mask_path = self.paths[index]
        image, trimap = _read(image_path, rgb), _read(mask_path)
        if trimap.mode not in ("L", "P"):
            raise ValueError(f"{mask_path}: no mask: an image of mode {trimap.mode}, not of one channel")
        if trimap.size != image.size:
            raise ValueError(
                f"{mask_path}: a mask of {trimap.height}x{trimap.width} for an image of {image.height}x{image.width}"
            )
        found = to_tensor(covering(trimap, self.size, Image.Resampling.NEAREST))[0]
        strange = found[(found < 1) | (found > 3)]
        if len(strange):
            raise ValueError(f"{mask_path}: holds the value {int(strange[0])}; a trimap has 1, 2 and 3")
        return to_tensor(covering(image, self.size)), _OF_TRIMAP[found.long()]

    def problems(self) -> Iterator[str]:
        """What is wrong with the files, one line each, the path first; reads all of them."""
        return problems_of(self)


def _read(path: str, made: Callable[[Image.Image], Image.Image] | None = None) -> Image.Image:
    """The picture in a file as it was stored; raises ValueError with a message that begins with its path."""
    content = read_bytes(path)
    try:
        image = opened(content, upright=False)
        return made(image) if made else image
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


class _Pet(NamedTuple):
    """A line of a list of images."""

    name: str
    breed: int
    species: int


@dataclass(frozen=True)
class _Files:
    """Where the files are."""

    images: Path
    annotations: Path

    def image(self, pet: _Pet) -> str:
        return str(self.images / f"{pet.name}.jpg")

    def trimap(self, pet: _Pet) -> str:
        return str(self.annotations / "trimaps" / f"{pet.name}.png")

    def listed(self, split: str) -> list[_Pet]:
        path = self.annotations / f"{split}.txt"
        found = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            words = line.split()
            if not words or line.startswith("#"):
                continue
            if len(words) != 4 or not all(word.isdecimal() for word in words[1:]):
                raise ValueError(f"{path}:{number}: not a name and three numbers: {line!r}")
            breed, species = int(words[1]), int(words[2])
            if not (1 <= breed <= len(BREEDS) and 1 <= species <= len(SPECIES)):
                raise ValueError(
                    f"{path}:{number}: breed {breed} and species {species}; there are 1 to 37, and 1 and 2"
                )
            found.append(_Pet(words[0], breed - 1, species - 1))
        if not found:
            raise ValueError(f"{path}: lists no images")
        return found


def _files(root: str | None) -> _Files:
    return _downloaded() if root is None else _local(Path(root).expanduser())


def _downloaded() -> _Files:
    from toolkit.data import fetch, unpack

    found = []
    for name, sha256 in SHA256.items():
        archive = fetch([f"{url}/{name}" for url in URLS], sha256, f"oxford_pets/{name}")
        inside = name.removesuffix(".tar.gz")
        found.append(unpack(archive, archive.with_name(f"{inside}-unpacked")) / inside)
    return _Files(*found)


def _local(root: Path) -> _Files:
    images, annotations = root / "images", root / "annotations"
    needed = (images, annotations / "trainval.txt", annotations / "test.txt")
    missing = [str(path.relative_to(root)) for path in needed if not path.exists()]
    if missing:
        raise FileNotFoundError(
            f"root={str(root)!r} lacks {', '.join(missing)}; put there what images.tar.gz and annotations.tar.gz hold, "
            "or leave root out to download oxford_pets"
        )
    return _Files(images, annotations)


def _masks_stand_in(seed: int) -> Splits:
    generator = torch.Generator().manual_seed(seed)

    def samples(count: int) -> Tensors:
        images, _ = noise(count, (224, 224), 3, 2, generator)
        return images, torch.randint(0, 2, (count, 224, 224), dtype=torch.uint8, generator=generator)

    return Splits(samples(8), samples(4), samples(4), image_facts(MASK_CLASSES, (224, 224)))


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
oxford_pets.stand_in = lambda seed: stand_in(image_facts(BREEDS, (224, 224)), seed)  # type: ignore[attr-defined]
oxford_pet_masks.stand_in = _masks_stand_in  # type: ignore[attr-defined]
oxford_pets.reader = ImageReader  # type: ignore[attr-defined]
oxford_pet_masks.reader = ImageReader  # type: ignore[attr-defined]
