"""Recipes on generated data expect the share of the best possible that they say, and say what that is."""

from __future__ import annotations

import re

import pytest
from toolkit_recsys.clicks.generated_clicks import generated_clicks
from toolkit_recsys.generated import generated_interactions
from toolkit_recsys.protocols import LeaveOneOut

from toolkit.recipe import load

RANKED = ["bpr", "lightgcn", "two-tower", "sasrec"]


def said(name: str) -> tuple[float, float, float]:
    """What the page of a recipe says: the share, the best possible, and what is expected."""
    recipe = load(f"recsys/{name}")
    (expected,) = recipe.get("expect").values()
    head = " ".join(recipe.header.split())
    share = re.search(r"of which (\d+) % are expected: (?:its NDCG@10|it) is (0\.\d+)", head)
    assert share is not None, head
    return int(share[1]) / 100, float(share[2]), float(expected.removeprefix(">= "))


@pytest.mark.parametrize("name", RANKED)
def test_of_rankings(name):
    share, best, expected = said(name)
    arguments = {key: value for key, value in load(f"recsys/{name}").get("dataset").items() if key != "use"}
    if "split" in arguments:
        assert arguments["split"] == {"use": "leave_one_out"}
        arguments["split"] = LeaveOneOut()
    found = generated_interactions(**arguments).facts["generated_interactions_best"]["test"]["ndcg"]
    assert found == pytest.approx(best, abs=0.0005)
    assert expected == pytest.approx(share * found, abs=0.005)


def test_of_clicks():
    share, best, expected = said("ctr-deepfm")
    assert set(load("recsys/ctr-deepfm").get("dataset")) == {"use"}
    found = generated_clicks().facts["generated_clicks_best"]["test"]["auroc"]
    assert found == pytest.approx(best, abs=0.00005)
    assert expected == pytest.approx(share * found, abs=0.005)
