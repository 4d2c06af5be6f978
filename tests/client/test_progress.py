"""Progress read from lines that the real programs print."""

from __future__ import annotations

import pytest

from livequeue_client.progress import Progress, ProgressReader, plain

Reading = tuple[float | None, float | None, float | None, str | None]


def read(*lines: str) -> list[Progress]:
    reader = ProgressReader()
    found = (reader.read(line, row) for row, line in enumerate(lines, 1))
    return [progress for progress in found if progress]


@pytest.mark.parametrize(
    ("line", "percent", "current", "total", "unit"),
    [
        ("40%", 40, None, None, None),
        (" 40.5 %", 40.5, None, None, None),
        ("Progress: 45%", 45, None, None, None),
        ("45 % done", 45, None, None, None),
        ("\x1b[32m45%\x1b[0m", 45, None, None, None),
        ("0%", 0, None, None, None),
        ("[ 45%] Building C object main.c.o", 45, None, None, None),
        ("tests/test_a.py ......        [ 45%]", 45, None, None, None),
        ("12/340", 3.5, 12, 340, None),
        ("(12/340)", 3.5, 12, 340, None),
        ("[12/340] Compiling main.c", 3.5, 12, 340, None),
        ("3 of 10", 30, 3, 10, None),
        ("3 of 10 files", 30, 3, 10, "files"),
        ("3/10 files", 30, 3, 10, "files"),
        # tqdm
        (" 45%|████▌     | 9/20 [00:03<00:04,  2.70it/s]", 45, 9, 20, "it"),
        ("  5%|▌         | 1/20 [00:00<00:02,  6.66it/s]", 5, 1, 20, "it"),
        ("epoch:  50%|█████     | 1/2 [00:01<00:01,  1.20s/it]", 50, 1, 2, "it"),
        ("dl:  53%|█████▎    | 1.53M/2.86M [00:00<00:00, 1.99MB/s]", 53.5, 1.53e6, 2.86e6, "B"),
        ("  0%|          | 0/20 [00:00<?, ?it/s]", 0, 0, 20, "it"),
        ("10it [00:01,  8.29it/s]", None, 10, None, "it"),
        # rsync --info=progress2
        ("      6,000,000  25%    7.82MB/s    0:00:00 (xfr#1, to-chk=6/8)", 25, 6e6, None, "B"),
        ("      8,555,904  35%    7.82MB/s    0:00:01  ", 35, 8555904, None, "B"),
        # curl
        (
            " 72 5859k   72 4224k    0     0  3512k      0  0:00:01  0:00:01 --:--:-- 3514k",
            72,
            4.224e6,
            5.859e6,
            "B",
        ),
        ("###########################                81.9%", 81.9, None, None, None),
        # wget
        (
            "   450K .......... .......... .......... .......... ..........  8%  259M 2s",
            8,
            None,
            None,
            None,
        ),
        (
            "/dev/null            49%[========>           ]   2.84M  2.00MB/s               ",
            49,
            None,
            None,
            None,
        ),
        # pip, on a terminal
        ("   ━━━━━━━━━━╸           1.2/12.3 MB 3.1 MB/s eta 0:00:04", 9.8, 1.2e6, 12.3e6, "B"),
        # git
        ("Receiving objects:  45% (9/20), 1.20 MiB | 1.00 MiB/s", 45, 9, 20, None),
        # pv
        (
            "3.00MiB 0:00:01 [2.77MiB/s] [================>                 ] 52% ETA 0:00:00",
            52,
            None,
            None,
            None,
        ),
    ],
)
def test_lines_that_tell_progress_at_once(
    line: str, percent: float, current: float, total: float, unit: str
) -> None:
    assert read(line) == [Progress(percent, current, total, unit)]


@pytest.mark.parametrize(
    ("first", "second", "percent"),
    [
        ("Processing 3/10", "Processing 4/10", 40),
        ("Step 3/10 : RUN make", "Step 4/10 : RUN make test", 40),
        ("Collecting 1 of 3 packages", "Collecting 2 of 3 packages", 66.7),
        ("copied 45% so far", "copied 46% so far", 46),
        ("12.5MB/100MB", "13MB/100MB", 13),
    ],
)
def test_words_with_numbers_tell_progress_when_they_rise(
    first: str, second: str, percent: float
) -> None:
    assert read(first) == []
    assert read(second, first) == []
    assert [progress.percent for progress in read(first, second)] == [percent]


