"""Every word exists in every language, is used, and takes the same values everywhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from app.catalogue import LANGUAGES, Message, Text, locale, messages, translator
from app.errors import Problem

ROOT = Path(__file__).parent.parent
KEY = r"[a-z]+(?:\.[\w.-]+)?"
# t("key"), Text('key', ...), and keys put together: t(`status.${name}`), t("status." ~ status),
# w.t(f"error.{kind}.title"), ("title." + status)
SAID = r"\b(?:t|Text|Problem)\(\s*"
WHOLE = re.compile(rf"""{SAID}["']({KEY})["']\s*[,)]""")
CHOSEN = re.compile(rf"""\bt\([^)"'`]*\?\s*["']({KEY})["']\s*:\s*["']({KEY})["']""")
MADE = re.compile(rf"""{SAID}f?[`"']([^`"']*?)[`"']""")
# Problems, wherever they are made: Refused("problem.x", ...), Unprocessable.field("q", "limit.y")
PROBLEM = re.compile(r"""["']((?:problem|limit)\.[\w.]+)["']""")


def sources() -> str:
    globs = ("templates/*.html", "static/js/**/*.js", "app/**/*.py")
    files = [path for glob in globs for path in ROOT.glob(glob)]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def used_keys() -> set[str]:
    known = messages("en")
    text = sources()
    used = {*WHOLE.findall(text), *PROBLEM.findall(text)}
    for pair in CHOSEN.findall(text):
        used.update(pair)
    for made in MADE.findall(text):
        if "{" in made or made.endswith("."):
            pattern = re.sub(r"\\?\$?\\\{.*?\\\}", r"[\\w-]+", re.escape(made))
            pattern += r"[\w-]+" if made.endswith(".") else ""
            used.update(key for key in known if re.fullmatch(pattern, key))
    return used


def problems() -> Iterator[tuple[str, ast.expr]]:
    """Where problems are made, and the key of what they say."""
    kinds = {"Problem", *(kind.__name__ for kind in Problem.__subclasses__())}
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            match node.func:
                case ast.Name(id=name) if name in kinds:
                    yield f"{path.name}:{node.lineno}", node.args[0]
                case ast.Attribute(value=ast.Name(id=name), attr="field") if name in kinds:
                    yield f"{path.name}:{node.lineno}", node.args[1]


def places(message: Message) -> set[str]:
    texts = [message] if isinstance(message, str) else list(message.values())
    return {place for text in texts for place in re.findall(r"\{(\w+)\}", text)}


def test_every_key_used_exists_and_none_is_unused() -> None:
    assert used_keys() == set(messages("en"))


def test_problems_are_said_with_words_of_the_catalogue() -> None:
    found = list(problems())
    assert len(found) > 50
    for place, key in found:
        if isinstance(key, ast.Constant):
            assert key.value in messages("en"), place
        else:  # put together, or passed on
            assert isinstance(key, (ast.JoinedStr, ast.Name, ast.Attribute)), place


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_the_same_keys_in_order(language: str) -> None:
    keys = list(messages(language))
    assert keys == sorted(messages("en"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_take_the_same_values_and_have_all_plural_forms(language: str) -> None:
    for key, message in messages(language).items():
        assert places(message) == places(messages("en")[key]), key
        if isinstance(message, dict):
            assert set(message) == set(locale(language).plural_form.tags) | {"other"}, key


def test_plural_forms() -> None:
    t = translator("en")
    assert t("pill.new", count=1) == "1 new task"
    assert t("pill.new", count=1204) == "1,204 new tasks"
    assert translator("zh")("pill.new", count=1) == "1 个新任务"


def test_values_are_never_patterns() -> None:
    t = translator("en")
    text = t("announce.changed", id=1, name="{status} {0.__class__}", status="failed")
    assert text == "Task 1, {status} {0.__class__}: failed"


def test_values_may_be_texts_of_their_own() -> None:
    text = Text("problem.already_over", id=7, status=Text("status.failed"))
    assert text.say("en") == str(text) == "Task #7 is already failed: there is nothing to cancel."
    assert text.say("zh") == "任务 #7 失败，没有可取消的内容。"


def test_chinese_stands_apart_from_latin_letters() -> None:
    t = translator("zh")
    assert t("network.finding.cut", box="nginx") == "nginx 很快就切断事件流。"
    assert t("network.finding.cut", box="某个代理") == "某个代理很快就切断事件流。"
    assert t("time.ago", duration="3 分钟") == "3 分钟前"
    assert t("limit.kind", kind="true") == "必须是 true"


def test_titles_of_problems_are_the_phrases_of_http() -> None:
    titles = {key: title for key, title in messages("en").items() if key.startswith("http.")}
    assert titles.pop("http.other") == "Error"
    for key, title in titles.items():
        assert title == HTTPStatus(int(key.removeprefix("http."))).phrase
