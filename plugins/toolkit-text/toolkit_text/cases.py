"""Cases of the plugin's components, for `toolkit test-plugin toolkit-text` and its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toolkit.testing import Case

VOCABULARY = 20


def _tokens(padded: bool = True) -> Tensor:
    """Four texts of nine tokens, of which the last ones are shorter; no special token stands inside."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(4, VOCABULARY, (4, 9), generator=generator)
    if padded:
        tokens[2, 7:] = tokens[3, 5:] = 0
    return tokens


def _translated() -> tuple[Tensor, Tensor]:
    source, target = _tokens(), _tokens().flip(0)
    target[:, 0] = 2
    return source, target[:, :6]


def _classifier(use: str, **args: Any) -> Case:
    return Case(kind="model", use=use, args={"vocab_size": VOCABULARY, "num_classes": 3, **args}, batch=_tokens)


def _language_model(use: str, **args: Any) -> Case:
    return Case(
        kind="model", use=use, args={"vocab_size": VOCABULARY, "width": 8, **args}, batch=lambda: _tokens(padded=False)
    )


BAG = {"use": "bag_of_ngrams", "vocab_size": VOCABULARY, "num_classes": 3, "buckets": 64, "width": 4}

MODELS = [
    _classifier("bag_of_ngrams", buckets=64, width=4),
    _classifier("bag_of_ngrams", buckets=64, width=4, tf_idf=True),
    _classifier("bilstm_classifier", width=8, hidden=4),
    Case(kind="model", use="ensemble", args={"model": {"one": BAG, "two": BAG}}, batch=_tokens),
    _classifier("ngram_cnn", buckets=64, width=4, filters=4),
    _classifier("text_cnn", width=8, filters=4),
    _classifier("transformer_classifier", width=8, depth=1, heads=2),
    _language_model("gpt", context=16, depth=1, heads=2),
    _language_model("gru_lm", depth=1),
    _language_model("lstm_lm", depth=1),
    Case(
        kind="model",
        use="hf",
        args={
            "head": "sequence_classification",
            "pretrained": False,
            "config": {
                "model_type": "bert",
                "hidden_size": 8,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "intermediate_size": 8,
            },
            "num_classes": 3,
            "vocab_size": VOCABULARY,
            "pad_id": 0,
        },
        batch=_tokens,
    ),
    Case(
        kind="model",
        use="attention_rnn",
        args={"vocab_size": VOCABULARY, "pad_id": 0, "width": 8},
        batch=_translated,
    ),
    Case(
        kind="model",
        use="transformer_seq2seq",
        args={
            "vocab_size": VOCABULARY,
            "pad_id": 0,
            "width": 8,
            "heads": 2,
            "encoder_depth": 1,
            "decoder_depth": 1,
        },
        batch=_translated,
    ),
]

CHARACTERS = {"use": "characters"}


def _text(folder: Path) -> dict[str, Any]:
    (folder / "text.txt").write_text("\n".join(str(number**7) for number in range(10, 250)))
    return {"train": str(folder / "text.txt"), "tokenizer": CHARACTERS, "context": 16, "test_share": 0.1}


def _table(folder: Path) -> dict[str, Any]:
    rows = [
        f"text {number} is {'good' if number % 2 else 'bad'},{'yes' if number % 2 else 'no'}" for number in range(40)
    ]
    (folder / "texts.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    return {"file": str(folder / "texts.csv"), "tokenizer": CHARACTERS}


def _pairs(folder: Path) -> dict[str, Any]:
    rows = [f"the number {number},die Zahl {number}" for number in range(60)]
    (folder / "pairs.csv").write_text("\n".join(["source,target", *rows]) + "\n")
    return {"file": str(folder / "pairs.csv"), "tokenizer": CHARACTERS}


def _tokenizer(folder: Path) -> dict[str, Any]:
    from toolkit_text.characters import Characters

    (folder / "tokenizer.json").write_bytes(Characters().fit(["a few letters"]).to_bytes())
    return {"file": str(folder / "tokenizer.json")}


DATASETS = [
    *(Case(kind="dataset", use=use) for use in ("ag_news", "imdb", "sst2")),
    *(Case(kind="dataset", use=use) for use in ("iwslt2017", "multi30k", "wmt", "wikitext103", "wikitext2")),
    *(Case(kind="dataset", use=use) for use in ("interface_strings", "language_id", "movie_sentiment")),
    Case(kind="dataset", use="austen", args={"tokenizer": CHARACTERS}),
    Case(kind="dataset", use="parallel_table", args=_pairs),
    Case(kind="dataset", use="plain_text", args=_text),
    Case(kind="dataset", use="text_table", args=_table),
]


def _sentences() -> tuple[list[str], list[str]]:
    predicted = ["the cat is on the mat", "a dog runs here", "it is late today"]
    return predicted, ["the cat sat on the mat", "a dog ran here", "it is very late today"]


METRICS = [Case(kind="metric", use=use, batch=_sentences) for use in ("bleu", "chrf")]

PARTS = [
    *(Case(kind="part", use=use) for use in ("bytes", "characters", "words")),
    Case(kind="part", use="bpe", args={"vocab_size": 300}),
    Case(kind="part", use="unigram", args={"vocab_size": 50}),
    Case(
        kind="part", use="hub_tokenizer", args={"name": "nobody/nothing", "specials": ["<pad>", "<unk>", "<s>", "</s>"]}
    ),
    Case(kind="part", use="tokenizer_file", args=_tokenizer),
]

OPTIMIZER = {"use": "adamw", "lr": 0.01}

TASKS = [
    Case(
        kind="task",
        use="language_modeling",
        args={"sample_tokens": 4},
        recipe={
            "dataset": {"use": "austen", "tokenizer": CHARACTERS, "context": 16},
            "model": {"use": "gpt", "context": 16, "depth": 1, "width": 8, "heads": 2},
            "optimizer": OPTIMIZER,
        },
    ),
    Case(
        kind="task",
        use="seq2seq",
        args={"max_length": 10, "beam": 2},
        recipe={
            "dataset": {"use": "interface_strings", "tokenizer": {"use": "bytes"}},
            "model": {
                "use": "transformer_seq2seq",
                "width": 8,
                "heads": 2,
                "encoder_depth": 1,
                "decoder_depth": 1,
            },
            "loss": "cross_entropy",
            "optimizer": OPTIMIZER,
            "metrics": {"bleu": {}},
        },
    ),
]

CASES = [*MODELS, *PARTS, *DATASETS, *METRICS, *TASKS]
