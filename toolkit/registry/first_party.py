"""What the first-party plugins offer, so that a missing one can be named: the only ones whose installation is hinted.

A table instead of a search, because a plugin that is not installed leaves no trace; ``tests/registry`` holds it against
each plugin's ``pyproject.toml``. Imports nothing of the toolkit.
"""

from __future__ import annotations

from collections.abc import Mapping

FIRST_PARTY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "toolkit-recsys": {
        "task": ("item_recommendation",),
        "model": (
            "autoint",
            "bert4rec",
            "biases",
            "bpr",
            "dcn_v2",
            "deepfm",
            "ease",
            "final_mlp",
            "fm",
            "fwfm",
            "gru4rec",
            "item_knn",
            "lightgcn",
            "logistic_regression",
            "mult_vae",
            "neumf",
            "popularity",
            "rating_mf",
            "sasrec",
            "two_tower",
            "wide_and_deep",
        ),
        "dataset": (
            "amazon_reviews",
            "avazu",
            "click_table",
            "criteo",
            "frappe",
            "generated_clicks",
            "generated_interactions",
            "interactions",
            "movielens_100k",
            "movielens_100k_clicks",
            "movielens_100k_ratings",
            "movielens_1m",
            "movielens_latest",
        ),
        "loss": (
            "bpr",
            "pointwise",
        ),
        "metric": (
            "click_ratio",
            "coverage",
            "hit_rate",
            "item_precision",
            "item_recall",
            "log_loss",
            "mrr",
            "ndcg",
            "novelty",
        ),
        "part": (
            "by_time",
            "in_batch",
            "leave_one_out",
            "popularity",
            "random_ratio",
            "sampled_candidates",
            "uniform",
        ),
    },
    "toolkit-speech": {
        "task": ("ctc", "transcription"),
        "model": (
            "bc_resnet",
            "cnn_bilstm",
            "conformer_ctc",
            "conformer_seq2seq",
            "ds_cnn",
            "keyword_cnn",
            "streaming_lstm",
        ),
        "dataset": (
            "audio_folder",
            "audio_manifest",
            "common_voice",
            "librispeech",
            "speech_commands",
            "spoken_codes",
            "spoken_symbols",
        ),
        "metric": ("cer", "wer"),
        "transform": ("random_gain", "random_noise", "random_resampling", "random_reverberation", "random_speed"),
        "part": ("arpa", "leaf", "log_mel", "mfcc", "ngram", "prefix_beam", "spec_augment", "strided_conv"),
    },
    "toolkit-text": {
        "task": ("language_modeling", "seq2seq"),
        "model": (
            "attention_rnn",
            "bag_of_ngrams",
            "bilstm_classifier",
            "ensemble",
            "gpt",
            "gru_lm",
            "hf",
            "lstm_lm",
            "ngram_cnn",
            "text_cnn",
            "transformer_classifier",
            "transformer_seq2seq",
        ),
        "dataset": (
            "ag_news",
            "austen",
            "imdb",
            "interface_strings",
            "iwslt2017",
            "language_id",
            "movie_sentiment",
            "multi30k",
            "parallel_table",
            "plain_text",
            "sst2",
            "text_table",
            "wikitext103",
            "wikitext2",
            "wmt",
        ),
        "metric": ("bleu", "chrf"),
        "part": ("bpe", "bytes", "characters", "hub_tokenizer", "tokenizer_file", "unigram", "words"),
    },
    "toolkit-vision": {
        "task": ("detection", "recognition", "segmentation"),
        "model": (
            "centre_detector",
            "convnext",
            "flip_averaged",
            "mlp",
            "resnet",
            "resnet9",
            "small_cnn",
            "timm",
            "torchvision",
            "torchvision_detection",
            "torchvision_segmentation",
            "unet",
            "vit",
        ),
        "dataset": (
            "cifar10",
            "cifar100",
            "coco",
            "digit_scenes",
            "digits",
            "fashion_mnist",
            "held_out_digits",
            "image_csv",
            "image_folder",
            "imagenet",
            "lfw",
            "lfw_pairs",
            "mnist",
            "oxford_pet_masks",
            "oxford_pets",
            "voc",
        ),
        "loss": ("arcface", "dice", "dice_cross_entropy", "triplet"),
        "metric": ("coco_map", "pair_accuracy", "recall_at_k", "verification_accuracy"),
        "transform": (
            "color_jitter",
            "cutmix",
            "mixup",
            "mixup_cutmix",
            "normalize",
            "rand_augment",
            "random_crop",
            "random_erasing",
            "random_flip",
            "random_resized_crop",
            "trivial_augment",
        ),
        "part": ("convnext", "residual_backbone", "resnet"),
    },
}
"""By distribution and kind, the names of its components."""


def how_to_install(distribution: str) -> str:
    """What to type for a first-party plugin: no package index has them."""
    return f"in a checkout of the toolkit, pip install -e plugins/{distribution}"


def provider(kind: str, name: str) -> str | None:
    """The first-party distribution that offers this component, or None."""
    return next((dist for dist, kinds in FIRST_PARTY.items() if name in kinds.get(kind, ())), None)


def kinds_with(name: str) -> tuple[tuple[str, str], ...]:
    """``(kind, distribution)`` of every first-party component of this name."""
    return tuple((kind, dist) for dist, kinds in FIRST_PARTY.items() for kind, names in kinds.items() if name in names)
