"""What calls earned, what they reached and what users thought of them: the other half of a margin.

$ LLMWATCH_HOME=/tmp/earned python examples/05_revenue.py --standin
recorded: call, feedback, outcome, revenue, refund
Now run: llmwatch margin
"""

from openai import OpenAI
from standin_option import client_options

import llmwatch

llmwatch.init(service_name="revenue")
client = OpenAI(**client_options())

with llmwatch.customer("acme"), llmwatch.task("reply.draft"):
    answer = client.chat.completions.create(
        model="gpt-6-luna", messages=[{"role": "user", "content": "Where is my invoice?"}], max_completion_tokens=8
    )
    recorded = [
        # Later or from another process: feedback(True, response_id=...).
        llmwatch.feedback(True, call=answer, comment="solved it"),
        llmwatch.outcome("ticket.resolved", value_usd="2.50", call=answer),
        # An id of yours makes it safe to say twice; acme and reply.draft come from the tags in force.
        llmwatch.revenue("0.40", call=answer, event_id="usage-4711"),
    ]
recorded.append(llmwatch.revenue(-5, customer="acme", note="credit for Tuesday"))

assert all(recorded)
print("recorded: call, feedback, outcome, revenue, refund")
print("Now run: llmwatch margin")
