"""Handshakes: does a connection to Mem0 survive the silence between two calls? Counted over TLS."""

from bench.common.rig import stand_in
from bench.common.section import Section
from bench.measure.rig import BOTH, HostRig, healthy

GAPS = (1, 10, 60, 240)
LONG = 6  # seconds from which on the naive way is known to shake hands anew: httpx keeps a connection for 5


def measure(rig: HostRig, repeats: int) -> Section:
    """Call a warm function after each gap, `repeats` times, and count the stand-in's handshakes."""
    found: dict[tuple[str, int], float] = {}
    event = rig.call_event("retrieve")
    with stand_in(tls=True) as mem0:
        for side in BOTH:
            with rig.host(side, "retrieve", probe=True, mem0=mem0) as host:
                rig.ask(host, "retrieve", event)
                for gap in GAPS:
                    before = mem0.stats()["tls_handshakes"]
                    for _ in range(repeats):
                        rig.ask(host, "retrieve", {"bench": "idle", "seconds": gap})
                        healthy(rig.ask(host, "retrieve", event)["answer"])
                    found[side, gap] = (mem0.stats()["tls_handshakes"] - before) / repeats
    most = max(found["ours", gap] for gap in GAPS)
    naive = ", ".join(f"{count:g}" for count in sorted({found["naive", gap] for gap in GAPS if gap >= LONG}))
    section = Section(title="Handshakes", how=HOW.format(repeats=repeats))
    wanted = "0 (naive: 1 from 6 s on)"
    section.target("handshakes of a warm call", wanted, f"{most:g} (naive: {naive})", reached=most == 0)
    rows = [[f"{gap} s", *(f"{found[side, gap]:g}" for side in BOTH)] for gap in GAPS]
    section.table(("between two calls", *BOTH), rows)
    return section


HOW = """Retrieve, called {repeats} times after each gap. The gap is not slept: inside the function's
process `time.monotonic` is moved, by which httpx's pool judges how long a connection was idle, and between
the calls the process is stopped, as Lambda freezes it. The stand-in's end stays open meanwhile. Where Mem0
Cloud or something on the way closes an idle connection sooner, the pool sees that before it uses the
connection, and shakes hands once."""
