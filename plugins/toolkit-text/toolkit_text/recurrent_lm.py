"""Recurrent networks that predict the next token. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn


class _RecurrentLM(nn.Module):
    network: ClassVar[type[nn.LSTM | nn.GRU]]
    context: None = None
    """It looks at all that came before."""

    def __init__(
        self,
        vocab_size: int,
        width: int = 256,
        depth: int = 2,
        tied: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, width)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = self.network(width, width, depth, batch_first=True, dropout=dropout if depth > 1 else 0.0)
        self.head = nn.Linear(width, vocab_size)
        if tied:
            self.head.weight = self.embedding.weight
            # As wide as the other layers' weights: those of an embedding make logits of this width's root.
            nn.init.normal_(self.embedding.weight, std=width**-0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits `(batch, length, vocab_size)` of what follows each of the tokens `(batch, length)`."""
        outputs, _ = self.recurrent(self.dropout(self.embedding(tokens)))
        logits: Tensor = self.head(self.dropout(outputs))
        return logits

    def step(self, tokens: Tensor, cache: Any = None) -> tuple[Tensor, Any]:
        """See `toolkit_text.generation.LanguageModel.step`; the cache is the state of the layers."""
        outputs, cache = self.recurrent(self.dropout(self.embedding(tokens)), cache)
        return self.head(self.dropout(outputs[:, -1])), cache


class LSTMLM(_RecurrentLM):
    """A language model of LSTM layers ("Recurrent neural network regularization", Zaremba et al., 2014): torch's own.

    Every window begins with a state of zeros. It is a language model as `toolkit_text.generation` takes it; padding
    after a text changes nothing of what the model says of the text.

    Arguments:
        vocab_size: tokens there are; filled from the data.
        width: length of a token's vector, and of a layer's state.
        depth: number of layers.
        tied: whether the head's weights are those of the embedding ("Using the Output Embedding to Improve Language
            Models", Press and Wolf, 2017).
        dropout: probability with which a number of what goes into and comes out of a layer is set to 0 in training.
    """

    network = nn.LSTM


class GRULM(_RecurrentLM):
    """A language model of GRU layers ("Learning Phrase Representations using RNN Encoder-Decoder", Cho et al., 2014).

    The layers are torch's own. Every window begins with a state of zeros. It is a language model as
    `toolkit_text.generation` takes it; padding after a text changes nothing of what the model says of the text.

    Arguments:
        vocab_size: tokens there are; filled from the data.
        width: length of a token's vector, and of a layer's state.
        depth: number of layers.
        tied: whether the head's weights are those of the embedding ("Using the Output Embedding to Improve Language
            Models", Press and Wolf, 2017).
        dropout: probability with which a number of what goes into and comes out of a layer is set to 0 in training.
    """

    network = nn.GRU
