"""The report in a real browser: what hostile texts can do there; hovering, sorting, filtering, phone, print."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.contents import collect
from pipeline.report.page import render
from pipeline.result import open_result
from tests.browser import Browser
from tests.report_results import HOSTILE, SECRET


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("browser"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def page(report_results: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every hostile document in it."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    contents = collect(open_result(str(report_results["annotated"])), per_reason=40, kept=600)
    file.write_text(render(contents), encoding="utf-8")
    return file


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.tell("Emulation.clearDeviceMetricsOverride")
    browser.tell("Emulation.setEmulatedMedia", features=[], media="")
    browser.open(page)
    return browser


NAMES = "return Array.from(document.querySelectorAll(arguments[0]), (one) => one.textContent)"
TAKEN = "return [window.taken === undefined, document.title.endsWith(' – beamsift report'), location.protocol]"


def test_hostile_texts_are_shown_and_do_nothing(opened: Browser, page: Path) -> None:
    """No element of theirs, no script, no request, no error; they read as they are, but for what would not show."""
    assert opened.messages() == []
    assert opened.run(TAKEN) == [True, True, "file:"]
    tags = opened.run("return Array.from(document.querySelectorAll('*'), (one) => one.localName)")
    assert not {"img", "iframe", "form", "plaintext", "b onclick"} & set(tags)
    assert (tags.count("script"), tags.count("style"), tags.count("meta")) == (1, 1, 5)
    handlers = "return Array.from(document.querySelectorAll('*')).filter((one) => [...one.attributes].some("
    assert opened.run(handlers + "(a) => a.name.startsWith('on') || a.name === 'style')).length") == 0
    assert {url for url in opened.requests() if not url.startswith(("data:", "chrome"))} == {page.as_uri()}
    shown = "\n".join(opened.run(NAMES, ".text"))
    for text in HOSTILE:
        assert text in shown or "\u202e" in text
    for spelled in ("\\u202egnp.exe\\u202c", "\\x1b[31mred\\x1b[0m", "\\x00", "\\u200b", "\\ufeff"):
        assert spelled in shown
    everything = opened.run("return document.documentElement.outerHTML")
    assert not {"\u202e", "\u202c", "\u2066", "\x1b", "\x00", "\u200b"} & set(everything)
    assert SECRET not in everything and "[EMAIL]" in shown.upper().replace("<", "[").replace(">", "]")


def test_a_script_that_were_in_the_page_would_not_run(browser: Browser, page: Path, tmp_path: Path) -> None:
    """The second wall: were the first one, escaping, to fail, the policy stops scripts, handlers, pictures, frames."""
    broken = tmp_path / "broken.html"
    attack = "".join(HOSTILE[:3]) + '<a href="javascript:window.taken = 1" id="link">x</a>'
    broken.write_text(page.read_text("utf-8").replace('<section id="funnel">', f'{attack}<section id="funnel">', 1))
    browser.open(broken)
    browser.run("document.getElementById('link').click()")
    assert browser.run("return [window.taken === undefined, document.querySelectorAll('img').length]") == [True, 1]
    refused = browser.messages()
    assert len(refused) >= 4 and all("Content Security Policy" in one or "ERR_" in one for one in refused)
    assert "taken" not in browser.run("return document.title")
    assert not [url for url in browser.requests() if "example.org" in url]
    with pytest.raises(OSError, match="500"):  # no markup from strings, for the page's own script neither
        browser.run("document.body.innerHTML = '<b>x</b>'")


def test_hovering_says_the_numbers(opened: Browser) -> None:
    where = opened.run(
        "const bar = document.querySelectorAll('#limits .hit')[3]; bar.scrollIntoView({block: 'center'});"
        "const box = bar.getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2, bar.dataset.tip]"
    )
    opened.tell("Input.dispatchMouseEvent", type="mouseMoved", x=where[0], y=where[1])
    tip = "const tip = document.getElementById('tip'); return [tip.hidden, tip.textContent]"
    assert opened.run(tip) == [False, where[2]]
    assert "below: " in where[2]
    box = "const box = document.getElementById('tip').getBoundingClientRect();"
    assert opened.run(f"{box} return box.x >= 0 && box.right <= innerWidth")
    opened.tell("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
    assert opened.run(tip)[0]


def test_tables_sort_both_ways_and_come_back(opened: Browser) -> None:
    table = "#reasons table"
    rows = f"Array.from(document.querySelector('{table}').tBodies[0].rows"
    cells = f"return {rows}, (row) => row.cells[arguments[0]].textContent)"
    before = opened.run(cells, 1)
    click = f"document.querySelector('{table}').tHead.rows[0].cells[arguments[0]].querySelector('button').click()"
    values = sorted((int(text.replace(",", "")) for text in before), reverse=True)
    assert len(set(values)) > 3
    for expected in (values, values[::-1]):
        opened.run(click, 1)
        assert [int(text.replace(",", "")) for text in opened.run(cells, 1)] == expected
    opened.run(click, 0)
    names = opened.run(cells, 0)
    assert names == sorted(names, key=str.lower) and len(names) == len(before)
    assert opened.run(f"return document.querySelector('{table} th').getAttribute('aria-sort')") == "ascending"


def test_filters_keep_what_holds_every_word(opened: Browser) -> None:
    typed = (
        "const box = document.querySelector('#samples input'); box.value = arguments[0];"
        "box.dispatchEvent(new Event('input')); return document.querySelector('#samples output').textContent"
    )
    every = opened.run("return document.querySelectorAll('#samples article').length")
    assert opened.run(typed, "ONERROR window.taken").endswith(f" of {every}")
    shown = "return Array.from(document.querySelectorAll('#samples article')).filter((one) => one.checkVisibility())"
    texts = opened.run(f"{shown}.map((one) => one.textContent.toLowerCase())")
    assert texts and all("onerror" in text and "window.taken" in text for text in texts)
    assert len(texts) < every
    assert opened.run(typed, "no text says this") == f"0 of {every}"
    assert opened.run(typed, "") == "" and opened.run(f"{shown}.length") > len(texts)


def test_logarithmic_counts_and_back(opened: Browser) -> None:
    bars = "return Array.from(document.querySelectorAll('#limits .bin rect'), (one) => +one.getAttribute('height'))"
    click = "document.querySelector('button.scale').click()"
    before = opened.run(bars)
    opened.run(click)
    after = opened.run(bars)
    assert len(after) == len(before) and sum(after) > 1.5 * sum(before)
    assert max(after) <= 130.01  # the room between the axis and the top
    opened.run(click)
    assert opened.run(bars) == before


@pytest.mark.parametrize("width", [360, 768])
def test_a_phone_scrolls_down_only(opened: Browser, width: int) -> None:
    opened.tell("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=2, mobile=True)
    opened.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert opened.run("return document.documentElement.scrollWidth") <= width
    assert opened.run("return innerWidth") == width


def test_print_opens_the_samples(opened: Browser, tmp_path: Path) -> None:
    closed = "return document.querySelectorAll('details.print:not([open])').length"
    before = opened.run(closed)
    assert before > 3
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run(closed) == 0
    opened.run("dispatchEvent(new Event('afterprint'))")
    assert opened.run(closed) == before
    opened.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


CONTRASTS = """
const channel = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const layers = (one) => {  // colours behind an element, the page's first
  const found = [];
  for (let at = one; at; at = at.parentElement) found.unshift(getComputedStyle(at).backgroundColor);
  return found;
};
const mixed = (colours) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
  return canvas.getImageData(0, 0, 1, 1).data;
};
document.querySelectorAll("details").forEach((one) => { one.open = true; });
const seen = new Map();
for (const one of document.querySelectorAll("body *")) {
  const direct = [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!direct || !one.checkVisibility() || one.closest("script")) continue;
  const style = getComputedStyle(one);
  const behind = layers(one);
  const colour = one.closest("svg") ? style.fill : style.color;
  const [a, b] = [light(mixed([...behind, colour])), light(mixed(behind))].sort((x, y) => y - x);
  const name = `${one.localName}.${one.getAttribute("class")} in ${one.parentElement.getAttribute("class")}`;
  const ratio = (a + 0.05) / (b + 0.05);
  if (!(seen.get(name) <= ratio)) seen.set(name, ratio);
}
return [...seen].filter(([, ratio]) => ratio < arguments[0]);
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(opened: Browser, scheme: str) -> None:
    """WCAG 2.1, level AA: 4.5 to 1. Cells without documents, a dot, need 3 to 1."""
    opened.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    weak: list[Any] = opened.run(CONTRASTS, 4.5)
    assert [name for name, ratio in weak if "zero" not in name or ratio < 3] == []
