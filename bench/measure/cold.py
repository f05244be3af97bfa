"""Cold start: how long a process needs until it asks for its first event, and what it then holds."""

import time
from pathlib import Path

from bench.measure.charts import LIMIT, NAIVE, OURS, Bar, bars
from bench.measure.naive_layer import sizes
from bench.measure.report import Chart, Section, Table, Target, at_most, median, ms, ratio
from bench.measure.rig import Rig, Side
from local.lambda_host import Step

FUNCTIONS = ("client-data", "retrieve")
NAMES = {"client-data": "ClientData", "retrieve": "Retrieve"}
SIDES: tuple[Side, ...] = ("ours", "naive", "httpx")
COLOURS = {"ours": ("ours", OURS), "naive": ("naive", NAIVE), "httpx": ("httpx alone", LIMIT)}
TICKS = 100  # of /proc/*/stat per second: USER_HZ, which Linux has fixed for programs
MEGA = 1e6


class Start:
    """One cold start: wall and CPU time in ms, resident memory in MB."""

    def __init__(self, rig: Rig, side: Side, function: str) -> None:
        with rig.host(side, function) as host:
            (instance,) = host.warm(function)
            fields = Path(f"/proc/{instance.pid}/stat").read_text().rpartition(")")[2].split()
            self.wall = instance.init_ms or 0.0
            self.cpu = (int(fields[11]) + int(fields[12])) * 1000 / TICKS
            status = Path(f"/proc/{instance.pid}/status").read_text()
            self.resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024 / MEGA


def restore(rig: Rig, function: str) -> float:
    """Milliseconds from a snapshot's restore to its first event: the secret, and mem0's check of its key.

    What AWS itself needs to load a snapshot comes on top; no machine but AWS's can tell.
    """
    moments: dict[str, float] = {}

    def note(step: Step) -> None:
        moments.setdefault(step.name, time.perf_counter())

    event = rig.client_data_event() if function == "client-data" else rig.retrieve_event()
    with rig.host("ours", function, snap_start=True) as host:
        host.on_step(note)
        host.warm(function)
        rig.ask(host, function, event)
    return (moments["invoke"] - moments["restore"]) * 1000


def modules(rig: Rig, side: Side, function: str) -> list[str]:
    """The names in `sys.modules` right after the cold start."""
    with rig.host(side, function, probe=True) as host:
        return list(rig.ask(host, function, {"bench": "modules"}))


def measure(rig: Rig, pairs: int) -> Section:
    """Start each side in turn, `pairs` times for each of the two functions that a caller waits for."""
    for side in SIDES:
        Start(rig, side, FUNCTIONS[0])  # the disk's cache is warm for all of them afterwards
    starts: dict[tuple[str, str], list[Start]] = {}
    for function in FUNCTIONS:
        for turn in range(pairs):
            rig.progress(f"cold start of {NAMES[function]}: {turn + 1} of {pairs}")
            for side in SIDES:
                starts.setdefault((side, function), []).append(Start(rig, side, function))

    def mid(side: str, function: str, what: str) -> float:
        return median([getattr(start, what) for start in starts[side, function]])

    targets: list[Target] = []
    rows: list[list[str]] = []
    groups: list[list[Bar]] = []
    figures: dict[str, float] = {}
    for function in FUNCTIONS:
        name = NAMES[function]
        for what, words in (("wall", "wall"), ("cpu", "CPU")):
            ours, naive, httpx = (mid(side, function, what) for side in SIDES)
            figures |= {f"{function}.{side}.{what}": mid(side, function, what) for side in SIDES}
            rows.append(
                [f"{name}, {words}", ms(ours), ms(naive), ms(httpx), ratio(ours / naive), ratio(ours / httpx)]
            )
            targets += [
                at_most(f"cold start of {name}, {words}", ours / naive, 1 / 6, "≤ 1/6 of naive", reason=SLOW),
                at_most(
                    f"distance to the limit, {name}, {words}",
                    ours / httpx,
                    1.6,
                    "≤ 1.6 \u00d7 httpx alone",
                    reason=FAR,
                ),
            ]
        groups.append(
            [
                Bar(label=f"{name}, {label}", value=value, words=ms(value), colour=colour)
                for side, (label, colour) in COLOURS.items()
                for value in [mid(side, function, "wall")]
            ]
        )
    loaded = [len(modules(rig, side, FUNCTIONS[0])) for side in SIDES]
    resident = [mid(side, FUNCTIONS[0], "resident") for side in SIDES]
    figures |= {f"resident.{side}": value for side, value in zip(SIDES, resident, strict=True)}
    targets += [
        at_most("modules loaded", loaded[0] / loaded[1], 1 / 3, "≤ 1/3 of naive"),
        at_most("resident memory", resident[0] / resident[1], 1 / 2, "≤ 1/2 of naive"),
    ]
    for words, unit, found in (("modules loaded", "", loaded), ("resident memory", " MB", resident)):
        shares = [ratio(found[0] / found[1]), ratio(found[0] / found[2])]
        rows.append([words, *(f"{figure:.0f}{unit}" for figure in found), *shares])
    chart = Chart(
        name="performance-cold-start.svg",
        words="cold starts: ours, the naive way, httpx alone",
        svg=bars("Cold start until the first event can come (median, wall)", groups),
    )
    for function in FUNCTIONS:
        restored = median([restore(rig, function) for _ in range(pairs)])
        figures[f"{function}.restored"] = restored
        rows.append([f"{NAMES[function]}, restored (SnapStart)", ms(restored), "", "", "", ""])
    headers = ("", "ours", "naive", "httpx alone", "ours : naive", "ours : httpx")
    return Section(
        key="cold",
        title="Cold start",
        how=HOW.format(pairs=pairs),
        targets=targets,
        tables=[Table(headers=headers, rows=rows)],
        charts=[chart],
        figures=figures,
    )


def measure_layer(rig: Rig) -> Section:
    """Weigh both layers, unzipped and zipped."""
    rig.progress("weighing the layers")
    ours, naive = sizes(rig.layer), sizes(rig.naive_layer)
    rows = [
        [words, f"{ours[at] / MEGA:.1f} MB", f"{naive[at] / MEGA:.1f} MB", ratio(ours[at] / naive[at])]
        for at, words in enumerate(("unzipped", "zipped"))
    ]
    return Section(
        key="layer",
        title="Layer",
        how="Both layers with their bytecode, as they are built for this machine's processor.",
        targets=[
            at_most(f"layer, {words}", ours[at] / naive[at], 1 / 8, "≤ 1/8 of naive")
            for at, words in enumerate(("unzipped", "zipped"))
        ],
        tables=[Table(headers=("", "ours", "naive", "ours : naive"), rows=rows)],
    )


HOW = """From the start of the process until Amazon's runtime client (`awslambdaric`) asks for its first
event. All files carry the time 1980, as in CDK's zip. Ours and the naive way read their secret and let mem0
check its key meanwhile; the third is a function that imports `httpx`, makes a client and does nothing else:
no function that speaks HTTPS from Python with httpx can be faster. The three start in turn, {pairs} times
for each function; the figures are medians. CPU time is the process's own, from `/proc`, which counts in
steps of 10 ms. With SnapStart the imports are in the snapshot; what is left to do after a restore is
reading the secret and checking the key. AWS's own time to load the snapshot comes on top, and is not known
here."""
SLOW = "the machine was busy, or an import has crept in: `python -X importtime` names it."
FAR = "reading the secret and the key check are part of our start and not of that limit."
