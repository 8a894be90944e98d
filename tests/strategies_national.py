"""Hypothesis strategies for valid national numbers, by kind."""

from __future__ import annotations

from hypothesis import strategies as st

from tests import reference_identifiers as ref
from tests.strategies_identifiers import UPPER, Kind, completed, dates, digits, grouped, joined, letters

_REGIONS = st.sampled_from(["110105", "310104", "440305", "510107", "650102", "120101", "500154", "419001", "330106"])


@st.composite
def _steuer_bodies(draw: st.DrawFn) -> str:
    """Nine digits, all different, and one of them once more."""
    nine = draw(st.permutations("1234567890"))[:9]
    at = draw(st.integers(1, 9))
    return "".join([*nine[:at], draw(st.sampled_from(nine)), *nine[at:]])


def _nino_prefix(pair: str) -> bool:
    return pair not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


NATIONAL_KINDS: dict[str, Kind] = {
    "cn_resident_id": Kind(
        completed(joined(_REGIONS, dates("%Y%m%d"), digits(3)), ref.mod11_2, "0123456789X"), checked="0123456789X"
    ),
    "cn_passport": Kind(joined(st.sampled_from("EG"), digits(8)) | joined(st.just("EA"), digits(7)), "护照号码："),
    "cn_plate": Kind(
        joined(
            st.sampled_from("京沪粤川浙苏"),
            letters(1, "ABCDEFG"),
            st.just("·"),
            st.text("0123456789ABCDEFGHJK", min_size=5, max_size=5),
        )
        | joined(st.sampled_from("京沪粤"), st.just("A·D"), digits(5)),
    ),
    "in_aadhaar": Kind(
        grouped(
            completed(digits(11, "23456789"), ref.verhoeff).filter(lambda x: len(set(x)) > 2), "12", "4 4 4", "4-4-4"
        ),
        "Aadhaar ",
        "0123456789",
    ),
    "in_pan": Kind(joined(letters(3), st.sampled_from("PCHABGJLFT"), letters(1), digits(4, "123456789"), letters(1))),
    "kr_rrn": Kind(grouped(completed(joined(dates("%y%m%d", 1930, 1999), digits(6, "1256")), ref.rrn), "6-7")),
    "sg_fin": Kind(
        completed(joined(st.sampled_from("STFGM"), digits(7)), ref.nric, "ABCDEFGHIJKLMNPQRTUWXZ"), checked=UPPER
    ),
    "za_id_number": Kind(
        completed(joined(dates("%y%m%d"), digits(4), st.sampled_from("012"), st.sampled_from("89")), ref.luhn),
        checked="0123456789",
    ),
    "th_tnin": Kind(
        grouped(completed(digits(12, "12345678"), ref.thai), "1-4-5-2-1", "1 4 5 2 1"), checked="0123456789"
    ),
    "tr_national_id": Kind(completed(digits(9, "123456789"), ref.turkish, length=2), "TC Kimlik No: ", "0123456789"),
    "au_medicare": Kind(
        grouped(joined(completed(digits(8, "23456"), ref.medicare), st.sampled_from("123456789")), "10", "4 5 1"),
        "Medicare ",
    ),
    "au_tfn": Kind(grouped(completed(digits(8), ref.tfn), "9", "3 3 3"), "TFN: ", "0123456789"),
    "us_ssn": Kind(
        grouped(
            joined(
                st.integers(1, 899).filter(lambda area: area not in (78, 219, 666)).map("{:03d}".format),
                st.integers(1, 99).map("{:02d}".format),
                st.integers(1, 9999).map("{:04d}".format),
            ).filter(lambda value: len(set(value)) > 1),
            "3-2-4",
        )
    ),
    "us_itin": Kind(
        grouped(
            joined(digits(3, "9"), st.sampled_from(["50", "65", "70", "88", "90", "92", "94", "99"]), digits(4)),
            "3-2-4",
        )
    ),
    "us_npi": Kind(grouped(completed(digits(9, "12"), ref.npi), "10", "4-3-3"), "NPI ", "0123456789"),
    "us_mbi": Kind(st.sampled_from(["1EG4-TE5-MK73", "2AG9-XC4-NN22", "1EG4TE5MK73", "9XX9-XX9-XX99"])),
    "ca_sin": Kind(
        grouped(completed(digits(8, "12345679"), ref.luhn).filter(lambda x: len(set(x)) > 1), "9", "3 3 3", "3-3-3"),
        "SIN: ",
        "0123456789",
    ),
    "br_cpf": Kind(
        grouped(completed(digits(9), ref.cpf, length=2).filter(lambda x: len(set(x)) > 1), "3.3.3-2"),
        checked="0123456789",
    ),
    "br_cnpj": Kind(
        grouped(completed(joined(digits(8) | letters(8), st.just("0001")), ref.cnpj, length=2), "2.3.3/4-2").filter(
            lambda x: len(set(x)) > 5
        ),
        checked="0123456789",
    ),
    "es_dni": Kind(completed(digits(8, "3456789"), ref.dni, UPPER + "Q"), checked="TRWAGMYFPDXBNJZSQVHLCKE"),
    "es_nie": Kind(
        completed(
            joined(st.sampled_from("XYZ"), digits(7)), lambda x: ref.dni("012"["XYZ".index(x[0])] + x[1:]), UPPER + "Q"
        ),
        checked="TRWAGMYFPDXBNJZSQVHLCKE",
    ),
    "fr_nir": Kind(
        grouped(
            completed(
                joined(
                    st.sampled_from("12"),
                    digits(2),
                    st.sampled_from(["01", "12", "99", "20"]),
                    st.sampled_from(["75", "2A", "2B", "99"]),
                    digits(3),
                    digits(3, "123456789"),
                ),
                ref.nir,
                length=2,
            ),
            "15",
            "1 2 2 2 3 3 2",
            "13 2",
        ),
        checked="0123456789",
    ),
    "de_steuer_id": Kind(
        grouped(completed(_steuer_bodies().filter(lambda x: x[0] != "0"), ref.mod11_10), "11", "2 3 3 3"),
        "Steuer-ID: ",
        "0123456789",
    ),
    "de_id_card": Kind(st.sampled_from(["L01X00T47", "T22000129", "L01X00T471", "T220001293"]), "Personalausweis "),
    "uk_nino": Kind(
        grouped(
            joined(
                letters(1, "ABCEGHJKLMNOPRSTWXYZ"),
                letters(1, "ABCEGHJKLMNPRSTWXYZ"),
                digits(6),
                st.sampled_from("ABCD"),
            ).filter(lambda x: _nino_prefix(x[:2]) and x[0] != "O"),
            "9",
            "2 2 2 2 1",
            "2 6 1",
        )
    ),
    "uk_nhs": Kind(grouped(completed(digits(9), ref.nhs), "10", "3 3 4"), "NHS number ", "0123456789"),
    "uk_passport": Kind(joined(letters(2, "ABCFGHJK"), digits(7)), "passport number "),
    "pl_pesel": Kind(completed(joined(dates("%y%m%d", 1900, 1999), digits(4)), ref.pesel), "PESEL: ", "0123456789"),
    "it_fiscal_code": Kind(
        completed(
            joined(
                letters(6),
                digits(2),
                st.sampled_from("ABCDEHLMPRST"),
                st.sampled_from(["01", "28", "41", "68"]),
                letters(1),
                digits(3),
            ),
            ref.fiscal,
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        ),
        checked="ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    ),
    "fi_personal_identity_code": Kind(
        completed(
            joined(dates("%d%m%y", 1930, 1999), st.sampled_from("-YXWVU"), st.integers(2, 999).map("{:03d}".format)),
            ref.finnish,
            "0123456789ABCDEFHJKLMNPRSTUVWXY",
        ),
        checked="0123456789ABCDEFHJKLMNPRSTUVWXY",
    ),
    "se_personnummer": Kind(
        grouped(completed(joined(dates("%y%m%d"), digits(3, "123456789")), ref.luhn), "6-4"), checked="0123456789"
    ),
}
