"""One line captures every call of the process, made with any client.

$ LLMWATCH_HOME=/tmp/first python examples/01_first_call.py --standin
Reconnecting the calendar restores the events from the last thirty days. The webhook was answered
Now run: llmwatch calls
"""

from openai import OpenAI
from standin_option import client_options

import llmwatch

llmwatch.init(service_name="first-call")

client = OpenAI(**client_options())
answer = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Why was my export stopped?"}],
    max_completion_tokens=20,
)
print(answer.choices[0].message.content)
print("Now run: llmwatch calls")
