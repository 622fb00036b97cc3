"""Models of clicks and ratings: what they compute, held against what their papers write, and their gradients."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from toolkit_recsys.clicks.autoint import AutoInt
from toolkit_recsys.clicks.biases import Biases
from toolkit_recsys.clicks.dcn_v2 import Cross, DCNv2
from toolkit_recsys.clicks.deepfm import DeepFM
from toolkit_recsys.clicks.features import FeatureTable
from toolkit_recsys.clicks.final_mlp import FinalMLP
from toolkit_recsys.clicks.fm import FM
from toolkit_recsys.clicks.fwfm import FwFM
from toolkit_recsys.clicks.logistic_regression import LogisticRegression
from toolkit_recsys.clicks.rating_mf import RatingMF
from toolkit_recsys.clicks.wide_and_deep import WideAndDeep
from toolkit_recsys.dropout import Dropout

CLICKS = [LogisticRegression, FM, FwFM, WideAndDeep, DeepFM, DCNv2, AutoInt, FinalMLP]
SIZES = {"field_sizes": [4, 6], "num_numerical": 2, "multi_sizes": [5]}


def batch(samples=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    categorical = torch.stack([torch.randint(size, (samples,), generator=generator) for size in (4, 6)], dim=1)
    multi = torch.randint(5, (samples, 1, 3), generator=generator)
    multi[0, 0, :] = -1
    multi[1, 0, 2] = -1
    return {"categorical": categorical, "numerical": torch.randn(samples, 2, generator=generator), "multi": multi}


def drawn(model, seed=1):
    """The model with parameters that are all far from 0."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model.eval().requires_grad_()


def rows_of(table, inputs, sample):
    """The rows of one sample's features, read one by one."""
    weight = table.table.weight
    rows = [weight[inputs["categorical"][sample, 0]], weight[4 + inputs["categorical"][sample, 1]]]
    values = [value for value in inputs["multi"][sample, 0].tolist() if value >= 0]
    several = [weight[4 + 6 + value] for value in values]
    rows.append(torch.stack(several).mean(0) if several else torch.zeros(weight.shape[1]))
    return rows + [value * row for value, row in zip(inputs["numerical"][sample], table.numerical, strict=True)]


def test_a_table_gives_a_row_for_every_feature():
    table, inputs = drawn(FeatureTable(**SIZES, width=3)), batch()
    found = table(inputs)
    assert found.shape == (7, 5, 3)
    for sample in range(7):
        torch.testing.assert_close(found[sample], torch.stack(rows_of(table, inputs, sample)))
    # Arrays on disk give whole numbers of 32 bits.
    inputs |= {name: inputs[name].int() for name in ("categorical", "multi")}
    assert torch.equal(table(inputs), found)


def test_what_is_unknown_says_nothing_at_the_start():
    model = DeepFM(**SIZES)
    rows = model.linear.features(batch() | {"categorical": torch.zeros(7, 2, dtype=torch.int64)})
    assert not rows[:, :2].any()


def pairs(vectors):
    return [float(one @ other) for one, other in itertools.combinations(vectors, 2)]


@pytest.mark.parametrize("kind", [LogisticRegression, FM, FwFM])
def test_shallow_models_compute_what_their_papers_write(kind):
    model, inputs = drawn(kind(**SIZES)), batch()
    for sample, logit in enumerate(model(inputs).tolist()):
        rows = rows_of(model.linear.features, inputs, sample)
        expected = float(model.linear.bias.detach()) + sum(float(row[0]) for row in rows)
        products = pairs([row[1:] for row in rows])
        if kind is FM:
            expected += sum(products)
        if kind is FwFM:
            expected += sum(float(r) * product for r, product in zip(model.strengths, products, strict=True))
        assert logit == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_fwfm_begins_as_an_fm():
    torch.manual_seed(0)
    fm, fwfm = FM(**SIZES), FwFM(**SIZES)
    fwfm.linear.load_state_dict(fm.linear.state_dict())
    torch.testing.assert_close(fwfm(batch()), fm(batch()))


@pytest.mark.parametrize("rank", [None, 2])
def test_a_cross_layer_multiplies_by_the_first_input(rank):
    cross, first = drawn(Cross(4, 2, rank)), torch.randn(3, 4)
    crossed = first
    for layer in cross.layers:
        weight = layer.weight if rank is None else layer[1].weight @ layer[0].weight
        bias = layer.bias if rank is None else layer[1].bias
        crossed = first * (crossed @ weight.T + bias) + crossed
    torch.testing.assert_close(cross(first), crossed)


def test_autoint_looks_at_all_features_by_heads():
    model, inputs = drawn(AutoInt(**SIZES, width=4, layers=1, heads=2, head_width=3)), batch()
    vectors = model.features(inputs)
    queries, keys, values, residual = model.layers[0](vectors).chunk(4, dim=2)
    heads = []
    for head in (slice(0, 3), slice(3, 6)):
        scores = queries[..., head] @ keys[..., head].transpose(1, 2) / math.sqrt(3)
        heads.append(scores.softmax(2) @ values[..., head])
    behind = (torch.cat(heads, dim=2) + residual).relu().flatten(1)
    torch.testing.assert_close(model(inputs), model.head(behind).squeeze(1), rtol=1e-4, atol=1e-4)


