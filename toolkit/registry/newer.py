"""Tells an entry that the installed torch lacks from one that is broken: "needs torch >= 2.9".

Built-ins are entries in static metadata, so they may name a class that an older library does not have. Imports
nothing heavy: it looks at what the failed import has left in ``sys.modules``.
"""

from __future__ import annotations

import sys

from toolkit.registry.entry import Entry

_LIBRARIES = ("torch", "torchvision", "torchmetrics", "pytorch_lightning")

_SINCE = {
    "torch.optim:Muon": "2.9",
    "torchmetrics.classification:EER": "1.7",
    "torchmetrics.clustering:ClusterAccuracy": "1.7",
    "torchmetrics.image.arniqa:ARNIQA": "1.7",
    "torchmetrics.image:DeepImageStructureAndTextureSimilarity": "1.7",
    "torchmetrics.multimodal:LipVertexError": "1.8",
    "torchmetrics.regression:ContinuousRankedProbabilityScore": "1.8",
    "torchmetrics.regression:JensenShannonDivergence": "1.7",
    "torchmetrics.video.vmaf:VideoMultiMethodAssessmentFusion": "1.8",
}
"""The first version that has it, by ``Entry.value``: built-ins that came after the oldest versions the core allows."""


def lacking(entry: Entry, error: BaseException) -> str:
    """What the installed library is too old for, or an empty text if that is not what went wrong.

    For example ``needs torch >= 2.9 (2.8.0 is installed)``.
    """
    library = entry.module.partition(".")[0]
    installed = str(getattr(sys.modules.get(library), "__version__", ""))
    if library not in _LIBRARIES or not installed or not _is_absence(entry, error):
        return ""
    since = _SINCE.get(entry.value)
    if since and _is_older(installed, since):
        return f"needs {library} >= {since} ({installed} is installed)"
    # torchmetrics 1.9 defines some classes only where a package that they use is installed.
    other = ", or a package that torchmetrics uses for it" if library == "torchmetrics" else ""
    return f"needs a newer {library} than {installed}, which has no {entry.value}{other}"


def _is_absence(entry: Entry, error: BaseException) -> bool:
    """Whether the error says that the library's own module or attribute is not there, and not what that one needs."""
    if isinstance(error, AttributeError):
        return getattr(error.obj, "__name__", None) == entry.module
    parts = entry.module.split(".")
    modules = [".".join(parts[:count]) for count in range(2, len(parts) + 1)]
    return isinstance(error, ModuleNotFoundError) and error.name in modules


def _is_older(installed: str, since: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        # A build of the day before a release, 2.9.0.dev, counts as that release.
        return Version(installed).release < Version(since).release
    except InvalidVersion:
        return False
