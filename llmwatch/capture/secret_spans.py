# ruff: noqa: E501, RUF001  (tables of words and patterns in many scripts, a row a line)
"""Where credentials stand in a text: vendor prefixes, JWTs, PEM keys, passwords in URLs, and values named as secrets.

Every pattern is possessive or bounded, so a hostile text costs linear time. Must never raise on any str.
"""

import re
from collections.abc import Callable, Iterator

Span = tuple[int, int, str]

# Everything that never stands inside a key becomes a space, so that splitting finds the few long words.
_KEY_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/=:")
_TO_SPACE = {code: " " for code in range(128) if chr(code) not in _KEY_CHARS}
# A word shorter than this holds no vendor key: the shortest known are 20 characters (AWS access key ids).
_KEY_WORD_CHARS = 16

_VENDOR_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk|csk|pcsk|gsk|xai|tvly|pplx|nvapi|r8|hf|ghp|gho|ghu|ghs|ghr|glpat|gldt|glrt|glsa|npm|pypi"
    r"|whsec|shpat|shpss|shpca|lsv2_pt|ntn|figd|sbp|sb_secret|e2b|jina|fw|rnd|sntrys|sntryu|phx|phc|dckr_pat"
    r"|lin_api|PMAK|rubygems|pscale_tkn|pscale_pw|dapi|doo_v1|dop_v1|dor_v1|napi|GOCSPX|xapp|xox[abceoprs]"
    r"|github_pat|sq0[a-z]{3}|AGE-SECRET-KEY|hvs|hvb|SG|ya29|dp\.(?:pt|st|ct|sa|scim|audit)|atlasv1|ATATT3|ATCTT3|Atzr|EAAA|AQ"
    r"|NRAK|NRII|NRJS|NRAA|NRRA|vc[kpiar]|nf[pcfoub]|re|cfut|cfat|cfk|api_org|sgp|HRKU|glc|glcbt|glptt|glft|glsoat|glagent|gloas"
    r"|lin_oauth|tskey-(?:auth|api|client)|fm2|fo1|tgp_v1|CFPAT|bkua|CCIPAT|pul|pnu|snyk|sq[pua]|tfp|ops|ATBB|shppa|pscale_oauth"
    r"|lsv2_sk|bb_live|sntrya|figu|figoh|v1\.0|nvcf|apify_api|clojars|duffel_live|EZAK|frio|mv_live|prefect|rdme|scalr|sm_live|waka)"
    r"[-_.][A-Za-z0-9_\-.+/=]{16,}+"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])"
    r"|AIza[A-Za-z0-9_\-]{30,}+"
    r"|LTAI[A-Za-z0-9]{12,}+"
    r"|(?:EAAA|ATBB)[A-Za-z0-9_\-]{28,}+|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|(?:AKID|HRKU)[A-Za-z0-9]{30,}+|[0-9a-f]{30,36}NRAL(?![A-Za-z0-9])"
    r"|[12]/[0-9]{10,17}(?:/[0-9]{10,17})?:[0-9a-f]{32}"
    r"|pa-[A-Za-z0-9_\-]{40,}+|secret_[A-Za-z0-9]{40,}+"
    # `fc_` and `call_` begin the ids of OpenAI's own output items; with a hyphen it is a vendor's key.
    r"|(?:dapi|SK|AC|key-|fc-)[0-9a-f]{32}(?![A-Za-z0-9])"
    r"|ATATT3[A-Za-z0-9_\-=]{40,}+"
    r"|EAA[A-Za-z0-9]{80,}+"
    r"|1//0[A-Za-z0-9_\-]{30,}+"
    r"|[0-9]{8,10}:AA[A-Za-z0-9_\-]{32,}+"
    r"|hooks\.slack\.com/services/[A-Za-z0-9/]{20,}+"
    r"|discord(?:app)?\.com/api/webhooks/[A-Za-z0-9/_\-]{20,}+"
    r")"
)
_HAS_DIGIT = re.compile(r"[0-9]")
_SEPARATORS = re.compile(r"[-_.=+/]")
# Whoever issued it: a short name, then a run longer than an id of any API is, in which chance mixed both cases and digits.
_UNKNOWN_KEYS = re.compile(
    r"(?<![A-Za-z0-9_\-])(?P<prefix>[A-Za-z][A-Za-z0-9]{1,11}+)[_\-](?:[a-z0-9]{1,8}[_\-]){0,2}(?P<run>[A-Za-z0-9]{32,128}+)(?![A-Za-z0-9])"
)
_UNKNOWN_KEY_CHARS = 35
_ID_PREFIXES = frozenset(
    [
        "sha1",
        "sha256",
        "sha384",
        "sha512",
        "md5",
        "chatcmpl",
        "cmpl",
        "call",
        "toolu",
        "msg",
        "resp",
        "rs",
        "fc",
        "ws",
        "req",
        "run",
        "step",
        "thread",
        "asst",
        "file",
        "batch",
        "vs",
        "etag",
        "ctx",
        "item",
        "gen",
        "conv",
        "img",
    ]
)
_JWT_RUN = re.compile(r"[A-Za-z0-9_\-]++(?:\.[A-Za-z0-9_\-]*+)*+")
_JWT_CHARS = 40

