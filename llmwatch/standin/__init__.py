"""An OpenAI-compatible server on loopback for demos and tests: no key, no network, the same bytes for the same seed.

`with StandinServer() as server: OpenAI(base_url=server.base_url, api_key="sk-standin")`. Never imported by capture.
"""

from llmwatch.standin.clock import SystemClock, VirtualClock
from llmwatch.standin.exchange import ApiError, Brain, Chunk, RawReply, ReceivedRequest, Reply, RequestInfo, ToolCall
from llmwatch.standin.server import StandinServer

__all__ = [
    "ApiError",
    "Brain",
    "Chunk",
    "RawReply",
    "ReceivedRequest",
    "Reply",
    "RequestInfo",
    "StandinServer",
    "SystemClock",
    "ToolCall",
    "VirtualClock",
]
