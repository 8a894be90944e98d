"""What a report's page says, read from its HTML by the standard library's parser, as a reader of the page would."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "rect", "line", "path", "wbr", "input", "br", "img", "link"}


@dataclass
class Element:
    """One element with what lies in it."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def find(self, tag: str, kind: str = "", **attributes: str) -> list[Element]:
        """All elements below of a tag, a class, attributes."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                classes = child.attributes.get("class", "").split()
                same = all(child.attributes.get(name) == value for name, value in attributes.items())
                if child.tag == tag and (not kind or kind in classes) and same:
                    found.append(child)
                found += child.find(tag, kind, **attributes)
        return found

    @property
    def text(self) -> str:
        """All text below."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def words(self) -> str:
        """The text with white space as a browser shows it."""
        return " ".join(self.text.split())

    def rows(self) -> list[list[str]]:
        """Cells of a table's bodies, or of one body."""
        return [
            [cell.words for cell in row.children if isinstance(cell, Element)]
            for body in ([self] if self.tag == "tbody" else self.find("tbody"))
            for row in body.find("tr")
        ]

    def tips(self) -> list[str]:
        """What is said under the pointer, in order."""
        own = [self.attributes["data-tip"]] if "data-tip" in self.attributes else []
        return own + [tip for child in self.children if isinstance(child, Element) for tip in child.tips()]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read_page(page: str) -> Element:
    """The page's elements; every one must be closed where it belongs."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert [element.tag for element in reader._open] == [""]
    return reader.root


def section(page: Element, name: str) -> Element:
    """A section by its id."""
    (found,) = page.find("section", id=name)
    return found