# Also quoted, as string literals of code and as a mail's or Markdown's quotation.
_PEM_BODY = re.compile(r"[A-Za-z0-9+/=\s:,.\\\-\"'>|#*;()]*+")
_PEM_BACKWARD = re.compile(r"(?:[A-Za-z0-9+/=\\]++|[ \t\"'>|#*+,]{0,8}+[\r\n]++[ \t\"'>|#*+,]{0,8}+)*+")
_PEM_CHARS = 16_384

# A digit-only run after the colon followed by "/" or the end is a port, not a password.
_USERINFO = re.compile(r"[^\s/:@?#\"'<>]{0,128}+:(?![0-9]{1,5}(?:[/\s]|$))([^\s/\"'<>]{1,256})@")
_USERINFO_SLASH = re.compile(r"[^\s/:@?#\"'<>]{0,128}+:(?![0-9]{1,5}(?:[/\s]|$))([^\s\"'<>@]{1,128}+)@")

_SECRET_NAMES = (
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "key",
    "credential",
    "bearer",
    "authorization",
    "ssws",
    "_auth",
    "signature=",
    "sig=",
)
_SECRET_NAMES_ABROAD = ("пароль", "密码", "密碼", "パスワード", "비밀번호", "contraseñ", "كلمة المرور", "पासवर्ड")
_SECRET_NAMES_LATIN = ("kennwort", "mot de passe", "contrasena")
# "key" alone is a common word; after one of these it names a credential.
_KEY_KINDS = (
    "api",
    "access",
    "private",
    "account",
    "shared",
    "encryption",
    "signing",
    "auth",
    "secret",
    "license",
    "_",
)
_KEY_KIND_CHARS = 12
_NAMED_VALUE = re.compile(
    r"[A-Za-z0-9_\-а-я]{0,32}+[\"'\]]{0,16}+"
    # Name and value as two fields: of an object, of a list of environment variables in YAML.
    r"(?:(?:,[ \t\n]{0,16}+|\n[ \t]{1,16}+)[\"']{0,16}+[Vv]alue[\"']{0,16}+)?+"
    r"(?:[ \t]{0,3}+(?P<sep>:=|=>|==?|:|：|\\?\"\s?:|は)|(?P<word>[ \t]++(?:is|was|ist|lautet|est|es|é|to)(?=[ \t:])|是|为)[ \t:]*+|(?P<gap>[ \t]{1,3}+))"
    r"\s{0,3}+(?:(?:[Bb]earer|BEARER|[Bb]asic|[Tt]oken|[Dd]igest)[ \t]{1,3}+)?"
    r"(?P<quote>\\?[\"'`]{1,16}+)?+(?P<value>[^\s\"'`,;<>(){}\[\]\\。，]{1,256}+)(?P<call>[(\[])?"
)
# Judging looks at this many characters; an accepted value is then followed to its end, so judging stays linear.
_VALUE_CHARS = 256
_VALUE_REST = re.compile(r"[^\s\"'`,;<>]*+")
_SIGNATURE = re.compile(r"[A-Za-z0-9%+/_\-.~]{16,1024}+={0,2}")
_QUOTED = re.compile(r"[^\"'`\n\\]{1,512}+(?=\\?[\"'`])")
_COOKIE = re.compile(r"[\"'\]]{0,3}+[ \t]{0,3}+[:=][ \t]{0,3}+[\"']?+([^\r\n\"'=]{1,128}+=[^\r\n\"']{1,4096}+)")
_PLACEHOLDER = re.compile(
    r"(?:none|null|nil|true|false|undefined|string|str|int|number|bool|boolean|optional|required|missing|invalid|incorrect|"
    r"wrong|expired|expected|empty|user(?:name)?|pass(?:word)?|not|must|should|the|a|an|your|my|is|was|of|and|or|for|to|in|field|value|reset|changed|protected|"
    r"redacted|hidden|unknown|default|enabled|disabled|x+|\*+|\.+|-+|n/a|example|placeholder|changeme|process\.env.*|"
    r"os\.(?:environ|getenv).*|settings\..*|config\..*|self\..*|env\..*|secrets\..*|\$.*|%.*|\[.*|your[_\-].*)[.!?:]?",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]+)*[.!?:]?")
