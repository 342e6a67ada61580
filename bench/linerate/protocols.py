"""The part `protocols`: a capture's passes at a pace, all dissection on, and every protocol record held
against what `martlet read` finds in the same passes."""

import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from bed import Bed, BenchError, thread_seconds, wait_for
from trials import stolen_seconds

TYPES = ("dns", "tls", "http", "quic", "ssh", "smtp", "ftp", "ftp_data", "imap", "pop3", "telnet",
         "dhcp", "ntp", "snmp", "sip", "mqtt", "tftp", "fileinfo")
MAKE_MIX = pathlib.Path(__file__).resolve().parent.parent / "compare" / "make-mix"
LONGEST_FRAME = 1514
# Preamble, checksum and gap of a frame on the wire.
WIRE_OVERHEAD = 24
REFERENCE_PASSES = 4
# Of memory that a flow takes in table, timers and dissection; of what it is taken from at least.
FLOW_BYTES, STATE_BYTES = 420, 1100
EVENT_TYPE = re.compile(rb'"event_type":"(\w+)"')


def scratch_folder():
    """In memory where that can be: what the engine writes is not to wait for a disk."""
    memory = pathlib.Path("/dev/shm")
    return pathlib.Path(tempfile.mkdtemp(
        prefix="martlet-linerate.", dir=memory if memory.is_dir() else None))


def counted(path):
    """Records in a file of EVE, by type."""
    counts = collections.Counter()
    rest = b""
    with open(path, "rb") as file:
        while part := file.read(16 << 20):
            part = rest + part
            end = part.rfind(b"\n") + 1
            rest = part[end:]
            counts.update(EVENT_TYPE.findall(part, 0, end))
    return {name.decode(): count for name, count in counts.items()}


def lines(path):
    with open(path, "rb") as file:
        return sum(part.count(b"\n") for part in iter(lambda: file.read(16 << 20), b""))


