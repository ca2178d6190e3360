"""Prints what merging costs: `python tests/bench/merge.py [CALLS]` spools that many plain calls and merges them.

The records are what capture writes for a chat call in metadata mode, about 1.3 KB each.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from llmwatch.call import encode_record
from llmwatch.settings import Settings
from llmwatch.spool import CALL, SpoolWriter
from llmwatch.store import Store

STARTED_US = 1_795_219_200_000_000


def record(number: int) -> dict[str, object]:
    """One plain call, with the fields that capture fills in metadata mode."""
    started = STARTED_US + number * 20_000
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "parent_span_id": None,
        "started_us": started,
        "ended_us": started + 900_000,
        "service_name": "web",
        "service_instance_id": "web-7c9f-1",
        "host_name": "web-7c9f-1",
        "openai_version": "3.52.0",
        "llmwatch_version": "0.1.0",
        "process_pid": 4242,
        "operation_name": "chat",
        "provider_name": "openai",
        "request_model": "gpt-4o-mini",
        "response_model": "gpt-4o-mini-2024-07-18",
        "response_id": f"chatcmpl-{number:030x}",
        "server_address": "api.openai.com",
        "server_port": 443,
        "endpoint": "/chat/completions",
        "http_request_method": "POST",
        "http_status_code": 200,
        "service_tier": "default",
        "request_id": f"req_{number:032x}",
        "status": "ok",
        "usage_source": "response",
        "customer_id": f"customer-{number % 500}",
        "task_key": f"{number % 7:016x}",
        "call_site": f"app.tickets:classify{number % 7}",
        "request_hash": f"{number * 7919:016x}",
        "output_hash": f"{number:016x}",
        "content_mode": "metadata",
        "retries": 0,
        "input_tokens": 900 + number % 100,
        "output_tokens": 50 + number % 20,
        "cached_input_tokens": 0,
        "reasoning_tokens": 0,
        "input_characters": 3500 + number % 300,
        "output_characters": 200,
        "message_count": 2,
        "processing_ms": 600,
        "is_sampled": False,
        "is_output_empty": False,
        "finish_reasons": ["stop"],
        "usage_raw": '{"prompt_tokens":900,"completion_tokens":50,"total_tokens":950}',
    }


def main(calls: int) -> None:
    """Spools, merges, and prints rows a second, CPU a row and memory."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        writer = SpoolWriter(settings.spool_dir, 8 << 30)
        size = 0
        started = time.process_time()
        for number in range(calls):
            payload = encode_record(record(number))
            size += len(payload)
            writer.append(CALL, payload)
        spool_us = (time.process_time() - started) / calls * 1e6
        writer.close()
        cpu = time.process_time()
        result = Store(settings).merge()
        cpu_us = (time.process_time() - cpu) / calls * 1e6
        stored = settings.store_path.stat().st_size
    print(f"record                {size / calls:10,.0f} bytes")
    print(f"encode and append     {spool_us:10,.1f} us CPU a call")
    print(f"merge                 {result.calls / result.seconds:10,.0f} calls/s")
    print(f"merge                 {cpu_us:10,.1f} us CPU a call")
    print(f"store                 {stored / calls:10,.0f} bytes a call")
    print(f"memory at most        {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:10,.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
