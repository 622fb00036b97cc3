"""The task of recommending items. Imports torch, torchmetrics, Lightning and the toolkit's supervised task."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from toolkit.errors import RequestError
from toolkit.tasks.supervised import SupervisedTask, Trained, in_full_precision, unpacked
from toolkit_recsys.ids import Ids
from toolkit_recsys.interactions import History
from toolkit_recsys.notes import note
from toolkit_recsys.recommendation.metrics import Ranked
from toolkit_recsys.recommendation.models import Recommender
from toolkit_recsys.recommendation.negatives import Negatives
from toolkit_recsys.recommendation.placed import Placed
from toolkit_recsys.recommendation.sampled import SampledCandidates
from toolkit_recsys.recommendation.seen import Seen

EVALUATED = ("val", "test")
DIGITS = 4
"""Digits after the point of a score that is told."""
AT_ONCE = 256
"""So many users are recommended to at a time."""
SHOWN = 5
"""So many unknown users are named."""


class ItemRecommendation(SupervisedTask):
    """Recommendation: the items that a user will choose next, from those that users have chosen.

    Training batches are pairs ``(users, items)``, int64 ``(batch,)`` both, or, for models of sequences (`sasrec`,
    `gru4rec`, `bert4rec`, `mult_vae`), ``(sequences,)``, int64 ``(batch, length + 1)``, padded at the left with
    ``num_items``: ``dataset.sequences`` makes these. What the model learns of them is:

    ===============================  ==============================================================================
    ``loss: cross_entropy``          a softmax over all items; over the candidates only, where there are `negatives`:
                                     ``uniform`` and ``popularity`` (sampled softmax), ``in_batch``
    ``loss: bpr``                    the chosen item before each of the `negatives`
    ``loss: pointwise``              yes for the chosen item, no for each of the `negatives`
    ===============================  ==============================================================================

    A model of sequences learns with all items. One that is fitted when it is built (`popularity`, `item_knn`, `ease`)
    has nothing to train: the run validates it once, tests it and ends; loss, optimizer and ``max_epochs`` do nothing.

    Batches of validation and test are ``(users, relevant)``: each user of the split once, int64 ``(batch,)``, and the
    items to be found, ``(batch, most)``, padded with -1. **All items are ranked**, but for those that the user has
    chosen in training, and in the test split in validation. Metrics see the first places: `ndcg`, `item_recall`,
    `item_precision`, `hit_rate`, `mrr`, `coverage`, `novelty`. There is no ``val/loss``. With `candidates` fewer items
    are ranked; read there why that is no way to compare models.

    ``toolkit predict RUN --users ID ID top=10`` lists what to show to users.

    Args:
        model: see `toolkit_recsys.recommendation.models.Recommender`.
        loss: called with scores ``(n, candidates)`` and the places of the targets among them ``(n,)``; returns their
            mean.
        metrics: by label, those named above.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
        run_files: what the dataset lets the run keep: the interactions, and the ids of users and items.
        negatives: a part that finds items to hold the chosen one against: `uniform`, `popularity` or `in_batch`; all
            items where it is left out.
        candidates: a part that says which items are ranked in evaluations: `sampled_candidates`; all of them where it
            is left out.

    Raises:
        ValueError: the dataset keeps no interactions, the loss needs negatives and there are none, the model cannot
            use them, or a metric ranks no items.
    """

    metric_domains: ClassVar[tuple[str, ...]] = ()
    measured: ClassVar[tuple[str, ...]] = EVALUATED

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor] | None = None,
        metrics: Mapping[str, Metric] | None = None,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
        run_files: Mapping[str, bytes] | None = None,
        negatives: Any = None,
        candidates: Any = None,
    ) -> None:
        super().__init__(model, loss or _no_loss, metrics, optimizer, scheduler)
        history = History.from_files(run_files)
        self.trains = any(parameter.requires_grad for parameter in model.parameters())
        self.recommender = cast("Recommender", model)
        self.negatives: Negatives | None = negatives if self.trains else None
        self._check(loss)
        if self.negatives is not None:
            self.negatives.prepare(history.train)
        self.depth = max((_depth(label, metric) for label, metric in (metrics or {}).items()), default=1)
        """So many places of a ranking are looked at."""
        self.seen = {split: Seen(history.before(split)) for split in EVALUATED}
        self.candidates: SampledCandidates | None = candidates
        if self.candidates is not None:
            self.candidates.prepare({split: history.before(split) for split in EVALUATED})
        popularity = history.train.popularity()
        information = ((history.train.num_users + 1) / (popularity + 1)).log2()
        # One more, for the -1 of a list that is not full.
        self._information = Placed(torch.cat([information, torch.zeros(1)]), popularity.float())
        self._run_files = run_files

    @staticmethod
    def logged(metric_labels: Iterable[str]) -> tuple[str, ...]:
        """The names that a task with these metrics logs."""
        measured = [f"{split}/{label}" for split in EVALUATED for label in metric_labels]
        return ("train/loss_step", "train/loss", *measured)

    def _check(self, loss: Any) -> None:
        name = type(self.model).__name__
        if self.trains and loss is None:
            raise ValueError(f"the model {name} is trained, and there is no loss")
        if self.negatives is not None and self.recommender.length is not None:
            raise ValueError(f"the model {name} learns from sequences with all items: leave out task.negatives")
        if self.trains and getattr(loss, "needs_negatives", False) and self.negatives is None:
            raise ValueError(
                f"the loss {type(loss).__name__} holds an item against others: set task.negatives to {{use: uniform}}"
            )

    def forward(self, inputs: Tensor) -> Tensor:
        """Scores of all items, float32 ``(batch, num_items)``, for users, int64 ``(batch,)``.

        What a user has chosen in training or validation is scored as the rest is.
        """
        return self._scores(inputs, "test")

    def computed(self, batch: Any) -> Trained:
        rows, targets = self.recommender.examples(batch)
        samples = len(batch[0])
        if self.negatives is None:
            outputs = self.model(rows)
        else:
            drawn = self.negatives.candidates(rows, targets)
            outputs, targets = self.model(rows, drawn.items), drawn.targets
        scores, more = outputs if isinstance(outputs, tuple) else (outputs, None)
        scores = in_full_precision(scores)
        if self.negatives is not None and drawn.offsets is not None:
            scores = scores + drawn.offsets
        # Sequences of one item each: there is nothing to learn, and the mean over nothing is no number.
        loss = self._loss(scores, targets) if len(targets) else scores.sum()
        loss = loss if more is None else loss + more
        # The loss in place of the outputs: nothing else is measured.
        return Trained(loss, samples, loss, targets)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:  # type: ignore[override]
        # Of its own, which says that `engine.compile: step` has no graph for it: negatives are drawn in it.
        return super().training_step(batch, batch_idx) if self.trains else None

    def rank(self, users: Tensor, split: str, depth: int) -> tuple[Tensor, Tensor]:
        """The best items of users, without those they have seen.

        Args:
            users: int64 ``(batch,)``.
            split: what is evaluated; more has been seen before ``test``.
            depth: how many.

        Returns:
            Scores, float32, and items, int64, ``(batch, depth)`` both. Fewer where there are fewer items; an item
            that scores minus infinity has been seen.
        """
        scores = self._masked(users, split)
        best = scores.topk(min(depth, scores.shape[1]), dim=1)
        return best.values, best.indices

    def _masked(self, users: Tensor, split: str) -> Tensor:
        return self.seen[split].mask(self._scores(users, split), users)

    def _scores(self, users: Tensor, split: str) -> Tensor:
        length = self.recommender.length
        rows = users if length is None else self.seen[split].last(users, length)
        scores: Tensor = in_full_precision(self.recommender.scores(rows)).contiguous()
        return scores

    def _evaluate(self, split: str, batch: Any) -> Tensor:
        users, relevant = unpacked(batch)
        scores = self._masked(users, split)
        wanted = _marked(relevant, scores.shape[1])
        if self.candidates is not None:
            scores = self.candidates.restricted(scores, users, wanted, split)
        best = scores.topk(min(self.depth, scores.shape[1]), dim=1)
        there = best.values > -torch.inf
        items = best.indices.where(there, -1)
        ranked = Ranked(items, wanted.gather(1, best.indices) & there, self._information.at(users.device)[0][items])
        numbers = (relevant >= 0).sum(1)
        for metric in self._metrics(split):
            metric.update(ranked, numbers)
        return scores

    def on_train_epoch_end(self) -> None:
        if self.trains:
            super().on_train_epoch_end()
        else:
            # The next epoch would be the same.
            self.trainer.should_stop = True

    def configure_optimizers(self) -> Any:
        return super().configure_optimizers() if self.trains else None

    def setup(self, stage: str) -> None:
        """Refuse what cannot be."""
        if stage == "fit" and not self.trains:
            name = type(self.model).__name__
            if self.trainer.world_size > 1:
                raise RequestError(f"the model {name} is fitted by one process: set trainer.devices=1")
            # Until the run ends; what follows says it in plain words.
            for message in (".*this fit will run with no optimizer", ".*`training_step` returned `None`"):
                warnings.filterwarnings("ignore", message=message)
            note(
                f"{name} was fitted to the training interactions; nothing is trained, and the run ends after one epoch"
            )

    def recommended(
        self,
        users: Sequence[str],
        facts: Mapping[str, Any],
        *,
        top: int = 10,
        unknown: Literal["stop", "popular"] = "stop",
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """What to show to users, best first: the number of a user among them, and a row for each item.

        Rows have ``rank`` from 1, ``item``, its id, ``title``, where the data has titles, and ``score``. Items that the
        user has chosen in training or validation are left out.

        Args:
            users: their ids, as in the data.
            facts: of the run's dataset.
            top: how many items for each.
            unknown: what to do with a user who is not in the training data: ``stop``, or show what is ``popular``.

        Raises:
            RequestError: a user is unknown, or ``top`` is less than 1.
        """
        if top < 1:
            raise RequestError(f"top={top}: a number of items from 1 up")
        ids = Ids.from_files(self._run_files)
        strangers = [user for user in users if user not in ids.user_numbers]
        if strangers and unknown == "stop":
            more = f" and {len(strangers) - SHOWN} more" if len(strangers) > SHOWN else ""
            examples = ", ".join(list(ids.users)[:3])
            raise RequestError(
                f"--users {' '.join(strangers[:SHOWN])}{more}: not among the {len(ids.users):,} users of the data "
                f"(such as {examples}); unknown=popular shows them what most users choose"
            )
        numbers = [ids.user_numbers.get(user) for user in users]
        for number, (scores, items) in enumerate(self._lists(numbers, top)):
            for rank, (score, item) in enumerate(zip(scores, items, strict=True), 1):
                if score == -torch.inf:
                    break  # there are no more that the user has not seen
                row: dict[str, Any] = {"rank": rank, "item": ids.items[item]}
                if ids.titles is not None:
                    row["title"] = ids.title(item)
                yield number, {**row, "score": round(score, DIGITS)}

    def _lists(self, users: Sequence[int | None], top: int) -> Iterator[tuple[list[float], list[int]]]:
        """Scores and items for each user; what is popular, by its number of users, where it is None."""
        popularity = self._information.at(self.device)[1]
        popular = [part.tolist() for part in popularity.topk(min(top, len(popularity)))]
        for begin in range(0, len(users), AT_ONCE):
            part = users[begin : begin + AT_ONCE]
            known = torch.tensor([user for user in part if user is not None], dtype=torch.int64, device=self.device)
            found = (
                zip(*(each.tolist() for each in self.rank(known, "test", top)), strict=True) if len(known) else iter(())
            )
            for user in part:
                scores, items = popular if user is None else next(found)
                yield scores, items

    def _of_split(self, split: str) -> dict[str, Any]:
        if split == "train":
            return {"train/loss": self.losses["train/loss"]}
        return {name: self.metrics[name] for name in self._names(split)}


def _marked(relevant: Tensor, num_items: int) -> Tensor:
    """Where the relevant items are, bool `(batch, num_items)`, from their numbers padded with -1 `(batch, most)`."""
    marked = torch.zeros(len(relevant), num_items + 1, dtype=torch.bool, device=relevant.device)
    return marked.scatter_(1, relevant.where(relevant >= 0, num_items), True)[:, :-1]


def _depth(label: str, metric: Metric) -> int:
    depth = getattr(metric, "k", None)
    if not isinstance(depth, int):
        raise ValueError(
            f"metrics.{label}: {type(metric).__name__} ranks no items; there are ndcg, item_recall, item_precision, "
            "hit_rate, mrr, coverage and novelty"
        )
    return depth


def _no_loss(scores: Tensor, targets: Tensor) -> Tensor:
    raise AssertionError("a model that is fitted has no loss")
