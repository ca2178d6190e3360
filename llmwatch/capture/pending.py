"""Owns one call from its start to its record: what is known when it starts, what its answer adds, how it ends.

Nothing here raises into the caller: hooks call it under `Observe`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from threading import Thread
from types import FrameType
from typing import Any, Final, TypeGuard

from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, Tracer, get_current_span

from ..call import COLUMN_TO_ATTRIBUTE
from .awaiting import awaiting_site
from .batches import MAX_FILE_BYTES, Part, is_output_file, listed_batches, output_lines
from .call_site import call_site
from .content import prepare
from .endpoints import BATCH, Endpoint, classify, engine, provider_name
from .facts import Expectation, OutputFacts, output_facts
from .fingerprint import body_digest, task_key
from .guard import Observe
from .outgoing import embedding_attributes, message_attributes, span_attributes
from .recorder import CallSpan, Recorder, ids
from .redact import RULES_VERSION
from .request import Request, read_request, replay_parameters, request_model
from .response import Answer, read_answer
from .sse import StreamFold
from .stated_cost import amount
from .tags import current_tags, is_content_refused, request_tags

Json = Mapping[str, Any]
# A body above this is not decoded a second time for its usage alone; embeddings reach megabytes.
_TAIL_ABOVE: Final = 16 * 1024
_TAIL: Final = 2048

# The call whose request() is running in this context: how the response hook finds it.
current: ContextVar[Pending | None] = ContextVar("llmwatch_call", default=None)


class Pending:
    """One call under way. Holds no response object: a cycle would keep the connection until the collector runs."""

    __slots__ = (
        "_start_mono",
        "body",
        "content",
        "endpoint",
        "fields",
        "file_id",
        "first_byte_ns",
        "first_token_ns",
        "fold",
        "is_content_refused",
        "is_counted",
        "is_finished",
        "is_open",
        "last_byte_ns",
        "leaving",
        "name",
        "parent",
        "pid",
        "recorder",
        "request",
        "request_content",
        "sent_tries",
        "site",
        "span",
        "start_ns",
        "stripped_usage",
        "tags",
        "tries",
    )

    def __init__(self, recorder: Recorder, endpoint: Endpoint, fields: dict[str, Any]) -> None:
        self.recorder = recorder
        self.endpoint = endpoint
        self.fields = fields
        self.start_ns = recorder.wall()
        self._start_mono = recorder.monotonic()
        self.first_byte_ns: int | None = None
        self.first_token_ns: int | None = None
        self.last_byte_ns: int | None = None
        self.body: Json | None = None
        self.request: Request | None = None
        # The bytes of the request and of a body that came whole; read when the call is over, not before.
        self.request_content: bytes | None = None
        self.content: bytes | None = None
        self.fold: StreamFold | None = None
        self.is_open = False
        self.stripped_usage = False
        # Whether another span carries this usage; HTTP tries that were seen, and those a server may have answered; the
        # file that is read.
        self.is_counted = False
        self.tries = 0
        self.sent_tries = 0
        self.file_id: str | None = None
        self.site: str | None = None
        self.tags: dict[str, tuple[str, str]] = {}
        self.is_content_refused = False
        # Content for a span of the program's own provider, where it is asked for; by column, redacted.
        self.leaving: dict[str, str | None] = {}
        # Not the recorder's: a worker forked after `init` makes calls of its own.
        self.pid = os.getpid()
        self.is_finished = False
        model = fields.get("request_model")
        self.name = f"{endpoint.operation} {model}" if model else endpoint.operation
        parent = get_current_span().get_span_context()
        self.parent = parent if parent.is_valid else None
        self.span = self._start_span(recorder.tracer, parent)

    def _start_span(self, tracer: Tracer | None, parent: SpanContext) -> Span:
        if tracer is not None:
            attributes = span_attributes(_attributes(self.fields), is_counted=False)
            span = tracer.start_span(self.name, kind=SpanKind.CLIENT, attributes=attributes, start_time=self.start_ns)
            # A provider with no SDK behind it gives back nothing, or the parent.
            if span.get_span_context().span_id not in (0, parent.span_id):
                return span
        return ids.span(parent, self.pid)

    def now(self) -> int:
        """The wall time that belongs to this moment, counted from the call's start."""
        return self.start_ns + self.recorder.monotonic() - self._start_mono

    def find_site(self, frame: FrameType | None) -> None:
        """Asks who waits for the call, where its own stack did not say who made it."""
        if self.site is None:
            with Observe("call site"):
                self.site = awaiting_site(frame)

    def read_request(self) -> None:
        """Reads the request body; done while the program waits for a stream, or when a plain call is over."""
        if self.request is None and self.body is not None:
            self.request = read_request(self.endpoint, self.body)

    def finish(
        self, *, error: BaseException | None = None, stream_end: str | None = None, end_ns: int | None = None
    ) -> None:
        """Ends the call and writes its record; the second call of it does nothing, whoever makes it."""
        if self.is_finished:
            return
        self.is_finished = True
        recorder = self.recorder
        recorder.open.pop(id(self), None)
        # A fork has the parent's open streams too; they are the parent's to record.
        if self.is_open and self.pid != os.getpid():
            return
        end_ns = end_ns or self.now()
        fields = self.fields
        self._collect(error, stream_end)
        fields.setdefault("status", "ok" if error is None else "error")
        fields.setdefault("usage_source", _UNREPORTED.get(self.endpoint.billing, self.endpoint.billing))
        self._end_span(end_ns)
        if self.endpoint.family in ("batch_list", "file") and self.content is not None and error is None:
            with Observe("batch"):
                self._write_parts(self.content, end_ns)

    def _end_span(self, end_ns: int) -> None:
        span, fields = self.span, self.fields
        is_error = fields["status"] == "error"
        attributes = _attributes(fields)
        if self.recorder.metrics is not None or span.is_recording():
            with Observe("span of the program"):
                self._tell(span, attributes, end_ns, is_error=is_error)
            span.end(end_time=end_ns)
        context = span.get_span_context()
        self.recorder.write(
            CallSpan(self.name, context, self.parent, self.start_ns, end_ns, attributes, is_error, self.pid)
        )

    def _tell(self, span: Span, attributes: Mapping[str, Any], end_ns: int, *, is_error: bool) -> None:
        """What the program's own providers are told of this call."""
        told = span_attributes(attributes, is_counted=self.is_counted)
        if self.endpoint.family == "embeddings" and self.body is not None:
            told |= embedding_attributes(self.body)
        if self.recorder.metrics is not None:
            self.recorder.metrics.record(told, (end_ns - self.start_ns) / 1e9, is_error=is_error)
        if not span.is_recording():
            return
        span.set_attributes(told)
        if is_error:
            span.set_status(Status(StatusCode.ERROR, self.fields.get("error_type")))
        if self.leaving:
            span.set_attributes(message_attributes(self.leaving, self.fields.get("finish_reasons")))

    def _write_parts(self, content: bytes, end_ns: int) -> None:
        """A row for each batch of a list, and for each line of a batch's output file; long files beside the call."""
        if self.endpoint.family == "batch_list":
            self._write_each(listed_batches(json.loads(content)), end_ns)
        elif is_output_file(content) and len(content) <= MAX_FILE_BYTES:
            lines = output_lines(content, self.file_id or "")
            if len(content) <= _INLINE:
                self._write_each(lines, end_ns)
            else:
                # Not a daemon: the interpreter waits for it, so a program that ends now loses no line.
                Thread(target=self._write_each, args=(lines, end_ns), name="llmwatch-batch-file").start()

    def _write_each(self, parts: Iterable[Part], end_ns: int) -> None:
        with Observe("batch"):
            for part in parts:
                self._write_part(part, end_ns)

    def _write_part(self, part: Part, end_ns: int) -> None:
        recorder, answer = self.recorder, part.answer
        shared = {column: self.fields[column] for column in _SHARED if self.fields.get(column) is not None}
        fields = {
            "operation_name": part.endpoint.operation,
            "endpoint": part.endpoint.template,
            "http_request_method": "GET" if part.endpoint is BATCH else "POST",
            "api_type": part.endpoint.api_type,
            **shared,
            **answer.fields,
        }
        fields["status"] = "ok"
        if answer.error is not None:
            fields["status"] = "error"
            fields["error_type"] = answer.error[0] if _is_code(answer.error[0]) else "error"
            fields["error_message"] = self._safe_text(answer.error[1])
        if answer.texts or answer.functions:
            fields.update(_facts(output_facts(answer.texts, answer.functions, Expectation())))
        for column, (value, source) in {**self.tags, **request_tags({"metadata": part.metadata}, None)}.items():
            fields[column] = recorder.pseudonym(value) if column == "user_id" else value
            if column == "task":
                fields["task_source"] = source
        context = ids.span(self.span.get_span_context(), self.pid).get_span_context()
        if part.span_id:
            context = SpanContext(context.trace_id, part.span_id, False, context.trace_flags)
        attributes = _attributes(fields)
        is_error = fields["status"] == "error"
        recorder.write(
            CallSpan(
                part.endpoint.operation, context, self.span.get_span_context(), self.start_ns, end_ns, attributes,
                is_error, self.pid,
            )
        )  # fmt: skip

    def _collect(self, error: BaseException | None, stream_end: str | None) -> None:
        """Fills the record step by step; a step that fails costs what it reads, not what the others do."""
        answer: Answer | None = None
        with Observe("request") as request:
            self._note_request()
        with Observe("answer") as read:
            answer = self._read_answer()
        with Observe("outcome") as outcome:
            self._note_times()
            if error is not None:
                self._note_exception(error)
            if answer is not None:
                self._merge_answer(answer)
            if self.fold is not None:
                self._note_stream(stream_end)
        with Observe("tags") as tags:
            self._note_tags(answer)
            self._count_once()
        steps = {"request": request, "answer": read, "outcome": outcome, "tags": tags}
        defects = [f"{name}_unread" for name, step in steps.items() if not step.ok]
        if answer is not None:
            defects += answer.defects
        if defects:
            self.fields["defects"] = [*self.fields.get("defects", ()), *defects]

    def _note_request(self) -> None:
        self.read_request()
        if self.request is not None:
            self.fields.update(self.request.fields)
            if stops := self.fields.get("stop_sequences"):
                kept = [text for stop in stops if (text := self._safe_text(stop)) is not None]
                self.fields["stop_sequences"] = kept or None
        if self.request_content:
            self.fields["request_hash"] = body_digest(self.request_content)

    def _read_answer(self) -> Answer | None:
        if self.fold is not None:
            body = self.fold.body()
            if not self.fold.is_complete and body.get("background") is not True:
                # Left or broken: nobody goes on with this answer, and nobody will say what it used.
                body.pop("status", None)
            self.fields["event_count"] = self.fold.event_count
            self.fields["delta_count"] = self.fold.delta_count
            answer = read_answer(self.endpoint, body)
            if self.fold.undecodable:
                answer.defects.append("stream_event_undecodable")
            return answer
        if self.content is None:
            return None
        if self.endpoint.family in ("speech",):
            answer = Answer()
            answer.fields["usage_source"] = "absent"
            return answer
        if self.endpoint.family in ("batch_list", "file"):
            return None
        try:
            return read_answer(self.endpoint, _decode(self.endpoint, self.content))
        except (ValueError, RecursionError):
            return Answer(defects=["body_unreadable"])

    def _note_times(self) -> None:
        fields = self.fields
        if self.first_byte_ns is not None:
            fields["time_to_first_chunk"] = (self.first_byte_ns - self.start_ns) / 1e9
        if self.first_token_ns is not None:
            fields["time_to_first_token"] = (self.first_token_ns - self.start_ns) / 1e9

    def _note_exception(self, error: BaseException) -> None:
        fields = self.fields
        cancelled = not isinstance(error, Exception)
        fields["status"] = "incomplete" if cancelled and self.content is None else "error"
        code = getattr(error, "code", None) or getattr(error, "type", None)
        fields["error_type"] = code if _is_code(code) else type(error).__name__
        fields["error_message"] = self._safe_text(str(error)[:2000])
        if cancelled:
            fields["stream_end"] = "cancelled"
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None) or getattr(error, "status_code", None)
        if isinstance(status, int):
            fields["http_status_code"] = status
        headers = getattr(response, "headers", None)
        if headers is not None:
            read_headers(headers, fields)
        # httpx raises where an exception has no request; one of a broken stream has none.
        with suppress(RuntimeError):
            request = getattr(error, "request", None)
            self._note_retries(getattr(request, "headers", None))
        if self._is_unsent(error):
            fields["is_unsent"] = True

    def _is_unsent(self, error: BaseException) -> bool:
        """Whether no try of this call can have reached a server: nobody answered it, so nobody billed it."""
        if not isinstance(error, Exception) or "http_status_code" in self.fields or self.sent_tries:
            return False
        if self.fields.get("retries") and not self.tries:
            return False
        if not any(kind.__name__ == "APIConnectionError" for kind in type(error).__mro__):
            # Raised while the request was made, by a callback that fetches a token say.
            return True
        causes = {kind.__name__ for cause in _causes(error) for kind in type(cause).__mro__}
        return bool(causes & UNSENT)

    def _note_retries(self, headers: Any) -> None:
        fields = self.fields
        if headers is not None and "retries" not in fields:
            retries = headers.get("x-stainless-retry-count")
            if isinstance(retries, str) and retries.isdigit():
                fields["retries"] = int(retries)

    def _merge_answer(self, answer: Answer) -> None:
        fields = self.fields
        fields.update(answer.fields)
        if answer.error is not None and "error_type" not in fields:
            fields["status"] = "error"
            fields["error_type"] = answer.error[0] if _is_code(answer.error[0]) else "error"
            fields["error_message"] = self._safe_text(answer.error[1])
        self._note_facts(answer)

    def _note_facts(self, answer: Answer) -> None:
        if self.endpoint.family not in ("chat", "responses", "completions") or self.request is None:
            return
        if answer.output is None and not answer.texts and not answer.functions:
            return
        refused = self.fields.get("is_refusal", False)
        self.fields.update(_facts(output_facts(answer.texts, answer.functions, self.request.expectation)))
        self.fields["is_refusal"] = refused or self.fields["is_refusal"]

    def _note_stream(self, stream_end: str | None) -> None:
        fold, fields = self.fold, self.fields
        assert fold is not None
        if fold.is_complete and stream_end != "broken":
            fields["stream_end"] = "complete"
        else:
            fields["stream_end"] = stream_end if stream_end not in (None, "complete") else "broken"
        if fields["stream_end"] != "complete" and fields.get("status") in (None, "ok"):
            broken = fields["stream_end"] == "broken"
            fields["status"] = "error" if broken else "incomplete"
            if broken:
                fields.setdefault("error_type", "stream_broken")

    def _note_tags(self, answer: Answer | None) -> None:
        """Whose call it was, how an untagged one is recognised, and whether its content is kept."""
        fields, recorder = self.fields, self.recorder
        for column, (value, _) in self.tags.items():
            fields[column] = recorder.pseudonym(value) if column == "user_id" else value
        if "task" in self.tags:
            fields["task_source"] = self.tags["task"][1]
        fields["call_site"] = self.site
        request = self.request
        head = request.head if request else None
        key = task_key(self.site, fields.get("tool_names") or (), fields.get("response_format"), head)
        fields["task_key"] = key
        mode = fields["content_mode"] = self._mode()
        if mode != "metadata" and head and recorder.is_new_head(key):
            fields["prompt_head"] = self._safe_text(head)
        if mode != "metadata" and request is not None and self.endpoint.family in ("chat", "responses", "completions"):
            self._keep_content(request, answer, mode, key)

    def _keep_content(self, request: Request, answer: Answer | None, mode: str, key: str) -> None:
        fields, recorder = self.fields, self.recorder
        kept, chance = recorder.sampler.decide(fields.get("task") or key, self.start_ns)
        if mode == "full":
            kept, chance = True, 1.0
        fields["sample_probability"], fields["is_sampled"] = chance, kept
        leaves = recorder.is_content_asked and self.span.is_recording()
        if not kept and not leaves:
            return
        redactor = None if mode == "full" else recorder.redactor
        content = request.content
        parameters = replay_parameters(self.body) if self.body is not None else None
        count, truncated, failed = 0, False, None
        parts: dict[str, str | None] = {}
        for column, value in (
            ("input_messages", content.input_messages),
            ("system_instructions", content.system_instructions),
            ("tool_definitions", content.tool_definitions),
            ("output_messages", answer.output if answer else None),
            ("request_parameters", parameters or None),
        ):
            if value is None:
                continue
            prepared = prepare(value, redactor)
            count += prepared.redactions
            truncated = truncated or prepared.truncated
            failed = failed or prepared.failed
            parts[column] = prepared.json
        if failed is not None:
            # Fail closed: what could not be redacted in time is not kept at all.
            fields["is_sampled"] = False
            fields.setdefault("defects", []).append(f"redaction_failed: {failed}"[:128])
            return
        if leaves:
            self.leaving = parts
        if not kept:
            return
        fields.update(parts)
        fields["redaction_count"], fields["is_content_truncated"] = count, truncated
        if redactor is not None:
            fields["redaction_version"] = RULES_VERSION

    def _mode(self) -> str:
        """How much of this call's words may be kept; a refusal once seen holds, in whatever thread it is asked."""
        self.is_content_refused = self.is_content_refused or is_content_refused()
        return "metadata" if self.is_content_refused else self.recorder.settings.content

    def _safe_text(self, text: str) -> str | None:
        """Words of a request, an answer or an error as they may be kept; None where none may."""
        mode = self._mode()
        if mode == "full":
            return text
        if mode == "metadata":
            return None
        redacted, _ = self.recorder.redactor.text(text)
        return redacted

    def _count_once(self) -> None:
        """The usage of an answer stands on one span, however often it is read again.

        Records keep it: which row bills an answer is for the store to say, which sees all processes.
        """
        fields, recorder = self.fields, self.recorder
        response_id = fields.get("response_id")
        if not response_id or self.endpoint.family not in ("responses", "batch", "plain"):
            return
        known = recorder.recall_response(response_id)
        has_usage = fields.get("usage_source") == "response"
        if fields["operation_name"].startswith("fetch_"):
            tags, counted = known or ({}, fields.get("is_background") is not True)
            for column, value in tags.items():
                fields.setdefault(column, value)
            self.is_counted = has_usage and counted
        tags = {c: fields[c] for c in _INHERITED if fields.get(c)}
        recorder.remember_response(response_id, tags, is_counted=has_usage or (known is not None and known[1]))


