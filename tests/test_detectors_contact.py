"""Detectors of ways to reach a person: e-mail, telephone, messengers."""

from __future__ import annotations

import itertools

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.detectors.catalog import DETECTORS
from filters.detectors.contact import CONTACT
from filters.detectors.emails import is_top_level
from filters.detectors.location import LOCATION
from tests.detector_checks import ADVERSARIAL, any_noise, check_fake, check_found, surroundings, touching
from tests.detector_probe import findings, values
from tests.strategies import AWKWARD, texts
from tests.strategies_contact import CONTACT_CASES

EMAIL, OBFUSCATED, PHONE, CN_MOBILE = (DETECTORS[k] for k in ("email", "email_obfuscated", "phone", "cn_mobile"))


@pytest.mark.parametrize("kind", CONTACT_CASES)
def test_a_valid_value_is_found_in_any_script(kind):
    check_found(DETECTORS[kind], CONTACT_CASES[kind])


@pytest.mark.parametrize("kind", CONTACT_CASES)
def test_a_fake_is_another_value_of_the_same_shape(kind):
    check_fake(DETECTORS[kind], CONTACT_CASES[kind])


@settings(max_examples=60)
@given(texts)
def test_any_text_is_searched_without_harm(text):
    for detector in (*CONTACT, *LOCATION):
        findings(detector, text)


@pytest.mark.parametrize("detector", [*CONTACT, *LOCATION], ids=lambda detector: detector.kind)
def test_awkward_and_adversarial_texts_end(detector):
    for text in [*AWKWARD, *ADVERSARIAL.values()]:
        findings(detector, text)


# E-mail


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("邮箱abc@example.com联系", ["abc@example.com"]),
        ("mail a@b.example.org.", ["a@b.example.org"]),
        ("Write to a@b.com.Next week", ["a@b.com"]),
        ("mailto:jane.doe+x@sub.example.co.uk?subject=x", ["jane.doe+x@sub.example.co.uk"]),
        ("a@b.com,c@d.org;e@f.net", ["a@b.com", "c@d.org", "e@f.net"]),
        ("<müller@bücher.example>", ["müller@bücher.example"]),
        ("пишите на иван@почта.рф сегодня", ["иван@почта.рф"]),
        ("почтаivan@example.comсегодня", ["ivan@example.com"]),
        ("寄到user@例子.中国吧", ["user@例子.中国"]),
        ("a@xn--80ak6aa92e.com", ["a@xn--80ak6aa92e.com"]),
        ("'quoted@example.com'", ["quoted@example.com"]),
    ],
)
def test_email_is_found_exactly(text, found):
    assert values(EMAIL, text) == found


@pytest.mark.parametrize(
    "text",
    [
        "icon@2x.png", "@pytest.mark.parametrize", "@media (min-width: 768px)", "@babel/core@7.23.0", "a@b", "a@.com",
        "git@github.com:torvalds/linux.git", "user@host.org:~/file", "https://user:pw@example.org/path",
        "ssh://git@github.com/a/b", "john.smith@gmail..com", "info@presidio.", "x@y.z@example.com"[:5], "a.@b.com",
        "x" * 65 + "@example.com", "a@-b.com", "user@1.2.3.4", "npm i left-pad@1.3.0",
    ],
)  # fmt: skip
def test_what_is_no_email(text):
    assert values(EMAIL, text) == []


def test_top_levels_are_letters_or_punycode():
    assert [is_top_level(label) for label in ("com", "рф", "xn--p1ai", "c", "png", "7", "a" * 25)] == [
        True, True, True, False, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Contact: cafnyd [at] example [dot] com\n", ["cafnyd [at] example [dot] com"]),
        ("联系我name(at)example(dot)org谢谢", ["name(at)example(dot)org"]),
        ("Stephanie (dot) Doe (at) nara (dot) gov", ["Stephanie (dot) Doe (at) nara (dot) gov"]),
        ("My email is john at gmail.com", ["john at gmail.com"]),
        ("dbaron at dbaron dot org", ["dbaron at dbaron dot org"]),
        ("my.name at gmail.com", ["my.name at gmail.com"]),
        ("abc＠example.com", ["abc＠example.com"]),
        ("Docs are available at gmail.com", []),
        ("Look at this dot com boom", []),
        ("contact us at example dot com", []),
        ("a [at] b", []),
        ("array[at] = x[dot]", []),
    ],
)
def test_obfuscated_email(text, found):
    assert values(OBFUSCATED, text) == found


