# ruff: noqa: E501  (tables of words and patterns in many scripts, a row a line)
"""Where structured personal data stands in a text: e-mail, phone, card, IBAN, IP, national ids.

Names and postal addresses are not looked for: they need a language model, which has no place in the call path.
Every pattern is bounded or possessive, so a hostile text costs linear time. Must never raise on any str.
"""

import re
from collections.abc import Callable, Iterator

Span = tuple[int, int, str]

# One pass finds every region that could hold a number; only these few regions see the patterns below.
_REGION_ASCII = re.compile(r"[0-9][0-9A-Z ().\-/]{5,}+")
_REGION = re.compile(r"\d[\dA-Z ().\-/\u00a0\u2009\u202f\u2010-\u2014\u2212\uff08\uff09\uff0d\u3000]{5,}+")
_PLAIN = (
    {ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2014\u2212\uff0d"}
    | {ord(space): " " for space in "\u00a0\u2009\u202f\u3000"}
    | {0xFF08: "(", 0xFF09: ")", 0xFF0B: "+"}
)
_FOREIGN = re.compile(
    r"[\u00a0\u2009\u202f\u2010-\u2014\u2212\uff08\uff09\uff0b\uff0d\uff10-\uff19\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59]"
)
_DIGIT = re.compile(r"\d")

_NUMBERS = (
    r"(?<![A-Za-z0-9_])(?<![0-9][.,\-/:])(?:"
    r"(?P<date>(?:19|20)\d\d(?P<d1>[-./])\d{1,2}(?P=d1)\d{1,2}(?!\d)"
    r"|\d{1,2}(?P<d2>[-./])\d{1,2}(?P=d2)(?:19|20)\d\d(?!\d)"
    r"|\d{1,2}(?P<d3>[-/])\d{1,2}(?P=d3)\d\d(?![\d/-])"
    r"|\d{1,2} (?:19|20)\d\d(?![\d-]))"
    r"|(?P<ip>(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d|-(?:alpha|beta|rc|dev|pre|snap)))"
    r"|(?P<cpf>\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d))"
    r"|(?P<rrn>\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-[1-8]\d{6}(?!\d))"
    r"|(?P<insee>[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d(?!\d))"
    r"|(?P<ssn>(?!000|666|9[5-9])\d{3}(?P<s1>[- ])(?!00)\d{2}(?P=s1)(?!0000)\d{4}(?![\d-]))"
    r"|(?P<card>\d{4}(?P<c1>[ .-])\d{4}(?P=c1)\d{4}(?P=c1)\d{4}(?:(?P=c1)\d{3}(?!\d))?(?!\d)"
    r"|3[0-9]\d\d(?P<c2>[ .-])\d{6}(?P=c2)\d{4,5}(?!\d)|\d{12,19}(?![\dX]))"
    r"|(?P<cnid>[1-9]\d{5}(?:19|20)\d{9}X)"
    r"|(?P<aadhaar>[2-9]\d{3}(?P<a1>[ -])\d{4}(?P=a1)\d{4}(?![ -]?\d))"
    r"|(?P<dni>[XYZ]?\d{7,8}-?[A-HJ-NP-TV-Z](?![A-Za-z0-9]))"
    r"|(?P<phone>(?:\+ ?\(?[1-9]|(?<![.\d])00[1-9])(?:[ \-.()/]{0,3}+\d){6,14}+(?!\d)"
    r"|(?:1[-. ]{0,2})?(?:\(\d{3}\)[-. ]{0,2}|(?<!\.)\d{3}(?P<p1>[-. ]))\d{3}[-. ]\d{4}(?![\d-])"
    r"|\(?0[1-9]\d{0,4}\)?(?:[ \-./()]{1,3}+\d{1,8}){1,5}+(?![\d])"
    r"|\(\d{2,5}\)[ -]{0,2}\d{3,5}[ \-.]?\d{3,5}(?!\d)"
    r"|[5-9]\d\d (?!000)\d{3} (?!000)\d{3}(?! ?\d)|[6-9]\d{4}[ -]\d{5}(?!\d)|[5689]\d{3} (?!000)\d{4}(?![ -]?\d)"
    r"|1[3-9]\d(?P<p2>[ -])\d{4}(?P=p2)\d{4}(?!\d)|[1-9]\d[ -]9?\d{4}[ -]\d{4}(?!\d)|[1-9]\d{0,2}[ -]\d{3}[ -]\d{2}[ -]\d{2}(?!\d)"
    r"|8[ -]{0,2}\(?\d{3}\)?[ -]{0,2}\d{3}[ -]?\d{2}[ -]?\d{2}(?!\d)"
    r"|0[1-9]\d{8,9}(?!\d)|1[3-9]\d{9}(?!\d))"
)
_NUMBER = re.compile("(?=[+(0-9XYZ])" + _NUMBERS + ")")
_NUMBER_AFTER_PHONE_WORD = re.compile(
    "(?=[+(0-9XYZ])" + _NUMBERS + r"|(?P<bare>\(?\d(?:[ \-./()]{0,3}+\d){6,14}+(?!\d)))"
)
_EXTENSION = re.compile(r"[ ,]{0,2}+(?:x|ext\.?|extension) ?[0-9]{1,6}", re.IGNORECASE)
# A lone short number or a plain date is not worth the patterns, which cost ten times more than this one.
_DATE_OR_SHORT = re.compile(
    r"(?:(?:19|20)\d\d([-./])\d\d\1\d\d(?:[ T]++\d\d)?(?!\d)|(?:\d{1,3}[ .)(A-Z\-/]++){1,2}+(?:\d{1,2}(?!\d))?|\d{1,6}(?!\d))[ .)(A-Z\-/]*+"
)
_LONE = re.compile(r"\d{7,9}+[ .)(\-/]*+(?![0-9A-Z])")
_PHONE_WORDS = frozenset(
    [
        "phone",
        "phones",
        "tel",
        "telephone",
        "telefon",
        "mobile",
        "cell",
        "cellphone",
        "fax",
        "whatsapp",
        "sms",
        "dial",
        "hotline",
        "call",
        "teléfono",
        "telefono",
        "tlf",
        "móvil",
        "movil",
        "celular",
        "handy",
        "mobil",
        "rufnummer",
        "téléphone",
        "portable",
        "numéro",
        "número",
        "cellulare",
        "телефон",
        "тел",
        "номер",
        "phone_number",
        "phonenumber",
        "ph",
    ]
)
_PHONE_WORDS_UNSPACED = (
    "电话",
    "手机",
    "電話",
    "携帯",
    "號碼",
    "号码",
    "전화",
    "번호",
    "핸드폰",
    "هاتف",
    "جوال",
    "رقم",
    "फ़ोन",
    "फोन",
    "मोबाइल",
)
_WORD = re.compile(r"[^\W\d]++")
_CALL_WORDS = ("tool call", "function call", "call_", "api call")
_NUMBER_WORD = re.compile(r"(?:ssn|social security|passport)[^\d\n]{0,24}$")
_VERSION_WORDS = ("version", "ver", "release", " v", "(v")
_CONTEXT_CHARS = 32

_LOCAL = re.compile(r"[A-Za-z0-9._%+'\-]{1,64}+")
_LOCAL_ANY = re.compile(r"[\w.%+'\-]{1,64}+")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9\-]{1,63}+\.){1,8}(?:[A-Za-z]{2,24}+|xn--[A-Za-z0-9\-]{1,59}+)")
_DOMAIN_ANY = re.compile(r"(?:[\w\-]{1,63}+\.){1,8}\w{2,24}+")