@pytest.mark.parametrize(
    "lines",
    [
        ("2026/11/25", "2026/11/26"),
        ("11/25 10:00 start", "11/25 10:01 go"),
        ("2026-11-25 10:00:00 INFO 200 OK",),
        ("src/12/34", "a/b/1/2"),
        ("http://host/1/2", "http://host/2/2"),
        ("192.168.0.1/24", "10.0.0.0/8"),
        ("python 3.11/3.12",),
        ("5/3",),
        ("24/7",),
        ("0/0",),
        ("1/1",),
        ("150%",),
        ("-5%", "+5%"),
        ("100% sure", "99% sure"),
        ("CPU 45%", "CPU 46%"),
        ("memory usage: 45%", "memory usage: 46%"),
        ("/dev/sda1  20G  5.0G  15G  25% /", "/dev/sdb1  20G  6.0G  14G  30% /mnt"),
        ("3 packets transmitted, 3 received, 0% packet loss",),
        ("coverage: 87%",),
        ("50% off", "60% off"),
        ("rated 4/5 stars", "rated 5/5 stars"),
        ("5 of 7 tests passed",),
        ("Downloading numpy-2.4.6-cp311.whl (16.9 MB)",),
        ("1e5/2e5",),
        ("%d%%",),
        ("²/³",),
        ("x" * 5000 + " 45%",),
        ("100%",),  # a bar that is born finished tells nothing
        ("GET /a 200 12/34", "GET /b 200 12/34"),
    ],
)
def test_lines_that_tell_no_progress(lines: tuple[str, ...]) -> None:
    assert read(*lines) == []


def test_ffmpeg_needs_the_duration_that_came_before() -> None:
    at = "frame=  309 fps=0.0 q=31.0 size= 512kB time=00:00:10.26 bitrate= 408.6kbits/s speed=20x"
    duration = "  Duration: 00:00:20.00, start: 0.000000, bitrate: 547 kb/s"
    assert read(duration, at) == [Progress(51.3, 10.26, 20.0, "s")]
    assert read("  Duration: N/A, start: 0.0", at) == [Progress(None, 10.26, None, "s")]


def test_rsync_that_counts_each_file_is_read_by_files() -> None:
    reader = ProgressReader()
    lines = [
        "        458,752  15%  428.71kB/s    0:00:05  ",
        "      3,000,000 100%   26.97MB/s    0:00:00 (xfr#1, to-chk=6/8)",
        "f1",
        "         32,768   1%  150.94kB/s    0:00:19  ",
        "      3,000,000 100%    6.83MB/s    0:00:00 (xfr#2, to-chk=5/8)",
    ]
    found = [reader.read(line, row) for row, line in enumerate(lines, 1)]
    assert [f and f.percent for f in found] == [15, 25, None, None, 37.5]
    assert reader.series == 1


def test_of_nested_bars_the_outer_leads() -> None:
    reader = ProgressReader()
    outer = "epoch:  {p}%|##   | {n}/2 [00:01<00:01,  1.20s/it]"
    inner = "batch:  {p}%|##   | {n}/10 [00:01<00:01,  1.20it/s]"
    assert reader.read(outer.format(p=0, n=0), 1) is not None
    for n in range(11):
        assert reader.read(inner.format(p=n * 10, n=n), 2) is None
    assert reader.read(outer.format(p=50, n=1), 1) == Progress(50, 1, 2, "it")
    assert reader.series == 0


def test_bars_one_after_the_other_are_series() -> None:
    reader = ProgressReader()
    for phase in ("Counting", "Compressing", "Receiving"):
        for n in (1, 10, 20):
            reader.read(f"{phase} objects: {n * 5}% ({n}/20)", n)
    assert reader.series == 2
    again = ProgressReader()
    for n in [*range(1, 6), *range(1, 6)]:
        again.read(f"{n}/5", n)
    assert again.series == 1


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title\x07text", "text"),
        ("a\tb\x07", "a b "),
    ],
)
def test_plain(line: str, text: str) -> None:
    assert plain(line) == text