# What a later fetch of a response takes over from the call that made it.
_INHERITED: Final = ("task", "task_source", "task_key", "call_site", "customer_id", "feature", "user_id", "session_id")
# What the parts of an answer have in common with the call that fetched it.
_SHARED: Final = (
    "provider_name", "server_address", "server_port", "call_site", "task_key", "request_id", "http_status_code",
)  # fmt: skip
_UNREPORTED: Final[Mapping[str, str]] = {"reported": "absent", "fetched": "none"}
# Exceptions of httpx that are raised before the request has left.
UNSENT: Final = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "InvalidURL"}
)
# A file up to here is read for its lines before the call returns, in less than 50 ms; a longer one beside it.
_INLINE: Final = 1 << 20


def _causes(error: BaseException) -> Iterable[BaseException]:
    """The exception and what it was raised from, outermost first."""
    found: BaseException | None = error
    for _ in range(16):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__


_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")


def _is_code(value: object) -> TypeGuard[str]:
    """Whether a server's error code is one: some servers put a sentence there, which may quote the prompt."""
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _facts(facts: OutputFacts) -> dict[str, Any]:
    return {
        "output_characters": facts.output_chars,
        "is_output_empty": facts.output_empty,
        "is_output_fenced": facts.output_fenced,
        "is_output_json_valid": facts.output_json_valid,
        "is_output_schema_valid": facts.output_schema_valid,
        "is_tool_arguments_valid": facts.tool_arguments_valid,
        "output_language": facts.output_language,
        "output_hash": facts.output_hash,
        "is_refusal": bool(facts.refusal_phrase),
    }


