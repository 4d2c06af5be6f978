"""Every word exists in every language, is used, and takes the same values everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.catalogue import LANGUAGES, Message, choose_language, locale, messages, translator

ROOT = Path(__file__).parent.parent
KEY = r"[a-z]+(?:\.[\w.-]+)?"
# t("key"), t('key', ...), and keys put together: t(`status.${name}`), t("status." ~ status),
# w.t(f"error.{kind}.title"), ("title." + status)
WHOLE = re.compile(rf"""\bt\(\s*["']({KEY})["']\s*[,)]""")
CHOSEN = re.compile(rf"""\bt\([^)"'`]*\?\s*["']({KEY})["']\s*:\s*["']({KEY})["']""")
MADE = re.compile(r"""\bt\(\s*f?[`"']([^`"']*?)[`"']""")


def sources() -> str:
    globs = ("templates/*.html", "static/js/**/*.js", "app/**/*.py")
    files = [path for glob in globs for path in ROOT.glob(glob)]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def used_keys() -> set[str]:
    known = messages("en")
    text = sources()
    used = set(WHOLE.findall(text))
    for pair in CHOSEN.findall(text):
        used.update(pair)
    for made in MADE.findall(text):
        if "{" in made or made.endswith("."):
            pattern = re.sub(r"\\?\$?\\\{.*?\\\}", r"[\\w-]+", re.escape(made))
            pattern += r"[\w-]+" if made.endswith(".") else ""
            used.update(key for key in known if re.fullmatch(pattern, key))
    return used


def places(message: Message) -> set[str]:
    texts = [message] if isinstance(message, str) else list(message.values())
    return {place for text in texts for place in re.findall(r"\{(\w+)\}", text)}


def test_every_key_used_exists_and_none_is_unused() -> None:
    assert used_keys() == set(messages("en"))


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


@pytest.mark.parametrize(
    ("header", "cookie", "expected"),
    [
        (None, None, "en"),
        ("", None, "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", None, "zh"),
        ("zh-Hant-TW", None, "zh"),
        ("en-GB,zh;q=0.9", None, "en"),
        ("de,zh;q=0.5,en;q=0.7", None, "en"),
        ("de,fr", None, "en"),
        ("zh;q=0,en", None, "en"),
        ("zh;q=nonsense, en", None, "en"),
        ("*", None, "en"),
        ("en", "zh", "zh"),
        ("zh", "en", "en"),
        ("zh", "../../etc", "zh"),
    ],
)
def test_language(header: str | None, cookie: str | None, expected: str) -> None:
    assert choose_language(header, cookie) == expected
