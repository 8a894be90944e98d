"""Cue words: what people write near a number when they say what it is, in the languages of the corpus.

A number of which one in ten passes its check digit is not told from any other number by that digit alone.
"""

from __future__ import annotations

import re2

BEFORE = 48
"""Characters in front of a value in which a cue counts; it may stand on the line above."""
AFTER = 24
"""Characters behind it, on the same line."""


class Cues:
    """A set of words to look for beside a value. Latin words count as whole words, others anywhere."""

    def __init__(self, *words: str) -> None:
        self.words = tuple(dict.fromkeys(word.casefold() for word in words))
        latin = [re2.escape(word) for word in self.words if word.isascii() or word[0] < "\u0250"]
        others = [re2.escape(word) for word in self.words if not (word.isascii() or word[0] < "\u0250")]
        either = [rf"(?:^|[^\p{{Latin}}])(?:{'|'.join(latin)})(?:$|[^\p{{Latin}}])"] if latin else []
        self._pattern = re2.compile("|".join(either + others))

    def near(self, window: str, start: int, end: int) -> bool:
        """Whether one of the words stands shortly before `window[start:end]` or right behind it.

        >>> cues = Cues("NHS", "医保号")
        >>> cues.near("NHS number: 943", 12, 15), cues.near("(医保号943", 4, 7), cues.near("DINHS 943", 6, 9)
        (True, True, False)
        """
        before = window[max(0, start - BEFORE) : start].casefold()
        if self._pattern.search(before) is not None:
            return True
        after = window[end : end + AFTER].casefold()
        return self._pattern.search(after.partition("\n")[0]) is not None


CARD = Cues(
    "card", "cards", "card number", "credit", "debit", "visa", "mastercard", "maestro", "amex", "cc", "karte",
    "kreditkarte", "kartennummer", "carte", "carte bancaire", "tarjeta", "cartão", "карта", "карты", "карте",
    "بطاقة", "卡号", "卡號", "银行卡", "信用卡", "储蓄卡", "借记卡", "カード", "카드", "บัตร", "कार्ड",
)  # fmt: skip

ETHEREUM = Cues(
    "eth", "ether", "ethereum", "erc20", "erc-20", "wallet", "wallets", "address", "addresses", "account", "token",
    "usdt", "usdc", "metamask", "etherscan", "donate", "donation", "donations", "recipient", "sender", "owner",
    "adresse", "geldbörse", "portefeuille", "dirección", "direcciones", "billetera", "cartera", "monedero", "endereço",
    "carteira", "indirizzo", "portafoglio", "cüzdan", "кошелек", "кошелёк", "кошелька", "адрес", "адреса", "محفظة",
    "عنوان", "钱包", "錢包", "地址", "以太坊", "ウォレット", "アドレス", "イーサリアム", "지갑", "주소", "이더리움",
    "กระเป๋า", "ที่อยู่",
)  # fmt: skip

TAX_DE = Cues(
    "steuer-id", "steuerid", "steuer-identifikationsnummer", "steueridentifikationsnummer",
    "steuerliche identifikationsnummer", "identifikationsnummer", "idnr", "id-nr", "tin", "steuernummer",
    "tax id", "德国税号",
)  # fmt: skip

AADHAAR = Cues(
    "aadhaar", "aadhar", "adhaar", "uidai", "uid", "आधार", "ஆதார்", "ఆధార్", "আধার", "આધાર", "ಆಧಾರ್",
)  # fmt: skip

PAN = Cues("pan", "pan card", "permanent account number", "income tax", "पैन", "पैन कार्ड")

CPF = Cues("cpf", "cpf/mf", "contribuinte", "cadastro de pessoas físicas")

CNPJ = Cues("cnpj", "cnpj/mf", "cadastro nacional da pessoa jurídica")

SSN = Cues(
    "ssn", "ssns", "social security", "social security number", "soc sec", "ss#", "sozialversicherungsnummer",
    "seguro social", "sécurité sociale", "社会安全号码", "社会保障号码", "社会保障番号", "사회보장번호",
)  # fmt: skip

ITIN = Cues("itin", "itins", "tax id", "taxpayer", "tax identification", "individual taxpayer", "tin")

NINO = Cues(
    "nino", "ni", "ni number", "ni no", "national insurance", "national insurance number", "nat ins", "国民保险号",
    "国民保険番号",
)  # fmt: skip

SPAIN = Cues(
    "dni", "nif", "nie", "documento nacional", "identidad", "documento", "identificación", "extranjero",
    "d.n.i",
)  # fmt: skip

NIR = Cues(
    "nir", "sécurité sociale", "securite sociale", "numéro de sécu", "insee", "n° ss", "carte vitale", "assuré",
)  # fmt: skip

CN_ID = Cues(
    "身份证", "身份證", "证件号", "證件號", "公民身份", "居民身份", "id card", "identity card", "id number",
    "身分証", "신분증",
)  # fmt: skip

PASSPORT = Cues(
    "passport", "passports", "passport no", "travel document", "reisepass", "pass-nr", "passnummer",
    "passeport", "pasaporte", "passaporte", "паспорт", "паспорта", "загранпаспорт", "جواز سفر", "جواز السفر",
    "护照", "護照", "通行证", "パスポート", "旅券", "여권", "หนังสือเดินทาง", "พาสปอร์ต", "पासपोर्ट",
)  # fmt: skip

PLATE = Cues(
    "plate", "license plate", "licence plate", "number plate", "registration", "车牌", "車牌", "牌照", "号牌", "號牌",
    "车号", "ナンバープレート", "번호판",
)  # fmt: skip

RRN = Cues("rrn", "resident registration", "주민등록", "주민번호", "주민")

PESEL = Cues("pesel", "pesel:", "nr pesel", "numer pesel")

SIN = Cues(
    "sin", "sin number", "social insurance", "social insurance number", "nas", "n.a.s", "assurance sociale",
)  # fmt: skip

HETU = Cues("hetu", "henkilötunnus", "personbeteckning", "finnish id", "personal identity code")

PERSONNUMMER = Cues(
    "personnummer", "personnr", "pnr", "pers.nr", "samordningsnummer", "swedish id", "personal identity number",
    "personal identity code",
)  # fmt: skip

THAI_ID = Cues(
    "tnin", "thai id", "thai national id", "national id", "citizen id", "id card", "เลขประจำตัวประชาชน",
    "เลขบัตรประชาชน", "บัตรประชาชน", "ประจำตัวประชาชน", "เลขประจำตัว",
)  # fmt: skip

TURKISH_ID = Cues(
    "tckn", "tc kimlik", "t.c. kimlik", "kimlik no", "kimlik numarası", "tc no", "türk kimlik", "turkish id",
    "turkish identity",
)  # fmt: skip

SINGAPORE_ID = Cues("nric", "fin", "nric/fin", "singapore id", "uin")

NHS = Cues("nhs", "nhs number", "nhs no", "national health service")

TFN = Cues("tfn", "tax file", "tax file number")

MEDICARE_AU = Cues("medicare", "medicare card")

MEDICARE_US = Cues("mbi", "medicare", "medicare beneficiary", "beneficiary")

NPI = Cues("npi", "npis", "national provider", "provider identifier", "provider id", "provider number")

DE_ID_CARD = Cues(
    "personalausweis", "ausweis", "ausweisnummer", "ausweisnr", "ausweis-nr", "perso", "german id", "id card",
)  # fmt: skip

SOUTH_AFRICAN_ID = Cues("south african id", "sa id", "rsa id", "id number", "identity number", "id nommer")