_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_HEX_RUN = re.compile(r"[0-9A-Fa-f:]{1,48}+")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
_IPV6_FULL = re.compile(r"(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}")
_IPV6_SHORT = re.compile(
    r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?"
)

_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2})[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}+")
_IBAN_CHARS = dict(
    pair.split(":")
    for pair in [
        "AD:24",
        "AE:23",
        "AL:28",
        "AT:20",
        "AZ:28",
        "BA:20",
        "BE:16",
        "BG:22",
        "BH:22",
        "BR:29",
        "BY:28",
        "CH:21",
        "CR:22",
        "CY:28",
        "CZ:24",
        "DE:22",
        "DK:18",
        "DO:28",
        "EE:20",
        "EG:29",
        "ES:24",
        "FI:18",
        "FO:18",
        "FR:27",
        "GB:22",
        "GE:22",
        "GI:23",
        "GL:18",
        "GR:27",
        "GT:28",
        "HR:21",
        "HU:28",
        "IE:22",
        "IL:23",
        "IQ:23",
        "IS:26",
        "IT:27",
        "JO:30",
        "KW:30",
        "KZ:20",
        "LB:28",
        "LC:32",
        "LI:21",
        "LT:20",
        "LU:20",
        "LV:21",
        "LY:25",
        "MC:27",
        "MD:24",
        "ME:22",
        "MK:19",
        "MR:27",
        "MT:31",
        "MU:30",
        "NL:18",
        "NO:15",
        "PK:24",
        "PL:28",
        "PS:29",
        "PT:25",
        "QA:29",
        "RO:24",
        "RS:22",
        "SA:24",
        "SC:31",
        "SE:24",
        "SI:19",
        "SK:24",
        "SM:27",
        "ST:25",
        "SV:28",
        "TL:23",
        "TN:24",
        "TR:26",
        "UA:29",
        "VA:22",
        "VG:24",
        "XK:20",
    ]
)
_NINO = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]|QQ) ?\d\d ?\d\d ?\d\d ?[A-D](?![A-Za-z0-9])"
)
_CODICE_FISCALE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z](?![A-Za-z0-9])")
_PAN_INDIA = re.compile(r"(?<![A-Za-z0-9])[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z](?![A-Za-z0-9])")
_IBAN_SMALL = re.compile(r"(?<![A-Za-z0-9])([a-z]{2})[0-9]{2}(?:[ -]?[a-z0-9]){11,30}+")
_IBAN_MAX_CHARS = 48
_HEAD_CHARS = 12
# What may precede the digits of both: "AB ", "de", "gb29nwbk", "gb29 nwbk "; read backward.
_HEAD = re.compile(r"[ -]?(?:[A-Za-z]{2}|[a-z]{1,4} ?[0-9]{2}[a-z]{2})(?![A-Za-z0-9])")
_HEADS = frozenset(" -ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_MAC_DASHED = re.compile(
    r"-(?<=(?<![0-9A-Za-z_-])[0-9A-Fa-f]{2}-)[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}(?![0-9A-Za-z_-])"
)
_MAC_DOTTED = re.compile(r"\.(?<=(?<![0-9A-Za-z_.])[0-9A-Fa-f]{4}\.)[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?!\.?[0-9A-Za-z_])")
_HAS_CAPITAL = re.compile(r"[A-Z]")
_LETTER_IDS = (_NINO, _CODICE_FISCALE, _PAN_INDIA)
_OPENERS = frozenset("+(\uff0b\uff08")
_BEFORE_NUMBER = "+(\uff0b\uff08 ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERS_BEFORE_CHARS = 6

