"""Cold start: how long a process needs until it asks for its first event, and what it then holds."""

import time
from pathlib import Path
from statistics import median

from bench.common.charts import LIMIT, NAIVE, OURS, Bar
from bench.common.section import Section, ms, ratio
from bench.measure.naive_layer import sizes
from bench.measure.rig import NAMES, HostRig, Side
from local.lambda_host import Step

SIDES: tuple[Side, ...] = ("ours", "naive", "httpx")
COLOURS = {"ours": ("ours", OURS), "naive": ("naive", NAIVE), "httpx": ("httpx alone", LIMIT)}
TICKS = 100  # of /proc/*/stat per second: USER_HZ, which Linux has fixed for programs
MEGA = 1e6


class Start:
    """One cold start: wall and CPU time in ms, resident memory in MB."""

    def __init__(self, rig: HostRig, side: Side, function: str) -> None:
        with rig.host(side, function) as host:
            (instance,) = host.warm(function)
            fields = Path(f"/proc/{instance.pid}/stat").read_text().rpartition(")")[2].split()
            self.wall = instance.init_ms or 0.0
            self.cpu = (int(fields[11]) + int(fields[12])) * 1000 / TICKS
            status = Path(f"/proc/{instance.pid}/status").read_text()
            self.resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024 / MEGA


def restore(rig: HostRig, function: str) -> float:
    """Milliseconds from a snapshot's restore to its first event: the secret, and mem0's check of its key.

    AWS needs more to load a snapshot; no machine but AWS's can tell how much.
    """
    moments: dict[str, float] = {}

    def note(step: Step) -> None:
        moments.setdefault(step.name, time.perf_counter())

    with rig.host("ours", function, snap_start=True) as host:
        host.on_step(note)
        host.warm(function)
        rig.ask(host, function, rig.call_event(function))
    return (moments["invoke"] - moments["restore"]) * 1000


def modules(rig: HostRig, side: Side, function: str) -> list[str]:
    """The names in `sys.modules` right after the cold start."""
    with rig.host(side, function, probe=True) as host:
        return list(rig.ask(host, function, {"bench": "modules"}))


def measure(rig: HostRig, pairs: int) -> Section:
    """Start each side in turn, `pairs` times for each of the two functions that a caller waits for."""
    for side in SIDES:
        Start(rig, side, "client-data")  # the disk's cache is warm for all of them afterwards
    starts: dict[tuple[str, str], list[Start]] = {}
    for function, name in NAMES.items():
        for turn in range(pairs):
            rig.progress(f"cold start of {name}: {turn + 1} of {pairs}")
            for side in SIDES:
                starts.setdefault((side, function), []).append(Start(rig, side, function))

    def mid(side: str, function: str, what: str) -> float:
        return float(median(getattr(start, what) for start in starts[side, function]))

    section = Section(title="Cold start", how=HOW.format(pairs=pairs))
    rows: list[list[str]] = []
    groups: list[list[Bar]] = []
    for function, name in NAMES.items():
        for what, words in (("wall", "wall"), ("cpu", "CPU")):
            found = {side: mid(side, function, what) for side in SIDES}
            section.figures |= {f"{function}.{side}.{what}": value for side, value in found.items()}
            to_naive, to_httpx = (found["ours"] / found[side] for side in SIDES[1:])
            shares = [ratio(to_naive), ratio(to_httpx)]
            rows.append([f"{name}, {words}", *(ms(value) for value in found.values()), *shares])
            section.at_most(f"cold start of {name}, {words}", to_naive, 1 / 6, "≤ 1/6 of naive", SLOW)
            distance = f"distance to the limit, {name}, {words}"
            section.at_most(distance, to_httpx, 1.6, "≤ 1.6 \u00d7 httpx alone", FAR)
        groups.append(
            [
                Bar(label=f"{name}, {label}", value=value, words=ms(value), colour=colour)
                for side, (label, colour) in COLOURS.items()
                for value in [mid(side, function, "wall")]
            ]
        )
    loaded = [len(modules(rig, side, "client-data")) for side in SIDES]
    resident = [mid(side, "client-data", "resident") for side in SIDES]
    section.figures["resident"] = resident[0]
    section.at_most("modules loaded", loaded[0] / loaded[1], 1 / 3, "≤ 1/3 of naive")
    section.at_most("resident memory", resident[0] / resident[1], 1 / 2, "≤ 1/2 of naive")
    for words, unit, values in (("modules loaded", "", loaded), ("resident memory", " MB", resident)):
        shares = [ratio(values[0] / values[1]), ratio(values[0] / values[2])]
        rows.append([words, *(f"{value:.0f}{unit}" for value in values), *shares])
    for function, name in NAMES.items():
        restored = median([restore(rig, function) for _ in range(pairs)])
        section.figures[f"{function}.restored"] = restored
        rows.append([f"{name}, restored (SnapStart)", ms(restored), "", "", "", ""])
    section.table(("", "ours", "naive", "httpx alone", "ours : naive", "ours : httpx"), rows)
    section.chart(
        "performance-cold-start.svg", "Cold start until the first event can come (median, wall)", groups
    )
    return section


def measure_layer(rig: HostRig) -> Section:
    """Weigh both layers, unzipped and zipped."""
    section = Section(
        title="Layer", how="Both layers with their bytecode, as they are built for this machine's processor."
    )
    rows = []
    for words, ours, naive in zip(
        ("unzipped", "zipped"), sizes(rig.layer), sizes(rig.naive_layer), strict=True
    ):
        section.at_most(f"layer, {words}", ours / naive, 1 / 8, "≤ 1/8 of naive")
        rows.append([words, f"{ours / MEGA:.1f} MB", f"{naive / MEGA:.1f} MB", ratio(ours / naive)])
    section.table(("", "ours", "naive", "ours : naive"), rows)
    return section


HOW = """From the start of the process until Amazon's runtime client (`awslambdaric`) asks for its first
event. All files carry the time 1980, as in CDK's zip. Ours and the naive way read their secret and let mem0
check its key meanwhile; the third imports `httpx` and makes a client, which is the least that a function
with httpx can do. The three start in turn, {pairs} times for each function; the figures are medians. CPU
time is the process's own, from `/proc`, in steps of 10 ms. After a SnapStart restore, the secret and the
check of the key are left to do. AWS's own time to load a snapshot is not known here."""
SLOW = "the machine was busy, or an import has crept in: `python -X importtime` names it."
FAR = "reading the secret and the key check are part of our start and not of that limit."
