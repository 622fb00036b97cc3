"""Networks of segmentation_models_pytorch, with the two arguments that the toolkit's data fills or that would surprise.

Imports segmentation_models_pytorch, nothing of the toolkit.
"""

from __future__ import annotations

from typing import Any, Self

import segmentation_models_pytorch as library


class _Sized:
    """Comes before a network of the library: all other arguments are the network's own, and checked as such.

    `in_channels` is called the same there, so that the dataset fills it without our help. Theirs for the classes is
    `classes`, and weights are downloaded unless one says `encoder_weights: null`; here one has to ask for them.
    """

    def __init__(self, num_classes: int, encoder_weights: str | None = None, **kwargs: Any) -> None:
        # The class after this one is a network; `object`, as mypy has it, takes none of these.
        super().__init__(classes=num_classes, encoder_weights=encoder_weights, **kwargs)  # type: ignore[call-arg]

    def __init_subclass__(cls) -> None:
        # The library's own page, which `toolkit show` prints, with the name that the argument has here.
        network = cls.__mro__[2]
        cls.__doc__ = (network.__doc__ or "").replace("\n        classes:", "\n        num_classes:")

    @classmethod
    def untrained(cls, **arguments: Any) -> Self:
        """The same network, whose weights a checkpoint will replace; nothing is downloaded."""
        return cls(**{**arguments, "encoder_weights": None})


class Unet(_Sized, library.Unet):
    pass


class UnetPlusPlus(_Sized, library.UnetPlusPlus):
    pass


class MAnet(_Sized, library.MAnet):
    pass


class Linknet(_Sized, library.Linknet):
    pass


class FPN(_Sized, library.FPN):
    pass


class DeepLabV3Plus(_Sized, library.DeepLabV3Plus):
    pass


class Segformer(_Sized, library.Segformer):
    pass
