"""The vectors of all features of a sample, from one table. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional

SPREAD = 0.01
"""Standard deviation of vectors at the start: small, so that a value that was seldom seen says little."""


class FeatureTable(nn.Module):
    """One row for every value of every categorical field, in one table, and one for every numerical feature.

    The fields of the table lie behind each other, so that all of them are read by one gather and get their gradients by
    one scatter. A numerical feature has one row, which is multiplied by its value. A multi-valued field is the mean of
    the rows of its values, and zero where there is none.

    Number 0 of a field is its unknown value, and begins as a row of zeros.

    Arguments:
        field_sizes: how many numbers each categorical field has.
        num_numerical: how many numerical features there are.
        multi_sizes: how many numbers each multi-valued field has.
        width: length of a row.
        weights: whether the first column holds the weights of a linear model, which begin at 0.
        sparse: whether gradients of the table hold the rows of the batch alone. An optimizer's step is then as long as
            the batch has values, and not as the table; sgd, adagrad and, where there is nothing but the table,
            sparse_adam can take such gradients.

    Raises:
        ValueError: there are no features, or a size is no number from 1 up.
    """

    offsets: Tensor
    multi_offsets: Tensor

    def __init__(
        self,
        field_sizes: Sequence[int],
        num_numerical: int,
        multi_sizes: Sequence[int],
        width: int,
        *,
        weights: bool = False,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        sizes = [*field_sizes, *multi_sizes]
        if not sizes and not num_numerical:
            raise ValueError(
                "no features: field_sizes, num_numerical and multi_sizes are all empty; a dataset of clicks or ratings "
                "tells them, such as generated_clicks, movielens_100k_clicks or your own table with `click_table`"
            )
        if any(size < 1 for size in sizes) or num_numerical < 0:
            raise ValueError(f"sizes of fields are numbers from 1 up, not {sizes} and {num_numerical}")
        if width < 1:
            raise ValueError(f"width={width}: a vector has a length from 1 up")
        self.num_fields = len(sizes) + num_numerical
        """How many rows a sample has."""
        self.width = width
        starts = torch.tensor([0, *accumulate(sizes)])
        self._categorical = len(field_sizes) > 0
        self._multi = len(multi_sizes) > 0
        self.register_buffer("offsets", starts[: len(field_sizes)], persistent=False)
        self.register_buffer("multi_offsets", starts[len(field_sizes) : -1].unsqueeze(1), persistent=False)
        # The row behind the last is that of padding, of which nothing is read.
        self._padding = int(starts[-1])
        self.table = nn.Embedding(self._padding + self._multi, width, sparse=sparse) if sizes else None
        self.numerical = nn.Parameter(torch.empty(num_numerical, width)) if num_numerical else None
        with torch.no_grad():
            for rows in self.parameters():
                nn.init.normal_(rows, std=SPREAD)
                if weights:
                    rows[:, 0] = 0
            if self.table is not None:
                self.table.weight[starts[:-1]] = 0

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The rows of a batch's features.

        Args:
            inputs: `categorical`, whole numbers `(batch, fields)`, each field's own from 0; `multi`, whole numbers
                `(batch, fields, longest)`, padded with -1; `numerical`, floats `(batch, features)`; those that there
                are.

        Returns:
            `(batch, fields, width)`: first the categorical, then the multi-valued, then the numerical ones.
        """
        found = []
        if self._categorical:
            assert self.table is not None
            found.append(self.table(inputs["categorical"] + self.offsets))
        if self._multi:
            found.append(self._means(inputs["multi"]))
        if self.numerical is not None:
            found.append(inputs["numerical"].unsqueeze(2) * self.numerical)
        return found[0] if len(found) == 1 else torch.cat(found, dim=1)

    def _means(self, values: Tensor) -> Tensor:
        assert self.table is not None
        batch, fields, longest = values.shape
        rows, there = values + self.multi_offsets, values >= 0
        if values.device.type == "cpu":
            # The gradient of a bag sorts all places of all bags there (torch 2.14): this takes half of the time.
            places = there.flatten().nonzero().squeeze(1)
            found = functional.embedding(rows.flatten()[places], self.table.weight, sparse=self.table.sparse)
            sums = found.new_zeros(batch * fields, self.width).index_add(0, places // longest, found)
            return sums.view(batch, fields, self.width) / there.sum(2, keepdim=True).clamp(min=1)
        means = functional.embedding_bag(
            rows.masked_fill(~there, self._padding).view(batch * fields, longest),
            self.table.weight,
            mode="mean",
            padding_idx=self._padding,
            sparse=self.table.sparse,
        )
        return means.view(batch, fields, self.width)


def logit_of(share: float | None) -> float:
    """The logit of a share, 0 where it is not known or is none between 0 and 1."""
    return math.log(share / (1 - share)) if share is not None and 0 < share < 1 else 0.0


class LinearAndVectors(nn.Module):
    """The features of a sample for models that have a linear part: its sum, and a vector for each feature.

    Weights and vectors are columns of one table, so that both are read at once.

    Arguments:
        field_sizes: as of `FeatureTable`; so are the others.
        num_numerical: likewise.
        multi_sizes: likewise.
        target_mean: the share of clicks in training, at whose logit the bias begins.
        width: length of a vector.
        sparse: whether the table's gradients are sparse.
    """

    def __init__(
        self,
        field_sizes: Sequence[int],
        num_numerical: int,
        multi_sizes: Sequence[int],
        target_mean: float | None,
        width: int,
        sparse: bool,
    ) -> None:
        super().__init__()
        if width < 0:
            raise ValueError(f"width={width}: a vector has a length from 0 up")
        self.features = FeatureTable(field_sizes, num_numerical, multi_sizes, 1 + width, weights=True, sparse=sparse)
        self.bias = nn.Parameter(torch.tensor(logit_of(target_mean)))
        self.num_fields = self.features.num_fields

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The linear model's logits `(batch,)`, and vectors `(batch, fields, width)`."""
        rows = self.features(inputs)
        return rows[..., 0].sum(1) + self.bias, rows[..., 1:]