_PASSWORD_FAMILY = ("pass", "pwd", *_SECRET_NAMES_ABROAD, *_SECRET_NAMES_LATIN)


def find_secrets(text: str, tick: Callable[[], None], words: list[tuple[int, str]] | None = None) -> Iterator[Span]:
    """Every credential's span in `text`; spans may overlap; `tick` is called once per candidate.

    `words` are the text's `long_words`, where the caller has them.
    """
    yield from _pem_keys(text)
    yield from _vendor_keys(long_words(text) if words is None else words, tick)
    yield from _jwts(text, tick)
    yield from _url_passwords(text, tick)
    yield from _named_secrets(text, tick)


def long_words(text: str) -> list[tuple[int, str]]:
    """The few words long enough for a key, of characters that keys have, with where they start."""
    # Splitting finds the few long words three times faster than a pattern over the whole text.
    # One character of `text` is one character of `plain`, so positions are the same.
    plain = text if text.isascii() else text.encode("ascii", "replace").decode("ascii")
    plain = plain.translate(_TO_SPACE)
    at, found = 0, list[tuple[int, str]]()
    for word in [word for word in plain.split() if len(word) >= _KEY_WORD_CHARS]:
        at = plain.find(word, at)
        found.append((at, word))
        at += len(word)
    return found


def _vendor_keys(words: list[tuple[int, str]], tick: Callable[[], None]) -> Iterator[Span]:
    for at, word in words:
        for found in _VENDOR_KEYS.finditer(word):
            tick()
            key = found.group().rstrip(".")
            if _is_key(key):
                yield at + found.start(), at + found.start() + len(key), "key"
        if len(word) < _UNKNOWN_KEY_CHARS:
            continue
        for found in _UNKNOWN_KEYS.finditer(word):
            tick()
            if found["prefix"].lower() not in _ID_PREFIXES and _is_mixed(found["run"], 3):
                yield at + found.start(), at + found.end(), "key"


def _is_key(key: str) -> bool:
    """`key-with-many-hyphenated-words` and `sk_SomeClassName` are prose and code; a key has digits or mixes cases."""
    if _HAS_DIGIT.search(key, 4):
        return True
    run = max(_SEPARATORS.split(key), key=len)
    return len(run) >= 30 or (len(run) >= 16 and _is_mixed(run, 2))


def _is_mixed(run: str, kinds: int) -> bool:
    """Whether upper and lower case (and digits, for 3) are as mixed as chance makes them, which no name is."""
    upper, lower = (sum(map(test, run)) for test in (str.isupper, str.islower))
    digits = len(run) - upper - lower
    return min(upper, lower) >= len(run) * (0.3 if kinds == 2 else 0.15) and (kinds == 2 or digits >= 1)


def _jwts(text: str, tick: Callable[[], None]) -> Iterator[Span]:
    at = text.find("eyJ")
    while at >= 0:
        tick()
        run = _JWT_RUN.match(text, at)
        end = run.end() if run else at + 3
        if end - at >= _JWT_CHARS:
            yield at, end, "jwt"
        # Continue behind the run: restarting inside it made this quadratic on repeated prefixes.
        at = text.find("eyJ", end)


def _pem_keys(text: str) -> Iterator[Span]:
    at = text.find("-----BEGIN ")
    while at >= 0:
        header_end = text.find("-----", at + 11, at + 80)
        if header_end < 0 or "PRIVATE KEY" not in text[at:header_end]:
            at = text.find("-----BEGIN ", at + 11)
            continue
        body = _PEM_BODY.match(text, header_end + 5, header_end + _PEM_CHARS)
        end = body.end() if body else header_end + 5
        footer = text.find("PRIVATE KEY-----", header_end + 5, end + 48)
        end = footer + 16 if footer >= 0 else end
        yield at, end, "secret"
        at = text.find("-----BEGIN ", end)
    yield from _pem_tails(text)


