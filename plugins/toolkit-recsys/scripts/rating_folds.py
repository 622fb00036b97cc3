"""The error of rating models on MovieLens-100k, the mean over five random folds.

    python plugins/toolkit-recsys/scripts/rating_folds.py FOLDER [MODEL...]

FOLDER holds `ml-100k.inter`. MODEL is among biases and rating_mf; both if none is named. Every fold is a run of its own
of the recipe below, with everything that it keeps in a temporary folder; a fold is tested on once, after the last
epoch. Settings were chosen on a tenth of the training ratings of the first fold (`dataset.val_share=0.1`); what was
tried stands beside them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import toolkit

FOLDS = 5
RECIPE = """
seed: 0
task: regression
dataset: {{use: movielens_100k_ratings, root: "{root}", fold: 0}}
loader: {{batch_size: 1024, eval_batch_size: 8192}}
loss: mse
metrics: {{rmse: {{use: mean_squared_error, squared: false}}}}
{model}
scheduler: {{use: linear_warmup_cosine, interval: step, warmup: 0.05}}
"""
MODELS = {
    "biases": """
model: biases
optimizer: {use: adam, lr: 5e-3, weight_decay: 1e-4, no_decay: mean}
trainer: {max_epochs: 20}
""",
    "rating_mf": """
model: {use: rating_mf, width: 32, spread: 0.1}
optimizer: {use: adam, lr: 5e-3, weight_decay: 3e-4, no_decay: mean}
trainer: {max_epochs: 20}
""",
}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", metavar="FOLDER", type=Path)
    parser.add_argument("models", metavar="MODEL", nargs="*", help=f"among {', '.join(MODELS)}; all if none is named")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="an override of the recipe")
    options = parser.parse_args()
    unknown = [name for name in options.models if name not in MODELS]
    if unknown:
        parser.error(f"there is no model {', '.join(unknown)}; there are {', '.join(MODELS)}")
    for name in options.models or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "ratings.yaml"
            file.write_text(RECIPE.format(root=options.root.expanduser().absolute(), model=MODELS[name]))
            errors = []
            for fold in range(FOLDS):
                recipe = toolkit.load(str(file), [f"dataset.fold={fold}", *options.set])
                errors.append(float(toolkit.run(recipe, root=Path(folder) / "runs").metrics["test/rmse"]))
        told = " ".join(f"{error:.4f}" for error in errors)
        print(f"{name}: RMSE {statistics.mean(errors):.4f}, the mean of {told}", flush=True)


if __name__ == "__main__":
    main()
