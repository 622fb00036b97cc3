"""Tables of measurements on pages: each goes to its place, and a page without one is told before anything is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import clicks_on_disk, recsys, recsys_alone
from benchmarks.recsys_files import write_made_up
from benchmarks.recsys_recipes import MODELS
from toolkit.errors import RequestError
from toolkit.tracking import pages

ROOT = Path(__file__).parent.parent
README = ROOT / "plugins" / "toolkit-recsys" / "README.md"


def page(path: Path, *parts: str, command: str = "make it") -> Path:
    lines = [line for part in parts for line in (*pages.markers(part, command), "", "Between.")]
    path.write_text("\n".join(["# A page", *lines, ""]), encoding="utf-8")
    return path


def test_a_part_is_written_anew_and_the_rest_stays(tmp_path: Path) -> None:
    file = page(tmp_path / "page.md", "one", "two")
    before = file.read_text(encoding="utf-8")
    for text in ("old | table", "new | table\nof two lines"):
        pages.put(file, "two", "make it", text)
    begin, end = pages.markers("two", "make it")
    assert f"{begin}\nnew | table\nof two lines\n{end}" in file.read_text(encoding="utf-8")
    pages.put(file, "two", "make it", "")
    assert file.read_text(encoding="utf-8").replace(f"{begin}\n\n", f"{begin}\n") == before
    with pytest.raises(
        RequestError, match=r"page.md has no place for three. Put these two lines in it:\n<!-- three: beg"
    ):
        pages.put(file, "three", "make it", "text")


def test_the_readme_has_a_place_for_every_table() -> None:
    for name in recsys_alone.TABLES:
        pages.place(README, name, recsys_alone.WRITES)
    pages.place(README, clicks_on_disk.PART, clicks_on_disk.WRITES)
    for name in MODELS:
        pages.place(README, f"{name} beside RecBole", recsys.WRITES)


@pytest.mark.parametrize("module", ["recsys", "recsys_alone"])
def test_a_page_without_a_place_is_told_before_anything_is_run(module: str, tmp_path: Path) -> None:
    file = page(tmp_path / "page.md", "something else")
    command = [sys.executable, "-m", f"benchmarks.{module}", "--data", str(tmp_path), "--write", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "page.md has no place for" in done.stderr
    assert done.stdout == ""


def test_tables_of_runs_go_to_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    write_made_up(tmp_path / "made-up")
    file = page(tmp_path / "page.md", "ordered", "films", "ranked", command=recsys_alone.WRITES)
    arguments = ["--data", str(tmp_path / "made-up"), "--only", "ordered", "films", "--tiny", "--write", str(file)]
    monkeypatch.setattr(sys, "argv", ["recsys_alone", *arguments])
    recsys_alone.main()
    text = file.read_text(encoding="utf-8")
    for label in ("`sasrec`, recipe `recsys/sasrec`", "`gru4rec`", "`bert4rec`"):
        figures = r"0\.\d{4} \| 0\.\d{4} \| 1 \| \d+ \| \d+"
        assert re.search(rf"(?m)^\| {re.escape(label)} \| {figures} \|$", text), label
    assert re.search(r"(?m)^\| 2 \| 0\.\d{4} \| \d\.\d{4} \| 1 \| \d+ \|$", text)
    assert re.search(r"(?m)^\| mean \| 0\.\d{4} \| \d\.\d{4} \| \| \|$", text)
    assert len(re.findall(r"(?m)^20\d\d-\d\d-\d\d, commit \w+\+?, .* cores\.$", text)) == 2
    assert (
        "ranked: begin (written by `python -m benchmarks.recsys_alone --write`, do not edit) -->\n<!-- ranked" in text
    )
