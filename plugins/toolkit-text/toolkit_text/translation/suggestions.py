"""What a source suggests to say: its own tokens, and what a lexicon knows of them. Imports torch."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from toolkit_text.translation.lexicon import Lexicon

ITSELF, TRANSLATED, FOREIGN, FITTING = range(4)
"""What stands at a place of the source: a token to translate, one of which a translation is in the memory too; a token
of the memory, one that translates a token of the text."""
NOTHING = -1
"""No token."""
BEGINNING = 2.0
"""What it counts at first that a token follows what was said last, and the last but one."""


class Suggested(NamedTuple):
    """What a source suggests, as `Suggestions.forward` needs it."""

    keys: Tensor
    """`(batch, m, width)`."""
    there: Tensor
    """`(batch, m)`, False at padding."""
    before: Tensor
    """The two tokens before each, `(batch, m, 2)`; bos at the beginning of a text."""
    tokens: Tensor
    """What each place suggests, `(batch, m, 1 + count)`: its own token, and translations of it."""
    weights: Tensor
    """How strongly, `(batch, m, 1 + count)`; they add up to 1 at each place."""


class Suggestions(nn.Module):
    """A prior for what is said next: tokens of the source, and their translations.

    An attention of its own looks for the place of the source that is said next. It suggests its token ("Get To The
    Point", See et al., 2017) or, where it is to be translated, what a lexicon has for it ("Incorporating Discrete
    Translation Lexicons into Neural Machine Translation", Arthur et al., 2016). A place that follows what was said last
    is preferred, as in the selective reading of CopyNet (Gu et al., 2016): a translation that is found in the memory is
    read on. A gate says how far suggestions count: what the decoder says has the prior `(1 - gate) / vocab_size +
    gate * suggested`, and the softmax of whoever takes the logits makes that probabilities again.

    Arguments:
        vocab_size: number of tokens.
        width: of the vectors.
        pad_id: the padding token.
        bos_id: what a translation begins with.
        eos_id: what each text of a source ends in; the first is to be translated, the others are from the memory.
        lexicon: translations of each token; without it tokens are only copied.
    """

    def __init__(
        self, vocab_size: int, width: int, pad_id: int, bos_id: int, eos_id: int, lexicon: Lexicon | None = None
    ) -> None:
        super().__init__()
        self.vocab_size, self.pad_id, self.bos_id, self.eos_id = vocab_size, pad_id, bos_id, eos_id
        self.kinds = nn.Embedding(4, width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.gate = nn.Linear(width, 1)
        self.follows = nn.Parameter(torch.empty(2))
        nn.init.constant_(self.follows, BEGINNING)
        # As a lexicon of one translation, which says nothing: every token stands for itself.
        tokens = torch.arange(vocab_size)[:, None] if lexicon is None else torch.tensor(lexicon.tokens)
        probabilities = torch.ones(vocab_size, 1) if lexicon is None else torch.tensor(lexicon.probabilities)
        self.register_buffer("translations", tokens)
        self.register_buffer("probabilities", probabilities)
        self.translations: Tensor
        self.probabilities: Tensor
        # Whether a token of the text is copied or translated.
        self.copied = nn.Linear(width, 1)

    def kind(self, source: Tensor) -> Tensor:
        """Vectors to add to those of a source's tokens `(batch, m)`: what stands there, `(batch, m, width)`.

        A token of the memory that translates none of the text is one that belongs to what is different; one of the text
        that nothing in the memory translates is what has to be added ("Boosting Neural Machine Translation with Similar
        Translations", Xu et al., 2020, where it is told by comparing with the source of what was found).
        """
        ours = self._ours(source)
        theirs = ~ours & (source != self.pad_id)
        likely = self.translations[source].masked_fill(self.probabilities[source] == 0, NOTHING)
        # (batch, places of the text, places of the memory)
        fits = (likely[:, :, :, None] == source[:, None, None]).any(2) | (source[:, :, None] == source[:, None])
        fits = fits & ours[:, :, None] & theirs[:, None] & (source != self.eos_id)[:, None]
        kinds = torch.where(ours, ITSELF + fits.any(2).long(), FOREIGN + fits.any(1).long())
        vectors: Tensor = self.kinds(kinds)
        return vectors

    def of(self, source: Tensor, encoded: Tensor) -> Suggested:
        """What sources `(batch, m)`, encoded `(batch, m, width)`, suggest."""
        copied = self.copied(encoded).float().sigmoid().masked_fill(~self._ours(source)[:, :, None], 1.0)
        tokens = torch.cat((source[:, :, None], self.translations[source]), dim=2)
        weights = torch.cat((copied, self.probabilities[source] * (1 - copied)), dim=2)
        said = source.masked_fill(source == self.eos_id, self.bos_id)
        before = torch.full((*source.shape, 2), NOTHING, dtype=source.dtype, device=source.device)
        before[:, 0, 0] = self.bos_id
        before[:, 1:, 0] = said[:, :-1]
        before[:, 1:, 1] = before[:, :-1, 0]
        return Suggested(self.key(encoded), source != self.pad_id, before, tokens, weights)

    def forward(self, written: Tensor, logits: Tensor, said: Tensor, suggested: Suggested) -> Tensor:
        """Logits `(batch, n, vocab_size)` in float32, with what is suggested.

        Arguments:
            written: what the decoder gives, `(batch, n, width)`.
            logits: of the tokens that it would say, `(batch, n, vocab_size)`.
            said: the last token and the one before, at each place, `(batch, n, 2)`.
            suggested: what `of` returned.
        """
        keys, there, before, tokens, weights = suggested
        scores = torch.bmm(self.query(written), keys.transpose(1, 2)).float() / math.sqrt(keys.shape[2])
        last, both = (said[:, :, None] == before[:, None]).unbind(3)
        scores = scores + self.follows[0] * last + self.follows[1] * (last & both)
        looked = scores.masked_fill(~there[:, None], -torch.inf).softmax(2)
        n = written.shape[1]
        strengths = (looked[:, :, :, None] * weights[:, None]).flatten(2)
        # The prior, divided by (1 - gate) / vocab_size: 1 wherever nothing is suggested. A softmax sees no difference.
        strengths = strengths * (self.vocab_size * self.gate(written).float().exp())
        prior = torch.zeros_like(logits, dtype=torch.float32)
        prior = prior.scatter_add(2, tokens.flatten(1)[:, None].expand(-1, n, -1), strengths)
        return logits.float() + prior.log1p()

    def _ours(self, source: Tensor) -> Tensor:
        """Which places are of the text to translate, its eos among them, `(batch, m)`."""
        ends = source == self.eos_id
        return (ends.cumsum(1) - ends.long() == 0) & (source != self.pad_id)
