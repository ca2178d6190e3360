"""Owns the listening socket, its threads, what was received, and what is scripted to be answered next."""

import contextlib
import socketserver
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from socket import IPPROTO_TCP, SHUT_RDWR, TCP_NODELAY, socket
from types import TracebackType
from typing import Self, cast

from llmwatch.standin import brain as default_brain
from llmwatch.standin import routes, scenarios, websocket
from llmwatch.standin.account import Account
from llmwatch.standin.bodies import error_reply
from llmwatch.standin.clock import Clock, SystemClock
from llmwatch.standin.exchange import ApiError, Brain, RawReply, ReceivedRequest, Reply, RequestInfo
from llmwatch.standin.wire import ConnectionDone, Head, Writer, read_body, read_head, standard_headers

Matcher = str | Callable[[ReceivedRequest], bool]
Scripted = RawReply | Reply | ApiError


class StandinServer:
    """An OpenAI-compatible server on loopback, running from `with` or `start()` until `stop()`.

    `brain` decides what the model says; assign another at any time. With a virtual clock the default brain takes a
    hosted model's time; with the machine's clock it answers at once.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        brain: Brain | None = None,
        keep_requests: int = 1000,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.brain: Brain = brain or (default_brain.timed_answer if self.clock.is_virtual else default_brain.answer)
        self.account = Account(self.clock, seed)
        self.stopping = threading.Event()
        self._received: deque[ReceivedRequest] = deque(maxlen=keep_requests)
        self._count = 0
        self._scripts: list[tuple[Matcher, deque[Scripted]]] = []
        self._lock = threading.Lock()
        self._listener = _Listener(self, port)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._listener.server_address[1]

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as base_url."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def origin(self) -> str:
        """The server without `/v1`: an Azure client's endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The last requests received, the oldest first, at most `keep_requests`."""
        with self._lock:
            return list(self._received)

    def script(self, matcher: Matcher, replies: Iterable[Scripted]) -> None:
        """Answer the next matching requests with these replies, in order; a path is a suffix, `*` is any request."""
        with self._lock:
            self._scripts.append((matcher, deque(replies)))

    def forget(self) -> None:
        """Drop recorded requests and unused scripts."""
        with self._lock:
            self._received.clear()
            self._scripts.clear()

    def start(self) -> Self:
        """Listen in a thread of its own."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and close every connection; a second call does nothing."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        if self._thread.is_alive():
            self._listener.shutdown()
        self._listener.server_close()
        self._listener.close_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def receive(self, head: Head, body: bytes) -> ReceivedRequest:
        """Number and keep a request."""
        with self._lock:
            self._count += 1
            number = self._count
            request = ReceivedRequest(number, head.method, head.target, head.headers, body, self.clock.peek_ns())
            self._received.append(request)
        return request

    def answer(self, request: ReceivedRequest) -> RawReply:
        """The bytes this request gets; a mistake in a brain becomes a 500 that names it."""
        try:
            return self._answer(request)
        except Exception as exc:
            problem = ApiError(
                500, f"The stand-in failed: {type(exc).__name__}: {exc}", "standin_error", "server_error"
            )
            return error_reply(problem)

    def _answer(self, request: ReceivedRequest) -> RawReply:
        scripted = self._next_scripted(request)
        if isinstance(scripted, RawReply):
            return scripted
        if isinstance(scripted, ApiError):
            return error_reply(scripted)
        try:
            info = routes.read(request, self.account)
        except ValueError:
            return error_reply(ApiError(400, "We could not parse the JSON body of your request."))
        scenario = request.header(scenarios.HEADER)
        if scenario is None:
            return routes.answer(info, self.brain, self.account, scripted)
        return scenarios.play(info, scenario, lambda reply: self._ordinary(info, reply))

    def _ordinary(self, info: RequestInfo, reply: Reply | None) -> RawReply:
        return routes.answer(info, self.brain, self.account, reply)

    def _next_scripted(self, request: ReceivedRequest) -> Scripted | None:
        with self._lock:
            for matcher, replies in self._scripts:
                if replies and _matches(matcher, request):
                    return replies.popleft()
        return None

    def serve_websocket(self, request: ReceivedRequest, link: websocket.Link) -> None:
        """Serve one open WebSocket until the client closes it."""
        info = replace(
            routes.read(replace(request, body=b""), self.account), endpoint=_websocket_endpoint(request.path)
        )
        session = websocket.Session(info, self.brain, self.account)
        if info.endpoint == "/realtime":
            websocket.Realtime(link, session).serve()
        else:
            websocket.serve_responses(link, session)


def _websocket_endpoint(path: str) -> str:
    return "/realtime" if path.rstrip("/").endswith("/realtime") else "/responses"


def _matches(matcher: Matcher, request: ReceivedRequest) -> bool:
    if isinstance(matcher, str):
        return matcher == "*" or request.path.rstrip("/").endswith(matcher)
    return matcher(request)


class _Listener(socketserver.ThreadingTCPServer):
    """A thread per connection, so that a held connection never delays another."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, owner: StandinServer, port: int) -> None:
        self.owner = owner
        self._open: set[socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Connection)

    def track(self, connection: socket, *, is_open: bool) -> None:
        """Remember which connections to close at the end."""
        with self._open_lock:
            (self._open.add if is_open else self._open.discard)(connection)

    def close_connections(self) -> None:
        """Wake every thread that waits on a connection."""
        with self._open_lock:
            waiting = list(self._open)
        for connection in waiting:
            with contextlib.suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left is no news for the terminal."""


class _Connection(socketserver.StreamRequestHandler):
    """Requests of one connection, one after another."""

    def handle(self) -> None:
        """Answer until the client closes or a reply ends the connection."""
        self.connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        listener = cast(_Listener, self.server)
        listener.track(self.connection, is_open=True)
        owner = listener.owner
        writer = Writer(self.connection, owner.clock, owner.stopping)
        try:
            with contextlib.suppress(ConnectionDone, OSError):
                while not owner.stopping.is_set():
                    self._exchange(owner, writer)
        finally:
            listener.track(self.connection, is_open=False)

    def _exchange(self, owner: StandinServer, writer: Writer) -> None:
        head = read_head(self.rfile)
        if head.header("expect").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = owner.receive(head, read_body(self.rfile, head))
        if websocket.is_upgrade(request.header):
            self.connection.sendall(websocket.accept(request.header("sec-websocket-key") or ""))
            owner.serve_websocket(request, websocket.Link(self.connection, self.rfile))
            raise ConnectionDone
        reply = owner.answer(request)
        standard = standard_headers(f"req_{request.number:024x}", owner.clock.peek_ns(), reply.seconds_to_head())
        writer.write(reply, standard)
        if head.header("connection").lower() == "close":
            raise ConnectionDone
