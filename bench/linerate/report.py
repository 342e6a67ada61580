"""The report: Markdown that reads well as it is."""

import datetime
import pathlib
import platform
import shlex
import sys

import protocols


def machine():
    """Processor, cores, memory, system."""
    facts = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) / (1 << 20)
    cores = pathlib.Path("/proc/cpuinfo").read_text().count("\nprocessor") + 1
    return (f"{facts.get('model name', platform.machine())}, {cores} cores, {memory:.0f} GiB,"
            f" Linux {platform.release()}")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def mpps(rate):
    return f"{rate / 1e6:.2f}"


def stolen(trial):
    """Of the generator's core and the worker's."""
    return ", ".join(f"{share:.1%}" for share in trial["stolenShare"])


def search_rows(results):
    for result in results:
        best, failed, unpaced = result["best"], result["failed"], result["unpaced"]
        near = "…".join(f"{ns:.0f}" for ns in result["roundTripNanoseconds"])
        if not best:
            yield [result["name"], "none", mpps(unpaced["ratePps"])] + ["-"] * 7 + [near]
            continue
        loss = "-"
        if failed:
            total = failed["delivered"] + failed["lost"] + failed["late"]
            loss = (f"{failed['lost'] / max(total, 1):.2%} at"
                    f" {mpps(failed['offeredPacketsPerSecond'])}")
        yield [
            result["name"], mpps(best["ratePps"]), mpps(unpaced["ratePps"]), loss,
            f"{best['receiverTicks']:.0f}", f"{best['receiverBusy']:.0%}",
            f"{best['busyShare']:.0%}", f"{best['longestGapMicroseconds'] / 1e3:.1f} ms",
            f"{best['workerShare']:.0%}", stolen(best), near,
        ]


def searches(results):
    rows = [row for part in ("null", "search") for row in search_rows(results.get(part, []))]
    if not rows:
        return ""
    text = table(
        ["receiver", "lossless Mpps", "unpaced Mpps", "loss beyond", "ticks a packet",
         "worker busy", "generator busy", "its longest gap", "worker had its core",
         "stolen by the host", "line there and back, ns"], rows)
    null = [r["best"]["ratePps"] for r in results.get("null", []) if r["best"]]
    ours = [r["best"]["ratePps"] for r in results.get("search", []) if r["best"]]
    if null and ours:
        text += f"\n\nmartletd carries {ours[0] / null[-1]:.0%} of what the null receiver takes."
    return text


def soak_text(result):
    trial, check, counts = result["trial"], result["check"], result["counts"]
    if trial["lost"] + trial["late"] > 0:
        verdict = "NOT CARRIED" + (", records complete" if check["isComplete"] else "")
    else:
        verdict = "complete" if check["isComplete"] else "NOT COMPLETE"
    rows = [
        ["packets sent", f"{trial['delivered']:,} in {trial['seconds']:.2f} s,"
                         f" {mpps(trial['ratePps'])} Mpps"],
        ["packets lost, not made in time", f"{trial['lost']:,}, {trial['late']:,}"],
        ["least and most of 100 ms",
         f"{trial['leastWindowShare']:.1%}, {trial['mostWindowShare']:.1%}"],
        ["generator's longest gap, furthest behind",
         f"{trial['longestGapMicroseconds'] / 1e3:.1f} ms,"
         f" {trial['longestLagMilliseconds']:.1f} ms"],
        ["worker", f"{trial['receiverTicks']:.0f} ticks a packet, {trial['receiverBusy']:.0%} busy,"
                   f" {counts['live']:,} flows live, {counts['evicted']:,} evicted; it had its core"
                   f" for {trial['workerShare']:.0%} of the time"],
        ["flows, records", f"{check['flowsSent']:,}, {check['records']:,}"
                           f" ({trial['recordsDropped']:,} dropped by the engine)"],
        ["flows missing, twice, foreign",
         f"{check['flowsMissing']:,}, {check['flowsTwice']:,}, {check['foreign']:,}"],
        ["flows with wrong packets, wrong payload",
         f"{check['flowsWithWrongPackets']:,}, {check['flowsWithWrongPayload']:,}"],
        ["records that report loss or disorder", f"{check['recordsWithTrouble']:,}"],
        ["record numbers missing", f"{check['sequenceNumbersMissing']:,}"],
        ["latest record after its deadline",
         f"{check['latestSeconds']:.2f} s; {check['lateByMoreThanASecond']:,} of"
         f" {check['timedOut']:,} later than 1 s"],
        ["end of the engine", f"{trial['drainSeconds']:.1f} s for {counts['live']:,} live flows"],
    ]
    if result.get("asked"):
        asked = result["asked"]
        stats = asked["methods"].get("stats.get")
        calls = sum(method["calls"] for method in asked["methods"].values())
        rows.append([f"{asked['clients']} clients of the control plane",
                     f"{calls:,} answers, {len(asked['errors'])} errors"
                     + "".join(f"; {error}" for error in asked["errors"][:1])])
        if stats:
            rows.append(["stats.get: median, 99 of 100, longest",
                         f"{stats['medianMilliseconds']:.1f} ms, {stats['p99Milliseconds']:.1f} ms,"
                         f" {stats['longestMilliseconds']:.1f} ms"])
    shares = sorted(result["shares"].items(), key=lambda item: -item[1])
    near = "…".join(f"{ns:.0f}" for ns in result["roundTripNanoseconds"])
    cpu = ", ".join(f"{name} {share:.0%}" for name, share in shares if share >= 0.005)
    foreign = ""
    if check.get("firstForeign"):
        foreign = f"\n\nThe first foreign record:\n\n    {check['firstForeign']}"
    return (f"**{verdict}**\n\n" + table(["", ""], rows) + foreign
            + f"\n\nCPU: {cpu}; stolen by the host from either core: {stolen(trial)}."
              f" A cache line takes {near} ns to the other core and back.")


