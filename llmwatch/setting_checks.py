"""Names settings that can be read but cannot work: URLs as hosts, prices per token, patterns that cannot run.

Standard library only: the host process and the commands say the same sentence.
"""

from __future__ import annotations

import codecs
import re
import stat
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from .errors import UsageError

# Of a file of settings.
MOST_BYTES: Final = 8 << 20

# The providers with known prices, and their other names; a test holds them against prices/data/providers.toml.
PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": (),
    "azure": ("azure.ai.openai", "azure.ai.inference"),
    "aws": ("aws.bedrock",),
    "openrouter": (),
    "google": ("gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai"),
    "anthropic": (),
    "groq": (),
    "deepseek": (),
    "mistral": ("mistral_ai",),
    "x-ai": ("x_ai", "xai"),
    "moonshotai": ("moonshot_ai",),
    "perplexity": (),
    "together": ("together_ai",),
    "fireworks": (),
    "cohere": (),
    "cerebras": (),
}
# Below this, in US dollars per million, a price is one per token: the lowest list price is 0.0025 and the highest
# price per token 0.0006.
PER_TOKEN_BELOW: Final = Decimal("0.001")
_NOT_RATES: Final = frozenset({"discount", "long_above", "from", "until"})
_MILLION: Final = 1_000_000
_NESTED_REPEAT: Final = re.compile(r"\([^()]*[+*}][^()]*\)\s*(?:[+*]|\{\d*,\d*\})")


def plain(number: Decimal | float) -> str:
    """The number as people write it: without an exponent and without zeros at its end."""
    text = format(Decimal(str(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def host_fault(text: str, *, has_port: bool) -> str:
    """Why the text is not a host (with `has_port`: or host:port), with what to write instead; empty if it is one."""
    if not re.search(r"[/\s@*?#]", text):
        if has_port or text.startswith("[") or not re.search(r":\d+$", text):
            return ""
        return f"must be a host without a port: calls are stored by host. Write {text.rpartition(':')[0]!r}"
    try:
        found = urlsplit(text if "://" in text else f"//{text}").netloc.rpartition("@")[2]
    except ValueError:
        found = ""
    is_host = found and not host_fault(found, has_port=has_port)
    return "must be a host, without scheme, path or wildcard" + (f". Write {found!r}" if is_host else "")


def is_provider(name: str) -> bool:
    """Whether calls billed by a provider of this name can have a list price."""
    return name.lower() in PROVIDERS or any(name.lower() in names for names in PROVIDERS.values())


def near_provider(name: str) -> str:
    """The question whether another provider was meant, or nothing."""
    near = get_close_matches(name.lower(), list(PROVIDERS), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def rate_fault(key: str, value: object) -> str:
    """Why a price is not one per million, as one sentence; empty if it may be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < PER_TOKEN_BELOW:
        return ""
    right = plain(Decimal(str(value)) * _MILLION)
    return f"{key} = {plain(value)} is a price per token; prices are US dollars per million: {key} = {right}."


def price_faults(table: Mapping[str, Any]) -> str:
    """What is wrong with one `[[prices]]` table beyond its form, as one sentence; empty if nothing is."""
    for key, value in table.items():
        if key not in _NOT_RATES and (fault := rate_fault(key, value)):
            return fault
    host, provider = table.get("host"), table.get("provider")
    if isinstance(host, str) and (fault := host_fault(host.strip(), has_port=False)):
        return f"host = {host!r} {fault}."
    if isinstance(provider, str) and provider.strip() and not is_provider(provider.strip()):
        sentence = f"provider = {provider!r} is not one of {', '.join(PROVIDERS)}."
        return f"{sentence} {near_provider(provider).capitalize()}".strip()
    return ""


def pattern_fault(source: str) -> str:
    """Why a pattern of `[redact]` cannot be run; empty if it can."""
    if _NESTED_REPEAT.search(source):
        return "repeats a group that repeats, which can take exponential time"
    try:
        return "matches the empty text" if re.compile(source).match("") else ""
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression: {error}"


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """(the tables of a file, what is odd about it); what cannot be read is a UsageError that says what to do."""
    try:
        # A pipe would never end, and neither would a device.
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_size > MOST_BYTES:
            raise UsageError(f"{path} has {found.st_size:,} bytes, more than settings can have.")
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{path} is not a file.", "Name the file of settings itself.")
        data = path.read_bytes()
    except OSError as e:
        raise UsageError(f"{path} cannot be read: {e}.", "Correct the path or the file's permissions.") from e
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError(f"{path} is encoded in UTF-16.", "Save it as UTF-8.")
    doubt = ""
    if data.startswith(codecs.BOM_UTF8):
        doubt = f"{path} begins with a byte order mark, which was skipped. Save it as UTF-8 without one."
    try:
        return tomllib.loads(data.decode("utf-8-sig")), doubt
    except UnicodeDecodeError as e:
        raise UsageError(f"{path} is not encoded in UTF-8: {e}.", "Save it as UTF-8.") from e
    except tomllib.TOMLDecodeError as e:
        raise UsageError(f"{path} is not valid TOML: {e}.", "Correct that line.") from e
    except RecursionError as e:
        raise UsageError(f"{path} has tables within tables, deeper than can be read.") from e