class Reference:
    """The capture that is played, and what a pass of it holds when it is read at leisure."""

    def __init__(self, options, scratch, say):
        self.options = options
        self.scratch = scratch
        self.capture = options.capture or self.made()
        one, few = self.read(1), self.read(REFERENCE_PASSES)
        self.contents = one["contents"]
        self.frames, self.bytes = self.contents["frames"], self.contents["bytes"]
        self.flows = one["flows"]
        self.first = one["records"]
        # A pass that finds another before it may find more or less than the first.
        self.later = {}
        for name in sorted(set(one["records"]) | set(few["records"])):
            more = few["records"].get(name, 0) - one["records"].get(name, 0)
            if more % (REFERENCE_PASSES - 1) != 0:
                raise BenchError(
                    f"{self.capture}: passes differ in their {name} records:"
                    f" {one['records'].get(name, 0)} of one, {few['records'].get(name, 0)} of"
                    f" {REFERENCE_PASSES}; a trial could not be judged")
            self.later[name] = more // (REFERENCE_PASSES - 1)
        left_out = {name: self.contents[name] for name in ("longFrames", "cutFrames", "fixedFrames")}
        say(f"capture: {self.frames:,} frames of {self.bytes / self.frames:.0f} bytes, {self.flows:,}"
            f" flows, {sum(self.later.values()):,} protocol records a pass; left out: "
            + ", ".join(f"{count} {name}" for name, count in left_out.items()))

    def made(self):
        """A pass of many public captures side by side, each to its end."""
        path = self.scratch / "mix.pcap"
        done = subprocess.run(
            [sys.executable, str(MAKE_MIX), str(path), "--bytes", "1K", "--longest",
             str(LONGEST_FRAME), "--cap-packets", "10000000", "--cap-bytes", "1G"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise BenchError(f"no capture to play: {done.stderr.strip()}; name one with --capture")
        return path

    def read(self, passes):
        """What `martlet read` finds in so many passes, at the times that the pace gives them."""
        options = self.options
        path, folder = self.scratch / "passes.pcap", self.scratch / "read"
        shutil.rmtree(folder, ignore_errors=True)
        done = subprocess.run(
            [f"{options.bin}/martlet-linerate", "play", "--capture", str(self.capture), "--write",
             str(path), "--passes", str(passes), "--gigabits", str(options.gigabits)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise BenchError(f"{self.capture}: {done.stderr.strip()}")
        contents = json.loads(done.stdout)
        done = subprocess.run(
            [f"{options.bin}/martlet", "read", str(path), "--format", "eve", "--output",
             f"{folder}/", "--workers", "1", "--quiet"], stderr=subprocess.PIPE, text=True)
        path.unlink()
        if done.returncode != 0 or done.stderr:
            raise BenchError(f"{self.capture}: martlet read: {done.stderr.strip()}")
        found = {file.stem: lines(file) for file in folder.glob("*.json")}
        shutil.rmtree(folder)
        return {"contents": contents, "flows": found.get("flow", 0),
                "records": {name: found[name] for name in TYPES if name in found}}

    def expected(self, passes):
        """Records by type that so many passes hold."""
        return {name: self.first.get(name, 0) + (passes - 1) * each
                for name, each in self.later.items()}

    # The engine's memory for a rate in Gbit/s of frames.

    def passes_a_second(self, gigabits):
        return gigabits * 1e9 / 8 / self.bytes

    def idle_seconds(self, gigabits):
        """Flows end this long after their last packet: never within their pass, and soon."""
        return max(1.0, round(2 / self.passes_a_second(gigabits), 1))

    def flow_capacity(self, gigabits):
        """Live flows, and those that wait for their timeout."""
        waits = self.idle_seconds(gigabits) + 1 / self.passes_a_second(gigabits) + 1
        return int(self.flows * self.passes_a_second(gigabits) * waits * 1.3) + 4096

    def memory_megabytes(self, gigabits):
        options = self.options
        return int(self.flow_capacity(gigabits) * (FLOW_BYTES + STATE_BYTES) / 1e6 + 84
                   + options.buffers + options.ring + 500)


def sections(reference, gigabits, folder):
    options = reference.options
    idle = reference.idle_seconds(gigabits)
    capacity = reference.flow_capacity(gigabits)
    path = f"path: '{folder}/protocols.json', " if options.sink == "file" else ""
    return f"""flows:
  capacity: {capacity}
  timeouts: {{activeSeconds: 0, tcpSeconds: {idle}, udpSeconds: {idle}, icmpSeconds: {idle},
    otherSeconds: {idle}, halfOpenSeconds: {idle}, closedSeconds: {idle}}}
dissection:
  flowCapacity: {capacity}
  bufferMegabytes: {options.buffers}
  ringMegabytes: {options.ring}
records:
  ringSlots: 262144
  statsIntervalSeconds: 0
sinks:
  - {{type: '{options.sink}', {path}types: [{', '.join(TYPES)}], queueMegabytes: 1024}}
  - {{type: file, path: '{folder}/stats.json', types: [stats]}}
"""


def trial(reference, options, gigabits, say):
    """So many passes at a rate through a fresh engine. What was sent, found and lost."""
    passes = max(1, round(options.trial_seconds * reference.passes_a_second(gigabits)))
    folder = pathlib.Path(tempfile.mkdtemp(dir=reference.scratch))
    bed = Bed(options)
    try:
        player = bed.player(reference.capture, options.nap)
        bed.run_engine(sections(reference, gigabits, folder))
        if not player.ask("wait 30")["connected"]:
            raise BenchError("the receiver did not connect to the generator's socket")
        processes = {"generator": player.process.pid, "martletd": bed.engine.pid}
        cores = (options.generator_core, options.worker_core)
        stolen = [stolen_seconds(core) for core in cores]
        before = {name: thread_seconds(pid) for name, pid in processes.items()}
        sent = player.ask(f"run {gigabits} {passes}")
        after = {name: thread_seconds(pid) for name, pid in processes.items()}
        stolen_after = [stolen_seconds(core) for core in cores]
        stats = settled(bed, sent)
        counters = {c["name"]: c["value"] for c in stats["workers"][0]["counters"]}
        sent["waiting"] = {ring["name"]: ring["used"] for ring in stats["rings"]}
        sent["waiting"].update({s["name"]: s["backlog"] for s in stats["sinks"]})
        sent["dissectionsLive"] = counters["dissections_live"]
        sent["bufferBytes"] = counters["dissection_buffer_bytes"]
        sent["flowsLive"] = counters["flows_live"]
        sent["receiverTicks"] = counters["busy_ticks"] / max(counters["received"], 1)
        sent["receiverBusy"] = (
            counters["busy_ticks"] / (sent["seconds"] * sent["ticksPerSecond"]))
        sent["missed"] = {
            name: sum(port[name] for port in stats["ports"])
            for name in ("missed", "noMbuf", "errors")}
        sent["drainSeconds"] = bed.stop_engine()
        sent["shares"] = {
            thread: (seconds - before[name].get(thread, 0)) / sent["seconds"]
            for name, threads in after.items() for thread, seconds in threads.items()}
        # A worker that polls without a pause has all of its core, or shares it with a stranger.
        sent["workerShare"] = min(sent["shares"].get("rte-worker-1", 0), 1)
        sent["stolenShare"] = [
            (now - since) / sent["seconds"] for now, since in zip(stolen_after, stolen)]
        judge(reference, sent, folder)
        return sent
    finally:
        bed.close()
        shutil.rmtree(folder, ignore_errors=True)


def settled(bed, sent):
    """The engine's counters once everything that was sent has come in, or two seconds have passed."""
    found = {}

    def received():
        found.update(bed.stats())
        return found["totals"]["received"] >= sent["delivered"]
    wait_for(received, 2)
    return found


def judge(reference, sent, folder):
    """Notes in `sent` all that the engine says was lost, and what is missing among the records."""
    last = pathlib.Path(folder / "stats.json").read_text(encoding="utf-8").splitlines()[-1]
    stats = json.loads(last)["stats"]
    made = stats["dissection"]["protocol_records_made"]
    received = stats["decoder"]["pkts"]
    accounted = sum(stats["packets"][name] for name in
                    ("in_flows", "filtered", "not_ip", "discarded", "held"))
    sink = stats["sinks"][0]
    expected = reference.expected(sent["passes"])
    losses = {
        "frames lost": sent["lost"], "frames not made in time": sent["late"],
        "frames not received": sent["delivered"] - received,
        "not accounted for": received - accounted,
        **{f"port: {name}": count for name, count in sent["missed"].items()},
        "flows evicted": stats["flow"]["evicted"],
        "flows without dissection": stats["dissection"]["dissection_no_state"],
        "buffers exhausted": stats["dissection"]["dissection_no_memory"],
        "protocol records dropped": stats["dissection"]["protocol_records_dropped"],
        "records dropped": stats["records"]["dropped"],
        # The record was written while the sink still had some to write; what it did is counted below.
        "protocol records not taken by the sink": made - sink["accepted"],
        "protocol records dropped by the sink": sum(
            count for name, count in sink.items() if name.startswith("dropped_")),
        "protocol records not made": sum(expected.values()) - made,
    }
    # A null sink is believed; what a file holds is counted.
    file = folder / "protocols.json"
    if file.exists():
        found = counted(file)
        sent["fileBytes"] = file.stat().st_size
        for name in sorted(set(found) | set(expected)):
            losses[f"{name} records missing"] = expected.get(name, 0) - found.get(name, 0)
        sent["recordsByType"] = found
    sent["protocolRecords"] = made
    sent["records"] = stats["records"]["made"]
    sent["losses"] = {name: count for name, count in losses.items() if count != 0}
    sent["bitsPerSecond"] = sent["deliveredBytes"] * 8 / max(sent["seconds"], 1e-9)
    sent["wireBitsPerSecond"] = sent["bitsPerSecond"] + (
        sent["delivered"] * WIRE_OVERHEAD * 8 / max(sent["seconds"], 1e-9))
    sent["packetsPerSecond"] = sent["delivered"] / max(sent["seconds"], 1e-9)


def lossless(sent):
    return not sent["losses"]


def outcome(sent):
    if lossless(sent):
        return (f"nothing lost, {sent['protocolRecords']:,} protocol records of {sent['passes']:,}"
                f" passes")
    return brief(sent["losses"]) + (
        f"; the worker had its core for {sent['workerShare']:.0%} of the time only"
        if sent["workerShare"] < 0.95 else "")


def brief(losses):
    """Not each type by itself where records are missing."""
    return "; ".join(f"{name} {count:,}" for name, count in losses.items()
                     if not name.endswith(" records missing")
                     or "protocol records not made" not in losses)


def carried(reference, options, gigabits, trials, say):
    """Whether one of `attempts` trials at a rate lost nothing."""
    for _ in range(options.attempts):
        sent = trial(reference, options, gigabits, say)
        trials.append(sent)
        say(f"  {gigabits:5.2f} Gbit/s, {sent['packetsPerSecond'] / 1e6:.2f} Mpps: {outcome(sent)}")
        if lossless(sent):
            return sent
    return None


def search(options, scratch, reserve, say):
    """The rate asked for, and from there the highest without loss. `reserve` takes megabytes of
    hugepages."""
    reference = Reference(options, scratch, say)
    top = options.top_gigabits
    reserve(reference.memory_megabytes(options.gigabits if options.once else top))
    trials = []
    began = time.monotonic()
    held = carried(reference, options, options.gigabits, trials, say)
    best = held
    if not options.once:
        low, high = (options.gigabits, None) if held else (0.0, options.gigabits)
        rate = min(top, options.gigabits * 1.2) if held else options.gigabits / 2
        while high is None or high - low > options.resolution / 100 * high:
            found = carried(reference, options, rate, trials, say)
            if found:
                low, best = rate, found
            else:
                high = rate
            if (found and rate >= top) or (high or 1) < 0.05:
                break
            rate = min(top, rate * 1.2) if high is None else (low + high) / 2
    return {"capture": {"name": pathlib.Path(reference.capture).name, **reference.contents,
                        "flows": reference.flows, "records": reference.later},
            "asked": options.gigabits, "held": held is not None, "best": best, "trials": trials,
            "seconds": time.monotonic() - began}
