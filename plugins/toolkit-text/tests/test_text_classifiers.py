"""Classifiers of texts: padding changes nothing, and each learns what it is for."""

from __future__ import annotations

import math

import pytest
import torch
from toolkit_text.bag_of_ngrams import BagOfNgrams
from toolkit_text.bilstm_classifier import BiLSTMClassifier
from toolkit_text.ensemble import Ensemble
from toolkit_text.ngram_cnn import NgramCNN
from toolkit_text.text_cnn import TextCNN
from toolkit_text.transformer_classifier import TransformerClassifier
from torch import nn
from torch.nn.functional import cross_entropy, pad

PAD = 3
"""Another than the usual 0, which a model could have been written for."""
MODELS = {
    "bag": lambda **more: BagOfNgrams(20, 4, PAD, sizes=[1, 2, 3], buckets=4096, width=16, **more),
    "bag with peaks": lambda **more: BagOfNgrams(20, 4, PAD, sizes=[1, 2], buckets=4096, width=16, peaks=True, **more),
    "bag with tf-idf": lambda **more: BagOfNgrams(
        20, 4, PAD, sizes=[1, 2], buckets=4096, width=16, tf_idf=True, **more
    ),
    "ngram cnn": lambda **more: NgramCNN(
        20,
        4,
        PAD,
        sizes=[1, 2],
        buckets=4096,
        width=16,
        reach=[1, 3],
        filters=16,
        ngram_dropout=more["dropout"],
        **more,
    ),
    "ensemble": lambda **more: Ensemble({name: MODELS[name](**more) for name in ("bag", "ngram cnn")}),
    "cnn": lambda **more: TextCNN(20, 4, PAD, width=16, sizes=[2, 3], filters=16, **more),
    "bilstm": lambda **more: BiLSTMClassifier(20, 4, PAD, width=16, hidden=16, depth=2, **more),
    "transformer": lambda **more: TransformerClassifier(20, 4, PAD, width=16, depth=2, heads=2, **more),
}


def texts(*lengths):
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(4, 20, (length,), generator=generator) for length in lengths]


def batch_of(samples, length):
    return torch.stack([pad(sample, (0, length - len(sample)), value=PAD) for sample in samples])


@pytest.fixture(params=MODELS)
def model(request):
    torch.manual_seed(0)
    model = MODELS[request.param](dropout=0.5)
    for part in model.modules():
        if isinstance(part, nn.Embedding):
            # What averaged or loaded weights may hold.
            nn.init.normal_(part.weight)
    # What TF-IDF counts: n-grams that it has seen in training.
    for lengths in ((1, 2, 7, 12), (7, 7), (7, 6), (3, 9)):
        model(batch_of(texts(*lengths), 12))
    return model.eval()


def test_padding_changes_no_output(model):
    samples = texts(1, 2, 7, 12)
    alone = torch.cat([model(sample[None]) for sample in samples])
    assert alone.shape == (4, 4)
    for length in (12, 13, 40):
        torch.testing.assert_close(model(batch_of(samples, length)), alone)
    assert not torch.allclose(model(batch_of(texts(7, 7), 7))[0], model(batch_of(texts(7, 6), 7))[1])


