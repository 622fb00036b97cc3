"""Models of transformers as this package calls them; tiny ones of random weights, and nothing is downloaded."""

from __future__ import annotations

import sys
from itertools import product

import pytest
import torch
from toolkit_text.hf_model import HuggingFace
from toolkit_text.translation.beam_search import beam_search
from torch.nn.functional import cross_entropy, pad

transformers = pytest.importorskip("transformers", reason="the extra hf is not installed")

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
BERT = {"model_type": "bert", "max_position_embeddings": 64, **SIZES}
LLAMA = {"model_type": "llama", "num_key_value_heads": 1, "max_position_embeddings": 64, **SIZES}
GPT2 = {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
T5 = {"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    # The variable HF_HUB_OFFLINE is read when the library is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    torch.manual_seed(0)


def tokens(*shape):
    return torch.randint(4, 30, shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("config", [BERT, LLAMA, GPT2], ids=lambda config: config["model_type"])
@pytest.mark.parametrize("pad_id", [0, 3])
def test_a_classifier_takes_no_notice_of_padding_and_learns(config, pad_id):
    model = HuggingFace("sequence_classification", config=config, num_classes=3, vocab_size=30, pad_id=pad_id)
    assert model.training
    texts = tokens(4, 7)
    texts[2:, 5:] = pad_id
    alone = model.eval()(texts)
    assert alone.shape == (4, 3)
    torch.testing.assert_close(model(pad(texts, (0, 9), value=pad_id)), alone)
    torch.testing.assert_close(model(texts[2:, :5]), alone[2:])
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-2)
    targets = torch.tensor([0, 1, 2, 0])
    losses = []
    for _ in range(40):
        losses.append(cross_entropy(model(texts), targets))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("config", [LLAMA, GPT2], ids=lambda config: config["model_type"])
def test_a_language_model_steps_to_the_same_logits_as_in_one_pass(config):
    model = HuggingFace("causal_lm", config=config, vocab_size=30, pad_id=0).eval()
    assert model.context == 64
    text = tokens(2, 9)
    whole = model(text)
    assert whole.shape == (2, 9, 30)
    first, cache = model.step(text[:, :4])
    torch.testing.assert_close(first, whole[:, 3])
    logits, _ = model.step(text[:, 4:5], cache)
    torch.testing.assert_close(logits, whole[:, 4])
    # The cache is a value: the same step once more, and others from the same place.
    again, later = model.step(text[:, 4:7], cache)
    torch.testing.assert_close(again, whole[:, 6])
    torch.testing.assert_close(model.step(text[:, 4:5], cache)[0], logits)
    torch.testing.assert_close(model.step(text[:, 7:], later)[0], whole[:, 8])
    torch.testing.assert_close(model(pad(text, (0, 3)))[:, :9], whole)


def test_padding_that_is_the_end_of_a_text_too_is_seen_where_it_ends_a_text():
    model = HuggingFace("causal_lm", config=GPT2, vocab_size=30, pad_id=0).eval()
    text = tokens(1, 8)
    text[0, 3] = 0
    changed = text.clone()
    changed[0, 3] = 5
    assert not torch.allclose(model(text)[0, 6], model(changed)[0, 6])


def test_translation_with_steps():
    model = HuggingFace("seq2seq", config=T5, vocab_size=30, pad_id=0).eval()
    source, target = tokens(2, 6), tokens(2, 5)
    source[1, 4:] = 0
    whole = model((source, target))
    assert whole.shape == (2, 5, 30)
    torch.testing.assert_close(model((pad(source, (0, 5)), pad(target, (0, 2))))[:, :5], whole)
    memory, cache = model.encode(source), None
    for place in range(5):
        logits, cache = model.step(target[:, place], memory, cache)
        torch.testing.assert_close(logits, whole[:, place])


@pytest.mark.parametrize("lora", [None, {"r": 2, "target_modules": ["q", "v"]}], ids=["whole", "lora"])
def test_a_beam_finds_what_a_search_through_everything_finds(lora):
    if lora is not None:
        pytest.importorskip("peft", reason="the extra hf is not installed whole: no peft")
    model = HuggingFace("seq2seq", config=T5, lora=lora, vocab_size=7, pad_id=0).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    source = torch.tensor([[5, 4, 6, 3], [6, 4, 3, 0]])
    said = [[*text, 3] for length in range(4) for text in product((1, 4, 5, 6), repeat=length)]
    scores = []
    for text in said:
        target = torch.tensor([text]).repeat(2, 1)
        logits = model((source, torch.cat((torch.full((2, 1), 2), target[:, :-1]), dim=1)))
        logits[:, :, [0, 2]] = -torch.inf
        found = logits.log_softmax(2).gather(2, target[:, :, None])[:, :, 0].sum(1)
        scores.append(found / len(text))
    best = [said[number][:-1] for number in torch.stack(scores).argmax(0).tolist()]
    searched = beam_search(model, source, pad_id=0, bos_id=2, eos_id=3, beam=200, max_length=4)
    assert searched == best


def test_weights_of_a_folder_are_loaded_and_an_untrained_one_is_the_same_network(tmp_path, capsys):
    made = transformers.BertForSequenceClassification(
        transformers.BertConfig(vocab_size=30, num_labels=3, **{k: v for k, v in BERT.items() if k != "model_type"})
    )
    made.save_pretrained(tmp_path)
    arguments = {"name_or_path": str(tmp_path), "num_classes": 3, "vocab_size": 30, "pad_id": 0}
    model = HuggingFace("sequence_classification", config={"attention_probs_dropout_prob": 0.3}, **arguments)
    assert model.network.config.attention_probs_dropout_prob == 0.3
    assert model.training
    texts = tokens(2, 7)
    expected = made.eval()(texts).logits
    torch.testing.assert_close(model.eval()(texts), expected)

    again = HuggingFace.untrained(head="sequence_classification", **arguments).eval()
    assert not torch.allclose(again(texts), expected)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again(texts), expected)

    capsys.readouterr()
    other = HuggingFace("sequence_classification", **{**arguments, "num_classes": 5})
    assert other.eval()(texts).shape == (2, 5)
    told = f"note: {tmp_path}: random weights, which are not in it: classifier.bias, classifier.weight"
    assert told in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"layer\.0\.intermediate\.dense\.bias is \[32\], and config makes it \[64\]"):
        HuggingFace("sequence_classification", config={"intermediate_size": 64}, **arguments)
    (tmp_path / "model.safetensors").unlink()
    torch.save(made.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match=r"model\.safetensors"):
        HuggingFace("sequence_classification", **arguments)


