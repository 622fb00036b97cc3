"""The texts that come with the package are what their documentation says."""

from __future__ import annotations

from toolkit_text.byte_level import Bytes
from toolkit_text.language_id import language_id
from toolkit_text.movie_sentiment import movie_sentiment


def test_language_id(capsys):
    data = language_id()
    assert [len(split) for split in (data.train, data.val, data.test)] == [28_800, 3_600, 3_600]
    for split, count in ((data.train, 800), (data.val, 100), (data.test, 100)):
        assert split.targets.bincount().tolist() == [count] * 36
    assert data.facts["num_classes"] == 36
    assert data.facts["class_names"][:3] == ["bg", "ca", "cs"]
    assert data.facts["class_names"][-1] == "zh-Hant"
    texts = [data.text_of(data.test[index][0]) for index in range(len(data.test))]
    german = [text for text, target in zip(texts, data.test.targets.tolist(), strict=True) if target == 3]
    assert sum("ü" in text or "ä" in text or "ö" in text for text in german) > 20
    assert capsys.readouterr().err == "", "no text was cut"
    assert int(data.train.lengths.max()) == 202, "with tokens for beginning and end"
    assert sorted(map(len, texts))[len(texts) // 2] == 33


def test_movie_sentiment():
    data = movie_sentiment(Bytes(), max_length=10_000)
    splits = (data.train, data.val, data.test)
    assert [len(split) for split in splits] == [7_397, 1_058, 2_113]
    assert data.facts["class_names"] == ["negative", "positive"]
    assert [int(split.targets.sum()) for split in splits] == [3_646, 523, 1_073]
    texts = [{data.text_of(split[index][0]) for index in range(len(split))} for split in splits]
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    assert not texts[1] & texts[2]
