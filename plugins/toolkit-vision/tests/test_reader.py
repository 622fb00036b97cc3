"""Images for predictions: read as the dataset has them, whatever their size, colours and place."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from toolkit_vision.digits import digits
from toolkit_vision.reader import ImageReader
from torch import Tensor

import toolkit
from toolkit.cli import main


def read(reader: ImageReader, image: Image.Image, kind: str = "PNG") -> Tensor:
    stream = io.BytesIO()
    image.save(stream, kind)
    stream.seek(0)
    ((name, sample),) = reader.read("a.png", stream)
    assert name == "a.png"
    return sample


def picture(pixels: Tensor) -> Image.Image:
    return Image.fromarray(pixels.squeeze(0).numpy())


def test_an_image_of_the_right_kind_is_what_it_is() -> None:
    grey = torch.randint(0, 256, (1, 8, 8), dtype=torch.uint8)
    assert torch.equal(read(ImageReader({"in_channels": 1, "image_size": [8, 8]}), picture(grey)), grey)
    assert torch.equal(read(ImageReader({"in_channels": 1}), picture(grey)), grey)
    assert torch.equal(read(ImageReader({"in_channels": 3, "image_size": [8, 8]}), picture(grey)), grey.expand(3, 8, 8))


@pytest.mark.parametrize("channels", [1, 3])
def test_other_sizes_colours_and_transparency_are_made_to_fit(channels: int) -> None:
    reader = ImageReader({"in_channels": channels, "image_size": [8, 12]})
    for mode in ("L", "RGB", "RGBA", "P", "CMYK"):
        sample = read(reader, Image.new(mode, (50, 41)), "TIFF" if mode == "CMYK" else "PNG")
        assert sample.shape == (channels, 8, 12)
        assert sample.dtype is torch.uint8


def test_what_is_no_image_says_so() -> None:
    with pytest.raises(ValueError, match="not an image"):
        list(ImageReader({"in_channels": 3}).read("a.png", io.BytesIO(b"nothing")))
    with pytest.raises(ValueError, match="takes 4"):
        ImageReader({"in_channels": 4})


def test_the_test_images_as_files_are_predicted_as_in_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = toolkit.run(toolkit.load("vision/digits", ["trainer.max_epochs=2", "trainer.accelerator=cpu"]))
    images, targets = digits().test
    (tmp_path / "scans").mkdir()
    for number, image in enumerate(images):
        picture(image).save(tmp_path / "scans" / f"{number:03d}.png")
    (tmp_path / "scans" / "damaged.png").write_bytes((tmp_path / "scans" / "000.png").read_bytes()[:60])
    capsys.readouterr()
    assert main(["predict", "last", "scans"]) == 2
    printed = capsys.readouterr()
    assert "scans/damaged.png: a damaged image" in printed.err
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [row["input"] for row in rows] == [f"scans/{number:03d}.png" for number in range(len(images))]
    right = sum(row["prediction"] == str(int(target)) for row, target in zip(rows, targets, strict=True))
    assert right / len(rows) == pytest.approx(result.metrics["test/accuracy"])
    assert right > 200
