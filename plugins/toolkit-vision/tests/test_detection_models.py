"""The detector without anchors, piece by piece, and torchvision's by name."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from toolkit_vision.detection.centre_detector import (
    Assigned,
    CentreDetector,
    ResidualBackbone,
    assign,
    centreness_of,
    generalised_iou,
    places_of,
)
from toolkit_vision.detection.torchvision_detection import Arch, TorchvisionDetection, _replace_heads
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.ops import generalized_box_iou

PLACES = places_of([(8, 8), (4, 4)], [4, 8], torch.device("cpu"))


def test_places_lie_in_the_middle_of_their_cells() -> None:
    assert PLACES.centres[:3].tolist() == [[2, 2], [6, 2], [10, 2]]
    assert PLACES.centres[64:66].tolist() == [[4, 4], [12, 4]]
    assert PLACES.strides.tolist() == [4.0] * 64 + [8.0] * 16
    assert PLACES.reach[0].tolist() == [0, 32]
    assert PLACES.reach[-1].tolist() == [32, float("inf")]


def only(*boxes: list[float], labels: list[int]) -> Assigned:
    return assign(PLACES, torch.tensor([boxes]), torch.tensor([labels]))


def finding(assigned: Assigned, label: int) -> list[list[float]]:
    return PLACES.centres[assigned.labels[0] == label].tolist()


def test_a_place_near_the_centre_finds_a_box_and_knows_its_sides() -> None:
    assigned = only([8, 8, 20, 16], labels=[3])
    # Centre (14, 12), and places nearer than 1.5 strides of 4 that lie in the box.
    assert finding(assigned, 3) == [[10, 10], [14, 10], [18, 10], [10, 14], [14, 14], [18, 14]]
    here = PLACES.centres.tolist().index([14, 10])
    assert assigned.sides[0, here].tolist() == [6, 2, 6, 6]
    assert (assigned.labels[0] == -1).sum() == len(PLACES.centres) - 6
    assert (assigned.sides[assigned.labels == -1] == 1).all()


def test_a_large_box_is_found_on_the_coarse_level() -> None:
    assigned = only([-30, -30, 62, 62], labels=[1])
    assert (assigned.labels[0, :64] == -1).all()
    assert finding(assigned, 1) == [[12, 12], [20, 12], [12, 20], [20, 20]]


def test_of_two_boxes_around_a_place_it_finds_the_smaller_and_padding_is_nothing() -> None:
    assigned = only([4, 4, 28, 28], [12, 12, 20, 20], [8, 8, 24, 24], labels=[5, 7, -1])
    assert finding(assigned, 7) == [[14, 14], [18, 14], [14, 18], [18, 18]]
    assert finding(assigned, 5) == []
    assert finding(only([4, 4, 28, 28], labels=[5]), 5) == finding(assigned, 7)
    assert assigned.labels.unique().tolist() == [-1, 7]


def test_images_of_a_batch_are_assigned_as_each_alone() -> None:
    boxes = torch.rand(3, 4, 2) * 16
    boxes = torch.cat((boxes, boxes + 4 + torch.rand(3, 4, 2) * 12), dim=2)
    labels = torch.tensor([[0, 1, 2, -1], [3, -1, -1, -1], [-1, -1, -1, -1]])
    together = assign(PLACES, boxes, labels)
    for image in range(3):
        alone = assign(PLACES, boxes[image : image + 1], labels[image : image + 1])
        assert torch.equal(together.labels[image], alone.labels[0])
        assert torch.equal(together.sides[image], alone.sides[0])
    assert (together.labels[2] == -1).all()


def test_generalised_iou_is_torchvision_s() -> None:
    one, other = torch.rand(20, 4) + 0.1, torch.rand(20, 4) + 0.1
    boxes = [torch.cat((-sides[:, :2], sides[:, 2:]), dim=1) for sides in (one, other)]
    assert torch.allclose(generalised_iou(one, other), generalized_box_iou(*boxes).diagonal(), atol=1e-6)


def test_centreness_is_1_in_the_middle() -> None:
    found = centreness_of(torch.tensor([[[2.0, 3, 2, 3], [1, 3, 4, 3], [1, 1, 4, 4]]]))
    assert found[0].tolist() == pytest.approx([1, 0.5, 0.25])


def test_the_backbone_halves_as_often_as_it_says() -> None:
    backbone = ResidualBackbone(1, widths=(4, 6, 8, 10), levels=2, blocks=2)
    assert (backbone.channels, backbone.strides) == ([8, 10], [8, 16])
    assert [level.shape for level in backbone(torch.zeros(2, 1, 48, 40))] == [(2, 8, 6, 5), (2, 10, 3, 3)]
    with pytest.raises(ValueError, match="levels=4"):
        ResidualBackbone(1, widths=(4, 6, 8, 10), levels=4)


def small(classes: int = 3) -> CentreDetector:
    torch.manual_seed(0)
    backbone = ResidualBackbone(1, widths=(8, 16, 16), levels=2)
    return CentreDetector(classes, 1, backbone, width=16, depth=1)


def test_without_any_box_losses_are_numbers_and_every_parameter_has_a_gradient() -> None:
    detector = small()
    targets = {"boxes": torch.zeros(2, 1, 4), "labels": torch.full((2, 1), -1)}
    parts = detector(torch.rand(2, 1, 32, 32), targets)
    assert isinstance(parts, dict)
    assert list(parts) == ["classification", "box", "centreness"]
    assert parts["box"] == parts["centreness"] == 0
    sum(parts.values()).backward()  # type: ignore[union-attr]
    assert all(parameter.grad is not None for parameter in detector.parameters())
    assert all(bool(parameter.grad.isfinite().all()) for parameter in detector.parameters())  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="needs targets"):
        detector(torch.rand(2, 1, 32, 32))


def test_what_the_head_says_for_the_assigned_places_is_decoded_to_the_boxes() -> None:
    boxes = torch.tensor([[[8.0, 8, 20, 16], [3, 18, 13, 30]], [[10, 4, 26, 24], [0, 0, 0, 0]]])
    labels = torch.tensor([[2, 0], [1, -1]])
    assigned = assign(PLACES, boxes, labels)
    logits = nn.functional.one_hot(assigned.labels + 1, 4)[..., 1:] * 20.0 - 10
    certain = torch.full(assigned.labels.shape, 10.0)
    detector = small().eval()
    found = detector._found(logits, assigned.sides, certain, PLACES.centres, (32, 32))
    assert [each["labels"].sort().values.tolist() for each in found] == [[0, 2], [1]]
    for each, true in zip(found, boxes, strict=True):
        order = each["labels"].argsort(descending=True)
        assert torch.allclose(each["boxes"][order], true[: len(order)])
        assert (each["scores"] > 0.99).all()
    nothing = detector._found(torch.full_like(logits, -20), assigned.sides, certain, PLACES.centres, (32, 32))
    assert [len(each["boxes"]) for each in nothing] == [0, 0]


def test_it_learns_a_batch_by_heart() -> None:
    detector = small(classes=2)
    images = torch.zeros(4, 1, 32, 32)
    boxes, labels = torch.zeros(4, 2, 4), torch.full((4, 2), -1)
    for image, (left, top) in enumerate([(2, 3), (12, 10), (16, 4), (6, 18)]):
        images[image, :, top : top + 10, left : left + 10] = 1.0 if image % 2 else 0.4
        boxes[image, 0], labels[image, 0] = torch.tensor([left, top, left + 10.0, top + 10]), image % 2
    optimizer = torch.optim.Adam(detector.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        parts = detector(images, {"boxes": boxes, "labels": labels})
        assert isinstance(parts, dict)
        sum(parts.values()).backward()  # type: ignore[union-attr]
        optimizer.step()
    found = detector.eval()(images)
    assert isinstance(found, list)
    for image, each in enumerate(found):
        assert each["labels"][0] == image % 2
        assert torch.allclose(each["boxes"][0], boxes[image, 0], atol=2)


@pytest.fixture
def target() -> list[dict[str, Tensor]]:
    box = torch.tensor([[10.0, 12, 60, 70]])
    return [{"boxes": box, "labels": torch.tensor([0])}, {"boxes": box[:0], "labels": torch.zeros(0).long()}]


@pytest.mark.parametrize(
    ("arch", "offset"),
    [
        ("ssdlite320_mobilenet_v3_large", 1),
        ("fasterrcnn_mobilenet_v3_large_320_fpn", 1),
        *(
            pytest.param(arch, int(arch.startswith(("fasterrcnn", "ssd"))), marks=pytest.mark.slow)
            for arch in sorted(
                set(get_args(Arch)) - {"ssdlite320_mobilenet_v3_large", "fasterrcnn_mobilenet_v3_large_320_fpn"}
            )
        ),
    ],
)
def test_torchvision_s_detectors_count_classes_from_0(arch: str, offset: int, target: list[dict[str, Tensor]]) -> None:
    detector = TorchvisionDetection(arch, num_classes=2, in_channels=1)  # type: ignore[arg-type]
    assert detector.offset == offset
    losses = detector(torch.rand(2, 1, 96, 96), target)
    assert isinstance(losses, dict)
    assert all(bool(loss.isfinite()) for loss in losses.values())
    found = detector.eval()(torch.rand(2, 1, 96, 96))
    assert isinstance(found, list)
    assert {name for each in found for name in each} == {"boxes", "scores", "labels"}
    assert all(0 <= label < 2 for each in found for label in each["labels"].tolist())
    assert target[0]["labels"].tolist() == [0], "the batch is left as it is"


@pytest.mark.parametrize(
    "arch", ["ssdlite320_mobilenet_v3_large", pytest.param("fcos_resnet50_fpn", marks=pytest.mark.slow)]
)
def test_only_what_depends_on_the_classes_is_replaced(arch: str) -> None:
    old = get_model(arch, weights=None, weights_backbone=None, num_classes=5)
    fresh = get_model(arch, weights=None, weights_backbone=None, num_classes=3)
    before = {name: value.clone() for name, value in old.state_dict().items()}
    _replace_heads(old, fresh)
    assert {name: value.shape for name, value in old.state_dict().items()} == {
        name: value.shape for name, value in fresh.state_dict().items()
    }
    changed = {name for name, value in old.state_dict().items() if value.shape != before[name].shape}
    assert changed
    assert all("classification_head" in name for name in changed)
    kept = [name for name in before if "classification_head" not in name]
    assert all(torch.equal(old.state_dict()[name], before[name]) for name in kept)
    found = old.eval()([torch.rand(3, 64, 64)])
    assert (found[0]["labels"] < 3).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"in_channels": 2}, "takes images of 1 or 3 channels, not 2"),
        ({"min_size": 100}, "scales all images to one size; remove min_size"),
        ({"weights": "IMAGENET"}, "has no weights 'IMAGENET'; there are COCO_V1, DEFAULT"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError) as error:
        TorchvisionDetection("ssdlite320_mobilenet_v3_large", 2, **arguments)  # type: ignore[arg-type]
    assert said in str(error.value)