def test_finalmlp_joins_two_gated_networks():
    model, inputs = drawn(FinalMLP(**SIZES, width=4, first=[8], second=[6], heads=2)), batch()
    vectors = model.features(inputs).flatten(1)
    gates = [2 * gate(context).sigmoid() for gate, context in zip(model.gates, model.contexts, strict=True)]
    one, other = (stream(vectors * gate) for stream, gate in zip(model.streams, gates, strict=True))
    expected = model.linear(torch.cat((one, other), dim=1)).squeeze(1)
    for head in range(2):
        left, right = one[:, 4 * head : 4 * head + 4], other[:, 3 * head : 3 * head + 3]
        expected = expected + (left @ model.bilinear[head] * right).sum(1)
    torch.testing.assert_close(model(inputs), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", CLICKS)
@pytest.mark.parametrize("keys", [("categorical",), ("numerical",), ("categorical", "numerical", "multi")])
def test_whatever_features_there_are_reach_every_parameter(kind, keys):
    names = {"categorical": "field_sizes", "numerical": "num_numerical", "multi": "multi_sizes"}
    torch.manual_seed(0)
    model = kind(**{names[key]: SIZES[names[key]] for key in keys}, target_mean=0.2)
    inputs = {key: value for key, value in batch().items() if key in keys}
    logits = model.eval()(inputs)
    assert logits.shape == (7,)
    assert logits.mean().sigmoid().item() == pytest.approx(0.2, abs=0.1), "begins at the mean"
    drawn(model)(inputs).sum().backward()
    assert [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()] == []


@pytest.mark.parametrize("kind", CLICKS)
def test_sparse_gradients_make_the_same_step(kind):
    steps = []
    for sparse in (False, True):
        model = drawn(kind(**SIZES, sparse=sparse))
        model(batch()).sum().backward()
        (table,) = (part.weight for part in model.modules() if isinstance(part, torch.nn.Embedding))
        assert table.grad.is_sparse == sparse
        torch.optim.SGD(model.parameters(), 0.1).step()
        steps.append(table.detach())
    torch.testing.assert_close(steps[0], steps[1])


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_dropout_leaves_out_a_share_and_keeps_the_mean(p):
    torch.manual_seed(0)
    dropout, inputs = Dropout(p), torch.ones(501, 203, requires_grad=True)
    outputs = dropout(inputs)
    left_out = outputs == 0
    # Four deviations of a share of 100,000 independent draws.
    assert float(left_out.float().mean()) == pytest.approx(p, abs=4 * (p * (1 - p) / 101_703) ** 0.5)
    assert torch.allclose(outputs[~left_out], torch.tensor(1 / (1 - p)))
    for one, other in ((left_out[:, 1:], left_out[:, :-1]), (left_out[1:], left_out[:-1])):
        both = float((one & other).float().mean())
        assert both == pytest.approx(p * p, abs=0.01), "neighbours know nothing of each other"
    outputs.sum().backward()
    assert torch.equal(inputs.grad, outputs.detach())
    assert not torch.equal(dropout(inputs), outputs)
    assert torch.equal(dropout.eval()(inputs), inputs)


@pytest.mark.parametrize("kind", CLICKS)
def test_half_precision_gives_nearly_the_same(kind):
    model = drawn(kind(**SIZES))
    expected = model(batch())
    with torch.autocast("cpu", torch.bfloat16):
        found = model(batch())
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05 * float(expected.abs().max()))
    found.sum().backward()
    assert all(parameter.grad.dtype is torch.float32 for parameter in model.parameters())


def test_ratings_are_sums_of_biases_and_a_product():
    inputs = {"categorical": torch.tensor([[1, 2], [3, 5]])}
    model = drawn(Biases([4, 6], target_mean=3.5))
    weight = model.features.table.weight.squeeze(1)
    torch.testing.assert_close(model(inputs), model.mean + weight[[1, 3]] + weight[[4 + 2, 4 + 5]])
    model = drawn(RatingMF([4, 6], width=3))
    users, items = model.features.table.weight[[1, 3]], model.features.table.weight[[4 + 2, 4 + 5]]
    expected = model.mean + users[:, 0] + items[:, 0] + (users[:, 1:] * items[:, 1:]).sum(1)
    torch.testing.assert_close(model(inputs), expected)
    assert float(Biases([4, 6], target_mean=3.5)(inputs).mean()) == 3.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FM(), "no features"),
        (lambda: FM([3, 0]), "sizes of fields are numbers from 1 up"),
        (lambda: FM([3], width=-1), "width=-1"),
        (lambda: DeepFM([3], dropout=1.0), r"dropout=1.0: a probability"),
        (lambda: DeepFM([3], hidden=[0]), r"hidden=\[0\]: lengths of layers"),
        (lambda: DCNv2([3], layers=0), "layers=0"),
        (lambda: AutoInt([3], heads=0), "heads=0"),
        (lambda: FinalMLP([3], heads=3), "heads=3: the last layers, 128 and 128"),
        (lambda: RatingMF([3]), "the first two categorical fields are users and items"),
    ],
)
def test_numbers_that_cannot_be_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()