def _attributes(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = COLUMN_TO_ATTRIBUTE
    return {names[column]: value for column, value in fields.items() if value is not None}


def _decode(endpoint: Endpoint, content: bytes) -> Any:
    """The decoded body; of a large embeddings body only what stands behind the vectors."""
    if endpoint.family == "embeddings" and len(content) > _TAIL_ABOVE:
        tail = content[-_TAIL:]
        start = tail.rfind(b"]")
        if start >= 0:
            try:
                return json.loads(b"{" + tail[start + 1 :].lstrip().removeprefix(b","))
            except ValueError:
                pass
    return json.loads(content)


_HEADERS: Final[Mapping[bytes, str]] = {
    b"x-request-id": "request_id",
    b"apim-request-id": "request_id",
    b"openai-processing-ms": "processing_ms",
    b"x-ratelimit-limit-requests": "ratelimit_limit_requests",
    b"x-ratelimit-remaining-requests": "ratelimit_remaining_requests",
    b"x-ratelimit-limit-tokens": "ratelimit_limit_tokens",
    b"x-ratelimit-remaining-tokens": "ratelimit_remaining_tokens",
    b"x-litellm-response-cost": "stated_cost_usd",
}


def read_headers(headers: Any, fields: dict[str, Any]) -> None:
    """Request id, processing time and rate limits of a response, in one pass: each `get` would scan them all."""
    for name, value in headers.raw:
        column = _HEADERS.get(name) or _HEADERS.get(name.lower())
        if column == "request_id":
            fields.setdefault(column, value[:128].decode("latin-1"))
        elif column == "stated_cost_usd":
            _note_stated_cost(name, value, fields)
        elif column is not None and value.isdigit():
            fields[column] = int(value)


def _note_stated_cost(name: bytes, value: bytes, fields: dict[str, Any]) -> None:
    cost = amount(value[:64].decode("latin-1"))
    if cost is not None:
        fields["stated_cost_usd"] = cost
        fields["stated_cost_source"] = f"header {name.decode('latin-1').lower()}"


def begin(recorder: Recorder, client: Any, options: Any, frame: FrameType | None) -> Pending:
    """Starts a call from what the SDK is about to send."""
    if recorder.abandoned:
        recorder.drain()
    endpoint = classify(options.method, options.url)
    body = _body(options)
    base_url = client._base_url
    host = base_url.host
    port = base_url.port or (443 if base_url.scheme == "https" else 80)
    fields: dict[str, Any] = {
        "operation_name": endpoint.operation,
        "provider_name": provider_name(type(client).__name__, host, port, recorder.settings.hosts),
        "request_model": request_model(body) or engine(options.url),
        "server_address": host,
        "server_port": port,
        "endpoint": endpoint.template,
        "http_request_method": options.method.upper(),
        "api_type": endpoint.api_type,
    }
    pending = Pending(recorder, endpoint, fields)
    pending.body = body
    if endpoint.family == "file":
        pending.file_id = options.url.split("?")[0].rstrip("/").split("/")[-2][:256]
    pending.site = call_site(frame)
    tags = request_tags(body, options.headers)
    for column, value in current_tags().items():
        tags[column] = (value, "tag")
    pending.tags = tags
    pending.is_content_refused = is_content_refused()
    return pending


def _body(options: Any) -> Json:
    body = options.json_data
    extra = getattr(options, "extra_json", None)
    if not isinstance(body, Mapping):
        return extra if isinstance(extra, Mapping) else {}
    return {**body, **extra} if isinstance(extra, Mapping) else body
