"""Owns HTTP/1.1 on a socket: reading one request, writing one reply, byte for byte as asked.

The standard library's handler parses headers with the e-mail package and hides the order of bytes; tests need both.
"""

import gzip
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedIOBase
from socket import SO_LINGER, SOL_SOCKET, socket

from llmwatch.standin.clock import NS_PER_S, Clock
from llmwatch.standin.exchange import RawReply

_MAX_LINE = 65_536
Headers = tuple[tuple[str, str], ...]


class ConnectionDone(Exception):
    """The connection has no further request, or the reply ended it."""


@dataclass(frozen=True)
class Head:
    """A request's first line and headers."""

    method: str
    target: str
    headers: Headers

    def header(self, name: str) -> str:
        """The first value of a header; empty when absent."""
        return next((value for key, value in self.headers if key.lower() == name), "")


def read_head(stream: BufferedIOBase) -> Head:
    """The next request's head; ConnectionDone when the client has closed or talks nonsense."""
    line = stream.readline(_MAX_LINE)
    while line in (b"\r\n", b"\n"):
        line = stream.readline(_MAX_LINE)
    words = line.decode("latin-1").split()
    if len(words) != 3:
        raise ConnectionDone
    headers: list[tuple[str, str]] = []
    while (line := stream.readline(_MAX_LINE)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers.append((name.strip(), value.strip()))
    return Head(words[0], words[1], tuple(headers))


def read_body(stream: BufferedIOBase, head: Head) -> bytes:
    """The request's body, by length or in chunks."""
    if "chunked" in head.header("transfer-encoding").lower():
        return b"".join(_chunked_parts(stream))
    return stream.read(int(head.header("content-length") or 0))


def _chunked_parts(stream: BufferedIOBase) -> Iterator[bytes]:
    while size := int(stream.readline(_MAX_LINE).split(b";")[0] or b"0", 16):
        yield stream.read(size)
        stream.readline(_MAX_LINE)
    stream.readline(_MAX_LINE)


class Writer:
    """Writes replies to one connection, letting the clock pass as they ask."""

    def __init__(self, connection: socket, clock: Clock, stopping: threading.Event) -> None:
        self._socket = connection
        self._clock = clock
        self._stopping = stopping
        # Clock reads before the last reply was sent: a client that watches the clock has read it since. Taken after
        # the send, the number could already hold the next call's reads.
        self._reads = 0
        self._left: int | None = None
        self._reset = False

    def write(self, reply: RawReply, standard: Mapping[str, str]) -> None:
        """Send the reply; ConnectionDone when it leaves the connection unusable."""
        if reply.never_answer:
            self._hold()
        is_watched = self._clock.reads > self._reads
        self._reads = self._clock.reads
        self._clock.sleep(reply.delay_s)
        self._left, self._reset = reply.die_after, reply.reset
        if reply.chunks is None:
            length = len(reply.body) + (1 if reply.never_finish else 0)
            self._send(head_bytes(reply, {**standard, "content-length": str(length)}), [reply.body], is_chunked=False)
        else:
            head = head_bytes(reply, {**standard, "transfer-encoding": "chunked"})
            self._write_chunks(reply, head, is_watched=is_watched)
        if reply.never_finish:
            self._hold()

    def _write_chunks(self, reply: RawReply, head: bytes, *, is_watched: bool) -> None:
        """Chunks that arrive at the same moment go in one send, so a fast stream costs one system call."""
        waiting: list[bytes] = []
        for piece in reply.pieces():
            if piece.delay_s > 0 and not self._clock.is_virtual:
                self._send(head, waiting)
                head, waiting = b"", []
            self._clock.sleep(piece.delay_s)
            waiting.append(piece.data)
            if piece.is_moment:
                reads = self._clock.reads
                self._send(head, waiting)
                head, waiting = b"", []
                if is_watched:
                    self._clock.let_reader_catch_up(reads)
        self._send(head, waiting, is_last=not reply.never_finish)

    def _send(self, head: bytes, parts: list[bytes], *, is_chunked: bool = True, is_last: bool = False) -> None:
        """One send of a head and parts of the body, cut where the reply says the connection dies."""
        data = [head]
        for part in parts:
            sent = part[: self._left]
            data.append(_framed(part, sent) if is_chunked else sent)
            if self._left is not None:
                self._left -= len(sent)
                if self._left == 0:
                    self._die(b"".join(data))
        if is_last:
            data.append(b"0\r\n\r\n")
        if any(data):
            self._socket.sendall(b"".join(data))

    def _die(self, data: bytes) -> None:
        self._socket.sendall(data)
        if self._reset:
            # A linger time of zero turns close() into a reset.
            self._socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionDone

    def _hold(self) -> None:
        """Keep the connection open and silent until the client leaves or the server stops."""
        self._socket.settimeout(0.05)
        while not self._stopping.is_set():
            try:
                if not self._socket.recv(4096):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        raise ConnectionDone


def _framed(declared: bytes, sent: bytes) -> bytes:
    """A chunk frame that declares all of `declared` and carries `sent` of it."""
    if not declared:
        return b""
    end = b"\r\n" if len(sent) == len(declared) else b""
    return f"{len(declared):x}\r\n".encode() + sent + end


def head_bytes(reply: RawReply, standard: Mapping[str, str]) -> bytes:
    """The status line and headers; the reply's own headers win, and an empty one removes the standard one."""
    merged = {name.lower(): value for name, value in standard.items()}
    merged.update({name.lower(): value for name, value in reply.headers.items()})
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in merged.items() if value)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def standard_headers(request_id: str, now_ns: int, processing_s: float) -> dict[str, str]:
    """The headers OpenAI puts on every answer."""
    return {
        "date": formatdate(now_ns / NS_PER_S, usegmt=True),
        "content-type": "application/json",
        "x-request-id": request_id,
        "openai-processing-ms": str(round(processing_s * 1000)),
        "openai-version": "2020-10-01",
        "openai-organization": "standin-org",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-remaining-tokens": "1999200",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "24ms",
    }


def gzipped(reply: RawReply) -> RawReply:
    """The same reply with its whole body in gzip."""
    headers = {**reply.headers, "content-encoding": "gzip"}
    packed = gzip.compress(reply.whole_body(), mtime=0)
    if reply.chunks is None:
        return RawReply(reply.status, headers, packed, delay_s=reply.delay_s)
    middle = len(packed) // 2
    return RawReply(reply.status, headers, chunks=[packed[:middle], packed[middle:]], delay_s=reply.delay_s)
