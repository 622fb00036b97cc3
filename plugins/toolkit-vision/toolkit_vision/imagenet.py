"""ImageNet from its folders. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit_vision.image_files import folders_in, images_in
from toolkit_vision.image_folder import classes_in, split_in
from toolkit_vision.images import checked_size
from toolkit_vision.reader import ImageReader
from toolkit_vision.splits import Splits, image_facts, stand_in


def imagenet(root: str, image_size: Sequence[int] = (224, 224)) -> Splits:
    """ImageNet (ILSVRC 2012) as everybody lays it out: `train` and `val`, each with a folder for every class.

    1,281,167 images of 1000 classes to train, and 50,000 to validate; the labels of its test images were never
    published, so that there is no test split. The folders are named by the classes' WordNet ids, such as `n01440764`,
    and classes are numbered in their order, as everywhere. A subset with fewer classes is read the same way. ImageNet
    has to be asked for at https://image-net.org/download-images and is not downloaded here.

    A sample is an image `(3, height, width)` uint8, scaled to cover `image_size` and centre-cropped, with the number of
    its class. For random crops of another size, as ImageNet is trained on, ask for more pixels than the model sees.

    Facts: `task` multiclass, `num_classes`, `class_names` (WordNet ids), `in_channels` 3, `image_size`.

    Has `imagenet.stand_in(seed)`, a few samples of noise of 1000 classes, 224x224 pixels.

    Arguments:
        root: folder with `train` and `val`.
        image_size: height and width of the images in pixels.

    Raises:
        FileNotFoundError: `root` is not a folder, or lacks one of the two.
        ValueError: there are no classes, one has no images, or the splits' classes differ. The message names the
            folder.
    """
    size = checked_size(image_size)
    folder = Path(root).expanduser()
    missing = [name for name in ("train", "val") if not (folder / name).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"root={str(folder)!r} lacks the folder {' and '.join(missing)}; give the folder that holds ImageNet's "
            "train and val, each with a folder for every class"
        )
    if not folders_in(folder / "val") and images_in(folder / "val").images:
        raise ValueError(
            f"{folder / 'val'}: the validation images lie in no folders, as in ImageNet's archive; move them into "
            "folders, one for each class, named as in train"
        )
    class_names = classes_in(folder / "train")
    train = split_in(folder / "train", class_names, size, whole=True)
    val = split_in(folder / "val", class_names, size, whole=False)
    return Splits(train, val, None, image_facts(class_names, size))


def _stand_in(seed: int) -> Splits:
    data = stand_in(image_facts([f"n{number:08d}" for number in range(1000)], (224, 224)), seed)
    return Splits(data.train, data.val, None, data.facts)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
imagenet.stand_in = _stand_in  # type: ignore[attr-defined]
imagenet.reader = ImageReader  # type: ignore[attr-defined]
