"""Properties that every detector of an identifier has; the tests of each family run them over its kinds."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from filters.detectors.catalog import DETECTORS
from tests.detect import hinted, spans
from tests.strategies_surroundings import KINDS, embed

# Look-alikes: none is personal, whatever its digits add up to.
HARD_NEGATIVES = [
    "version 15.0.80089.2232",
    "v12.7.12.142",
    "Chrome/108.0.5068.198",
    "OID 1.3.6.1.4.1.118.00",
    "1.3.6.1.4.1.79801.2.1",
    "section 7.7.7.9",
    "ISBN 978-6-2531-1192-8",
    "ISBN 978-0-306-40615-7, ISBN 9780306406157",
    "ISSN 7968-2922",
    "doi:10.2196/yr9lutqx",
    "order no. 6097920339",
    "订单号：202484902572796713",
    "SF4917240077059",
    "S/N DX183Z0LFDXW",
    "236,344.42",
    "$5105105105105100",
    "3.14159265358979323846",
    "0.5105105105105100",
    "7.340261, 58.296481",
    "2011-11-09 21:52:42",
    "20111109215242",
    "2019-04-18—2023-10-06",
    "1965-2002",
    "timestamp 1653238072",
    "ts=1798676486432",
    "9675 4574 6780",
    "1234 5678 9012 3456 7890 1234 5678",
    "123 456 789 123 456 789 123 456 789",
    "10 20 30 40 50 60 70 80 90 100 110 120",
    "b70a2515-e5a4-424a-ae11-35f12e0d0778",
    "38765432-1234-1234-1234-401288888888",
    "commit 13d18df955a638aa1f5fbbf84bf335635de464d8",
    "sha256:1c7f3a1e96b58d77b19c60d1583fd83d2e1bb57c364701d0f642f53ff666ba81",
    "https://example.org/status/4012888888881881",
    "https://example.org/4012888888881881/photo",
    "img_4012888888881881.jpg",
    "4012888888881881@example.org",
    "x4012888888881881",
    "4012888888881881a",
    "40128888888818810",
    "4012 8888 8888 1881 4012",
    "0x0000000000000000000000000000000000000000",
    "0x7a3d73e021f3555af9edbd7b6c251786ba3a663f7a3d73e021f3555a",
    "第254号 〔2021〕81号",
    "859-457=28",
    r"\d{3}-\d{2}-\d{4}",
    "#07fe2b #44dafb #7c0e45 #9763e9",
    "ACATTCCAAATCCAAACGAACTTCAGCCCCGCATCACCCA",
    "mdp.39015026483944",
    "20200101T12:00:00Z",
    "最新VS2019和RTX3080",
    "往北京T12345次",
    "GB18030, UTF16, ISO8859",
    "tel:+49 30 1234567",
    "(415) 555-0132",
    "1" * 40,
    "0" * 16,
    "000-00-0000",
]


def noise(seed: int) -> Iterator[int]:
    """An endless stream of bytes."""
    random = Random(seed)
    while True:
        yield random.randrange(256)


def check_found(kind: str, value: str, around: tuple[str, str]) -> None:
    """A valid identifier is found, exactly, whatever script it touches."""
    text, start = embed(kind, value, around)
    assert hinted(DETECTORS[kind], text)
    assert spans(DETECTORS[kind], text) == [(start, start + len(value))]


def check_wrong_is_not_found(kind: str, value: str, around: tuple[str, str], other: str) -> None:
    """With another check character it is not, nor a part of it.

    But `4012 8888 8888 1881 123` may be a card and its three digits on the back: a number that is right up to there.
    """
    if other != value[-1]:
        text, start = embed(kind, value[:-1] + other, around)
        found = spans(DETECTORS[kind], text)
        assert found == [] or (kind == "payment_card" and found == [(start, start + 19)] and len(value) == 23)


def check_fake(kind: str, value: str, around: tuple[str, str], seed: int) -> None:
    """The fake is another value, written alike, found whole in the same place, and the same for the same noise."""
    detector = DETECTORS[kind]
    fake = detector.fake(value, noise(seed))
    assert fake != value
    assert len(fake) == len(value) or kind == "btc_address"  # as long as its hash makes it
    assert [char for char in fake if not char.isalnum()] == [char for char in value if not char.isalnum()]
    assert detector.fake(value, noise(seed)) == fake
    check_found(kind, fake, around)


def check_needs_cue(kind: str, value: str) -> None:
    """Without its cue word the same number is any number."""
    assert not KINDS[kind].cue or spans(DETECTORS[kind], f"( {value} )") == []
