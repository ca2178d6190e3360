"""A service that already runs OpenTelemetry: the spans go to its own provider, the records to the spool as well.

$ LLMWATCH_HOME=/tmp/otel python examples/04_existing_opentelemetry.py --standin
embeddings text-embedding-3-small input tokens: 3
checkout input tokens: None
"""

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from standin_option import client_options

import llmwatch

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

llmwatch.init(service_name="otel", tracer_provider=provider)

with trace.get_tracer("shop").start_as_current_span("checkout"):
    OpenAI(**client_options()).embeddings.create(model="text-embedding-3-small", input="a red bicycle")

for span in exporter.get_finished_spans():
    attributes = span.attributes or {}
    print(span.name, "input tokens:", attributes.get("gen_ai.usage.input_tokens"))
