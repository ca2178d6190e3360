"""A support desk's own code: plain OpenAI calls, some of them tagged, as any team would write them.

Nothing here knows that it is a demo. `llmwatch.init()` is called once by whoever starts the service.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openai
from openai import OpenAI

import llmwatch

HANDBOOK = "\n".join(
    f"{number}. When a customer asks about {subject}, {rule}"
    for number, (subject, rule) in enumerate(
        (subject, rule)
        for subject in ("billing", "exports", "logins", "webhooks", "seats", "calendars", "reports", "imports")
        for rule in (
            "look at the plan first, quote the amount with its currency and never promise a refund above one month.",
            "name the page in the settings where the change is made and say who in the workspace may make it.",
            "ask for the exact time and the name of the file when something stopped, and link the status page.",
            "write in the customer's own language, in short sentences, without blaming the customer or a colleague.",
            "hand over to a human when the customer mentions a lawyer, an outage of more than an hour or a deletion.",
        )
    )
)
REPLY_PROMPTS = {
    "short": "You draft replies for a support desk. Answer in a few sentences. Follow the handbook:\n" + HANDBOOK,
    "thorough": "You draft replies for a support desk. Explain every step thoroughly, repeat the question, list all"
    " alternatives and close with a summary. Follow the handbook:\n" + HANDBOOK,
}
CLASSIFY = "Sort the support ticket. Use the schema; urgent only when work has stopped."
ROUTE = "Name the queue that takes this ticket: finance, data, access or platform. Nothing else."
FAQ = "Give the number of the one rule of the handbook that answers the ticket, or -1. The handbook:\n" + HANDBOOK
MOOD = "Say how the writer feels: calm, urgent when a date is pressing, upset when they complain about us."
TITLE = "Write a heading of at most six words for the ticket, in English, without the customer's name."
IMAGE = "May this screenshot be shown to other customers? Answer yes or no."
ADDRESS = (
    "Turn the address into one JSON object with the keys number, street, town and postcode. Give nothing but JSON."
)
TICKET_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "category": {"type": "string", "enum": ["billing", "bug", "how-to", "account"]},
        "urgent": {"type": "boolean"},
        "language": {"type": "string", "enum": ["en", "de", "ja"]},
    },
    "required": ["category", "urgent", "language"],
    "additionalProperties": False,
}


def _one_of(key: str, words: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key: {"type": "string", "enum": list(words)}},
        "required": [key],
        "additionalProperties": False,
    }


QUEUE_SCHEMA = _one_of("queue", ("finance", "data", "access", "platform"))
MOOD_SCHEMA = _one_of("mood", ("calm", "urgent", "upset"))
RULE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"rule": {"type": "integer"}},
    "required": ["rule"],
    "additionalProperties": False,
}
INVOICE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "currency": {"type": "string", "enum": ["EUR", "USD"]},
        "total": {"type": "number"},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "amount": {"type": "number"}},
                "required": ["text", "amount"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["number", "currency", "total", "lines"],
    "additionalProperties": False,
}
REVIEW = "You review software contracts for our side. List the clauses that put us at risk and why, most severe first."
LOOK_UP = {
    "type": "function",
    "function": {
        "name": "look_up_order",
        "description": "Finds an order by its number.",
        "parameters": {
            "type": "object",
            "properties": {"order": {"type": "string"}},
            "required": ["order"],
            "additionalProperties": False,
        },
    },
}


@dataclass(frozen=True)
class Ticket:
    """One question of one customer's user."""

    number: str
    customer: str
    user: str
    text: str


@dataclass(frozen=True)
class Answer:
    """What a function of the desk found, and the id of OpenAI's answer, for whoever judges it later."""

    value: Any
    id: str


