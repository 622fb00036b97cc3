"""The README's section on fine-tuning is true: what its recipe freezes, and which rates the rest has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import get_model, get_model_weights

import toolkit
from toolkit.build import build
from toolkit.check import resolve

README = Path(__file__).parent.parent / "README.md"
RECIPE = """\
task: classification
dataset: digits
loss: cross_entropy
metrics: {accuracy: {}}
scheduler: {use: linear_warmup_cosine, interval: step}
trainer: {max_epochs: 1, limit_train_batches: 2, accelerator: cpu, enable_progress_bar: false}
engine: {channels_last: true}
"""
FROZEN = ("backbone.conv1.", "backbone.bn1.", "backbone.layer1.")


def blocks() -> list[str]:
    """The blocks of YAML in the README's section."""
    section = README.read_text(encoding="utf-8").partition("\n## Fine-tuning\n")[2].partition("\n## ")[0]
    return [part.partition("\n```")[0] for part in section.split("```yaml\n")[1:]]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The README's first block on the digits, with made-up weights in torch's cache."""
    folder = tmp_path_factory.mktemp("tuned")
    cache = folder / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.manual_seed(1)
    name = get_model_weights("resnet18").DEFAULT.url.rpartition("/")[2]
    torch.save(get_model("resnet18", weights=None).state_dict(), cache / name)
    path = folder / "tuned.yaml"
    path.write_text(RECIPE + blocks()[0] + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(folder))
        yield path


@pytest.fixture(scope="module")
def result(recipe: Path) -> toolkit.RunResult:
    return toolkit.run(toolkit.load(str(recipe)), root=recipe.parent / "runs")


def test_what_is_frozen_stays_as_the_weights_have_it(result: toolkit.RunResult) -> None:
    assert result.model is not None
    pretrained = get_model("resnet18", weights="DEFAULT").state_dict()
    changed = {
        f"backbone.{name}"
        for name, value in result.model.backbone.state_dict().items()
        if not torch.equal(value, pretrained[name])
    }
    frozen = {f"backbone.{name}" for name in pretrained if f"backbone.{name}".startswith(FROZEN)}
    assert len(frozen) == 30
    assert changed.isdisjoint(frozen), "running statistics too"
    assert any(name.startswith("backbone.layer2") for name in changed)


def test_each_layer_has_the_rate_of_its_group(recipe: Path) -> None:
    experiment = build(resolve(toolkit.load(str(recipe)), toolkit.Registry.scan()))
    assert isinstance(experiment.model, nn.Module)
    (optimizer,) = [experiment.task.optimizer(experiment.task)]
    rates = {id(value): group["lr"] for group in optimizer.param_groups for value in group["params"]}
    found = {
        ".".join(name.split(".")[:2]) if name.startswith("backbone") else name.split(".")[0]: rates[id(value)]
        for name, value in experiment.model.named_parameters()
        if value.requires_grad
    }
    assert found == {
        "backbone.layer2": 1e-4,
        "backbone.layer3": 2e-4,
        "backbone.layer4": 5e-4,
        "head": 1e-3,
    }


def test_the_head_alone(recipe: Path) -> None:
    model = build(resolve(toolkit.load(str(recipe), ["model.freeze=backbone"]), toolkit.Registry.scan())).model
    assert model is not None
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    assert trained == {"head.weight", "head.bias"}
    assert not any(module.training for module in model.modules() if isinstance(module, nn.BatchNorm2d))


def test_a_run_can_begin_with_one_that_began_with_pretrained_weights(recipe: Path, result: toolkit.RunResult) -> None:
    overrides = ["model.weights=null", f"model.init_from={result.best_checkpoint}"]
    again = build(resolve(toolkit.load(str(recipe), overrides), toolkit.Registry.scan())).model
    assert result.model is not None
    assert again is not None
    images = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(again.eval()(images), result.model.eval()(images))


def test_the_readme_has_the_block() -> None:
    assert len(blocks()) == 1