def test_lora_trains_its_own_matrices_and_the_new_head():
    pytest.importorskip("peft", reason="the extra hf is not installed whole: no peft")
    lora = {"r": 2, "lora_alpha": 4, "target_modules": ["query", "value"]}
    model = HuggingFace("sequence_classification", config=BERT, lora=lora, num_classes=3, vocab_size=30, pad_id=0)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained
    assert all("lora_" in name or "classifier" in name for name in trained)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=1e-2)
    for _ in range(2):
        cross_entropy(model(tokens(3, 6)), torch.tensor([0, 1, 2])).backward()
        optimizer.step()
    changed = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == trained
    causal = HuggingFace("causal_lm", config=LLAMA, lora={"r": 2}, vocab_size=30, pad_id=0).eval()
    text = tokens(1, 6)
    _, cache = causal.step(text[:, :5])
    torch.testing.assert_close(causal.step(text[:, 5:], cache)[0], causal(text)[:, 5])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "give name_or_path, or a config with a model_type"),
        ({"name_or_path": "nobody/nothing"}, OSError, "'nobody/nothing' is no folder with a config.json"),
        ({"config": BERT, "vocab_size": 30}, ValueError, "needs num_classes"),
        ({"config": {**BERT, "vocab_size": 20}, "vocab_size": 30, "num_classes": 2}, ValueError, "the data has 30 tok"),
        ({"config": {"model_type": "brt"}, "num_classes": 2}, ValueError, "brt"),
    ],
)
def test_what_cannot_be(arguments, error, message):
    with pytest.raises(error, match=message):
        HuggingFace("sequence_classification", **arguments)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ModuleNotFoundError, match=r"peft is not installed: pip install 'toolkit-text\[hf\]'"):
        HuggingFace("causal_lm", config=LLAMA, lora={"r": 2}, vocab_size=30)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModuleNotFoundError, match=r"transformers is not installed: pip install 'toolkit-text\[hf\]'"):
        HuggingFace("causal_lm", config=LLAMA, vocab_size=30)
