"""Owns one conversation with a Grafana's HTTP API: what is asked, what is refused, and each refusal as one sentence.

It reaches the address the user gave and nothing else: no proxy of the environment, no redirect is followed.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

from ..errors import UsageError

OLDEST: Final = 11
_TIMEOUT_S: Final = 30.0
_ANSWER_BYTES: Final = 64 << 20
_TOKEN_HINT: Final = (
    "Make one in Grafana under Administration, Users and access, Service accounts, with the role Admin,"
    " and give it with --token or GRAFANA_TOKEN."
)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another address."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        return None


class Grafana:
    """One Grafana at `url`, asked with `token`."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"--url {url!r} is no address of a Grafana.", "Give it as http://localhost:3000.")
        if not token or not re.fullmatch(r"[!-~]+", token):
            raise UsageError("The token is empty or no token.", _TOKEN_HINT)
        self.url: str = parts.geturl().rstrip("/")
        self.is_readable_on_the_way: bool = parts.scheme == "http" and parts.hostname not in (
            "localhost",
            "127.0.0.1",
            "::1",
        )
        self._token = token
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)

    def link(self, path: str) -> str:
        """The address of a page of Grafana."""
        return urljoin(f"{self.url}/", path)

    def version(self) -> str | None:
        """Grafana's version; None if it hides it. UsageError if it is no Grafana or too old for the dashboards."""
        status, answer = self.ask("GET", "/api/health")
        if status != 200 or not isinstance(answer, dict) or "database" not in answer:
            raise UsageError(
                f"{self.url} does not answer as Grafana does (HTTP {status}).",
                "Give the address that you open in the browser, with its path if it has one.",
            )
        found = answer.get("version") or self._version_of_settings()
        major = re.match(r"\d+", str(found or ""))
        if major and int(major[0]) < OLDEST:
            raise UsageError(f"Grafana {found} is too old for the dashboards; they need {OLDEST} or newer.")
        return str(found) if found else None

    def _version_of_settings(self) -> Any:
        status, answer = self.ask("GET", "/api/frontend/settings")
        return answer.get("buildInfo", {}).get("version") if status == 200 and isinstance(answer, dict) else None

    def find(self, path: str) -> Any:
        """The answer of a GET, None if there is no such thing (404); UsageError for any other refusal."""
        status, answer = self.ask("GET", path)
        if status == 404:
            return None
        return answer if status == 200 else self.refuse("read", path, status, answer)

    def change(self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """The answer of a POST or PUT that was taken (2xx); UsageError with Grafana's own words otherwise."""
        status, answer = self.ask(method, path, body, headers)
        return answer if 200 <= status < 300 else self.refuse("change", path, status, answer)

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """(status, decoded JSON or None); UsageError if Grafana cannot be reached or refuses the token."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self._token}",
                **(headers or {}),
            },
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as response:
                status, written = response.status, response.read(_ANSWER_BYTES)
        except urllib.error.HTTPError as e:
            with e:
                status, written = e.code, e.read(_ANSWER_BYTES)
            if 300 <= status < 400:
                raise UsageError(
                    f"{self.url} leads on to {e.headers.get('Location', 'another address')}.", "Give that address."
                ) from e
        except (OSError, http.client.HTTPException) as e:
            raise self._unreachable(e) from e
        if status == 401:
            raise UsageError(f"Grafana at {self.url} refuses the token (HTTP 401).", _TOKEN_HINT)
        return status, _decoded(written)

    def _unreachable(self, error: Exception) -> UsageError:
        reason: Any = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return UsageError(
                f"The certificate of {self.url} is not trusted: {reason.verify_message}.",
                "SSL_CERT_FILE names a file of certificates to trust.",
            )
        words = (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or type(reason).__name__
        return UsageError(f"Grafana at {self.url} cannot be reached: {words}.", "Is it running, and is --url right?")

    def refuse(self, doing: str, path: str, status: int, answer: Any) -> Any:
        """Raises what Grafana said to a request."""
        said = str(answer.get("message", "")) if isinstance(answer, dict) else ""
        if status == 403:
            raise UsageError(
                f"The token may not {doing} {path} in Grafana: {said or 'HTTP 403'}.",
                "Give its service account the role Admin.",
            )
        raise UsageError(f"Grafana refused to {doing} {path}: HTTP {status} {said}".rstrip() + ".")


def _decoded(written: bytes) -> Any:
    try:
        return json.loads(written) if written else None
    except ValueError:
        return None


def part(text: str) -> str:
    """A uid or name as one part of a path."""
    return quote(text, safe="")
