"""Owns the tee that stands under an open response: every byte passes through unchanged and is noted on its way.

It replaces `response.stream` and nothing else, so the SDK's own Stream, raw and streaming responses stay what they
are. It subclasses the very byte-stream class it replaces, httpx or httpx2, found on the object, never imported.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from .guard import Observe, report
from .pending import Pending
from .sse import FIRST_TOKEN, StreamFold
from .usage_stripper import UsageStripper, usage_stripper

# A body read through an open response beyond this is counted, not kept: nothing in it is read but its usage.
_MAX_BODY: Final = 32 * 1024 * 1024
# Longer than any first sign of output.
_TOKEN_SIGN: Final = 256
_classes: dict[tuple[type, bool], type] = {}


def tee(response: Any, pending: Pending, *, is_stream: bool, is_async: bool) -> None:
    """Puts the tee under an open response; the call ends when its bytes do."""
    base = _base_class(type(response.stream), "AsyncByteStream" if is_async else "SyncByteStream")
    if base is None:
        return
    headers = response.headers
    is_events = is_stream or headers.get("content-type", "").startswith("text/event-stream")
    notes = _Notes(pending, headers.get("content-encoding", ""), is_events=is_events)
    strip = usage_stripper(notes.encoding) if pending.stripped_usage else None
    kind = _classes.get((base, is_async))
    if kind is None:
        shape = _AsyncTee if is_async else _SyncTee
        kind = _classes[(base, is_async)] = type(shape.__name__, (shape, base), {})
    response.stream = kind(response.stream, notes, strip)
    pending.is_open = True


def _base_class(kind: type, name: str) -> type | None:
    return next((c for c in kind.__mro__ if c.__name__ == name), None)


def _decoder(encoding: str) -> Callable[[bytes], bytes] | None:
    """What undoes a content-encoding; only through modules the HTTP library has loaded itself."""
    if encoding in ("gzip", "deflate"):
        return zlib.decompressobj(47).decompress
    brotli = sys.modules.get("brotli") or sys.modules.get("brotlicffi")
    if encoding == "br" and brotli is not None:
        decompressor = brotli.Decompressor()
        return getattr(decompressor, "process", None) or decompressor.decompress
    zstandard = sys.modules.get("zstandard")
    if encoding == "zstd" and zstandard is not None:
        return zstandard.ZstdDecompressor().decompressobj().decompress
    return None


class _Notes:
    """What is noted of the bytes of one response; never raises."""

    __slots__ = ("_chunks", "_decode", "_size", "_tail", "encoding", "pending")

    def __init__(self, pending: Pending, encoding: str, *, is_events: bool) -> None:
        self.pending = pending
        self.encoding = "" if encoding == "identity" else encoding
        self._decode = _decoder(encoding) if self.encoding else None
        self._chunks: list[bytes] = []
        self._size = 0
        self._tail = b""
        if is_events:
            pending.fold = StreamFold(pending.endpoint.family)

    def add(self, chunk: bytes) -> None:
        """Notes one chunk as it passes."""
        pending = self.pending
        try:
            now = pending.now()
            pending.last_byte_ns = now
            if pending.first_byte_ns is None:
                pending.first_byte_ns = now
            if self._decode is not None:
                chunk = self._decode(chunk)
            fold = pending.fold
            if fold is not None:
                fold.feed(chunk)
                if pending.first_token_ns is None:
                    self._look_for_token(chunk, now)
            elif self._size <= _MAX_BODY and pending.endpoint.family != "speech":
                self._size += len(chunk)
                self._chunks.append(chunk)
        except Exception as error:
            report("stream", error)

    def _look_for_token(self, chunk: bytes, now: int) -> None:
        seen = self._tail + chunk
        if FIRST_TOKEN.search(seen):
            self.pending.first_token_ns = now
        else:
            # A proxy may cut an event anywhere; what is looked for is shorter than this.
            self._tail = seen[-_TOKEN_SIGN:]

    def end(self, stream_end: str, error: BaseException | None = None) -> None:
        """Ends the call, once; an exception of the transport is the call's error."""
        with Observe("stream end"):
            pending = self.pending
            if pending.fold is None and (stream_end == "complete" or self._chunks):
                pending.content = b"".join(self._chunks)
            if pending.fold is None and stream_end not in ("complete", "broken"):
                pending.fields["status"] = "incomplete" if stream_end != "closed" or not self._chunks else "ok"
                pending.fields["stream_end"] = stream_end
            if error is not None and not isinstance(error, Exception):
                stream_end = "cancelled"
            pending.finish(error=error, stream_end=stream_end)

    def drop(self) -> None:
        """Called while an object is collected: no lock, no span, only a note for the next call to find."""
        if not self.pending.is_finished:
            self.pending.recorder.abandoned.append(self.pending)


class _Tee:
    """What both tees share: attributes of the stream they stand for, and the note when they are dropped unread."""

    _notes: _Notes

    def __init__(self, stream: Any, notes: _Notes, strip: UsageStripper | None) -> None:
        self._stream = stream
        self._notes = notes
        self._strip = strip

    def __getattr__(self, name: str) -> Any:
        # httpx2 reads `elapsed` from the stream it put there.
        if name.startswith("__") or name in ("_stream", "_notes", "_strip"):
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __del__(self) -> None:
        notes = self.__dict__.get("_notes")
        if notes is not None:
            notes.drop()


class _SyncTee(_Tee):
    def __iter__(self) -> Iterator[bytes]:
        add, strip = self._notes.add, self._strip
        try:
            for chunk in self._stream:
                add(chunk)
                if strip is None:
                    yield chunk
                elif kept := strip(chunk):
                    yield kept
            if strip is not None and (kept := strip.rest()):
                yield kept
        except GeneratorExit:
            raise
        except BaseException as error:
            self._notes.end("broken", error)
            raise
        self._notes.end("complete")

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._notes.end("closed")


class _AsyncTee(_Tee):
    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsyncBytes(self._stream.__aiter__(), self._notes, self._strip)

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._notes.end("closed")


class _AsyncBytes:
    """A plain iterator, not an async generator: asyncio would close a generator behind the program's back."""

    def __init__(self, iterator: Any, notes: _Notes, strip: UsageStripper | None) -> None:
        self._iterator = iterator
        self._notes = notes
        self._strip = strip

    def __aiter__(self) -> _AsyncBytes:
        return self

    async def __anext__(self) -> bytes:
        while True:
            try:
                chunk = await self._iterator.__anext__()
            except StopAsyncIteration:
                if self._strip is not None and (rest := self._strip.rest()):
                    return rest
                self._notes.end("complete")
                raise
            except BaseException as error:
                self._notes.end("broken", error)
                raise
            self._notes.add(chunk)
            if self._strip is None:
                return chunk
            if kept := self._strip(chunk):
                return kept

    async def aclose(self) -> None:
        close = getattr(self._iterator, "aclose", None)
        if close is not None:
            await close()
