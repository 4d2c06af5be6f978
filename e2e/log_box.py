"""The log on a page as its reader sees it: which lines are in sight, where, and what they say."""

from dataclasses import dataclass

from playwright.sync_api import Page, expect

from e2e.elements import wait_until
from e2e.producer import Producer

SIGHT = """() => {
    const box = document.getElementById("log");
    const frame = box.getBoundingClientRect();
    const top = frame.top + box.clientTop;
    const bottom = top + box.clientHeight;
    const rows = [...document.querySelectorAll("#log-lines .log-line:not(.log-pinned)")]
        .map((element) => ({ element, ...element.getBoundingClientRect().toJSON() }))
        .filter((row) => row.bottom > top + 0.5 && row.top < bottom - 0.5);
    let gap = 0;
    for (let at = 1; at < rows.length; at += 1) {
        gap = Math.max(gap, Math.abs(rows[at].top - rows[at - 1].bottom));
    }
    return {
        numbers: rows.map(({ element }) => Number(element.dataset.n)),
        texts: rows.map(({ element }) => element.querySelector(".log-text").textContent),
        pending: rows.filter(({ element }) => element.classList.contains("pending")).length,
        top: rows.length > 0 ? rows[0].top - top : 0,
        above: rows.length > 0 ? Math.max(0, rows[0].top - top) : box.clientHeight,
        below: rows.length > 0 ? Math.max(0, bottom - rows.at(-1).bottom) : box.clientHeight,
        gap,
    };
}"""
REST = f"""async (within) => {{
    const look = {SIGHT};
    const limit = performance.now() + within;
    let [before, since] = [look(), performance.now()];
    while (before.pending > 0 || performance.now() - since < 350) {{
        if (performance.now() > limit) throw new Error("the log does not come to rest");
        await new Promise((resume) => setTimeout(resume, 16));
        const now = look();
        if (JSON.stringify(now) === JSON.stringify(before)) continue;
        [before, since] = [now, performance.now()];
    }}
    return before;
}}"""


@dataclass(frozen=True)
class Sight:
    """`top`: of the first line in sight; `above`, `below`, `gap`: blank pixels."""

    numbers: list[int]
    texts: list[str]
    pending: int
    top: float
    above: float
    below: float
    gap: float

    def stands_as(self, other: "Sight") -> bool:
        """The same line is the first, and has not moved by as much as a pixel."""
        return self.numbers[0] == other.numbers[0] and abs(self.top - other.top) < 1


class LogBox:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.locator = page.locator("#log")
        self.follow = page.locator("#log-follow")
        self.pill = page.locator("#log-newer")
        self.total = page.locator("#log-total")

    def sight(self) -> Sight:
        return Sight(**self.page.evaluate(SIGHT))

    def settled(self, line: int | None = None) -> Sight:
        """When the lines in sight are there, `line` among them."""
        wait_until(
            self.page,
            f"""(line) => {{
                const {{ numbers, pending }} = ({SIGHT})();
                return numbers.length > 0 && pending === 0 && (!line || numbers.includes(line));
            }}""",
            line,
        )
        return self.sight()

    def expect_end(self, line: int, *, within: float = 10_000) -> None:
        """`line` is the last one, and stands at the bottom."""
        wait_until(
            self.page,
            f"""(line) => {{
                const {{ numbers, pending, below }} = ({SIGHT})();
                return numbers.at(-1) === line && pending === 0 && below < 2;
            }}""",
            line,
            within=within,
        )

    def expect_end_of(self, producer: Producer) -> None:
        """What was written until now is in sight, and soon what is written on."""
        for _ in range(3):
            wait_until(
                self.page,
                f"""(line) => {{
                    const {{ numbers, below }} = ({SIGHT})();
                    return numbers.at(-1) >= line && below < 2;
                }}""",
                producer.acknowledged,
            )

    def expect_still(self, producer: Producer, lines: int) -> None:
        """Nothing moves while the producer writes so many lines more."""
        before = self.sight()
        goal = producer.acknowledged + lines
        while producer.acknowledged < goal:
            assert self.sight().stands_as(before)
        assert self.sight().texts == before.texts

    def wheel(self, pixels: int) -> None:
        self.locator.hover()
        self.page.mouse.wheel(0, pixels)

    def drag(self, part: float) -> None:
        """Put the bar at this part of its way."""
        self.locator.evaluate(
            "(box, part) => { box.scrollTop = part * (box.scrollHeight - box.clientHeight); }", part
        )

    def press(self, key: str) -> None:
        self.locator.focus()
        self.page.keyboard.press(key)

    def rest(self) -> Sight:
        """When the lines in sight are there and have stood still for a third of a second."""
        return Sight(**self.page.evaluate(REST, 10_000))

    def picture(self) -> bytes | None:
        """What is painted, as a PNG. Not in Firefox, where taking it needs a forbidden style."""
        browser = self.page.context.browser
        if browser is None or browser.browser_type.name != "chromium":
            return None
        return self.locator.screenshot()

    def expect_following(self) -> None:
        expect(self.follow).to_be_checked()

    def expect_staying(self) -> None:
        expect(self.follow).not_to_be_checked()