def test_padding_gets_no_gradient(model):
    samples = texts(3, 9)
    grads = []
    for length in (9, 20):
        model.zero_grad()
        cross_entropy(model(batch_of(samples, length)), torch.tensor([1, 2])).backward()
        grads.append([parameter.grad.clone() for parameter in model.parameters()])
    for less, more in zip(*grads, strict=True):
        torch.testing.assert_close(less, more)


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_the_order_of_two_tokens(name):
    """Class 1 where token 5 comes right before 6, class 0 where it comes right after: single tokens tell nothing."""
    torch.manual_seed(0)
    model = MODELS[name](dropout=0.0)
    tokens = torch.randint(7, 20, (256, 10))
    targets = torch.arange(256) % 2
    place = torch.randint(0, 9, (256,))
    row = torch.arange(256)
    tokens[row, place] = torch.where(targets == 1, 5, 6)
    tokens[row, place + 1] = torch.where(targets == 1, 6, 5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(150):
        index = (torch.arange(64) + 64 * step) % 192
        loss = cross_entropy(model(tokens[index]), targets[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = (model.eval()(tokens[192:]).argmax(1) == targets[192:]).float().mean()
    assert right > 0.9


def test_a_bag_is_the_mean_of_the_vectors_of_its_ngrams():
    model = MODELS["bag"]().eval()
    a, b = 5, 6
    rows = [tuple(each) for each in model.vectors.rows(torch.tensor([[a, b, a, PAD]]))[0].T.tolist()]
    singles, pairs, triples = rows
    assert singles == (a, b, a, PAD)
    assert pairs[2:] == (PAD, PAD)
    assert triples[1:] == (PAD, PAD, PAD)
    assert len({*pairs[:2], triples[0]}) == 3
    assert all(20 <= row < 20 + 4096 for row in (*pairs[:2], triples[0]))
    vectors = model.vectors.weight[[a, b, a, *pairs[:2], triples[0]]]
    torch.testing.assert_close(model(torch.tensor([[a, b, a]]))[0], model.classifier(vectors.mean(0)))


def test_peaks_are_the_maxima_beside_the_mean():
    model = MODELS["bag with peaks"]().eval()
    (rows,) = model.vectors.rows(torch.tensor([[5, 6, 7]]))
    vectors = model.vectors.weight[rows[rows != PAD]]
    assert vectors.shape == (5, 16)
    logits = model.classifier(torch.cat((vectors.mean(0), vectors.amax(0))))
    torch.testing.assert_close(model(torch.tensor([[5, 6, 7]]))[0], logits)


def test_tf_idf_weights_are_those_of_the_formula():
    """Those of scikit-learn 1.9's `TfidfVectorizer(sublinear_tf=True)`, written out here."""
    samples = [[5, 5, 6, 7], [5, 8], [6, 6, 6, 5, 8, 8, 9]]
    model = BagOfNgrams(20, 4, PAD, sizes=[1], width=16, tf_idf=True)
    for sample in samples:
        model(torch.tensor([sample]))
    having = {token: sum(token in sample for sample in samples) for token in range(20)}
    model.eval()
    for text in (samples[0], samples[2], [7, 11, 7, 5]):
        # Token 11 is in no text of the training.
        weights = {
            token: (1 + math.log(text.count(token))) * (1 + math.log(4 / (1 + having[token])))
            for token in sorted(set(text))
            if having[token]
        }
        length = math.hypot(*weights.values())
        vectors = torch.stack([model.vectors.weight[token] * weight / length for token, weight in weights.items()])
        torch.testing.assert_close(model(torch.tensor([text]))[0], model.classifier(vectors.sum(0)))
    # Evaluation does not count.
    assert int(model.weights.texts) == 3


def test_tf_idf_counts_texts_before_ngrams_are_left_out():
    model = BagOfNgrams(20, 4, PAD, sizes=[1], width=16, tf_idf=True, dropout=0.9)
    model(torch.tensor([[5, 6, 6, PAD], [6, 7, 8, 9]]))
    assert model.weights.having.nonzero().flatten().tolist() == [5, 6, 7, 8, 9]
    assert model.weights.having.sum() == 6


def test_a_place_of_an_ngram_cnn_is_the_sum_of_the_ngrams_that_begin_there():
    model = MODELS["ngram cnn"](dropout=0.5).eval()
    seen = []
    model.convolutions[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(torch.tensor([[5, 6, PAD]]))
    rows = model.vectors.rows(torch.tensor([[5, 6, PAD]]))[0]
    assert rows[1:].tolist() == [[6, PAD], [PAD, PAD]]
    weight = model.vectors.weight
    torch.testing.assert_close(seen[0][0].T, torch.stack((weight[5] + weight[rows[0, 1]], weight[6], 0 * weight[6])))


def test_an_ensemble_answers_by_the_mean_and_trains_each_model_on_its_own_texts():
    torch.manual_seed(0)
    models = {name: MODELS[name](dropout=0.0) for name in ("bag", "cnn")}
    ensemble = Ensemble(models)
    tokens = batch_of(texts(7, 3, 5), 7)
    means = torch.stack([model(tokens).log_softmax(1) for model in models.values()]).mean(0)
    torch.testing.assert_close(ensemble.eval()(tokens), means)
    tokens = tokens.repeat(4, 1)
    alone = torch.stack([model(tokens) for model in models.values()])
    logits = ensemble.train()(tokens)
    own = torch.isclose(logits, alone).all(2)
    # To each text one of the models has answered, and each of them to half of the texts.
    assert own.sum(0).tolist() == [1] * 12
    assert own.sum(1).tolist() == [6, 6]
    # To fewer texts than there are models all answer.
    torch.testing.assert_close(ensemble(tokens[:1]), means[:1])


def test_texts_shorter_than_every_ngram_have_the_bias_for_outputs():
    model = BagOfNgrams(20, 4, PAD, sizes=[3])
    for length in (2, 5):
        torch.testing.assert_close(model(batch_of(texts(2), length))[0], model.classifier.bias)


def test_ngrams_are_spread_over_all_buckets():
    model = BagOfNgrams(100, 2, sizes=[2], buckets=1000)
    pairs = torch.cartesian_prod(torch.arange(1, 100), torch.arange(1, 100))
    rows = model.vectors.rows(pairs)
    assert (rows[:, 1] == model.vectors.pad_id).all()
    counts = (rows[:, 0].flatten() - 100).bincount(minlength=1000)
    # 9,801 pairs thrown at random into 1,000 buckets: a mean of 9.8, and a deviation of 3.1.
    assert len(counts) == 1000
    assert 2.7 < counts.float().std() < 3.6


@pytest.mark.parametrize("name", ["bag", "bag with peaks", "bag with tf-idf", "ngram cnn"])
def test_ngrams_are_left_out_in_training_only(name):
    torch.manual_seed(0)
    model = MODELS[name](dropout=0.5)
    tokens = batch_of(texts(12), 12)
    model(tokens)
    assert not torch.allclose(model(tokens), model(tokens))
    model.eval()
    torch.testing.assert_close(model(tokens), model(tokens))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": [1, 1]}, "sizes"),
        ({"sizes": []}, "sizes"),
        ({"sizes": [0]}, "sizes"),
        ({"buckets": 0}, "buckets"),
        ({"dropout": 1.0}, "dropout"),
        ({"peaks": True, "tf_idf": True}, "peaks and tf_idf"),
    ],
)
def test_bags_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        BagOfNgrams(20, 4, **arguments)


def test_ngram_cnns_and_ensembles_that_cannot_be():
    with pytest.raises(ValueError, match="reach"):
        NgramCNN(20, 4, reach=[0])
    with pytest.raises(ValueError, match="two or more"):
        Ensemble({"one": MODELS["bag"]()})