def _pem_tails(text: str) -> Iterator[Span]:
    """A private key whose beginning was cut off still ends in a recognisable footer."""
    floor, at = 0, text.find("PRIVATE KEY-----")
    while at >= 0:
        footer = text.rfind("-----END", max(floor, at - 32), at)
        if footer >= 0:
            low = max(floor, footer - _PEM_CHARS)
            body = _PEM_BACKWARD.match(text[low:footer][::-1])
            yield footer - (body.end() if body else 0), at + 16, "secret"
        floor = at + 16
        at = text.find("PRIVATE KEY-----", floor)


def _url_passwords(text: str, tick: Callable[[], None]) -> Iterator[Span]:
    at = text.find("://")
    while at >= 0:
        tick()
        found = _USERINFO.match(text, at + 3) or _USERINFO_SLASH.match(text, at + 3)
        if found:
            yield at + 3, found.end() - 1, "secret"
        at = text.find("://", found.end() if found else at + 3)


def _named_secrets(text: str, tick: Callable[[], None]) -> Iterator[Span]:
    # Only capital dotted I grows when lowered; replacing it keeps the positions of both texts equal.
    lowered = text.replace("\u0130", "I").lower()
    names = _SECRET_NAMES + _SECRET_NAMES_LATIN
    for name in names if text.isascii() else names + _SECRET_NAMES_ABROAD:
        at = lowered.find(name)
        while at >= 0:
            tick()
            end = at + len(name)
            if name[-1] == "=":
                # The separator is part of the name here: "signature" alone is also a word of code.
                span = _signature(text, at, end)
                if span:
                    yield span
                at = lowered.find(name, end)
                continue
            span = _named_value(text, name, end) if name != "key" or _is_key_name(lowered, at) else None
            if span:
                yield span
                end = span[1]
            at = lowered.find(name, end)
    yield from _cookies(text, lowered)


def _signature(text: str, at: int, end: int) -> Span | None:
    found = _SIGNATURE.match(text, end)
    is_named = not (at and text[at - 1].isalnum())
    return (end, found.end(), "secret") if found and is_named and _HAS_DIGIT.search(found.group()) else None


def _is_key_name(lowered: str, at: int) -> bool:
    before = lowered[max(0, at - _KEY_KIND_CHARS) : at]
    return before.endswith("_") or before.rstrip(" -").endswith(_KEY_KINDS)


def _cookies(text: str, lowered: str) -> Iterator[Span]:
    at = lowered.find("cookie")
    while at >= 0:
        span = _cookie(text, at + 6)
        if span:
            yield span
        at = lowered.find("cookie", span[1] if span else at + 6)


def _cookie(text: str, at: int) -> Span | None:
    found = _COOKIE.match(text, at)
    return (found.start(1), found.end(1), "secret") if found else None


def _named_value(text: str, name: str, at: int) -> Span | None:
    if name == "token" and text.startswith(("s", "i", "S", "I"), at):
        return None  # tokens, tokenizer: counts and code, not credentials
    found = _NAMED_VALUE.match(text, at)
    if not found:
        return None
    start, end = found.span("value")
    if found["quote"]:
        quoted = _QUOTED.match(text, start)
        if quoted and " " not in quoted.group():
            end = quoted.end()
    value = text[start:end].rstrip(".!?:") or text[start:end]
    is_password = name.startswith(_PASSWORD_FAMILY)
    if not _is_secret_value(value, found, is_password):
        return None
    rest = _VALUE_REST.match(text, start + len(value)) if len(value) >= _VALUE_CHARS else None
    return start, rest.end() if rest else start + len(value), "secret"


def _is_secret_value(value: str, found: re.Match[str], is_password: bool) -> bool:
    if len(value) < (4 if is_password else 8) or _PLACEHOLDER.fullmatch(value):
        return False
    has_digit = bool(_HAS_DIGIT.search(value))
    if found["gap"]:
        # "password abc123" and "Bearer abc123": without a separator only a value with letters and digits counts.
        return has_digit and not value.isdigit() and (is_password or len(value) >= 16)
    if value.isdigit():
        return is_password
    if has_digit:
        return True
    return _is_letters_secret(value, found, is_password)


def _is_letters_secret(value: str, found: re.Match[str], is_password: bool) -> bool:
    """A value without digits counts when quoted, or assigned tightly, or when it is no plain identifier."""
    if found["call"]:
        return False
    if not _IDENTIFIER.fullmatch(value):
        return is_password or len(value) >= 16
    is_tight = found["sep"] in ("=", ":") and found.start("value") == found.end("sep")
    if found["quote"]:
        return is_password or len(value) >= 12
    return "." not in value and ((is_password and found["sep"] is not None) or (is_tight and len(value) >= 16))