# Telephone


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("My US number is (415) 555-0132, and +1 415 555 0132", ["(415) 555-0132", "+1 415 555 0132"]),
        ("请拨打+86 10 6552 9988联系", ["+86 10 6552 9988"]),
        ("電話03-3580-3311まで", ["03-3580-3311"]),
        ("번호010-7124-3656를 확인", ["010-7124-3656"]),
        ("请使用021-61234567联系我们", ["021-61234567"]),
        ("тел. 8 (495) 123-45-67", ["8 (495) 123-45-67"]),
        ("Tel.: 030 3692459", ["030 3692459"]),
        ("Tél : 01 43 09 69 54", ["01 43 09 69 54"]),
        ("phone 312-515-2239 ext. 12", ["312-515-2239 ext. 12"]),
        ("(+41) 22 730 5989", ["(+41) 22 730 5989"]),
        ("+44 (20) 7123 4567", ["+44 (20) 7123 4567"]),
        ("โทร 02-123-4567", ["02-123-4567"]),
        ("هاتف: 011 464 5555", ["011 464 5555"]),
        ("电话：010-62345678转123", ["010-62345678转123"]),
        ("Tel: +49 30 3692459 / +49 30 3692460", ["+49 30 3692459", "+49 30 3692460"]),
        ("Contato (11) 96001-5074", ["(11) 96001-5074"]),
    ],
)
def test_phone_is_found_exactly(text, found):
    assert values(PHONE, text) == found


@pytest.mark.parametrize(
    "text",
    [
        "order no. 6097920339", "ISBN 978-7-3408-4282-1", "ISSN 4839-6206", "timestamp 1653238072", "1965-2002",
        "2011-11-09 21:52:42", "2019-04-18—2023-10-06", "236,344.42", "3.14159265358979323846", "859-457=28",
        "第254号 〔2021〕81号", "订单号：202484902572796713", "SF2683008265420", "ts=1798676486432", "91.129.59.118",
        "54.869293, 84.996852", "8242 2814 8658", "0864 3909 4385 0707 1557", "tel-1.2.3.4", "x = 212-555-7890-1",
        "13d18df955a638aa1f5fbbf84bf335635de464d8", "e7d5e977-422e-4d60-a5ae-53e1e92df01a", "ID 4155550132",
        "078-05-1123", "Molecular Cell. 9 (6): 1161–1167", "+1 000 000 0000", "0 1 2 3 4 3 9 15 21", "1/2/3/4/5/6/7",
        "NL48 UVPW 9163 3282 16", "2 + 33143096954", "v+33143096954", "[1234567, 2345678, 3456789]", "12345678",
        "price: $4,155,550,132", "0.4155550132", "192.168.100.200", "1234567-1234567",
    ],
)  # fmt: skip
def test_what_is_no_phone(text):
    assert values(PHONE, text) == []


REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FORMATS = [
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
]


@settings(max_examples=150)
@given(st.sampled_from(REGIONS), st.sampled_from(FORMATS[:2]), surroundings, touching, touching)
def test_example_numbers_of_every_region_are_found(region, form, before, left, right):
    number = phonenumbers.example_number(region)
    value = phonenumbers.format_number(number, form)
    text = before + left + value + right
    assert (len(before) + 1, len(before) + 1 + len(value)) in findings(PHONE, text)


@settings(max_examples=40)
@given(st.sampled_from(REGIONS), st.sampled_from(FORMATS[:2]), st.binary(max_size=20))
def test_fake_numbers_are_valid_numbers_of_the_same_country(region, form, data):
    value = phonenumbers.format_number(phonenumbers.example_number(region), form)
    fake = PHONE.fake(value, any_noise(data))
    assert fake != value and len(fake) == len(value) and values(PHONE, fake) == [fake]
    assert phonenumbers.parse(fake).country_code == phonenumbers.parse(value).country_code


