"""A transformer that reads a text in both directions. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from torch import Tensor, nn

from toolkit_text.transformer import Embedding, Transformer, initialise


class TransformerClassifier(nn.Module):
    """A pre-norm transformer with rotary positions, and the mean of its tokens; texts may be of any length.

    Arguments:
        vocab_size: tokens there are.
        num_classes: length of the output.
        pad_id: the padding.
        width: length of a token's vector.
        depth: blocks.
        heads: attention heads of a block.
        dropout: probability with which a number is set to 0 in training.

    Raises:
        ValueError: the heads cannot share the width.
    """

    def __init__(
        self,
        vocab_size: int,
        num_classes: int,
        pad_id: int = 0,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.embedding = Embedding(vocab_size, width, dropout=dropout)
        self.transformer = Transformer(depth, width, heads, rotary=True, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(width, num_classes)
        initialise(self)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens `(batch, length)`, padded at the end → logits `(batch, classes)`."""
        inside = tokens != self.pad_id
        states, _ = self.transformer(self.embedding(tokens), key_mask=inside)
        mean = states.masked_fill(~inside[..., None], 0).sum(1) / inside.sum(1, keepdim=True)
        logits: Tensor = self.classifier(self.dropout(mean))
        return logits
