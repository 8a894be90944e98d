"""Detectors of machines' addresses: IP, MAC, URLs and connection strings with a password."""

from __future__ import annotations

import ipaddress

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.detectors.catalog import DETECTORS
from filters.detectors.network import NETWORK, is_local, is_public
from filters.detectors.scan import scan
from filters.pii.params import PiiParams
from tests.detector_checks import ADVERSARIAL, check_fake, check_found
from tests.detector_probe import findings, values
from tests.strategies import AWKWARD, texts
from tests.strategies_contact import NETWORK_CASES


@pytest.mark.parametrize("kind", NETWORK_CASES)
def test_a_valid_value_is_found_in_any_script(kind):
    check_found(DETECTORS[kind], NETWORK_CASES[kind])


@pytest.mark.parametrize("kind", NETWORK_CASES)
def test_a_fake_is_another_value_of_the_same_shape(kind):
    check_fake(DETECTORS[kind], NETWORK_CASES[kind])


@settings(max_examples=60)
@given(texts)
def test_any_text_is_searched_without_harm(text):
    for detector in NETWORK:
        findings(detector, text)


@pytest.mark.parametrize("detector", NETWORK, ids=lambda detector: detector.kind)
def test_awkward_and_adversarial_texts_end(detector):
    for text in [*AWKWARD, *ADVERSARIAL.values()]:
        findings(detector, text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("服务器8.8.8.8宕机", ["8.8.8.8"]),
        ("서버91.129.59.118에서", ["91.129.59.118"]),
        ("IP: 192.168.1.1.", ["192.168.1.1"]),
        ("192.0.2.98:3180", ["192.0.2.98"]),
        ("route 10.0.0.0/8 via 192.168.1.254", ["10.0.0.0", "192.168.1.254"]),
        ("http://203.0.113.7/x", ["203.0.113.7"]),
        ("1.1.1.1", ["1.1.1.1"]),
        ("ping 9.9.9.9", ["9.9.9.9"]),
        ("see 127.0.0.1 and 0.0.0.0 and ::1 and 8.8.8.8", ["127.0.0.1", "0.0.0.0", "8.8.8.8"]),
        ("8.8.8.8 and 192.168.2.1 answered", ["8.8.8.8", "192.168.2.1"]),
        ("see 8.8.8.8 and 4.5.6.7", []),
        ("192.168.2.1@eth0", ["192.168.2.1"]),
        ("从10.0.0.1-10.0.0.50分配", ["10.0.0.1", "10.0.0.50"]),
        ("DHCP: 45.33.0.0 - 45.33.255.255.", ["45.33.0.0", "45.33.255.255"]),
        ("10.0.0.1-50", []),
        ("python host 45.1.2.3", ["45.1.2.3"]),
        ("app: 192.168.3.4", ["192.168.3.4"]),
        ("Edge 45.33.32.156 192.168.3.4", ["45.33.32.156", "192.168.3.4"]),
        ("mysql 52.3.1.4 and node 52.3.1.4:80 and edge 52.3.1.0/24", ["52.3.1.4", "52.3.1.4", "52.3.1.0"]),
    ],
)
def test_ipv4_is_found_exactly(text, found):
    assert values(DETECTORS["ipv4"], text) == found


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4", "v5.2.3.1.0", "v80.7.13.231", "Chrome/88.0.99.53", "OID 1.3.6.1.4.1.118", "section 8.5.3.9",
        "1.3.6.1.4.1.79801.2.1", "256.1.1.1", "192.168.1.256", "1.2.3.04", "192.168.1", "1.2.3.4-beta", "a1.2.3.4",
        "版本33.44.55.66", "第33.44.55.66条", "3.1.0.0", "Upgrade V8 to 4.5.103.33", "Firefox 2.0.0.14", "0.11.0.0",
        "Nummern 7.1.2.1, 7.1.3.1", "\n3.2.1.4 Title of it", "- 54.4.4.1\n\n", "pkg@scope/name@1.2.33.44",
        'szOID = "2.5.29.37"', "RFC 7231, 7.1.1.2: Date", "33.44.55.66.77", "IP192.168.1.1text",
        "Python 45.1.2.3", "chrome to 88.0.99.53", "浏览器 88.0.99.53", "version 33.4.5.6-33.4.5.9",
        "33.4.5.6-33.4.5.9-1",
        "/opt/x-33.4.5.6-33.4.5.9", "nvidia driver 45.23.1.2 installed", "Python 33.4.5.6-33.4.5.9",
    ],
)  # fmt: skip
def test_what_is_no_ipv4(text):
    assert values(DETECTORS["ipv4"], " " + text + " ") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("位于192.0.2.98:3180。", ["192.0.2.98:3180"]),
        ("192.0.2.98:99999", []),
        ("192.0.2.98:0", []),
        ("v33.44.55.66:80", []),
        ("192.0.2.98:80:90", []),
    ],
)
def test_ports(text, found):
    assert values(DETECTORS["ipv4_port"], text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("地址2001:db8::1。", ["2001:db8::1"]),
        ("Connect to [2001:db8::1]:8080", ["2001:db8::1"]),
        ("IP:2a02:26f0::7:ab", ["2a02:26f0::7:ab"]),
        ("684D:1111:222:3333:4444:5555:6:77", ["684D:1111:222:3333:4444:5555:6:77"]),
        ("::ffff:192.0.2.1", ["::ffff:192.0.2.1"]),
        ("fe80::1 on interface", ["fe80::1"]),
        ("2001:db8::/32.", ["2001:db8::"]),
        ("my ip: ::1", ["::1"]),
    ],
)
def test_ipv6_is_found_exactly(text, found):
    assert values(DETECTORS["ipv6"], text) == found


