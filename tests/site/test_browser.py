"""The documentation site in a real browser: search, links, what it fetches, and narrow screens.

Chromium is driven by its DevTools protocol over a pair of pipes, which needs no library.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import itertools
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NARROW = 360
"""Width of a small phone, in CSS pixels."""


class Browser:
    """One tab of a headless Chromium."""

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        options = (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
        )
        # Chromium reads commands from descriptor 3 and writes answers to 4.
        read_here, write_there = os.pipe()
        read_there, write_here = os.pipe()

        def descriptors() -> None:
            # Above both first: a pipe may have got one of these two numbers itself.
            commands, answers = os.dup(read_there), os.dup(write_there)
            while commands in (3, 4):
                commands = os.dup(commands)
            while answers in (3, 4):
                answers = os.dup(answers)
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        self._process = subprocess.Popen(
            [CHROMIUM, *options, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=descriptors,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self._answers, self._commands = os.fdopen(read_here, "rb"), os.fdopen(write_here, "wb")
        self._numbers = itertools.count(1)
        self._rest = b""
        self._session = ""
        self.requests: list[str] = []
        """Addresses of everything that pages asked for."""
        self.failures: list[str] = []
        """What was answered with an error, or not at all, and errors of scripts."""
        self._loaded = False
        (target,) = [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._send({"id": next(self._numbers), "method": "Browser.close"})
            self._commands.close()
        self._process.wait()
        self._answers.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Carry out a command, and note what happens meanwhile."""
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        self._send({"id": number, "method": method, "params": parameters, **session})
        while True:
            message = self._read()
            if message.get("id") == number:
                assert "error" not in message, message
                found: dict[str, Any] = message["result"]
                return found
            self._note(message)

    def open(self, address: str) -> None:
        """Load a page, with all it needs."""
        self._loaded = False
        self.call("Page.navigate", url=address)
        while not self._loaded:
            self._note(self._read())

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def width(self, pixels: int, height: int = 900) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=pixels, height=height, deviceScaleFactor=1, mobile=pixels < 600
        )

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _send(self, message: dict[str, Any]) -> None:
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._answers.fileno(), 1 << 16)
            assert piece, "Chromium has ended"
            self._rest += piece
        text, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        method, about = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif method == "Network.responseReceived" and about["response"]["status"] >= 400:
            self.failures.append(f"{about['response']['status']} {about['response']['url']}")
        elif method == "Network.loadingFailed" and not about.get("canceled"):
            self.failures.append(f"{about['errorText']} {about.get('requestId')}")
        elif method == "Runtime.exceptionThrown":
            self.failures.append(str(about["exceptionDetails"].get("text")))
        elif method == "Page.loadEventFired":
            self._loaded = True


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, on loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    browser = Browser(tmp_path / "profile")
    yield browser
    browser.close()


@pytest.fixture
def picture(browser: Browser, tmp_path: Path) -> Callable[[str], None]:
    """Takes a picture of what is on the screen, into TOOLKIT_SITE_PICTURES where that is set."""
    folder = Path(os.environ.get("TOOLKIT_SITE_PICTURES") or tmp_path)

    def take(name: str) -> None:
        browser.picture(folder / f"{name}.png")
        assert (folder / f"{name}.png").stat().st_size > 5000

    return take


def pages(site: Path) -> list[str]:
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))


FOUND = """
new Promise(found => {
  const list = document.querySelector(".md-search-result__list")
  const look = () => {
    const links = [...list.querySelectorAll("a")].map(a => a.getAttribute("href"))
    if (links.length) { watcher.disconnect(); found(links) }
  }
  const watcher = new MutationObserver(look)
  watcher.observe(list, {childList: true, subtree: true})
  look()
})
"""
"""What the search has found, as soon as it has found anything."""


@pytest.mark.parametrize(
    ("word", "found"),
    [("small_cnn", "catalogue/models.html#small_cnn"), ("toolkit_run_started", "hooks.html#toolkit_run_startedrun")],
)
def test_search_finds(browser: Browser, address: str, picture: Callable[[str], None], word: str, found: str) -> None:
    browser.width(1280)
    browser.open(f"{address}/index.html")
    browser.call("Emulation.setFocusEmulationEnabled", enabled=True)
    browser.evaluate("document.querySelector('[data-md-component=search-query]').focus()")
    browser.call("Input.insertText", text=word)
    links = browser.evaluate(FOUND)
    picture(f"search-{word}")
    assert any(
        urlsplit(link).path.endswith(found.partition("#")[0]) and link.endswith(found.partition("#")[2])
        for link in links
    ), links


def test_no_link_is_broken_and_nothing_leaves_loopback(browser: Browser, address: str, site: Path) -> None:
    anchors: dict[str, set[str]] = {}
    links: set[tuple[str, str]] = set()
    for page in pages(site):
        browser.open(f"{address}/{page}")
        told = browser.evaluate(
            "({anchors: [...document.querySelectorAll('[id]')].map(e => e.id),"
            " links: [...document.querySelectorAll('a[href]')].map(a => a.href)})"
        )
        anchors[f"/{page}"] = set(told["anchors"])
        links |= {(page, link) for link in told["links"]}
    assert browser.failures == []
    assert len(browser.requests) > len(anchors)
    assert [url for url in browser.requests if not url.startswith((address, "data:", "blob:"))] == []
    broken = []
    for page, link in sorted(links):
        parts = urlsplit(link)
        if not link.startswith(address):
            continue
        path = parts.path + "index.html" if parts.path.endswith("/") else parts.path
        if path in anchors:
            missing = bool(parts.fragment) and parts.fragment not in anchors[path]
        else:
            missing = not (site / path.lstrip("/")).exists()
        if missing:
            broken.append(f"{page}: {link}")
    assert broken == []


WIDER = """
[...document.querySelectorAll(".md-content table, .md-content pre, .md-content img")].filter(e => {
  const box = e.getBoundingClientRect()
  if (box.right <= innerWidth + 1) return false
  for (let p = e.parentElement; p && !p.matches(".md-content"); p = p.parentElement)
    if (["auto", "scroll"].includes(getComputedStyle(p).overflowX)) return false
  return true
}).map(e => e.outerHTML.slice(0, 100))
"""


def test_every_page_fits_a_narrow_screen(
    browser: Browser, address: str, site: Path, picture: Callable[[str], None]
) -> None:
    browser.width(NARROW)
    too_wide = {}
    scrolled = 0
    for page in pages(site):
        browser.open(f"{address}/{page}")
        width, wider, tables = browser.evaluate(
            f"[document.documentElement.scrollWidth, {WIDER}, [...document.querySelectorAll('.md-content table')]"
            ".filter(t => t.getBoundingClientRect().width > innerWidth).length]"
        )
        scrolled += tables
        if width > NARROW or wider:
            too_wide[page] = (width, wider)
    assert too_wide == {}
    assert scrolled > 0, "some table is wider than the screen, and scrolls by itself"


def test_it_looks_as_it_should(browser: Browser, address: str, picture: Callable[[str], None]) -> None:
    """Pictures for a person to look at; here it is asked whether the colours follow the system's."""
    shades = {}
    for scheme in ("light", "dark"):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        for width, page in itertools.product(
            (NARROW, 1280), ("index", "kinds", "hooks", "catalogue/models", "catalogue/recipes")
        ):
            browser.width(width)
            browser.open(f"{address}/{page}.html")
            picture(f"{scheme}-{width}-{page.replace('/', '-')}")
        shades[scheme] = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert shades["light"] == "rgb(255, 255, 255)"
    assert shades["dark"] != shades["light"]
