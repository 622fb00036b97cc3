"""A recurrent network over a text in both directions. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BiLSTMClassifier(nn.Module):
    """LSTMs in both directions, and the maximum of each of their numbers over the text (Conneau et al. 2017).

    Arguments:
        vocab_size: tokens there are.
        num_classes: length of the output.
        pad_id: the padding.
        width: length of a token's vector.
        hidden: length of the state of each direction.
        depth: layers.
        dropout: probability with which a number is set to 0 in training: of the tokens' vectors, between the layers,
            and before the classifier.
    """

    def __init__(
        self,
        vocab_size: int,
        num_classes: int,
        pad_id: int = 0,
        width: int = 128,
        hidden: int = 128,
        depth: int = 1,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.vectors = nn.Embedding(vocab_size, width, padding_idx=pad_id)
        self.lstm = nn.LSTM(
            width, hidden, depth, batch_first=True, bidirectional=True, dropout=dropout if depth > 1 else 0.0
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(2 * hidden, num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens `(batch, length)`, padded at the end → logits `(batch, classes)`."""
        inside = tokens != self.pad_id
        # Packed, so that the backward direction begins at a text's last token and not in the padding. torch takes the
        # lengths on the CPU only.
        packed = pack_padded_sequence(
            self.dropout(self.vectors(tokens)), inside.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, padding_value=float("-inf"), total_length=tokens.shape[1]
        )
        logits: Tensor = self.classifier(self.dropout(states.amax(1)))
        return logits
