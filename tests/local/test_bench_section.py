"""What a section becomes on a page: targets, tables, charts, and figures for people."""

from xml.etree import ElementTree as ET

import pytest

from bench.common.charts import OURS, Bar
from bench.common.section import Section, Table, percentile, ratio, targets_table


def test_targets_become_a_table_that_names_what_is_wrong() -> None:
    section = Section(title="T")
    section.add("first", {"calls": 2, "lost": 0}, passed=True)
    section.add("second | odd", {"calls": 2, "twice": 1}, passed=False, remark="why")
    text = targets_table(section.targets).markdown()
    assert "| what | calls | lost | twice | target | remark |" in text
    assert "| second \\| odd | 2 |  | 1 | **MISSED** | why |" in text
    assert section.missed == ["second | odd"]


def test_reason_is_told_of_a_missed_target_only() -> None:
    section = Section(title="T")
    section.at_most("growth", 2.5, 1.5, "at most half more", "it grew")
    section.at_most("growth", 1.5, 1.5, "at most half more", "it grew")
    text = targets_table(section.targets).markdown()
    assert "| growth | at most half more | 2.50 \u00d7 | **MISSED** | it grew |" in text
    assert text.endswith("| 1.50 \u00d7 | reached |  |")


def test_table_is_aligned_on_a_terminal() -> None:
    table = Table(headers=("what", "ms"), rows=[["first", 1], ["2", 1000]])
    assert table.markdown() == "| what | ms |\n| --- | ---: |\n| first | 1 |\n| 2 | 1000 |"
    assert table.markdown(padded=True).splitlines()[-2:] == ["| first |    1 |", "| 2     | 1000 |"]


@pytest.mark.parametrize(("value", "words"), [(0.125, "1/8.0"), (1.0, "1.00 \u00d7"), (12.3, "12.30 \u00d7")])
def test_ratio_reads_like_the_targets(value: float, words: str) -> None:
    assert ratio(value) == words


def test_percentile_is_a_value_that_was_measured() -> None:
    assert percentile(list(range(1000)), 99) == 990
    assert percentile([7.0], 99) == 7.0


def test_chart_is_one_svg_with_every_figure() -> None:
    bar = Bar(label="ours & theirs", value=1.0, words="1 ms", colour=OURS)
    section = Section(title="T")
    section.chart("file.svg", "Title", [[bar], [bar]])
    (chart,) = section.charts
    assert ET.fromstring(chart.svg).tag.endswith("svg")  # noqa: S314 - our own
    assert chart.svg.count("ours &amp; theirs") == 2
    assert "![Title](charts/file.svg)" in section.markdown()
