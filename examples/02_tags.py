"""Tags say which task, customer, feature and user a call is for; they work as context managers and as decorators.

$ LLMWATCH_HOME=/tmp/tags python examples/02_tags.py --standin
acme: If the export still
globex: If the export still
Now run: llmwatch report --by customer
"""

from openai import OpenAI
from standin_option import client_options

import llmwatch

llmwatch.init(service_name="tags")
client = OpenAI(**client_options())


@llmwatch.task("ticket.classify")
def classify(ticket: str) -> str:
    """A word for the ticket."""
    answer = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "system", "content": "Answer with one word."}, {"role": "user", "content": ticket}],
        max_completion_tokens=4,
    )
    return answer.choices[0].message.content or ""


for customer, ticket in (("acme", "The invoice is wrong."), ("globex", "I cannot log in.")):
    with llmwatch.customer(customer), llmwatch.feature("inbox"), llmwatch.user(f"{customer}-u1"):
        print(f"{customer}: {classify(ticket)}")
print("Now run: llmwatch report --by customer")