_CARD = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}|35\d{14}|(?:1800|2131)\d{11}|62\d{14,17}|(?:5018|5020|5038|5[678]\d\d|6304|6759|676[1-3])\d{8,15}"
)
_VERHOEFF_D = tuple(
    tuple(int(digit) for digit in row)
    for row in [
        "0123456789",
        "1234067895",
        "2340178956",
        "3401289567",
        "4012395678",
        "5987604321",
        "6598710432",
        "7659821043",
        "8765932104",
        "9876543210",
    ]
)
_VERHOEFF_P = tuple(
    tuple(int(digit) for digit in row)
    for row in [
        "0123456789",
        "1576283094",
        "5803796142",
        "8916043527",
        "9453126870",
        "4286573901",
        "2793806415",
        "7046913258",
    ]
)


def find_personal(text: str, tick: Callable[[], None]) -> Iterator[Span]:
    """Every structured personal datum's span in `text`; spans may overlap; `tick` is called once per candidate."""
    yield from _emails(text, tick)
    yield from _numbers(text, tick)
    yield from _dashed_macs(text, tick)
    yield from _addresses_with_colons(text, tick)


def _emails(text: str, tick: Callable[[], None]) -> Iterator[Span]:
    yield from _emails_at(text, "@", tick)
    if "%40" in text:
        yield from _emails_at(text, "%40", tick)


def _emails_at(text: str, sign: str, tick: Callable[[], None]) -> Iterator[Span]:
    at, floor, size = text.find(sign), 0, len(sign)
    while at >= 0:
        tick()
        # ASCII first: in Chinese or Thai text nothing separates the address from the words around it.
        domain = _DOMAIN.match(text, at + size) or _DOMAIN_ANY.match(text, at + size)
        if domain:
            before = text[max(floor, at - 64) : at][::-1]
            local = _LOCAL.match(before) or _LOCAL_ANY.match(before)
            if local:
                floor = domain.end()
                yield at - len(local.group().rstrip(".'")), floor, "email"
        at = text.find(sign, at + size)


