"""Sets of texts and tokenizers of the Hugging Face hub, from copies on this machine: nothing is downloaded."""

from __future__ import annotations

import json
import sys

import pytest
from toolkit_text.characters import Characters
from toolkit_text.hub_texts import ag_news, imdb, sst2
from toolkit_text.hub_tokenizer import HubTokenizer

from toolkit.data.download import no_downloads


@pytest.fixture
def copy_of_sst2(tmp_path, monkeypatch):
    pytest.importorskip("datasets", reason="the extra hf is not installed whole: no datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "sst2"
    folder.mkdir()
    for split, rows in {"train": 40, "validation": 6, "test": 6}.items():
        lines = [{"idx": n, "sentence": f"{split} {n}", "label": -1 if split == "test" else n % 2} for n in range(rows)]
        (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return str(folder)


def test_a_copy_is_read_and_validation_texts_are_cut_from_the_training_texts(copy_of_sst2):
    data = sst2(copy_of_sst2, tokenizer=Characters(), val_size=10)
    assert (len(data.train), len(data.val), len(data.test)) == (30, 10, 6)
    assert data.val.targets.bincount().tolist() == [5, 5]
    assert data.facts["class_names"] == ["negative", "positive"]
    assert data.text_of(data.val[0][0]).startswith("train ")
    assert data.run_files
    with pytest.raises(ValueError, match="val_size=40: of 40 training texts, 0 to 39 can be set aside"):
        sst2(copy_of_sst2, val_size=40)


@pytest.mark.parametrize(("dataset", "classes"), [(ag_news, 4), (imdb, 2), (sst2, 2)])
def test_stand_ins_have_the_same_facts(dataset, classes):
    data = dataset.stand_in(0)
    assert data.facts["num_classes"] == classes
    assert data.train.__getitems__([0, 1])[0].shape[0] == 2


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"datasets is not installed: pip install 'toolkit-text\[hf\]'"):
        ag_news()


def test_what_is_not_here_is_not_downloaded_by_a_check():
    with no_downloads(), pytest.raises(OSError, match="fancyzhx/ag_news is on the Hugging Face hub"):
        ag_news()


def test_a_tokenizer_in_the_cache_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    model = tmp_path / "models--somebody--model"
    snapshot = model / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("0" * 40)
    (snapshot / "tokenizer.json").write_bytes(Characters().fit(["abc"]).to_bytes())
    part = HubTokenizer("somebody/model", ["<pad>", "<unk>", "<eos>", "<eos>"])
    with no_downloads():
        tokenizer = part.fit([])
        assert tokenizer.encode("cab") == [6, 4, 5]
        assert tokenizer.bos_id == tokenizer.eos_id == 3
        with pytest.raises(OSError, match="the tokenizer of 'somebody/other' is not on this machine"):
            HubTokenizer("somebody/other", ["<pad>", "<unk>", "<eos>", "<eos>"]).fit([])
