"""ArcFace, a loss for embeddings over identities. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ArcFace(nn.Module):
    """Additive angular margin loss (Deng, Guo, Xue and Zafeiriou, 2019).

    Every training identity has a centre, which is learned with the model. Logits are the scaled cosines between an
    embedding and the centres, but for its own centre the cosine of the angle plus a margin: an embedding has to be
    closer to it by that angle than to all others.

    Arguments:
        num_identities: identities in the training split.
        embedding_size: length of an embedding, the model's `num_classes`: `${model.num_classes}`.
        margin: in radians.
        scale: of the cosines; the smaller, the more the loss asks of embeddings that are right already.
    """

    def __init__(self, num_identities: int, embedding_size: int, margin: float = 0.5, scale: float = 64.0) -> None:
        super().__init__()
        self.margin = margin
        self.scale = scale
        self.centres = nn.Parameter(torch.empty(num_identities, embedding_size))
        # Of length 1, about; only the direction counts, but the shorter they are the faster they turn.
        nn.init.normal_(self.centres, std=embedding_size**-0.5)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss, shape `()`.

        Arguments:
            outputs: embeddings `(batch, embedding_size)` of any length but 0.
            targets: identities `(batch,)`, int64, from 0 to `num_identities - 1`.
        """
        if outputs.shape[1] != self.centres.shape[1]:
            raise ValueError(
                f"embeddings have {outputs.shape[1]} features and the centres of identities {self.centres.shape[1]}; "
                f"set loss.embedding_size to {outputs.shape[1]}"
            )
        # Half precision has three digits for a cosine, which is then multiplied by the scale.
        with torch.autocast(outputs.device.type, enabled=False):
            cosines = F.normalize(outputs) @ F.normalize(self.centres.to(outputs.dtype)).T
            own = cosines.gather(1, targets.unsqueeze(1))
            # The gradient of the root is infinite at 0.
            sines = (1 - own.square()).clamp_min(1e-9).sqrt()
            wanted = own * math.cos(self.margin) - sines * math.sin(self.margin)
            # Beyond half a turn the cosine would rise again; as in the authors' code it goes on falling, straight.
            turned = own < math.cos(math.pi - self.margin)
            wanted = torch.where(turned, own - self.margin * math.sin(self.margin), wanted)
            return F.cross_entropy(self.scale * cosines.scatter(1, targets.unsqueeze(1), wanted), targets)
