"""Cases of the metrics that the core offers, all of them torchmetrics'. Imports torch when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from toolkit.testing.case import Case


def _n(*shape: int, seed: int = 0) -> Any:
    from toolkit.testing.core.toys import numbers

    return numbers(*shape, seed=seed)


def _whole(*shape: int, below: int = 3, seed: int = 0) -> Any:
    return (_n(*shape, seed=seed) * below).long()


def _family(batch: Callable[[], Any], names: Mapping[str, Mapping[str, Any]], **more: Any) -> list[Case]:
    """Cases of metrics that look at the same batch, by name with their arguments."""
    return [Case(kind="metric", use=use, args=args, batch=batch, **more) for use, args in names.items()]


def _plain(*names: str) -> dict[str, dict[str, Any]]:
    return {name: {} for name in names}


def _scores() -> Any:
    return _n(9, 3).softmax(-1), _whole(9, seed=4)


def _sentences() -> Any:
    return (
        ["the cat is on the mat", "a dog runs here", "it is late"],
        [["the cat sat on the mat"], ["a dog ran here"], ["it is very late"]],
    )


def _transcripts() -> Any:
    predicted, references = _sentences()
    return predicted, [each[0] for each in references]


def _images() -> Any:
    return _n(3, 3, 24, 24), _n(3, 3, 24, 24, seed=1)


def _large_images() -> Any:
    return _n(2, 3, 48, 48), _n(2, 3, 48, 48, seed=1)


def _boxes(images: int) -> Any:
    import torch

    corners = torch.tensor([[1.0, 1, 10, 10], [4, 5, 20, 18]])
    found = [
        {"boxes": corners + k, "scores": torch.tensor([0.9, 0.4]) - 0.03 * k, "labels": torch.tensor([0, 1])}
        for k in range(images)
    ]
    true = [{"boxes": corners + 0.5, "labels": torch.tensor([0, 1])} for _ in range(images)]
    return found, true


def _panoptic() -> Any:
    import torch

    def one(seed: int) -> Any:
        kinds = torch.tensor([0, 1, 6, 7])[_whole(2, 6, 6, below=4, seed=seed)]
        return torch.stack((kinds, torch.where(kinds < 2, _whole(2, 6, 6, below=2, seed=seed + 1), 0)), -1)

    return one(0), one(2)


def _questions() -> Any:
    found = [{"prediction_text": text, "id": str(number)} for number, text in enumerate(("1976", "a cat", "no"))]
    true = [
        {"answers": {"answer_start": [0], "text": [text]}, "id": str(number)}
        for number, text in enumerate(("1976", "the cat", "yes"))
    ]
    return found, true


CHANCES = {"task": "multiclass", "num_classes": 3}
_DOWNLOADS = "it is built from pretrained weights that torchmetrics downloads"
_UNDOCUMENTED = {
    "arguments_are_named_and_documented": "torchmetrics tells of them at the classes that this one makes, by its `task`"
}
_BY_IMAGE = "torchmetrics gathers a tensor for each image, which ends processes that have seen different numbers (1.9)"
_BY_UPDATE = {
    "several_updates_equal_one": "torchmetrics numbers the groups of a batch: one that lacks a group is misread (1.9)"
}

METRICS = [
    *_family(lambda: (_n(6),), _plain("cat_metric", "max_metric", "mean_metric", "min_metric", "sum_metric")),
    *_family(lambda: (_n(6),), _plain("running_mean", "running_sum")),
    *_family(
        lambda: (_n(4, 400), _n(4, 400, seed=1)),
        {
            **_plain("scale_invariant_signal_distortion_ratio", "scale_invariant_signal_noise_ratio"),
            **_plain("signal_noise_ratio"),
            "signal_distortion_ratio": {"filter_length": 32},
        },
    ),
    *_family(lambda: (_n(3, 5, 9, 2), _n(3, 5, 9, 2, seed=1)), _plain("complex_scale_invariant_signal_noise_ratio")),
    *_family(lambda: (_n(3, 2, 400), _n(3, 2, 400, seed=1)), _plain("source_aggregated_signal_distortion_ratio")),
    *_family(
        lambda: (_n(2, 16000), _n(2, 16000, seed=1)),
        {
            "deep_noise_suppression_mean_opinion_score": {"fs": 16000, "personalized": False},
            "non_intrusive_speech_quality_assessment": {"fs": 16000},
            "perceptual_evaluation_speech_quality": {"fs": 16000, "mode": "wb"},
            "short_time_objective_intelligibility": {"fs": 16000},
            "speech_reverberation_modulation_energy_ratio": {"fs": 16000},
        },
    ),
    *_family(
        _scores,
        {
            **dict.fromkeys(
                (
                    "accuracy",
                    "auroc",
                    "average_precision",
                    "calibration_error",
                    "cohen_kappa",
                    "confusion_matrix",
                    "eer",
                    "f1_score",
                    "f_beta_score",
                    "hamming_distance",
                    "hinge_loss",
                    "jaccard_index",
                    "log_auc",
                    "matthews_corr_coef",
                    "negative_predictive_value",
                    "precision",
                    "precision_recall_curve",
                    "recall",
                    "roc",
                    "specificity",
                    "stat_scores",
                ),
                CHANCES,
            ),
            "precision_at_fixed_recall": {**CHANCES, "min_recall": 0.5},
            "recall_at_fixed_precision": {**CHANCES, "min_precision": 0.5},
            "sensitivity_at_specificity": {**CHANCES, "min_specificity": 0.5},
            "specificity_at_sensitivity": {**CHANCES, "min_sensitivity": 0.5},
        },
        known_failures=_UNDOCUMENTED,
    ),
    *_family(lambda: (_whole(6, 2), _whole(6, 2, seed=1)), {"exact_match": CHANCES}, known_failures=_UNDOCUMENTED),
    *_family(
        lambda: (_n(8), _whole(8, below=2, seed=1), _whole(8, below=2, seed=2)),
        {"binary_fairness": {"num_groups": 2}, "binary_group_stat_rates": {"num_groups": 2}},
        known_failures=_BY_UPDATE,
    ),
    *_family(
        lambda: (_n(6, 3), _whole(6, 3, below=2, seed=1)),
        {
            name: {"num_labels": 3}
            for name in (
                "multilabel_coverage_error",
                "multilabel_ranking_average_precision",
                "multilabel_ranking_loss",
            )
        },
    ),
    *_family(
        lambda: (_whole(9), _whole(9, seed=1)),
        {
            **_plain(
                "adjusted_mutual_info_score",
                "adjusted_rand_score",
                "completeness_score",
                "fowlkes_mallows_index",
                "homogeneity_score",
                "mutual_info_score",
                "normalized_mutual_info_score",
                "rand_score",
                "v_measure_score",
            ),
            "cluster_accuracy": {"num_classes": 3},
        },
    ),
    *_family(
        lambda: (_n(9, 2), _whole(9, seed=1)),
        _plain("calinski_harabasz_score", "davies_bouldin_score", "dunn_index"),
    ),
    # Of as many images in each process; see `intersection_over_union`.
    *_family(
        lambda: _boxes(4),
        _plain(
            "complete_intersection_over_union",
            "distance_intersection_over_union",
            "generalized_intersection_over_union",
        ),
        known_failures={"arguments_are_named_and_documented": "torchmetrics tells of iou_threshold elsewhere (1.9)"},
    ),
    *_family(
        lambda: _boxes(3),
        _plain("intersection_over_union"),
        known_failures={
            "arguments_are_named_and_documented": "torchmetrics tells of iou_threshold elsewhere (1.9)",
            "distributed_sum_equals_single_process": _BY_IMAGE,
        },
    ),
    *_family(lambda: _boxes(4), {"mean_average_precision": {"backend": "faster_coco_eval"}}),
    *_family(
        _panoptic,
        {name: {"things": [0, 1], "stuffs": [6, 7]} for name in ("modified_panoptic_quality", "panoptic_quality")},
    ),
    *_family(
        _images,
        {
            **_plain(
                "error_relative_global_dimensionless_synthesis",
                "relative_average_spectral_error",
                "root_mean_squared_error_using_sliding_window",
                "spectral_angle_mapper",
                "spectral_distortion_index",
                "universal_image_quality_index",
            ),
            "structural_similarity_index_measure": {"data_range": 1.0},
            "peak_signal_noise_ratio": {"data_range": 1.0},
            "multi_scale_structural_similarity_index_measure": {
                "data_range": 1.0,
                "kernel_size": 3,
                "betas": [0.5, 0.5],
            },
        },
    ),
    *_family(
        lambda: (_n(3, 1, 24, 24), _n(3, 1, 24, 24, seed=1)),
        {"peak_signal_noise_ratio_with_blocked_effect": {"data_range": 1.0}},
    ),
    *_family(
        _images,
        _plain("spatial_correlation_coefficient"),
        known_failures={"arguments_are_named_and_documented": "torchmetrics calls it `hp_filter` there (1.9)"},
    ),
    *_family(_large_images, _plain("visual_information_fidelity")),
    *_family(lambda: (_n(3, 3, 8, 8),), _plain("total_variation")),
    *_family(
        lambda: (_n(3, 3, 32, 32), {"ms": _n(3, 3, 16, 16, seed=1), "pan": _n(3, 3, 32, 32, seed=2)}),
        _plain("quality_with_no_reference", "spatial_distortion_index"),
    ),
    *_family(
        lambda: (_n(2, 3, 64, 64), _n(2, 3, 64, 64, seed=1)),
        _plain(
            "arniqa",
            "clip_image_quality_assessment",
            "clip_score",
            "deep_image_structure_and_texture_similarity",
            "frechet_inception_distance",
            "inception_score",
            "kernel_inception_distance",
            "learned_perceptual_image_patch_similarity",
            "memorization_informed_frechet_inception_distance",
            "perceptual_path_length",
        ),
        untested=_DOWNLOADS,
    ),
    *_family(_large_images, _plain("video_multi_method_assessment_fusion")),
    *_family(lambda: (_n(4, 6, 3), _n(4, 6, 3, seed=1)), {"lip_vertex_error": {"mouth_map": [0, 2]}}),
    *_family(
        lambda: (_whole(20), _whole(20, seed=1)),
        {
            name: {"num_classes": 3}
            for name in ("cramers_v", "pearsons_contingency_coefficient", "theils_u", "tschuprows_t")
        },
    ),
    *_family(lambda: (_whole(5, 3, below=4) + 1,), _plain("fleiss_kappa")),
    *_family(
        lambda: (_n(8), _n(8, seed=1)),
        {
            **_plain(
                "concordance_corr_coef",
                "explained_variance",
                "kendall_rank_corr_coef",
                "log_cosh_error",
                "mean_absolute_error",
                "mean_absolute_percentage_error",
                "mean_squared_error",
                "mean_squared_log_error",
                "normalized_root_mean_squared_error",
                "pearson_corr_coef",
                "r2_score",
                "relative_squared_error",
                "spearman_corr_coef",
                "symmetric_mean_absolute_percentage_error",
                "tweedie_deviance_score",
                "weighted_mean_absolute_percentage_error",
            ),
            "critical_success_index": {"threshold": 0.5},
            "minkowski_distance": {"p": 3.0},
        },
    ),
    *_family(lambda: (_n(6, 4), _n(6, seed=1)), _plain("continuous_ranked_probability_score")),
    *_family(lambda: (_n(6, 4), _n(6, 4, seed=1)), _plain("cosine_similarity")),
    *_family(
        lambda: (_n(6, 4).softmax(-1), _n(6, 4, seed=1).softmax(-1)),
        _plain("jensen_shannon_divergence", "kl_divergence"),
    ),
    *_family(
        lambda: (_n(12), _whole(12, below=2, seed=1), _whole(12, below=2, seed=2)),
        {
            **_plain(
                "retrieval_auroc",
                "retrieval_fall_out",
                "retrieval_hit_rate",
                "retrieval_map",
                "retrieval_mrr",
                "retrieval_normalized_dcg",
                "retrieval_precision",
                "retrieval_precision_recall_curve",
                "retrieval_r_precision",
                "retrieval_recall",
            ),
            "retrieval_recall_at_fixed_precision": {"min_precision": 0.3},
        },
    ),
    *_family(
        lambda: (_whole(3, 8, 8), _whole(3, 8, 8, seed=1)),
        {
            name: {"num_classes": 3, "input_format": "index"}
            for name in ("dice_score", "generalized_dice_score", "hausdorff_distance", "mean_iou")
        },
    ),
    *_family(lambda: (_n(4, 6, 2), _n(4, 6, 2, seed=1)), _plain("procrustes_disparity")),
    *_family(_sentences, _plain("bleu_score", "chrf_score", "sacre_bleu_score")),
    *_family(_sentences, _plain("translation_edit_rate")),
    # Of an even number: torchmetrics gathers a tensor for each sentence, and processes that have seen different numbers
    # end each other (1.9); intersection_over_union above shows it.
    *_family(lambda: tuple(each + each[:1] for each in _sentences()), _plain("extended_edit_distance")),
    *_family(
        lambda: tuple(each + each[:1] for each in _transcripts()),
        {"rouge_score": {"rouge_keys": ["rouge1", "rouge2", "rougeL"]}},
    ),
    *_family(
        _transcripts,
        _plain(
            "char_error_rate",
            "edit_distance",
            "match_error_rate",
            "word_error_rate",
            "word_info_lost",
            "word_info_preserved",
        ),
    ),
    *_family(lambda: (_n(3, 4, 5), _whole(3, 4, below=5, seed=1)), _plain("perplexity")),
    *_family(_questions, _plain("squad")),
    *_family(_transcripts, _plain("bert_score", "info_lm"), untested=_DOWNLOADS),
]