@pytest.mark.parametrize(
    "value", ["(408) 914-6482", "010-7124-3656", "021-61234567", "8 (495) 123-45-67", "312-515-2239 ext. 12"]
)
def test_fakes_of_national_numbers_are_found(value):
    fake = PHONE.fake(value, any_noise(b"\x03"))
    assert fake != value and values(PHONE, fake) == [fake]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("请使用13644158566联系我们", ["13644158566"]),
        ("138-0013-8123和139 1234 5678", ["138-0013-8123", "139 1234 5678"]),
        ("+8613644158566", ["13644158566"]),
        ("17179869184 bytes", []),
        ("15000000000", []),
        ("订单号13644158566", []),
        ("ID: 13644158566", []),
        ("0.13644158566", []),
        ("113644158566", []),
        ("13644158566a", []),
        ("a-13644158566", []),
        ("15412345678", []),
    ],
)
def test_chinese_mobile_numbers(text, found):
    assert values(CN_MOBILE, text) == found


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("qq_number", "QQ：978538107", ["978538107"]),
        ("qq_number", "加我qq号12345吧", ["12345"]),
        ("qq_number", "QQ 2013 版本", []),
        ("qq_number", "QQ：0123456", []),
        ("qq_number", "978538107", []),
        ("wechat_id", "微信号：wxid_2jmgs8l053l6me\n", ["wxid_2jmgs8l053l6me"]),
        ("wechat_id", "微信公众号：JavaGuide", []),
        ("wechat_id", "微信: JavaGuide", []),
        ("wechat_id", "wxid_2jmgs8l053l6me", []),
        ("handle", "skype: dean.malmgren\n", ["dean.malmgren"]),
        ("handle", "contact me on skype (dean.malmgren) to chat", ["dean.malmgren"]),
        ("handle", "on Twitter @18F", ["@18F"]),
        ("handle", "Making Twitter 10000 percent faster", []),
        ("handle", "Twitter co-founder Jack", []),
        ("geo_home", "Ship to: 58 Maple Street, Apt 27\n", ["58 Maple Street, Apt 27"]),
        ("geo_home", "he lives at 12 Old Oak Lane", ["12 Old Oak Lane"]),
        ("geo_home", "In 1984 Wall Street fell", []),
        ("coordinates", "37.895845, 138.411697", ["37.895845, 138.411697"]),
        ("coordinates", "97.895845, 138.411697", []),
        ("coordinates", "0.1234, 0.2345, 0.3456", []),
    ],
)
def test_values_behind_words(kind, text, found):
    assert values(DETECTORS[kind], text) == found


@pytest.mark.parametrize("kind", ["geo_home", "coordinates"])
def test_fakes_of_places(kind):
    value = {"geo_home": "58 Maple Street, Apt 27", "coordinates": "37.895845, 138.411697"}[kind]
    fake = DETECTORS[kind].fake(value, any_noise(b"\x07"))
    assert fake != value and values(DETECTORS[kind], fake) == [fake]


@given(
    st.sampled_from(["58 Maple Street, Apt 27", "221B N. Baker Street", "9 Park Place Drive Flat 3c", "7 Wynkoop Rd."]),
    st.binary(min_size=20, max_size=20),
)
def test_a_made_up_street_address_is_another_street(value, data):
    made = DETECTORS["geo_home"].fake(value, any_noise(data))
    assert values(DETECTORS["geo_home"], f"I live at {made}\n") == [made] != [value]
    assert list(map(len, made.split())) == list(map(len, value.split()))


def test_every_part_of_a_street_address_is_made_up():
    fakes = [
        DETECTORS["geo_home"].fake("58 Maple Street, Apt 27", any_noise(bytes([n, 7 * n % 251]))) for n in range(99)
    ]
    for place in (0, 1, 4):
        assert len({fake.split()[place] for fake in fakes}) > 5
    assert {fake.split()[2] + fake.split()[3] for fake in fakes} == {"Street,Apt"}


def test_no_placeholder_holds_anything_to_find():
    for detector in DETECTORS.values():
        for other in DETECTORS.values():
            assert values(other, f" {detector.placeholder} ") == [], (detector.kind, other.kind)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://x.org|bob@example.org", "bob@example.org"),
        ("(https://a.org)bob@example.org", "bob@example.org"),
        ("alice@example.org--she said", "alice@example.org"),
        ("bob@example.org- and so on", "bob@example.org"),
    ],
)
def test_an_address_beside_a_url_or_a_dash_is_found(text, address):
    assert values(DETECTORS["email"], text) == [address]


@pytest.mark.parametrize("value", ["иван@почта.рф", "user@яндекс.рф", "bob7@公司.中国"])
def test_a_made_up_address_has_other_letters_in_any_script(value):
    made = DETECTORS["email"].fake(value, itertools.cycle(range(256)))
    assert len(made) == len(value)
    changed = [a != b for a, b in zip(made.rpartition(".")[0], value.rpartition(".")[0], strict=True) if a.isalnum()]
    assert sum(changed) >= len(changed) - 1
