"""A small detector without anchors: every place of a feature map may be the centre of an object.

Imports torch and torchvision's operations, nothing of the toolkit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import batched_nms, sigmoid_focal_loss

REACH = 8
"""A level looks for objects whose farthest side is at most so many of its strides away, the last one for all larger."""
RADIUS = 1.5
"""So many strides around the centre of an object its places are trained to find it."""
PRIOR = 0.01
"""Probability of an object that the untrained network gives to each place; with 0.5 the focal loss begins too high."""


class CentreDetector(nn.Module):
    """Backbone, feature pyramid, and one head for all levels, which gives each place a class, a box and a centreness.

    After FCOS (Tian et al. 2019, arXiv 1904.01355) with the centre sampling of its later version (arXiv 2006.09214):
    focal loss for classes, generalised IoU for boxes, and a centreness that lowers the score of boxes seen from their
    border. Classes and boxes share the head's convolutions.

    In training it is called with images and targets, padded boxes and labels, and returns the parts of the loss; in
    evaluation with images, and returns for each image what it found.

    Arguments:
        num_classes: classes of objects, without background.
        in_channels: channels of the images.
        backbone: `{use: ...}` of a part with the attributes `channels` and `strides`, that makes a list of feature maps
            of images, the finest first; a `ResidualBackbone` when None.
        width: channels of the pyramid and of the head.
        depth: convolutions of the head before the last.
        score_threshold: what is less certain is not found at all.
        overlap: of two boxes of one class whose IoU is larger, only the more certain one is kept.
        most: boxes that are kept for an image.
    """

    padded_targets = True
    """Targets are tensors of the whole batch, instead of a list with those of each image."""

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        backbone: nn.Module | None = None,
        width: int = 64,
        depth: int = 2,
        score_threshold: float = 0.05,
        overlap: float = 0.5,
        most: int = 100,
    ) -> None:
        super().__init__()
        self.backbone = ResidualBackbone(in_channels) if backbone is None else backbone
        self.strides: list[int] = list(self.backbone.strides)  # type: ignore[arg-type]
        self.pyramid = Pyramid(list(self.backbone.channels), width)  # type: ignore[arg-type]
        # The head sees levels of unlike statistics, which batch normalisation would mix up.
        self.tower = nn.Sequential(*(layer for _ in range(depth) for layer in _head_convolution(width)))
        self.classes = nn.Conv2d(width, num_classes, kernel_size=3, padding=1)
        self.sides = nn.Conv2d(width, 5, kernel_size=3, padding=1)  # left, top, right, bottom, and centreness
        for layer in (self.classes, self.sides):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.classes.bias, -math.log((1 - PRIOR) / PRIOR))  # type: ignore[arg-type]
        self.num_classes = num_classes
        self.score_threshold, self.overlap, self.most = score_threshold, overlap, most

    def forward(
        self, images: Tensor, targets: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """The parts of the loss in training, what is found in evaluation.

        Arguments:
            images: floats `(batch, in_channels, height, width)`.
            targets: `boxes` `(batch, most, 4)`, x1 y1 x2 y2 in pixels, and `labels` `(batch, most)`, -1 for no box.

        Returns:
            In training `classification`, `box` and `centreness`; in evaluation for each image `boxes` `(found, 4)`,
            `scores` and `labels` `(found,)`, the most certain first.

        Raises:
            ValueError: there are no targets in training.
        """
        features = self.pyramid(self.backbone(images))
        logits, sides, centreness = self._head(features)
        places = places_of([(level.shape[2], level.shape[3]) for level in features], self.strides, images.device)
        if not self.training:
            return self._found(logits, sides, centreness, places.centres, images.shape[-2:])
        if targets is None:
            raise ValueError("in training the detector needs targets")
        return self._losses(logits, sides, centreness, assign(places, targets["boxes"], targets["labels"]))

    def _head(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Class logits `(batch, places, classes)`, distances to the four sides in pixels, centreness logits."""
        logits, sides, centreness = [], [], []
        for level, stride in zip(features, self.strides, strict=True):
            shared = self.tower(level)
            logits.append(self.classes(shared).flatten(2))
            out = self.sides(shared).flatten(2)
            # Float32 from here on: in half precision the borders of large images are off by pixels.
            sides.append(F.softplus(out[:, :4].float()) * stride)
            centreness.append(out[:, 4].float())
        together = torch.cat(logits, dim=2).float().transpose(1, 2)
        return together, torch.cat(sides, dim=2).transpose(1, 2), torch.cat(centreness, dim=1)

    def _losses(self, logits: Tensor, sides: Tensor, centreness: Tensor, assigned: Assigned) -> dict[str, Tensor]:
        classes = F.one_hot(assigned.labels + 1, self.num_classes + 1)[..., 1:].to(logits.dtype)
        positive = assigned.labels >= 0
        # No masks that pick places: their number would have to be waited for, and be different in every batch.
        count = positive.sum().clamp_min(1)
        central = centreness_of(assigned.sides)
        weights = central * positive
        boxes = 1 - generalised_iou(sides, assigned.sides)
        ranked = F.binary_cross_entropy_with_logits(centreness, central, weight=positive.float(), reduction="sum")
        return {
            "classification": sigmoid_focal_loss(logits, classes, reduction="sum") / count,
            "box": (boxes * weights).sum() / weights.sum().clamp_min(1e-6),
            "centreness": ranked / count,
        }

    def _found(
        self, logits: Tensor, sides: Tensor, centreness: Tensor, centres: Tensor, size: Sequence[int]
    ) -> list[dict[str, Tensor]]:
        batch = len(logits)
        scores = (logits.sigmoid() * centreness.sigmoid().unsqueeze(2)).sqrt().flatten(1)
        best, index = scores.topk(min(10 * self.most, scores.shape[1]), dim=1)
        place, labels = index // self.num_classes, index % self.num_classes
        limits = torch.tensor([size[1], size[0]] * 2, device=logits.device)
        boxes = _around(sides.gather(1, place[:, :, None].expand(-1, -1, 4))) + centres[place].repeat(1, 1, 2)
        boxes = torch.minimum(boxes.clamp_min(0), limits)
        image = torch.arange(batch, device=logits.device)[:, None].expand_as(labels)
        certain = best > self.score_threshold
        boxes, best, labels, image = boxes[certain], best[certain], labels[certain], image[certain]
        # Images and classes apart, all in one call.
        kept = batched_nms(boxes, best, image * self.num_classes + labels, self.overlap)
        kept = kept[image[kept].argsort(stable=True)]
        counts = image[kept].bincount(minlength=batch).tolist()
        return [
            {"boxes": boxes[each], "scores": best[each], "labels": labels[each]}
            for each in (of_image[: self.most] for of_image in kept.split(counts))
        ]


