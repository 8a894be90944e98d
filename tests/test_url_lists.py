"""URL lists: hosts in one spelling, every kind of list, subdomains and prefixes against a slow twin, words in URLs."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.catalog import FILTERS
from filters.chain import KEY, Stage, run_stages
from filters.errors import RecipeError
from filters.url_blocklist import UrlBlocklistParams
from filters.url_index import build_url_index
from filters.url_lists import UrlSource, entries_of_lines, read_urls
from filters.urls import host_names, normal_host, split_url, url_names
from tests.reference_lists import listed_url
from tests.strategies import AWKWARD, any_char


def stage(**params):
    return Stage("url", "url_blocklist", FILTERS["url_blocklist"].Params(**params))


def run(urls, one, column="url"):
    columns = {KEY: pa.array(range(len(urls)), pa.int64()), "text": pa.array(["x"] * len(urls), pa.large_string())}
    return run_stages(pa.record_batch({**columns, column: pa.array(urls, pa.string())}), [one], "text")


def measured(urls, one):
    """Columns of the stage, by name, whatever it would drop."""
    params = one.params.model_copy(update={"action": "measure"})
    kept = run(urls, Stage(one.id, one.name, params), one.params.url_column).kept
    return {name.removeprefix("url_"): kept[name].to_pylist() for name in one.columns()}


def categories(urls, **params):
    return measured(urls, stage(**params))["category"]


# Spelling


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com", ("example.com", "")),
        ("HTTP://EXAMPLE.com./", ("example.com", "/")),
        ("https://user:p@ss@example.com:8080/a?b#c", ("example.com", "/a?b")),
        ("example.com/a", ("example.com", "/a")),
        ("example.com:80", ("example.com", "")),
        ("//example.com/a", ("example.com", "/a")),
        ("https://bücher.example/ü", ("xn--bcher-kva.example", "/ü")),
        ("https://XN--BCHER-KVA.example", ("xn--bcher-kva.example", "")),
        ("http://例え。jp/", ("xn--r8jz45g.jp", "/")),
        ("http://10.0.0.1:99/x", ("10.0.0.1", "/x")),
        ("http://[2001:DB8::1]:80/x", ("2001:db8::1", "/x")),
        ("http://ex%61mple.com/%7Eme", ("example.com", "/~me")),
        ("http:\\\\example.com", ("http", "//example.com")),
        ("  https://example.com  ", ("example.com", "")),
        ("https://example.com?x=1", ("example.com", "?x=1")),
        ("https://", ("", "")),
        ("http://[::1", ("::1", "")),
        ("mailto:a@example.com", ("example.com", "")),
        ("", ("", "")),
    ],
)
def test_urls_are_taken_apart(url, expected):
    assert split_url(url) == expected


@settings(max_examples=300)
@given(st.one_of(st.text(any_char), st.text("./:@[]%?#\\-a1é漢 ", max_size=20), st.sampled_from(AWKWARD)))
def test_no_url_raises_and_a_host_has_one_spelling(url):
    host, path = split_url(url)
    assert split_url("https://" + url) is not None and host_names(host) is not None
    assert list(url_names(host, path, 5)) is not None
    assert normal_host(host) == host


@given(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=5))
def test_parents_of_a_host(labels):
    host = ".".join(labels)
    assert host_names(host) == [".".join(labels[i:]) for i in range(len(labels))]


# The table against its twin

labels = st.sampled_from(["a", "b", "www", "example", "com", "10", "1", "bücher"])
hosts = st.lists(labels, min_size=1, max_size=4).map(".".join)
paths = st.lists(st.sampled_from(["/", "/a", "/b", "?a=1", "&b", "/A"]), max_size=4).map("".join)
paths = paths.map(lambda path: path if path[:1] in ("", "/", "?") else "/" + path)
listed = st.tuples(st.sampled_from(["", "="]), hosts, st.one_of(st.just(""), paths)).map("".join)
asked = st.tuples(st.sampled_from(["", "http://", "https://u@"]), hosts, st.sampled_from(["", ":8080", "."]), paths)
asked_urls = asked.map("".join)


@settings(max_examples=150)
@given(
    st.lists(st.lists(listed, min_size=1, max_size=5), min_size=1, max_size=3),
    st.lists(st.one_of(asked_urls, st.none()), max_size=6),
    st.sampled_from([(1 << 64) - 1, 0, 1]),
)
@example([["a.com"], ["b.a.com", "a.com/x"]], ["http://c.b.a.com/x/y", "b.a.com/x", "xa.com"], 0)
@example([["=a.com"]], ["a.com", "www.a.com", "b.a.com/a.com"], 0)
def test_what_is_listed_is_what_the_twin_says_even_where_every_hash_is_alike(lists, urls, mask):
    index = build_url_index([entries_of_lines(f"list{n}", lines) for n, lines in enumerate(lists)], mask)
    numbers, entries = index.find(urls)
    found = [
        (index.categories[number], index.names[int(entry)].as_py()) if number >= 0 else None
        for number, entry in zip(numbers, entries, strict=True)
    ]
    assert found == [listed_url(url, {f"list{n}": lines for n, lines in enumerate(lists)}) for url in urls]


def test_a_batch_may_be_cut_anywhere():
    one = stage(domains=["a.com", "b.org/x"], url_column="link")
    urls = ["http://x.a.com", None, "b.org/x/y", "b.org", ""]
    whole = run(urls, one, "link").kept[KEY].to_pylist()
    assert whole == [1, 3, 4]
    for cut in range(len(urls) + 1):
        parts = [run(part, one, "link").kept["link"].to_pylist() for part in (urls[:cut], urls[cut:])]
        assert parts[0] + parts[1] == [None, "b.org", ""]


def test_the_same_entry_twice_is_kept_once():
    assert len(build_url_index([entries_of_lines("a", ["x.com", "X.com.", "=x.com"])]).keys) == 2


# Kinds of lists


@pytest.fixture
def folder(tmp_path):
    ut1 = tmp_path / "blacklists"
    for category, domains, urls in [("adult", "a.example\n", "host.example/~me\n"), ("games", "play.example\n", None)]:
        (ut1 / category).mkdir(parents=True)
        (ut1 / category / "domains").write_text(domains)
        if urls is not None:
            (ut1 / category / "urls").write_text(urls)
    (ut1 / "games" / "usage").write_text("black")
    (ut1 / "adult" / "expressions").write_text("(porn)")
    (ut1 / "big").mkdir()
    (ut1 / "big" / "domains.gz").write_bytes(gzip.compress(b"big.example\n"))
    return ut1


URLS = [
    "http://a.example/", "http://sub.a.example/x", "http://ba.example", "http://www.host.example/~me/x",
    "http://host.example/~mean", "https://host.example", "https://play.example", "https://big.example",
]  # fmt: skip


def test_folders_of_ut1(folder):
    found = ["adult", "adult", None, "adult", None, None, "games", "big"]
    assert categories(URLS, lists=[{"path": str(folder)}]) == found
    some = [{"path": str(folder), "categories": ["games"]}]
    assert categories(URLS, lists=some) == [None] * 6 + ["games", None]
    assert categories(URLS, lists=[{"path": str(folder / "adult")}])[:4] == ["adult", "adult", None, "adult"]


def test_archives_of_ut1(folder, tmp_path):
    path = tmp_path / "blacklists.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder / "adult", "blacklists/adult")
        archive.add(folder / "games", "blacklists/games")
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    source = {"path": str(path), "sha256": right}
    assert categories(URLS, lists=[source]) == ["adult", "adult", None, "adult", None, None, "games", None]
    with pytest.raises(RecipeError, match=r"no category 'gamez'; it has: adult, games"):
        read_urls(UrlSource(path=str(path), categories=("gamez",)))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RecipeError, match=r"SHA-256 is .*recipe says " + right):
        read_urls(UrlSource(**source))
    with pytest.raises(RecipeError, match="damaged"):
        read_urls(UrlSource(path=str(path)))
    (tmp_path / "x.tar").write_bytes(b"no archive")
    with pytest.raises(RecipeError, match="damaged: not a whole tar"):
        read_urls(UrlSource(path=str(tmp_path / "x.tar")))


LISTS = {
    "hosts": (
        "# hosts\n127.0.0.1 localhost\n::1 ip6-localhost\nfe80::1%lo0 localhost\n0.0.0.0 0.0.0.0\n"
        "0.0.0.0 a.example b.example # two\n0.0.0.0\tc.example\n",
        ["a.example", "b.example", "c.example"],
    ),
    "adblock.txt": (
        "[Adblock Plus]\n! comment\n||a.example^\n||b.example^$third-party\n||c.example^|\n",
        ["a.example", "c.example"],
    ),
    "plain.txt.gz": (
        "\ufeffA.example.\r\n\r\n# x\n*.b.example\n.c.example\nhttps://d.example:80/\n10.0.0.1\n",
        ["a.example", "b.example", "c.example", "d.example", "10.0.0.1"],
    ),
    "idn.txt": (
        "bücher.example\nXN--BCHER-KVA.example\n例え.jp\n",
        ["xn--bcher-kva.example", "xn--bcher-kva.example", "xn--r8jz45g.jp"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_kinds_of_files(tmp_path, name):
    content, expected = LISTS[name]
    data = content.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    (entries,) = read_urls(UrlSource(path=str(tmp_path / name)))
    assert sorted(entries.names.to_pylist()) == sorted(expected)
    assert entries.category == name.partition(".")[0]


def test_lists_without_subdomains_and_entries_that_are_exact(tmp_path):
    (tmp_path / "list.txt").write_text("a.example\n=b.example\n")
    urls = ["a.example", "x.a.example", "b.example", "x.b.example"]
    path = str(tmp_path / "list.txt")
    assert categories(urls, lists=[{"path": path}]) == ["list", "list", "list", None]
    exact = {"path": path, "subdomains": False, "category": "c"}
    assert categories(urls, lists=[exact]) == ["c", None, "c", None]


def test_parents_of_an_address_are_not_asked_for():
    assert categories(["http://9.10.0.1/"], domains=["10.0.0.1", "0.1"]) == [None]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"this is a page of prose\nnot a list\n", "2 of 2 lines are no domain"),
        ("a.txt", b"# nothing\n", "holds no domain and no URL"),
        ("a.txt", b"a.example\n\xff\n", "not UTF-8"),
        ("a.txt.gz", gzip.compress(b"a.example\n", mtime=0)[:-5], "damaged"),
        ("none.txt", None, "cannot be read"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError, match=message) as refused:
        read_urls(UrlSource(path=str(tmp_path / name)))
    assert str(tmp_path / name) in str(refused.value)


def test_folders_and_recipes_that_cannot_be_used(tmp_path, folder):
    with pytest.raises(RecipeError, match="no file named domains or urls"):
        read_urls(UrlSource(path=str(tmp_path)))
    with pytest.raises(RecipeError, match="has no checksum"):
        read_urls(UrlSource(path=str(folder), sha256="0" * 64))
    with pytest.raises(RecipeError, match="no categories to choose"):
        read_urls(UrlSource(path=str(folder / "adult" / "domains"), categories=("adult",)))
    with pytest.raises(ValidationError, match="nothing is listed"):
        UrlBlocklistParams()
    with pytest.raises(RecipeError, match="1 of the named URLs are no domain"):
        FILTERS["url_blocklist"].prepare(UrlBlocklistParams(domains=("a b",)))


# The stage


def test_reasons_by_category_and_what_is_allowed(folder):
    lists = [{"path": str(folder), "categories": ["adult", "games"]}]
    applied = run([*URLS, None], stage(lists=lists, domains=["ba.example"], allow=["sub.a.example"]))
    reasons = {row[KEY]: row["reason"] for row in applied.rejects.to_pylist()}
    assert reasons == {0: "url_adult", 2: "url_named", 3: "url_adult", 6: "url_games"}
    applied = run(URLS, stage(lists=[{"path": str(folder)}]))
    assert {(row["reason"], row["detail"]) for row in applied.rejects.to_pylist()} == {
        ("url_listed", "adult"), ("url_listed", "games"), ("url_listed", "big"),
    }  # fmt: skip
    assert len(run(URLS, stage(lists=lists, action="measure")).kept) == len(URLS)
    assert measured(["http://x.a.example/q"], stage(lists=lists)) == {"category": ["adult"], "entry": ["a.example"]}


def test_words_of_refinedweb(tmp_path):
    for name, words in {"strict": "badword\n", "hard": "casino\nfree-chips\n", "soft": "cam\nchat\nlive\n"}.items():
        (tmp_path / f"{name}.txt").write_text(words)
    files = {f"{name}_words": {"path": str(tmp_path / f"{name}.txt")} for name in ("strict", "hard", "soft")}
    one = stage(**files)
    urls = {
        "https://www.ba-dwo.rd.example/": "url_has_strict_words",
        "https://x.example/mybadwords": "url_has_strict_words",
        "https://x.example/ba_dword": None,
        "https://x.example/CASINO": "url_has_hard_words",
        "https://x.example/casinos": None,
        "https://x.example/free-chips": "url_has_hard_words",
        "https://x.example/%63asino": "url_has_hard_words",
        "https://cam.example/cam": None,
        "https://cam.example/live-chat": "url_has_soft_words",
        "https://camera.example/chat": None,
    }
    reasons = {row[KEY]: row["reason"] for row in run(list(urls), one).rejects.to_pylist()}
    assert [reasons.get(number) for number in range(len(urls))] == list(urls.values())
    found = measured(["https://cam.example/live-chat/cam", None, "\udcff".encode("utf-8", "replace").decode()], one)
    assert found["soft_words"] == [3, 0, 0] and found["category"] == [None] * 3
    assert len(run(["https://cam.example/live"], stage(**files, max_soft_words=2)).kept) == 1


def test_odd_urls_pass():
    odd = [*AWKWARD, None, "http://", "://", "http://[", "http://%", "http://" + "a." * 5000, "/" * 5000, "a" * 100_000]
    assert categories(odd, domains=["listed.example", "x.example/y"]) == [None] * len(odd)


def test_the_column_of_urls_is_asked_for():
    assert stage(domains=["a.example"], url_column="link").needs() == ["link"]


def test_a_tar_may_be_plain(tmp_path):
    data = b"a.example\n"
    with tarfile.open(tmp_path / "lists.tar", "w") as archive:
        member = tarfile.TarInfo("lists/ads/domains")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    assert categories(["a.example"], lists=[{"path": str(tmp_path / "lists.tar")}]) == ["ads"]


def test_an_ipv6_address_is_an_entry_with_or_without_brackets() -> None:
    for line in ("2001:DB8::1", "[2001:db8::1]", "http://[2001:db8::1]/"):
        assert entries_of_lines("bad", [line]).names.to_pylist() == ["2001:db8::1"], line
