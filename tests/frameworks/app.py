"""A service that calls OpenAI through one framework; its functions are what its tasks must be named after.

Run as `python app.py FRAMEWORK HOME URL`; knows nothing of pytest, for it also runs in environments of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from typing import Any

import llmwatch

FRAMEWORK, HOME, URL = sys.argv[1:4]
os.environ |= {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": URL, "OPENAI_API_BASE": URL}
MODEL = "gpt-4o-mini"


def _langchain() -> None:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model=MODEL, base_url=URL, api_key="k", max_retries=0)

    def classify_tickets() -> None:
        model.batch(["Classify one", "Classify two", "Classify three"])

    def draft_answer() -> None:
        model.invoke("Draft an answer")

    async def summarize_threads() -> None:
        await model.abatch(["Summarize one", "Summarize two"])

    async def route_mail() -> None:
        await asyncio.gather(*[model.ainvoke(f"Route {n}") for n in range(3)])

    classify_tickets()
    draft_answer()

    async def main() -> None:
        await summarize_threads()
        await route_mail()

    asyncio.run(main())


def _openai_agents() -> None:
    from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(True)

    def made() -> Agent:
        client = AsyncOpenAI(base_url=URL, api_key="k")
        return Agent(name="a", instructions="You help.", model=OpenAIChatCompletionsModel(MODEL, client))

    async def answer_question() -> None:
        for _ in range(3):
            await Runner.run(made(), "What now?")

    async def stream_question() -> None:
        async for _ in Runner.run_streamed(made(), "What now, streamed?").stream_events():
            pass

    def answer_blocking() -> None:
        Runner.run_sync(made(), "What now, at once?")

    async def main() -> None:
        await answer_question()
        await stream_question()

    asyncio.run(main())
    answer_blocking()


def _pydantic_ai() -> None:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=URL, api_key="k")), instructions="You help.")

    def price_order() -> None:
        agent.run_sync("Price it")

    async def check_order() -> None:
        await asyncio.gather(agent.run("Check it"), agent.run("Check that"))

    price_order()
    asyncio.run(check_order())


def _litellm() -> None:
    import litellm as lib

    lib.telemetry = False

    def tag_batch() -> None:
        lib.batch_completion(
            model=f"openai/{MODEL}", api_base=URL, api_key="k",
            messages=[[{"role": "user", "content": f"Tag {n}"}] for n in range(3)],
        )  # fmt: skip

    def tag_one() -> None:
        lib.completion(
            model=f"openai/{MODEL}", api_base=URL, api_key="k", messages=[{"role": "user", "content": "Tag"}]
        )

    async def tag_soon() -> None:
        await lib.acompletion(
            model=f"openai/{MODEL}", api_base=URL, api_key="k", messages=[{"role": "user", "content": "Tag soon"}]
        )

    tag_batch()
    tag_one()
    asyncio.run(tag_soon())


def _llama_index() -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai import OpenAI

    model = OpenAI(model=MODEL, api_base=URL, api_key="k", max_retries=0)

    def explain_page() -> None:
        model.complete("Explain")

    async def explain_pages() -> None:
        await asyncio.gather(*[model.achat([ChatMessage(role="user", content=f"Explain {n}")]) for n in range(2)])

    explain_page()
    asyncio.run(explain_pages())


def _langgraph() -> None:
    from langchain_openai import ChatOpenAI
    from langgraph.graph import END, START, StateGraph

    model = ChatOpenAI(model=MODEL, base_url=URL, api_key="k", max_retries=0)

    def plan_trip(state: dict[str, Any]) -> dict[str, Any]:
        model.invoke("Plan")
        return state

    async def book_trip(state: dict[str, Any]) -> dict[str, Any]:
        await model.ainvoke("Book")
        return state

    graph = StateGraph(dict)
    graph.add_node("plan", plan_trip)
    graph.add_node("book", book_trip)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "book")
    graph.add_edge("book", END)
    asyncio.run(graph.compile().ainvoke({}))


def _dspy() -> None:
    import dspy as lib

    lib.configure(
        lm=lib.LM(f"openai/{MODEL}", api_base=URL, api_key="k", cache=False, num_retries=0), adapter=lib.JSONAdapter()
    )
    predict = lib.Predict("question -> answer")

    def guess_answers() -> None:
        work = [(predict, lib.Example(question=f"What is {n}?").with_inputs("question")) for n in range(3)]
        with suppress(Exception):
            lib.Parallel(num_threads=2, disable_progress_bar=True)(work)

    def guess_one() -> None:
        with suppress(Exception):
            predict(question="What?")

    guess_answers()
    guess_one()


def _autogen() -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import RoundRobinGroupChat
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    client = OpenAIChatCompletionClient(model=MODEL, base_url=URL, api_key="k")
    agent = AssistantAgent("helper", model_client=client)

    async def advise_client() -> None:
        await agent.run(task="Advise")

    async def discuss_case() -> None:
        team = RoundRobinGroupChat(
            [AssistantAgent("a", model_client=client)], termination_condition=MaxMessageTermination(2)
        )
        await team.run(task="Discuss")

    async def main() -> None:
        await advise_client()
        await discuss_case()

    asyncio.run(main())


def _crewai() -> None:
    from crewai import LLM, Agent, Crew, Task

    llm = LLM(model=f"openai/{MODEL}", base_url=URL, api_key="k")
    agent = Agent(role="clerk", goal="help", backstory="a clerk", llm=llm, allow_delegation=False)

    def file_report() -> None:
        Crew(agents=[agent], tasks=[Task(description="File it", expected_output="a line", agent=agent)]).kickoff()

    async def file_reports() -> None:
        crew = Crew(agents=[agent], tasks=[Task(description="File them", expected_output="a line", agent=agent)])
        await crew.kickoff_async()

    file_report()
    asyncio.run(file_reports())


if __name__ == "__main__":
    llmwatch.init(home=HOME)
    globals()["_" + FRAMEWORK]()
