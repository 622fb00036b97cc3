"""Tells which packages a built-in component needs that the core does not ask for, before it is built.

Their classes can be imported without them and raise when they are built: a logger only when its run has a folder.
Those whose arguments decide whether they need one are left out; building them says so in time. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from toolkit.registry.entry import Entry
from toolkit.registry.presence import exists

PACKAGES = {
    "pytorch_lightning.loggers:TensorBoardLogger": ("tensorboard",),
    "torchmetrics.audio.dnsmos:DeepNoiseSuppressionMeanOpinionScore": ("librosa", "onnxruntime"),
    "torchmetrics.audio.nisqa:NonIntrusiveSpeechQualityAssessment": ("librosa",),
    "torchmetrics.audio.pesq:PerceptualEvaluationSpeechQuality": ("pesq",),
    "torchmetrics.audio.srmr:SpeechReverberationModulationEnergyRatio": ("gammatone", "torchaudio"),
    "torchmetrics.audio.stoi:ShortTimeObjectiveIntelligibility": ("pystoi",),
    "torchmetrics.clustering:ClusterAccuracy": ("torch-linear-assignment",),
    "torchmetrics.detection:MeanAveragePrecision": ("pycocotools",),
    "torchmetrics.image.fid:FrechetInceptionDistance": ("torch-fidelity",),
    "torchmetrics.image.inception:InceptionScore": ("torch-fidelity",),
    "torchmetrics.image.kid:KernelInceptionDistance": ("torch-fidelity",),
    "torchmetrics.image:MemorizationInformedFrechetInceptionDistance": ("torch-fidelity",),
    "torchmetrics.multimodal.clip_iqa:CLIPImageQualityAssessment": ("transformers",),
    "torchmetrics.multimodal.clip_score:CLIPScore": ("transformers",),
    "torchmetrics.text.infolm:InfoLM": ("transformers",),
    "torchmetrics.video.vmaf:VideoMultiMethodAssessmentFusion": ("vmaf-torch",),
}
"""By ``Entry.value``, the distributions that must be installed."""

_BACKENDS = {"torchmetrics.detection:MeanAveragePrecision": ("backend", "pycocotools", ("faster_coco_eval",))}
"""By ``Entry.value``, the argument that chooses a package, what it says when left out, and what else it can say."""

_MODULES = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "vmaf-torch": ("vmaf_torch",),
}
"""The modules of a distribution, where they are not called like it; any one of them will do."""


def absent_packages(entry: Entry, arguments: Mapping[str, Any] = MappingProxyType({})) -> str:
    """What a component needs and this environment has not, with the line that installs it; an empty text if nothing.

    Args:
        entry: the component.
        arguments: what the recipe gives it; of some, one decides which package it needs.
    """
    needed, otherwise = PACKAGES.get(entry.value, ()), ""
    if entry.value in _BACKENDS:
        argument, default, others = _BACKENDS[entry.value]
        needed = (str(arguments.get(argument, default)),)
        there = [name for name in others if exists(name)]
        otherwise = f"; or write `{argument}: {there[0]}`, which is installed" if there else ""
    absent = [name for name in needed if not any(map(exists, _MODULES.get(name, (name.replace("-", "_"),))))]
    if not absent:
        return ""
    count = "the package" if len(absent) == 1 else "the packages"
    listed = [name.replace("_", "-") for name in absent]
    return f"{entry} needs {count} {' and '.join(listed)}: pip install {' '.join(listed)}{otherwise}"