@dataclass
class SupportDesk:
    """The service. `reply_prompt` and `stamps_prompts` are what its releases change."""

    client: OpenAI
    reply_prompt: str = "short"
    # True puts the ticket's number in front of the system prompt: harmless to read, fatal for prompt caching.
    stamps_prompts: bool = False

    def classify(self, ticket: Ticket) -> Answer:
        """The ticket's category, urgency and language."""
        with llmwatch.task("ticket.classify"), llmwatch.customer(ticket.customer), llmwatch.user(ticket.user):
            return self._json("gpt-4o-mini", CLASSIFY, ticket.text, "ticket", TICKET_SCHEMA)

    def route(self, ticket: Ticket) -> Answer:
        """The queue that takes the ticket."""
        with llmwatch.task("ticket.route"), llmwatch.customer(ticket.customer):
            return self._json("gpt-4o-2024-08-06", ROUTE, ticket.text, "queue", QUEUE_SCHEMA)

    def find_rule(self, ticket: Ticket) -> Answer:
        """The number of the handbook's rule that answers the ticket."""
        with llmwatch.task("faq.answer"), llmwatch.customer(ticket.customer), llmwatch.feature("inbox"):
            return self._json("gpt-4o-2024-08-06", FAQ, ticket.text, "rule", RULE_SCHEMA)

    def tag_mood(self, ticket: Ticket) -> Answer:
        """How the customer feels."""
        with llmwatch.task("mood.tag"), llmwatch.customer(ticket.customer):
            return self._json("gpt-4o-2024-08-06", MOOD, ticket.text, "mood", MOOD_SCHEMA)

    def title(self, ticket: Ticket) -> Answer:
        """A heading for the ticket."""
        with llmwatch.task("ticket.title"), llmwatch.customer(ticket.customer):
            answer = self.client.chat.completions.create(
                model="gpt-4o-2024-08-06",
                messages=[{"role": "system", "content": TITLE}, {"role": "user", "content": ticket.text}],
            )
        return Answer(answer.choices[0].message.content or "", answer.id)

    def check_image(self, customer: str, url: str) -> Answer:
        """Whether a customer's screenshot may be shown to colleagues."""
        look = {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
        with llmwatch.task("image.check"), llmwatch.customer(customer):
            answer = self.client.chat.completions.create(
                model="gpt-4o-2024-08-06",
                messages=[{"role": "user", "content": [{"type": "text", "text": IMAGE}, look]}],  # type: ignore[list-item]
                max_tokens=8,
            )
        return Answer(answer.choices[0].message.content or "", answer.id)

    def parse_address(self, text: str) -> Answer:
        """An address as JSON, asked for in words only. No tags, and an alias where the others pin a snapshot."""
        answer = self.client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "system", "content": ADDRESS}, {"role": "user", "content": text}],
        )
        return Answer(answer.choices[0].message.content or "", answer.id)

    def _json(self, model: str, prompt: str, text: str, name: str, schema: dict[str, Any]) -> Answer:
        answer = self.client.chat.completions.create(
            model=model,
            messages=[{"role": "system", "content": prompt}, {"role": "user", "content": text}],
            response_format={"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}},
        )
        return Answer(json.loads(answer.choices[0].message.content or "{}"), answer.id)

    @llmwatch.task("reply.draft")
    @llmwatch.feature("inbox")
    def draft_reply(self, ticket: Ticket) -> Answer:
        """A reply for an agent to edit, written while the agent watches."""
        prompt = REPLY_PROMPTS[self.reply_prompt]
        if self.stamps_prompts:
            prompt = f"Ticket {ticket.number}. {prompt}"
        with llmwatch.customer(ticket.customer), llmwatch.user(ticket.user):
            stream = self.client.chat.completions.create(
                model="gpt-4o-2024-08-06",
                messages=[{"role": "system", "content": prompt}, {"role": "user", "content": ticket.text}],
                stream=True,
                stream_options={"include_usage": True},
            )
            id, shown = "", ""
            for chunk in stream:
                id = id or chunk.id
                shown += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            return Answer(shown, id)

    def close(self, ticket: Ticket, *, is_solved: bool) -> None:
        """The ticket is closed; solved tickets are what the customers pay for."""
        llmwatch.outcome("ticket.closed", success=is_solved, customer=ticket.customer, task="reply.draft")

    def chat(self, ticket: Ticket, *, on_phone: bool, has_left: Callable[[], bool]) -> str:
        """An answer in the website's chat window; a visitor who leaves ends the stream. The phone app is older."""
        shown = ""
        with llmwatch.task("chat.answer"), llmwatch.feature("widget"), llmwatch.customer(ticket.customer):
            extra: dict[str, Any] = {} if on_phone else {"stream_options": {"include_usage": True}}
            stream = self.client.chat.completions.create(
                model="gpt-4o-mini",
                messages=[
                    {
                        "role": "system",
                        "content": "You answer visitors of a product's website in one or two sentences.",
                    },
                    {"role": "user", "content": ticket.text},
                ],
                stream=True,
                **extra,
            )
            with stream:
                for chunk in stream:
                    shown += (chunk.choices[0].delta.content or "") if chunk.choices else ""
                    if has_left():
                        break
        return shown

    def extract_invoice(self, document: str) -> dict[str, Any]:
        """The fields of an invoice. No tags at all: llmwatch names the task by itself."""
        answer = self.client.responses.create(
            model="gpt-5.6-luna",
            instructions="Copy the invoice's fields exactly as printed.",
            input=document,
            max_output_tokens=400,
            text={"format": {"type": "json_schema", "name": "invoice", "schema": INVOICE_SCHEMA, "strict": True}},
        )
        return json.loads(answer.output_text) if answer.status == "completed" else {}

    def review_contract(self, customer: str, contract: str) -> str:
        """The risks in a contract, thought through."""
        with llmwatch.task("contract.review"), llmwatch.customer(customer):
            answer = self.client.responses.create(
                model="gpt-6.1-terra",
                instructions=REVIEW,
                input=contract,
                reasoning={"effort": "medium"},
            )
        return answer.output_text

    def embed_article(self, article: str) -> list[float]:
        """The vector that the help centre's search compares."""
        with llmwatch.task("search.embed"):
            made = self.client.embeddings.create(model="text-embedding-3-small", input=article)
        return made.data[0].embedding

    def find_order(self, question: str) -> str | None:
        """The order number a question is about. No tags."""
        answer = self.client.chat.completions.create(
            model="gpt-4o-2024-08-06",
            messages=[
                {"role": "system", "content": "Look the order up when the customer names one."},
                {"role": "user", "content": question},
            ],
            tools=[LOOK_UP],  # type: ignore[list-item]
        )
        calls = answer.choices[0].message.tool_calls or []
        return json.loads(calls[0].function.arguments)["order"] if calls else None  # type: ignore[union-attr]

    def translate(self, customer: str, text: str) -> str:
        """German for a customer who asked for it, by a model of our own. No task tag."""
        with llmwatch.customer(customer):
            answer = self.client.chat.completions.create(
                model="acme-llm-1",
                messages=[{"role": "system", "content": "Translate into German."}, {"role": "user", "content": text}],
            )
            # Sold by the piece.
            llmwatch.revenue("0.02", note="translation")
        return answer.choices[0].message.content or ""


TROUBLE = (openai.APIStatusError, openai.APIConnectionError)
