"""Every other endpoint, as the real SDK sees it."""

import base64
import io
import json
import struct

import pytest
from openai import OpenAI

from llmwatch.standin import StandinServer


def test_embeddings_are_the_same_as_floats_and_as_base64(client: OpenAI):
    """The SDK's base64 default and floats give one vector; the same text gives it again."""
    packed = client.embeddings.create(model="text-embedding-3-small", input=["hello", "world"])
    floats = client.embeddings.create(model="text-embedding-3-small", input="hello", encoding_format="float")

    assert len(packed.data[0].embedding) == 1536
    assert packed.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-5)
    assert packed.data[0].embedding != packed.data[1].embedding
    assert (packed.usage.prompt_tokens, packed.usage.total_tokens) == (2, 2)


def test_embeddings_can_be_asked_for_raw_base64(client: OpenAI):
    """An explicit base64 request gives little-endian float32 bytes of the size asked for."""
    raw = client.embeddings.create(
        model="text-embedding-3-large", input="hello", encoding_format="base64", dimensions=8
    )

    assert len(struct.unpack("<8f", base64.b64decode(str(raw.data[0].embedding)))) == 8


def test_legacy_completions_whole_and_streamed(client: OpenAI):
    """A legacy completion is cut at 16 tokens by default, also when streamed."""
    whole = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once")
    chunks = list(client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once", stream=True))

    assert (whole.choices[0].finish_reason, whole.usage.completion_tokens) == ("length", 16)
    assert "".join(chunk.choices[0].text for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "length"


def test_moderation_flags_one_word(client: OpenAI):
    """Results come per input, and only the marked one is flagged."""
    results = client.moderations.create(input=["hello", "an attack"]).results

    assert [result.flagged for result in results] == [False, True]
    assert results[1].categories.violence


def test_images_carry_a_picture_and_usage(client: OpenAI):
    """Generated and edited images are PNG files with token usage; edits count the image sent."""
    made = client.images.generate(model="gpt-image-1.5", prompt="a lighthouse", n=2, quality="low")
    edited = client.images.edit(model="gpt-image-1.5", image=("a.png", b"png"), prompt="add a boat")

    assert base64.b64decode(made.data[0].b64_json).startswith(b"\x89PNG")
    assert made.usage.output_tokens == 2 * 272
    assert edited.usage.input_tokens_details.image_tokens == 323


def test_images_stream_partial_pictures(client: OpenAI):
    """Two partial images, then the completed one with usage."""
    events = list(client.images.generate(model="gpt-image-1.5", prompt="a", stream=True, partial_images=2))

    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert events[-1].usage.output_tokens > 0


def test_transcriptions_bill_tokens_or_seconds(client: OpenAI):
    """whisper-1 reports seconds, newer models tokens; text comes as text, a stream ends with usage."""
    sound = ("a.wav", b"\0" * 64_000)
    whisper = client.audio.transcriptions.create(model="whisper-1", file=sound)
    newer = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound)
    text = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound, response_format="text")
    events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound, stream=True))
    with pytest.warns(DeprecationWarning):
        translated = client.audio.translations.create(model="whisper-1", file=sound)

    assert (whisper.usage.type, whisper.usage.seconds) == ("duration", 2)
    assert (newer.usage.type, newer.usage.input_token_details.audio_tokens) == ("tokens", 20)
    assert text.strip() == newer.text
    assert events[-1].usage.total_tokens == newer.usage.total_tokens
    assert translated.text


def test_speech_is_bytes_or_events(client: OpenAI):
    """Speech comes as audio bytes; with stream_format sse as events that end with usage."""
    whole = client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello there")
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hello there", stream_format="sse"
    ) as streamed:
        lines = [line for line in streamed.iter_lines() if line]

    assert whole.read().startswith(b"ID3")
    assert json.loads(lines[-1].removeprefix("data: "))["usage"]["input_tokens"] == 2


def test_a_batch_runs_over_an_uploaded_file(client: OpenAI):
    """Upload, create, poll to completion, read the output; usage is the sum over the requests."""
    lines = [
        {
            "custom_id": str(n),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]},
        }
        for n in range(3)
    ]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    sent = client.files.create(file=("in.jsonl", io.BytesIO(content)), purpose="batch")
    batch = client.batches.create(input_file_id=sent.id, endpoint="/v1/chat/completions", completion_window="24h")
    stages = [client.batches.retrieve(batch.id) for _ in range(2)]
    output = client.files.content(stages[-1].output_file_id).text.splitlines()

    assert [batch.status, *(stage.status for stage in stages)] == ["validating", "in_progress", "completed"]
    assert stages[-1].request_counts.completed == len(output) == 3
    used = [json.loads(line)["response"]["body"]["usage"]["total_tokens"] for line in output]
    assert stages[-1].usage.total_tokens == sum(used)
    assert [kept.id for kept in client.batches.list()] == [batch.id]
    assert client.files.delete(sent.id).deleted
    assert client.files.retrieve(stages[-1].output_file_id).purpose == "batch_output"


def test_models_tell_their_shutdown_date(client: OpenAI):
    """The model list carries announced shutdown dates."""
    dates = {model.id: model.shutdown_date for model in client.models.list()}

    assert dates["gpt-4o"] == "2027-01-14"
    assert dates["gpt-6.1-terra"] is None
    assert client.models.retrieve("gpt-5").shutdown_date == "2026-12-11"


def test_decisions_answer_each_question_with_usage(client: OpenAI):
    """An endpoint that newer SDKs have answers through plain post as well."""
    body = {"model": "gpt-6.1-terra", "input": "refund?", "questions": [{"name": "refund"}, {"name": "angry"}]}
    answer = client.post("/decisions", cast_to=object, body=body)

    assert [found["name"] for found in answer["answers"]] == ["refund", "angry"]
    assert answer["usage"]["output_tokens"] == 2


def test_a_mistake_in_a_brain_is_told(client: OpenAI, server: StandinServer):
    """A brain that raises becomes a 500 that names the mistake."""
    server.brain = lambda info: info.params["nothing"]

    with pytest.raises(Exception, match="KeyError"):
        client.with_options(max_retries=0).embeddings.create(model="text-embedding-3-small", input="a")