def protocols_text(result):
    """Trials by rate, and what bounds them."""
    capture, best = result["capture"], result["best"]
    records = sum(capture["records"].values())
    mean = capture["bytes"] / capture["frames"]
    parts = [
        f"{capture['name']}: {capture['frames']:,} frames of {mean:.0f} bytes, {capture['flows']:,}"
        f" flows and {records:,} protocol records a pass; each pass has other addresses. Left out:"
        f" {capture['longFrames']} frames for their length, {capture['cutFrames']} cut ones,"
        f" {capture['fixedFrames']} whose flow would be the same in each pass."]
    rows = []
    for trial in result["trials"]:
        shares = trial["shares"]
        # All of martletd but its worker: publisher, sinks, main thread.
        publishing = sum(share for name, share in shares.items()
                         if name == "martletd" or name.startswith("sink-"))
        lost = protocols.brief(trial["losses"])
        rows.append([
            f"{trial['offeredBitsPerSecond'] / 1e9:.2f}",
            f"{trial['bitsPerSecond'] / 1e9:.2f}, {trial['wireBitsPerSecond'] / 1e9:.2f}",
            mpps(trial["packetsPerSecond"]),
            f"{trial['protocolRecords'] / trial['seconds']:,.0f}",
            f"{trial['receiverTicks']:.0f}", f"{trial['receiverBusy']:.0%}",
            f"{trial['busyShare']:.0%}", f"{publishing:.0%}",
            f"{trial['longestLagMilliseconds']:.1f} ms", f"{trial['workerShare']:.0%}",
            stolen(trial),
            f"{trial['dissectionsLive']:,}, {trial['bufferBytes'] / (1 << 20):.0f} MiB",
            f"{trial['drainSeconds']:.1f} s", lost or "nothing"])
    parts.append(table(
        ["Gbit/s asked", "sent: frames, on the wire", "Mpps", "protocol records/s",
         "ticks a packet", "worker busy", "generator busy", "publisher and sink",
         "furthest behind", "worker had its core", "stolen by the host", "in dissection, buffers", "end of the engine", "lost"], rows))
    verdict = "held" if result["held"] else "NOT HELD"
    text = f"{result['asked']:g} Gbit/s of frames: **{verdict}**."
    if best:
        by_type = best.get("recordsByType", {})
        text += (f" Highest rate without loss: {best['bitsPerSecond'] / 1e9:.2f} Gbit/s of frames,"
                 f" {best['wireBitsPerSecond'] / 1e9:.2f} on the wire,"
                 f" {mpps(best['packetsPerSecond'])} Mpps, {best['passes']:,} passes.")
        if by_type:
            text += (" Of each type as many records as `martlet read` finds: "
                     + ", ".join(f"{name} {count:,}" for name, count in sorted(by_type.items()))
                     + ".")
    parts.append(text)
    return "\n\n".join(parts)


def text(options, results):
    """The whole report."""
    date = datetime.date.today().isoformat()
    mix = (f"{options.flows:,} flows{f', Zipf {options.zipf}' if options.zipf else ''},"
           f" {options.new:,} new a second, frames {options.size}, TCP {options.tcp:.0%},"
           f" IPv6 {options.ipv6:.0%}")
    if set(results) == {"protocols"}:
        mix = f"{options.sink} sink"
    parts = [f"## {date}, line rate", f"{machine()}. {mix}.", "    " + shlex.join(
        ["bench/linerate/run"] + sys.argv[1:])]
    found = searches(results)
    if found:
        parts.append(found)
    for result in results.get("soak", []):
        parts.append(f"Soak at {options.rate} Mpps for {options.seconds:.0f} s, records to Redis: "
                     + soak_text(result))
    if "protocols" in results:
        parts.append("Protocols: " + protocols_text(results["protocols"]))
    return "\n\n".join(parts) + "\n"
