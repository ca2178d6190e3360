"""Streams are captured without a change, also when they are left early; without include_usage their cost is estimated.

$ LLMWATCH_HOME=/tmp/streaming python examples/03_streaming.py --standin
whole: The invoice total is correct; the difference comes from the seats added in the second week. The
left:  The invoice total is correct
Now run: llmwatch calls --task chat.answer
"""

from openai import OpenAI
from standin_option import client_options

import llmwatch

llmwatch.init(service_name="streaming")
client = OpenAI(**client_options())


def say(question: str, *, stop_after: int = 1000) -> str:
    """The first pieces of a streamed answer."""
    pieces: list[str] = []
    with client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": question}],
        max_completion_tokens=20,
        stream=True,
    ) as stream:
        for chunk in stream:
            pieces.append(chunk.choices[0].delta.content or "")
            if len(pieces) == stop_after:
                break
    return "".join(pieces)


with llmwatch.task("chat.answer"):
    print("whole:", say("Why was my export stopped?"))
    print("left: ", say("Where is my invoice?", stop_after=6))
print("Now run: llmwatch calls --task chat.answer")
