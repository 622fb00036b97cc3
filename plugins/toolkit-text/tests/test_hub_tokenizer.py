"""Tokenizers of models of the Hugging Face hub, from its cache and from folders: nothing is downloaded."""

from __future__ import annotations

import pytest
from toolkit_text.characters import Characters
from toolkit_text.hub_tokenizer import HubTokenizer

from toolkit.data.download import no_downloads

SPECIALS = ["<pad>", "<unk>", "<eos>", "<eos>"]


def test_a_tokenizer_in_the_cache_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    model = tmp_path / "models--somebody--model"
    snapshot = model / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("0" * 40)
    (snapshot / "tokenizer.json").write_bytes(Characters().fit(["abc"]).to_bytes())
    part = HubTokenizer("somebody/model", SPECIALS)
    with no_downloads():
        tokenizer = part.fit([])
        assert tokenizer.encode("cab") == [6, 4, 5]
        assert tokenizer.bos_id == tokenizer.eos_id == 3
        with pytest.raises(OSError, match="the tokenizer of 'somebody/other' is not on this machine"):
            HubTokenizer("somebody/other", SPECIALS).fit([])


def test_a_tokenizer_in_the_folder_of_a_model(tmp_path):
    with pytest.raises(ValueError, match=r"the folder has no tokenizer\.json; give one that has, or a name on the hub"):
        HubTokenizer(str(tmp_path), SPECIALS).fit([])
    (tmp_path / "tokenizer.json").write_bytes(Characters().fit(["abc"]).to_bytes())
    with no_downloads():
        tokenizer = HubTokenizer(str(tmp_path), SPECIALS).fit([])
    assert tokenizer.encode("cab") == [6, 4, 5]
    assert tokenizer.bos_id == tokenizer.eos_id == 3
    with pytest.raises(ValueError, match=r"tokenizer\.json: the tokenizer has no token \[CLS\]"):
        HubTokenizer(str(tmp_path), ["<pad>", "<unk>", "[CLS]", "<eos>"]).fit([])


def test_a_name_that_is_neither_a_folder_nor_on_the_hub(tmp_path):
    name = str(tmp_path / "nowhere")
    with pytest.raises(
        ValueError, match="nowhere': there is no such folder, and a model of the hub is called owner/name"
    ):
        HubTokenizer(name, SPECIALS).fit([])
