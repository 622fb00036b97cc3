"""Cases of the plugin's components, for `toolkit test-plugin toolkit-vision` and its tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from toolkit.testing import Case


def _images(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def _classes(*shape: int, below: int = 3, seed: int = 0) -> Tensor:
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(seed))


def _model(use: str, size: int = 16, channels: int = 1, samples: int = 4, **args: Any) -> Case:
    arguments = {"num_classes": 3, "in_channels": channels, **args}
    return Case(kind="model", use=use, args=arguments, batch=lambda: _images(samples, channels, size, size))


_BOXES = torch.tensor([[4.0, 6.0, 20.0, 24.0]])

MODELS = [
    _model("mlp", image_size=[16, 16], hidden=8),
    _model("small_cnn", width=4),
    _model("resnet", depth=20, width=4),
    _model("resnet9", width=4),
    _model("convnext", size=32, depths=[1, 1], widths=[8, 16]),
    _model("vit", image_size=[16, 16], patch_size=8, depth=1, width=16, heads=2),
    _model("unet", width=4, depth=2),
    Case(
        kind="model",
        use="flip_averaged",
        args={"model": {"use": "small_cnn", "num_classes": 3, "in_channels": 1, "width": 4}},
        batch=lambda: _images(3, 1, 16, 16),
    ),
    _model("timm", size=32, channels=3, arch="test_resnet"),
    _model("torchvision", size=32, channels=3, arch="mobilenet_v3_small"),
    _model("torchvision_segmentation", size=32, channels=3, arch="lraspp_mobilenet_v3_large"),
    Case(
        kind="model",
        use="centre_detector",
        args={
            "num_classes": 3,
            "in_channels": 1,
            "width": 8,
            "depth": 1,
            "backbone": {"use": "residual_backbone", "in_channels": 1, "widths": [4, 8, 8], "levels": 2},
        },
        batch=lambda: (_images(4, 1, 32, 32), {"boxes": _BOXES.expand(4, 1, 4), "labels": torch.ones(4, 1).long()}),
    ),
    Case(
        kind="model",
        use="torchvision_detection",
        args={"arch": "ssdlite320_mobilenet_v3_large", "num_classes": 3},
        batch=lambda: (_images(4, 3, 64, 64), [{"boxes": _BOXES, "labels": torch.tensor([1])} for _ in range(4)]),
        known_failures={"moves_between_devices": "torchvision keeps the sizes of anchors and moves them in every pass"},
    ),
]

PARTS = [
    Case(
        kind="part",
        use="convnext",
        args={"in_channels": 1, "depths": [1, 1], "widths": [8, 16]},
        batch=lambda: _images(2, 1, 32, 32),
    ),
    Case(
        kind="part",
        use="residual_backbone",
        args={"in_channels": 1, "widths": [4, 8], "levels": 1},
        batch=lambda: _images(2, 1, 16, 16),
    ),
    Case(
        kind="part", use="resnet", args={"in_channels": 1, "depth": 20, "width": 4}, batch=lambda: _images(2, 1, 16, 16)
    ),
]


def _draw(file: Path, seed: int) -> None:
    pixels = (_images(8, 8, 3, seed=seed) * 255).to(torch.uint8).numpy()
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


def _folder(folder: Path) -> dict[str, Any]:
    """Two classes of images in a folder each, which the dataset divides itself."""
    for number in range(24):
        _draw(folder / ("cats" if number % 2 else "dogs") / f"{number}.png", number)
    return {"root": str(folder), "image_size": [8, 8], "val_share": 0.2, "test_share": 0.2}


def _table(folder: Path) -> dict[str, Any]:
    """Images named in a table."""
    lines = ["path,label"]
    for number in range(24):
        _draw(folder / f"{number}.png", number)
        lines.append(f"{number}.png,{'cat' if number % 2 else 'dog'}")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")
    return {"file": str(folder / "images.csv"), "image_size": [8, 8], "val_share": 0.2, "test_share": 0.2}


_SCENES = {"train_scenes": 20, "val_scenes": 8, "test_scenes": 8}

DATASETS = [
    *(Case(kind="dataset", use=use) for use in ("cifar10", "cifar100", "digits", "fashion_mnist", "mnist")),
    *(Case(kind="dataset", use=use) for use in ("lfw", "lfw_pairs", "oxford_pets", "oxford_pet_masks")),
    *(Case(kind="dataset", use=use, args={"root": "absent"}) for use in ("coco", "imagenet", "voc")),
    Case(kind="dataset", use="digit_scenes", label="boxes", args={**_SCENES, "size": 40, "most": 2}),
    Case(kind="dataset", use="digit_scenes", label="masks", args={**_SCENES, "size": 40, "most": 2, "target": "masks"}),
    Case(kind="dataset", use="held_out_digits", args=_SCENES),
    Case(kind="dataset", use="image_csv", args=_table),
    Case(kind="dataset", use="image_folder", args=_folder),
]


def _segmented() -> tuple[Tensor, Tensor]:
    targets = _classes(3, 4, 4)
    targets[0, 0], targets[-1] = -100, -100
    return _images(3, 3, 4, 4), targets


LOSSES = [
    Case(
        kind="loss",
        use="arcface",
        args={"num_identities": 3, "embedding_size": 4},
        batch=lambda: (_images(5, 4), _classes(5)),
    ),
    Case(kind="loss", use="triplet", batch=lambda: (_images(6, 4), torch.arange(6) % 3)),
    *(
        Case(kind="loss", use=use, batch=_segmented, mask=lambda: _segmented()[1] != -100)
        for use in ("dice", "dice_cross_entropy")
    ),
]


def _found() -> tuple[Any, Any]:
    corners = torch.tensor([[1.0, 1.0, 9.0, 9.0], [4.0, 5.0, 18.0, 16.0]])
    scores, labels = torch.tensor([0.9, 0.4]), torch.tensor([0, 1])
    found = [{"boxes": corners + k, "scores": scores - 0.03 * k, "labels": labels} for k in range(3)]
    return found, [{"boxes": corners, "labels": labels} for _ in range(3)]


def _embeddings() -> tuple[Tensor, Tensor]:
    return _images(40, 4) - 0.5, torch.arange(40) % 8


def _pairs() -> tuple[Tensor, Tensor]:
    """Two images of each of eight pairs, every second one of two people."""
    pairs = torch.arange(16) // 2
    return _images(16, 4) - 0.5, -1 - 2 * pairs - pairs % 2


METRICS = [
    Case(kind="metric", use="coco_map", batch=_found),
    Case(kind="metric", use="pair_accuracy", args={"folds": 2}, batch=_pairs),
    Case(kind="metric", use="recall_at_k", batch=_embeddings),
    Case(kind="metric", use="verification_accuracy", args={"pairs": 40, "folds": 2}, batch=_embeddings),
]


def _detection() -> dict[str, Tensor]:
    boxes = torch.zeros(4, 2, 4)
    boxes[:, 0] = torch.tensor([2.0, 3.0, 12.0, 14.0])
    labels = torch.full((4, 2), -1)
    labels[:, 0] = 1
    masks = torch.zeros(4, 24, 32, dtype=torch.int64)
    return {"images": _images(4, 3, 24, 32), "boxes": boxes, "labels": labels, "masks": masks}


def _pair() -> tuple[Tensor, Tensor]:
    return _images(4, 3, 16, 16), _classes(4)


def _transform(use: str, batch: Callable[[], Any], **args: Any) -> Case:
    return Case(kind="transform", use=use, args=args, batch=batch)


TRANSFORMS = [
    _transform("color_jitter", _detection, brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1),
    *(_transform(use, _pair, num_classes=3) for use in ("cutmix", "mixup", "mixup_cutmix")),
    _transform("normalize", _detection, mean=[0.5, 0.5, 0.5], std=[0.2, 0.2, 0.2]),
    _transform("rand_augment", _detection),
    _transform("random_crop", _detection, padding=4),
    _transform("random_erasing", _detection, scale=[0.02, 0.1]),
    _transform("random_flip", _detection),
    _transform("random_resized_crop", _detection, size=[24, 32], scale=[0.5, 1.0]),
    _transform("trivial_augment", _detection),
]

TASKS = [
    Case(
        kind="task",
        use="detection",
        recipe={
            "dataset": {"use": "digit_scenes", **_SCENES, "size": 40, "most": 2},
            "model": {"use": "centre_detector", "width": 8, "depth": 1},
            "optimizer": {"use": "sgd", "lr": 0.01},
            "metrics": {"coco_map": {}},
        },
    ),
    Case(
        kind="task",
        use="recognition",
        recipe={
            "dataset": {"use": "held_out_digits", **_SCENES},
            "model": {"use": "small_cnn", "num_classes": 8, "width": 4},
            "loss": "triplet",
            "optimizer": {"use": "sgd", "lr": 0.01},
            "loader": {"batch_size": 16},
            "metrics": {"recall_at_k": {}},
        },
    ),
    Case(
        kind="task",
        use="segmentation",
        recipe={
            "dataset": {"use": "digit_scenes", **_SCENES, "size": 40, "most": 2, "target": "masks"},
            "model": {"use": "unet", "width": 4, "depth": 2},
            "loss": "dice_cross_entropy",
            "optimizer": {"use": "sgd", "lr": 0.01},
            "metrics": {"jaccard_index": {}},
        },
    ),
]

CASES = [*MODELS, *PARTS, *DATASETS, *LOSSES, *METRICS, *TRANSFORMS, *TASKS]