class Places(NamedTuple):
    """Where objects are looked for, level by level and row by row."""

    centres: Tensor
    """x and y in pixels of the image, `(places, 2)`."""
    strides: Tensor
    """Pixels between two places of the level, `(places,)`."""
    reach: Tensor
    """Between which distances the farthest side of an object lies, `(places, 2)`."""


class Assigned(NamedTuple):
    """What the places of a batch are trained to find."""

    labels: Tensor
    """Class of the object, `(batch, places)`; -1 for none."""
    sides: Tensor
    """Distances to the left, upper, right and lower side of its box, `(batch, places, 4)`; ones for none."""


def places_of(sizes: Sequence[tuple[int, int]], strides: Sequence[int], device: torch.device) -> Places:
    """The places of all levels.

    Arguments:
        sizes: height and width of each level, the finest first.
        strides: of each level.
        device: where the answer is needed.
    """
    levels = []
    borders = [0.0, *(float(REACH * stride) for stride in strides[:-1]), math.inf]
    for (height, width), stride, reach in zip(sizes, strides, itertools.pairwise(borders), strict=True):
        rows = (torch.arange(height, device=device) + 0.5) * stride
        columns = (torch.arange(width, device=device) + 0.5) * stride
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        centres = torch.stack((x, y), dim=2).reshape(-1, 2)
        constant = torch.tensor([stride, *reach], device=device).expand(len(centres), 3)
        levels.append(torch.cat((centres, constant), dim=1))
    together = torch.cat(levels)
    return Places(together[:, :2], together[:, 2], together[:, 3:])


def assign(places: Places, boxes: Tensor, labels: Tensor) -> Assigned:
    """Which object each place of each image is trained to find, for the whole batch at once.

    A place finds an object when it lies in its box and near the box's centre, by `RADIUS`, and the farthest side of the
    box is as far away as its level looks, by `REACH`. Of several such objects it finds the smallest.

    Arguments:
        places: of the feature maps.
        boxes: `(batch, most, 4)`, x1 y1 x2 y2 in pixels.
        labels: `(batch, most)`, -1 for no box.
    """
    here, box = places.centres[None, :, None], boxes[:, None].float()
    sides = torch.cat((here - box[..., :2], box[..., 2:] - here), dim=3)  # (batch, places, most, 4)
    middle = (box[..., :2] + box[..., 2:]) / 2
    near = ((here - middle).abs() < RADIUS * places.strides[None, :, None, None]).all(3)
    farthest, (least, most) = sides.amax(3), places.reach[None, :, None].unbind(3)
    fits = (farthest > least) & (farthest <= most)
    finds = near & (sides.amin(3) > 0) & fits & (labels >= 0)[:, None]
    areas = (box[..., 2:] - box[..., :2]).prod(3)
    smallest, chosen = areas.where(finds, math.inf).min(2)
    positive = smallest.isfinite()
    sides = sides.gather(2, chosen[:, :, None, None].expand(-1, -1, 1, 4)).squeeze(2)
    return Assigned(
        labels.gather(1, chosen).where(positive, -1),
        # Ones, so that losses of places that find nothing are finite numbers, which are then multiplied by 0.
        sides.where(positive[:, :, None], 1.0),
    )