def _numbers(text: str, tick: Callable[[], None]) -> Iterator[Span]:
    regions = _REGION if not text.isascii() and _FOREIGN.search(text) else _REGION_ASCII
    for region in regions.finditer(text):
        tick()
        low, high = region.span()
        previous = text[low - 1 : low]
        if previous and previous in _HEADS and _HEAD.match(text[max(0, low - _HEAD_CHARS) : low][::-1]):
            yield from _headed(text, low, high)
        if previous not in _OPENERS and _DATE_OR_SHORT.fullmatch(text, low, high):
            continue
        before = text[max(0, low - _CONTEXT_CHARS) : low].lower()
        is_phone = _has_phone_word(before)
        if not is_phone and previous not in _OPENERS and _LONE.fullmatch(text, low, high):
            continue
        while low and region.start() - low < _LETTERS_BEFORE_CHARS and text[low - 1] in _BEFORE_NUMBER:
            low -= 1
        left = max(0, low - 2)
        # A version's suffix is no part of the region: 10.5.3.1-beta is no address.
        chunk = text[left : high + 6]
        if not chunk.isascii():
            chunk = _plain(chunk)
        for start, end, label in _numbers_in(chunk, low - left, before, is_phone, tick):
            extension = _EXTENSION.match(text, left + end) if label == "phone" else None
            yield left + start, extension.end() if extension else left + end, label


def _headed(text: str, low: int, high: int) -> Iterator[Span]:
    """A National Insurance number, whose digits alone look like a date, and an IBAN in small letters."""
    left = max(0, low - _HEAD_CHARS)
    head = text[left : high + 2]
    found = _NINO.search(head, max(0, low - left - 3))
    if found:
        yield left + found.start(), left + found.end(), "id"
    for iban in _IBAN_SMALL.finditer(text[left : low + _IBAN_MAX_CHARS]):
        if size := _iban_size(iban):
            yield left + iban.start(), left + iban.start() + size, "iban"


def _dashed_macs(text: str, tick: Callable[[], None]) -> Iterator[Span]:
    if text.count("-") >= 5:
        for found in _MAC_DASHED.finditer(text):
            tick()
            yield found.start() - 2, found.end(), "mac"
    if text.count(".") >= 2:
        for found in _MAC_DOTTED.finditer(text):
            tick()
            value = text[found.start() - 4 : found.end()]
            if any(map(str.isalpha, value)) and any(map(str.isdigit, value)):
                yield found.start() - 4, found.end(), "mac"


def _plain(chunk: str) -> str:
    """The same text, position for position, with ASCII digits, dashes, spaces and brackets."""
    chunk = chunk.translate(_PLAIN)
    return chunk if chunk.isascii() else _DIGIT.sub(lambda digit: str(int(digit.group())), chunk)


def _numbers_in(chunk: str, start: int, before: str, is_phone: bool, tick: Callable[[], None]) -> Iterator[Span]:
    for found in (_NUMBER_AFTER_PHONE_WORD if is_phone else _NUMBER).finditer(chunk, start):
        tick()
        label = _judge(found, before)
        if label:
            yield found.start(), found.end(), label
    if _HAS_CAPITAL.search(chunk):
        yield from _letter_ids(chunk)


def _has_phone_word(before: str) -> bool:
    if not _PHONE_WORDS.isdisjoint(_WORD.findall(before)):
        return not any(word in before for word in _CALL_WORDS)
    return not before.isascii() and any(word in before for word in _PHONE_WORDS_UNSPACED)


def _letter_ids(chunk: str) -> Iterator[Span]:
    for found in _IBAN.finditer(chunk):
        size = _iban_size(found)
        if size:
            yield found.start(), found.start() + size, "iban"
    for pattern in _LETTER_IDS:
        for found in pattern.finditer(chunk):
            yield found.start(), found.end(), "id"


def _judge(found: re.Match[str], before: str) -> str | None:
    """The label a number deserves, None when its checksum or its surroundings say it is something else."""
    judge = _JUDGES.get(found.lastgroup or "")
    return judge(found.group(), before) if judge else None


def _judge_ip(value: str, before: str) -> str | None:
    parts = value.split(".")
    if not all(int(part) < 256 and (part == "0" or part[0] != "0") for part in parts):
        return None
    if value in ("127.0.0.1", "0.0.0.0", "255.255.255.255"):
        return None
    if before.rstrip(" .:=").endswith(_VERSION_WORDS) or (before[-1:] == "/" and before[-2:-1].isalnum()):
        return None
    return "ip"


def _judge_card(value: str, before: str) -> str | None:
    digits = value.replace(" ", "").replace("-", "").replace(".", "")
    if _CARD.fullmatch(digits) and is_luhn(digits):
        return "card"
    if _CARD.fullmatch(digits[:16]) and len(value) > 19 and is_luhn(digits[:16]):
        return "card"
    if len(digits) == 18 and _is_chinese_id(digits):
        return "id"
    if len(digits) == 12 and digits[0] not in "01" and "aadhaar" in before and is_verhoeff(digits):
        return "id"
    return "phone" if len(digits) <= 15 and _has_phone_word(before) else None


