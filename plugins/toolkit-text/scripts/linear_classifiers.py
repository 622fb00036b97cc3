"""What linear models of TF-IDF reach on texts with classes: the numbers that recipes are compared with.

    pip install scikit-learn
    python plugins/toolkit-text/scripts/linear_classifiers.py language_id
    python plugins/toolkit-text/scripts/linear_classifiers.py movie_sentiment
    python plugins/toolkit-text/scripts/linear_classifiers.py TRAIN.tsv TEST.tsv

The names are datasets that come with this package; the files are as those of `text/topics`: class, tab, text. Splits
are those that a recipe gets, with the validation texts that `text_table` cuts from the training texts. All models are
told of with their validation accuracy, and with its test accuracy that one of each kind which is best in validation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from toolkit_text.byte_level import Bytes
from toolkit_text.language_id import language_id
from toolkit_text.movie_sentiment import movie_sentiment
from toolkit_text.splits import Splits
from toolkit_text.text_table import text_table

BUNDLED = {"language_id": language_id, "movie_sentiment": movie_sentiment}
FEATURES: dict[str, dict[str, Any]] = {
    "words": {"token_pattern": r"\w+|[^\w\s]+", "ngram_range": (1, 2)},
    "characters": {"analyzer": "char", "lowercase": False, "ngram_range": (1, 5)},
}
REGRESSION = "logistic regression"
CLASSIFIERS = {"SVM": LinearSVC, REGRESSION: LogisticRegression}
STRENGTHS = (0.3, 1.0, 3.0, 10.0)
"""The inverse of regularisation, `C`."""
FEW = 5
"""Of more classes a logistic regression is not fitted: it takes many minutes."""


def main() -> None:
    splits = splits_of(sys.argv[1:])
    (train, train_targets), (val, val_targets), (test, test_targets) = (
        texts_of(splits, name) for name in ("train", "val", "test")
    )
    best: dict[str, tuple[float, float, str]] = {}
    for features, options in FEATURES.items():
        vectorizer = TfidfVectorizer(sublinear_tf=True, **options)
        inputs, val_inputs, test_inputs = vectorizer.fit_transform(train), *map(vectorizer.transform, (val, test))
        for (name, classifier), strength in product(CLASSIFIERS.items(), STRENGTHS):
            if name == REGRESSION and len(set(train_targets)) > FEW:
                continue
            model = classifier(C=strength, max_iter=1000).fit(inputs, train_targets)
            accuracy = model.score(val_inputs, val_targets)
            print(f"val {accuracy:.4f}  {features}, {name}, C={strength}", flush=True)
            if accuracy > best.get(name, (0.0,))[0]:
                best[name] = accuracy, model.score(test_inputs, test_targets), f"{features}, {name}, C={strength}"
    for _, accuracy, told in best.values():
        print(f"test {accuracy:.4f}  {told}")


def splits_of(arguments: list[str]) -> Splits:
    # With a token for each byte, and as many as there are, the text of a sample is that of the file.
    whole: dict[str, Any] = {"tokenizer": Bytes(), "max_length": 10**9}
    match arguments:
        case [name] if name in BUNDLED:
            return BUNDLED[name](**whole)
        case [train, test]:
            return text_table(train=train, test=test, columns=["label", "text"], **whole)
    sys.exit(__doc__)


def texts_of(splits: Splits, name: str) -> tuple[list[str], list[int]]:
    def samples() -> Iterator[tuple[str, int]]:
        split = getattr(splits, name)
        assert splits.text_of is not None
        for number in range(len(split)):
            tokens, target = split[number]
            yield splits.text_of(tokens), target

    texts, targets = zip(*samples(), strict=True)
    return list(texts), list(targets)


if __name__ == "__main__":
    main()