def generalised_iou(one: Tensor, other: Tensor) -> Tensor:
    """Generalised IoU (Rezatofighi et al. 2019, arXiv 1902.09630) of boxes around the same places: `(...)`.

    torchvision's own picks the boxes that meet by a mask; boxes around one place always do.

    Arguments:
        one: distances to the left, upper, right and lower side, `(..., 4)`, positive.
        other: the same of other boxes.
    """
    shared, around = torch.minimum(one, other), torch.maximum(one, other)
    common, hull = _area(shared), _area(around)
    union = _area(one) + _area(other) - common
    return common / union - (hull - union) / hull


def _area(sides: Tensor) -> Tensor:
    return (sides[..., 0] + sides[..., 2]) * (sides[..., 1] + sides[..., 3])


def centreness_of(sides: Tensor) -> Tensor:
    """How central a place is in its box, from 0 on the border to 1: `(batch, places)` of `(batch, places, 4)`."""
    across, along = sides[..., 0::2], sides[..., 1::2]
    ratios = across.amin(2) / across.amax(2) * (along.amin(2) / along.amax(2))
    return ratios.sqrt()


def _around(sides: Tensor) -> Tensor:
    """Boxes x1 y1 x2 y2 relative to the places that are so far from their sides."""
    return torch.cat((-sides[..., :2], sides[..., 2:]), dim=-1)


class Pyramid(nn.Module):
    """A feature pyramid (Lin et al. 2017, arXiv 1612.03144): what is seen on coarse levels is added to finer ones.

    Arguments:
        channels: of each level that comes in, the finest first.
        width: channels of each level that goes out.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(each, width, kernel_size=1) for each in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, kernel_size=3, padding=1) for _ in channels)

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Levels `(batch, width, height, width of the level)`, the finest first."""
        lateral = [layer(level) for layer, level in zip(self.lateral, levels, strict=True)]
        for finer in range(len(lateral) - 2, -1, -1):
            size = lateral[finer].shape[-2:]
            lateral[finer] = lateral[finer] + F.interpolate(lateral[finer + 1], size, mode="nearest")
        return [layer(level) for layer, level in zip(self.smooth, lateral, strict=True)]


class ResidualBackbone(nn.Module):
    """A small residual network (He et al. 2016, arXiv 1512.03385) that gives the feature maps of its last stages.

    Arguments:
        in_channels: channels of the images.
        widths: channels of its stages; each halves its input's sides, and the first is a single convolution.
        levels: so many of the last stages are given; three of `[32, 64, 96, 128]` have the strides 4, 8 and 16.
        blocks: residual blocks of a stage.

    Raises:
        ValueError: there are fewer stages after the first than levels.
    """

    def __init__(
        self, in_channels: int, widths: Sequence[int] = (32, 64, 96, 128), levels: int = 3, blocks: int = 1
    ) -> None:
        super().__init__()
        if not 1 <= levels < len(widths):
            raise ValueError(f"levels={levels}: there are {len(widths)} stages, and the first cannot be one")
        self.channels = list(widths[-levels:])
        self.strides = [2 ** (stage + 1) for stage in range(len(widths))][-levels:]
        self.levels = levels
        self.stem = _convolution(in_channels, widths[0], stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(_Residual(before, after, stride=2), *(_Residual(after, after) for _ in range(blocks - 1)))
            for before, after in itertools.pairwise(widths)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps `(batch, channels, height / stride, width / stride)` of floats, the finest first."""
        features = self.stem(images)
        found = []
        for stage in self.stages:
            features = stage(features)
            found.append(features)
        return found[-self.levels :]


class _Residual(nn.Module):
    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _convolution(before, after, stride=stride)
        self.second = _convolution(after, after, activation=False)
        self.shortcut = (
            nn.Identity()
            if before == after and stride == 1
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.second(self.first(features)) + self.shortcut(features))


def _convolution(before: int, after: int, stride: int = 1, *, activation: bool = True) -> nn.Sequential:
    layers = [nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activation else []))


def _head_convolution(width: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
    return convolution, nn.GroupNorm(math.gcd(8, width), width), nn.ReLU(inplace=True)