@pytest.mark.parametrize(
    "text",
    [
        "std::cout", "MyClass::toString", "a::b", "Face::Bad", "x[::1]", "x[1::2]", "double[:, ::1] x", "12:34:56",
        "1:2:3:4:5:6:7:8", "aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee:ff:00:11", "2001::db8::1", "12345:db8::1", ":::",
        "fe80::1text", "gggg:hhhh::1234", "2001:db8::256.1.1.1", "::", "pseudo::before",
    ],
)  # fmt: skip
def test_what_is_no_ipv6(text):
    assert values(DETECTORS["ipv6"], text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MAC:00:1A:2B:3C:4D:5E。", ["00:1A:2B:3C:4D:5E"]),
        ("번호01-b3-4a-67-d9-cf를", ["01-b3-4a-67-d9-cf"]),
        ("My MAC is 0012.3456.789a", ["0012.3456.789a"]),
        ("00:1A:2B:3C:4D", []),
        ("00:1A:2B:3C:4D:5E:6F", []),
        ("FF:FF:FF:FF:FF:FF", []),
        ("00:00:00:00:00:00", []),
        ("20-11-12-01-02-03", []),
        ("2019.2020.2021", []),
        ("10:2F:33-AC-29-C3", []),
        ("e7d5e977-422e-4d60-a5ae-53e1e92df01a", []),
    ],
)
def test_mac_addresses(text, found):
    assert values(DETECTORS["mac"], text) == found


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        (
            "url_credentials",
            "编号https://noah:etojybucux@example.org/path已登记",
            ["https://noah:etojybucux@example.org/path"],
        ),
        ("url_credentials", "(ftp://u:Zk3tq9@h.org).", ["ftp://u:Zk3tq9@h.org"]),
        ("url_credentials", "postgres://u:Zk3tq9@h.org/db", []),
        ("db_url", "URL=postgres://u:Zk3tq9@h.org:5432/db\n", ["postgres://u:Zk3tq9@h.org:5432/db"]),
        ("db_url", "redis://:Zk3tq9@h:6379", ["redis://:Zk3tq9@h:6379"]),
        ("db_url", "postgres://user:password@localhost/db", []),
        ("db_url", "postgres://u:${PGPASSWORD}@h/db", []),
        ("db_url", "postgres://h.org:5432/db", []),
        ("url_credentials", "https://user:pass@sub.example.com:8080/p", []),
        ("url_credentials", "https://user:<token>@example.com", []),
        ("url_credentials", "https://url:8000/ @something", []),
        ("url_credentials", "ssh://git@github.com/a/b", []),
        ("url_credentials", "（https://用户:Zk3tq9@例.example.org）", []),
        ("url_credentials", "见https://用户名:Zk3tq9@example.org/a。", ["https://用户名:Zk3tq9@example.org/a"]),
        ("url_credentials", "ftp://müller-7:Zk3tq9@h.org", ["ftp://müller-7:Zk3tq9@h.org"]),
        ("url_credentials", "http://example.org联系:Zk3tq9@h.org", []),
        ("url_credentials", "https://пользователь:пароль@h.org", []),
        ("db_url", "postgres://josé:Zk3tq9@h.org/db", ["postgres://josé:Zk3tq9@h.org/db"]),
    ],
)
def test_urls(kind, text, found):
    assert values(DETECTORS[kind], text) == found


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_scope_agrees_with_the_standard_library(address):
    """Outside witness, but for what changed between versions of Python: mapped and multicast addresses."""
    special = address.is_multicast or address.is_reserved or getattr(address, "ipv4_mapped", None)
    if not special:
        assert is_public(str(address)) == address.is_global


@pytest.mark.parametrize(
    ("value", "public", "local"),
    [
        ("8.8.8.8", True, False), ("8.8.8.8:53", True, False), ("192.168.0.1", False, False),
        ("10.0.0.1", False, False),
        ("127.0.0.1", False, True), ("0.0.0.0", False, True), ("::1", False, True), ("2001:db8::1", False, False),
        ("203.0.113.7", False, False), ("224.0.0.1", False, False), ("::ffff:8.8.8.8", True, False),
        ("::ffff:10.0.0.1", False, False), ("2606:4700::1111", True, False), ("100.64.0.1", False, False),
    ],
)  # fmt: skip
def test_public_and_local(value, public, local):
    assert (is_public(value), is_local(value)) == (public, local)


def test_what_is_no_address_has_no_scope():
    with pytest.raises(ValueError, match="does not appear"):
        is_public("300.1.1.1")


@given(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address).filter(lambda address: is_public(str(address))))
def test_a_fake_of_a_public_address_is_public(address):
    fake = DETECTORS["ipv4"].fake(str(address), (n % 256 for n in range(10**6)))
    assert is_public(fake) and fake != str(address)


@pytest.mark.parametrize(("scope", "found"), [("public", ["::ffff:8.8.8.8"]), ("all", ["224.0.0.5", "::ffff:8.8.8.8"])])
def test_mapped_and_multicast_addresses_are_judged_as_what_they_are(scope, found):
    text = "host ::ffff:127.0.0.1 and host 224.0.0.5 and host ::ffff:8.8.8.8"
    places = scan(pa.array([text], pa.large_string()), PiiParams(kinds=("ip",), ip_scope=scope).detectors())
    assert [text[a:b] for a, b in zip(places.start, places.end, strict=True)] == found