def _judge_phone(value: str, before: str) -> str | None:
    count = sum(map(str.isdigit, value))
    if value.lstrip("( ").startswith("0") and not 9 <= count <= 14:
        return "phone" if count >= 7 and _has_phone_word(before) else None
    return "phone" if count >= 8 else None


def _judge_dni(value: str, before: str) -> str | None:
    digits = value[:-1].rstrip("-").replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "id" if len(digits) == 8 and "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == value[-1] else None


def _judge_cpf(value: str, before: str) -> str | None:
    digits = [int(digit) for digit in value if digit.isdigit()]
    first = sum(weight * digit for weight, digit in zip(range(10, 1, -1), digits, strict=False)) * 10 % 11 % 10
    second = sum(weight * digit for weight, digit in zip(range(11, 1, -1), digits, strict=False)) * 10 % 11 % 10
    return "id" if [first, second] == digits[9:] else None


def _judge_insee(value: str, before: str) -> str | None:
    digits = value.replace(" ", "").replace("2A", "19").replace("2B", "18")
    if len(digits) == 15 and digits.isdigit() and 97 - int(digits[:13]) % 97 == int(digits[13:]):
        return "id"
    return _judge_card(value, before)


def _judge_bare(value: str, before: str) -> str | None:
    return "ssn" if _NUMBER_WORD.search(before) else "phone"


_JUDGES: dict[str, Callable[[str, str], str | None]] = {
    "date": lambda value, before: None,
    "ip": _judge_ip,
    "cpf": _judge_cpf,
    "rrn": lambda value, before: "id",
    "insee": _judge_insee,
    "ssn": lambda value, before: "ssn",
    "card": _judge_card,
    "cnid": lambda value, before: "id" if _is_chinese_id(value) else None,
    "aadhaar": lambda value, before: "id" if is_verhoeff(value.replace(" ", "").replace("-", "")) else None,
    "dni": _judge_dni,
    "phone": _judge_phone,
    "bare": _judge_bare,
}


def is_luhn(digits: str) -> bool:
    """True when the last digit is the Luhn check digit of the others."""
    odd = sum(map(int, digits[-1::-2]))
    even = sum((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(digit)] for digit in digits[-2::-2])
    return (odd + even) % 10 == 0


def is_verhoeff(digits: str) -> bool:
    """True when the last digit is the Verhoeff check digit of the others."""
    check = 0
    for position, digit in enumerate(reversed(digits)):
        check = _VERHOEFF_D[check][_VERHOEFF_P[position % 8][int(digit)]]
    return check == 0


def is_iban(compact: str) -> bool:
    """True for an upper-case IBAN without spaces whose length fits its country and whose checksum is right."""
    if _IBAN_CHARS.get(compact[:2]) != str(len(compact)):
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def _iban_size(found: re.Match[str]) -> int:
    """Characters of the match that are a valid IBAN, separators counted; 0 when there is none."""
    text = found.group()
    wanted = int(_IBAN_CHARS.get(text[:2].upper(), "0"))
    taken = 0
    for size, char in enumerate(text, 1):
        taken += char.isalnum()
        if wanted and taken == wanted:
            compact = text[:size].replace(" ", "").replace("-", "").upper()
            return size if is_iban(compact) else 0
    return 0


def _is_chinese_id(digits: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=False))
    return "10X98765432"[total % 11] == digits[17] and "01" <= digits[10:12] <= "12"


def _addresses_with_colons(text: str, tick: Callable[[], None]) -> Iterator[Span]:
    done = 0
    for colons in _COLONS.finditer(text):
        if colons.start() < done:
            continue
        tick()
        left = _HEX_RUN.match(text[max(done, colons.start() - 40) : colons.start()][::-1])
        start = colons.start() - (left.end() if left else 0)
        run = _HEX_RUN.match(text, start)
        done = run.end() if run else colons.end()
        is_glued = text[max(0, start - 1) : start].isalnum() or text[done : done + 1].isalnum()
        value = text[start:done].rstrip(":") if not text.startswith("::", done - 2) else text[start:done]
        label = None if is_glued else _colon_label(value)
        if label:
            yield start, start + len(value), label


def _colon_label(value: str) -> str | None:
    if _MAC.fullmatch(value):
        return "mac"
    if _IPV6_FULL.fullmatch(value):
        return "ip"
    # Two groups and a digit at least: `a::b` is C++ or Rust, `::1` is the loopback address.
    if _IPV6_SHORT.fullmatch(value) and len(value) >= 6 and any(map(str.isdigit, value)):
        return "ip"
    return None
