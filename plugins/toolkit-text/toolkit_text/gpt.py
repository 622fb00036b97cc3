"""A transformer that predicts the next token. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from toolkit_text.transformer import Cache, Embedding, Transformer, initialise


class GPT(nn.Module):
    """A causal transformer, as GPT-2 ("Language Models are Unsupervised Multitask Learners", Radford et al., 2019).

    Blocks normalise first; weights begin as those of GPT-2 do. It is a language model as `toolkit_text.generation`
    takes it: see `toolkit_text.generation.LanguageModel`. A token sees none that come after it, so that padding after
    a text changes nothing of what the model says of the text.

    Its parts are `embedding`, `transformer.blocks.0` and so on, `transformer.norm`, and `head`.

    Arguments:
        vocab_size: tokens there are; filled from the data.
        context: tokens that it looks at, at most; those of the data: `"${dataset.context}"`.
        depth: number of blocks.
        width: length of a token's vector.
        heads: attention heads of a block; they share the width.
        positions: `rotary` turns queries and keys by them ("RoFormer", Su et al., 2021), `learnt` adds a vector for
            each, as GPT-2 does.
        tied: whether the head's weights are those of the embedding ("Using the Output Embedding to Improve Language
            Models", Press and Wolf, 2017).
        dropout: probability with which a number of the embedding, or of what a layer adds, is set to 0 in training.

    Raises:
        ValueError: the heads cannot share the width, or a head's width is odd with `rotary`.
    """

    def __init__(
        self,
        vocab_size: int,
        context: int,
        depth: int = 4,
        width: int = 128,
        heads: int = 4,
        positions: Literal["rotary", "learnt"] = "rotary",
        tied: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.context = context
        self.embedding = Embedding(vocab_size, width, context if positions == "learnt" else None, dropout)
        self.transformer = Transformer(depth, width, heads, causal=True, rotary=positions == "rotary", dropout=dropout)
        self.head = nn.Linear(width, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.tokens.weight
        initialise(self)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits `(batch, length, vocab_size)` of what follows each of the tokens `(batch, length)`."""
        logits: Tensor = self.head(self.transformer(self.embedding(tokens))[0])
        return logits

    def step(self, tokens: Tensor, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """See `toolkit_text.generation.LanguageModel.step`; the cache holds keys and values."""
        vectors, cache = self.transformer(self.embedding(tokens, cache[0].length if cache else 0), cache=cache)
        return self.head(vectors[:, -1]), cache
