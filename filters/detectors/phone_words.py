"""Words that stand before telephone numbers, or before numbers that are none, and the countries a script suggests."""

from __future__ import annotations

import re2

# Latin words begin where no Latin letter stands before; the others may touch anything.
_PHONE_LATIN = (
    "tel", "tele", "telephone", "telefono", "telefon", "telefoon", "telefone", "telefonu", "telepon", "teléfono",
    "téléphone", "tél", "phone", "phones", "mobile", "mob", "mobil", "cellphone", "cell phone", "cell:", "fax",
    "hotline", "whatsapp", "handy", "rufnummer", "telefonnummer", "celular", "móvil", "movil", "portable", "cellulare",
    "sms", "gsm", "điện thoại",
)  # fmt: skip
_PHONE_OTHER = (
    "телефон", "тел.", "моб.", "факс", "電話", "电话", "手机", "手機", "携帯", "传真", "傳真", "热线", "熱線", "座机",
    "联系方式", "전화", "핸드폰", "휴대폰", "연락처", "팩스", "โทร", "เบอร์", "มือถือ", "هاتف", "جوال", "موبايل", "تلفون",
    "تليفون", "فاكس", "واتس", "تلفن", "موبایل", "טלפון", "נייד", "फ़ोन", "फोन", "मोबाइल", "ফোন", "τηλ",
)  # fmt: skip
_CONTACT = (
    "number", "contact", "call", "dial", "reach", "text me", "text us", "nummer", "numéro", "número", "numero",
    "contato", "kontakt", "llame", "joindre", "rufen", "номер", "звон", "связ", "контакт", "番号", "連絡", "号码",
    "號碼", "联系", "聯絡", "致电", "拨打", "번호", "연락", "문의", "หมายเลข", "ติดต่อ", "رقم", "اتصل", "التواصل",
)  # fmt: skip
_COUNTED_LATIN = (
    "isbn", "isbn-10", "isbn-13", "issn", "ismn", "doi", "order", "orders", "invoice", "serial", "s/n", "sku", "part",
    "model", "version", "ticket", "case", "tracking", "bug", "issue", "page", "pp", "parcel", "patent", "oid",
    "account", "acct", "iban", "swift", "tax", "steuer-id", "steuer-idnr", "ust-id", "ssn", "aadhaar", "passport",
    "cpf", "cnpj", "nir", "nino", "dni", "nie", "iso", "iec", "ieee", "rfc", "gb", "gb/t", "zip", "timestamp", "id",
    "pesel", "npi", "vat", "siren", "siret", "nhs", "tfn", "abn",
)  # fmt: skip
_COUNTED_OTHER = (
    "订单", "訂單", "单号", "單號", "订单号", "订单编号", "運單", "运单", "快递", "快遞", "账号", "帐号", "帳號",
    "卡号", "卡號", "身份证", "身份证号", "发票", "編號", "注文", "注文番号", "주문", "주문번호", "송장", "송장번호",
    "заказ", "заказа", "счет", "счета", "инн", "снилс", "№",
)  # fmt: skip


def _any_of(words: tuple[str, ...]) -> str:
    return "(?:" + "|".join(map(re2.escape, words)) + ")"


# The word, then up to 24 characters of the same sentence: a label such as `(office): `, an area or a name.
SPOKEN_OF = re2.compile(
    rf"(?i)(?:(?:^|[^\p{{Latin}}]){_any_of(_PHONE_LATIN)}|{_any_of(_PHONE_OTHER)})"
    r"\.?(?:[^\n.!?;。！？；]{0,24}[^0-9\p{Latin}])?$"
)
ADDRESSED = re2.compile(rf"(?i){_any_of(_CONTACT)}[^\n]{{0,20}}$")
# A number of one of these is counted, not called.
COUNTED = re2.compile(
    rf"(?i)(?:(?:^|[^\p{{Latin}}]){_any_of(_COUNTED_LATIN)}(?: ?-?(?:no|nr|num|number|nummer|id|code|card)s?)?"
    rf"|{_any_of(_COUNTED_OTHER)})(?: is| ist| es| est)?[^\p{{L}}\n0-9]{{0,4}}$"
)

_BY_SCRIPT = (
    (re2.compile(r"[\p{Hiragana}\p{Katakana}]"), ("JP",)),
    (re2.compile(r"\p{Hangul}"), ("KR",)),
    (re2.compile(r"\p{Han}"), ("CN", "TW", "HK", "JP", "SG", "MO")),
    (re2.compile(r"\p{Thai}"), ("TH",)),
    (re2.compile(r"\p{Cyrillic}"), ("RU", "UA", "KZ", "BY", "BG", "RS")),
    (re2.compile(r"\p{Arabic}"), ("EG", "SA", "AE", "IR", "MA", "IQ", "JO", "DZ", "KW", "QA", "PK")),
    (re2.compile(r"\p{Hebrew}"), ("IL",)),
    (re2.compile(r"\p{Greek}"), ("GR", "CY")),
    (re2.compile(r"\p{Devanagari}"), ("IN", "NP")),
)
_LATIN = (
    "US", "GB", "DE", "FR", "ES", "IT", "BR", "PT", "NL", "BE", "CH", "AT", "MX", "AR", "CL", "CO", "PL", "TR", "AU",
    "NZ", "IN", "ID", "VN", "SE", "NO", "DK", "FI", "IE", "ZA", "IL", "JP", "KR", "CZ", "RO", "HU", "PH", "MY", "SG",
)  # fmt: skip


def likely_regions(around: str) -> tuple[str, ...]:
    """Countries whose way of writing numbers is to be tried, by the scripts of the surroundings."""
    for script, regions in _BY_SCRIPT:
        if script.search(around):
            return (*regions, *_LATIN) if regions[0] in ("CN", "EG", "RU") else (*regions, *_LATIN[:6])
    return _LATIN
