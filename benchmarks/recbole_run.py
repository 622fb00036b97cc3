"""One training with RecBole, timed: ``PYTHON benchmarks/recbole_run.py < ARGUMENTS.json`` prints a line of JSON.

Run by the interpreter of an environment that has RecBole; imports nothing of this repository. The arguments: ``model``,
``dataset``, ``config``, ``threads``, ``mask`` (whether what a user chose before is left out of rankings of sequences,
which RecBole does not do by itself). The last line that is printed holds ``seconds_of_epochs`` (training alone),
``curve`` (of each validation, seconds since the training began and the value), ``test``, and ``versions``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any


def main() -> None:
    """Train, and print what came of it."""
    asked: dict[str, Any] = json.load(sys.stdin)
    os.environ["OMP_NUM_THREADS"] = str(asked["threads"])
    import torch

    torch.set_num_threads(asked["threads"])
    load = torch.load
    # RecBole 1.2.1 saves its configuration in its checkpoints; torch 2.6 and later read weights only unless told.
    torch.load = lambda *args, **kwargs: load(*args, **{"weights_only": False, **kwargs})

    from scipy.sparse import dok_matrix

    if not hasattr(dok_matrix, "_update"):
        # What its LightGCN fills the graph with, in releases of scipy that have it no more.
        dok_matrix._update = lambda self, entries: self._dict.update(entries)

    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    logging.disable(logging.INFO)
    config = Config(model=asked["model"], dataset=asked["dataset"], config_dict=asked["config"])
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    train_data, valid_data, test_data = data_preparation(config, dataset)
    init_seed(config["seed"], config["reproducibility"])
    model = get_model(config["model"])(config, train_data._dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    if asked["mask"]:
        leave_out_history(trainer, dataset)

    seconds_of_epochs: list[float] = []
    train_epoch = trainer._train_epoch

    def timed(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        loss = train_epoch(*args, **kwargs)
        seconds_of_epochs.append(round(time.perf_counter() - began, 4))
        print(f"epoch {len(seconds_of_epochs)}: {seconds_of_epochs[-1]:.2f} s", file=sys.stderr, flush=True)
        return loss

    curve: list[tuple[float, float]] = []
    trainer._train_epoch = timed
    began = time.perf_counter()
    trainer.fit(
        train_data,
        valid_data,
        verbose=False,
        callback_fn=lambda epoch, value: curve.append((round(time.perf_counter() - began, 4), float(value))),
    )
    test = trainer.evaluate(test_data, load_best_model=True)
    found = {
        "seconds_of_epochs": seconds_of_epochs,
        "curve": curve,
        "test": {name: float(value) for name, value in test.items()},
        "versions": {"recbole": sys.modules["recbole"].__version__, "torch": torch.__version__},
    }
    print(json.dumps(found), flush=True)


def leave_out_history(trainer: Any, dataset: Any) -> None:
    """Have a model of sequences rank no item that is in the sequence, or was before it.

    The sequences of the last two interactions of a user hold the latest 50 items alone; who has more is looked up.
    """
    import torch

    users, items, lengths = dataset.uid_field, dataset.iid_field, dataset.item_list_length_field
    chosen: dict[int, list[int]] = {}
    # What follows the first item of each user, in order; the first one is all of the sequence of length 1.
    for user, item, length, sequence in zip(
        dataset.inter_feat[users].tolist(),
        dataset.inter_feat[items].tolist(),
        dataset.inter_feat[lengths].tolist(),
        dataset.inter_feat[dataset.item_id_list_field].tolist(),
        strict=True,
    ):
        mine = chosen.setdefault(user, [sequence[0]] if length == 1 else [])
        mine.append(item)
    rank = trainer._full_sort_batch_eval

    def ranked(batch: Any) -> Any:
        interaction, scores, positive_u, positive_i = rank(batch)
        for row, (user, target) in enumerate(zip(interaction[users].tolist(), positive_i.tolist(), strict=True)):
            before = chosen[user][: chosen[user].index(target)]
            scores[row, torch.tensor(before)] = -torch.inf
        return interaction, scores, positive_u, positive_i

    trainer._full_sort_batch_eval = ranked


if __name__ == "__main__":
    main()
