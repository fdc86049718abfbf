"""Renders conversations with chat templates by transformers, and finds what a model is to learn of them, for templates.ts.

Usage: python templates.py IN.json OUT.json
Needs: transformers, jinja2.

IN.json: {"chats": [{"name", "messages", "tools"?}], "templates": [{"name", "source", "bos", "eos", "open", "end", "calls"}]}.
`open` and `end` are regular expressions of what stands before an answer and what ends it: facts of the model's format. `calls`: how
it takes calls of tools: "objects" or "texts" in tool_calls, or "content" where it has no form for them; `empty`, if it is there, is the
content of a turn of calls only.

OUT.json: {NAME: {CHAT: {"whole": …, "text": …, "answers": [[from, to], …]} or {"refused": …}}}. `whole` is the conversation up to the turn
of its last answer that the loss counts, as apply_chat_template renders it; `text` is the same to the end of this answer, or, where it is no continuation of the prompt that it renders for generation, that prompt and the
answer. `answers` are the characters that the loss counts (in UTF-16), found by `open` and `end` alone. They are found a second time in the same
conversation with a sentinel for each answer, and each must hold its own sentinel.
"""
import datetime
import json
import pathlib
import re
import sys

from transformers.utils import chat_template_utils


class PageDate(datetime.datetime):
    """The page's date in templates, so that the same data gives the same tokens on any day."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, tzinfo=tz)


chat_template_utils.datetime = PageDate


def render(template: dict, messages: list[dict], tools, opened: bool) -> str:
    rendered, _ = chat_template_utils.render_jinja_template(
        conversations=[messages],
        tools=tools,
        chat_template=template["source"],
        add_generation_prompt=opened,
        bos_token=template["bos"],
        eos_token=template["eos"],
    )
    return rendered[0]


def openai_form(message: dict, calls: str, empty: str | None) -> dict:
    out = {"role": message["role"], "content": message["content"]}
    if "name" in message:
        out["name"] = message["name"]
    if "toolCallId" in message:
        out["tool_call_id"] = message["toolCallId"]
    made = message.get("toolCalls")
    if made is None:
        return out
    if calls == "content":
        lines = [json.dumps({"name": c["name"], "arguments": c["arguments"]}, ensure_ascii=False, separators=(",", ":")) for c in made]
        out["content"] = "\n".join([part for part in [out["content"]] if part] + lines)
        return out
    as_text = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    out["tool_calls"] = [
        {
            "type": "function",
            "id": c["id"],
            "function": {"name": c["name"], "arguments": as_text(c["arguments"]) if calls == "texts" else c["arguments"]},
        }
        for c in made
    ]
    out["content"] = out["content"] or empty
    return out


def training_text(template: dict, messages: list[dict], tools) -> str:
    """To the end of the last answer."""
    whole = render(template, messages, tools, False)
    if len(messages) == 1:
        return whole
    prompt = render(template, messages[:-1], tools, True)
    if whole.startswith(prompt):
        return whole
    answer = whole[list(re.finditer(template["open"], whole))[-1].end():]
    if not re.search(r"<think>\s*$", prompt):
        return prompt + answer
    *reasoning, shown = answer.split("</think>")
    if not reasoning:
        reasoning = (messages[-1]["content"] or "").split("</think>")[:-1]
    if not reasoning:
        return prompt + "\n</think>\n\n" + shown
    thought = re.sub(r"^\s*<think>\n?", "", "</think>".join(reasoning))
    return prompt + thought + "</think>" + shown


def answers_in(template: dict, text: str) -> list[list[int]]:
    pattern = re.compile(f"(?:{template['open']})(.*?)({template['end']}|$)", re.DOTALL)
    return [[found.start(1), found.end(2)] for found in pattern.finditer(text)]


def with_sentinels(messages: list[dict]) -> list[dict]:
    """The same conversation with a sentinel in each answer, in the same form: with reasoning or calls where it has them."""
    def changed(message: dict, i: int) -> dict:
        if message["role"] != "assistant":
            return message
        out, mark = dict(message), f"Sentinel{i}."
        if message["content"]:
            out["content"] = f"<think>\nReason{i}.\n</think>\n\n{mark}" if "</think>" in message["content"] else mark
        if "toolCalls" in message:
            out["toolCalls"] = [{**call, "arguments": {"sentinel": mark}} for call in message["toolCalls"]]
        return out

    return [changed(message, i) for i, message in enumerate(messages)]


def expected(template: dict, chat: dict) -> dict:
    learns = lambda message: message["role"] == "assistant" and message.get("weight") != 0
    upto = 1 + max(i for i, message in enumerate(chat["messages"]) if learns(message))
    messages, tools = chat["messages"][:upto], chat.get("tools")
    form = lambda some: [openai_form(message, template["calls"], template.get("empty")) for message in some]
    try:
        whole = render(template, form(messages), tools, False)
        text = training_text(template, form(messages), tools)
        marked = training_text(template, form(with_sentinels(messages)), tools)
    except Exception as error:  # whatever a template raises
        return {"refused": f"{type(error).__name__}: {error}"}
    spans, marks = answers_in(template, text), answers_in(template, marked)
    asked = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    assert len(asked) == len(spans) == len(marks), (template["name"], chat["name"], text, marked)
    for i, (start, end) in zip(asked, marks):
        inside = marked[start:end]
        assert f"Sentinel{i}." in inside and marked.count(f"Sentinel{i}.") == inside.count(f"Sentinel{i}."), (template["name"], chat["name"], i)
    kept = [span for i, span in zip(asked, spans) if learns(messages[i])]
    places = [[utf16_length(text[:at]) for at in span] for span in kept]
    return {"whole": whole, "text": text[: kept[-1][1]], "answers": places}


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def main() -> None:
    given = json.loads(pathlib.Path(sys.argv[1]).read_text())
    out = {
        template["name"]: {chat["name"]: expected(template, chat) for chat in given["chats"]}
        for template in given["templates"]
    }
    pathlib.Path(sys.argv[2]).write_text(json.dumps(out, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
