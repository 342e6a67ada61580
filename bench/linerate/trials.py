"""Trials: a receiver of either kind, a run of the generator, and what became of the packets."""

import json
import os
import pathlib
import subprocess
import time

from bed import BenchError, thread_seconds, wait_for


class NullReceiver:
    """Receives and frees; with `touch` each packet's first line comes to its core, as it must for
    anybody who reads a header."""

    def __init__(self, bed, touch):
        self.name = "null receiver, reads headers" if touch else "null receiver"
        self.process = bed.null_receiver(touch)

    def cpu_seconds(self):
        return thread_seconds(self.process.process.pid).get("martlet-linerat", 0)

    def counts(self):
        answer = self.process.ask("counts")
        return {"received": answer["received"], "busy": answer["busyTicks"], "dropped": 0}


class Engine:
    """martletd, whose own counters are asked."""

    def __init__(self, bed, sink):
        self.name = f"martletd, {sink} sink"
        self.bed = bed
        bed.start_engine(sink)

    def cpu_seconds(self):
        return thread_seconds(self.bed.engine.pid).get("rte-worker-1", 0)

    def counts(self):
        # A worker publishes its counters every millisecond.
        time.sleep(0.01)
        stats = self.bed.stats()
        counters = {c["name"]: c["value"] for c in stats["workers"][0]["counters"]}
        return {
            "received": counters["received"], "busy": counters["busy_ticks"],
            "dropped": counters["records_dropped"], "evicted": counters["evicted"],
            "conserved": stats["conservation"]["holds"], "live": counters["flows_live"],
        }


# Packets a second; a receiver that takes less than this has other troubles.
LEAST_STEP = 1e4


def stolen_seconds(core):
    """What the host has given to others of a virtual core's time so far."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        words = line.split()
        if words[0] == f"cpu{core}":
            return int(words[8]) / os.sysconf("SC_CLK_TCK")
    return 0


def run(generator, receiver, options, rate, seconds):
    """One trial. `rate` in packets a second, 0 for as fast as they are taken."""
    cores = (options.generator_core, options.worker_core)
    stolen = [stolen_seconds(core) for core in cores]
    before = receiver.counts()
    worked = receiver.cpu_seconds()
    sent = generator.ask(f"run {rate:.0f} {seconds} {options.new}")
    sent["stolenShare"] = [
        (stolen_seconds(core) - since) / sent["seconds"] for core, since in zip(cores, stolen)]
    # A worker that polls without a pause has all of its core, or shares it with a stranger.
    sent["workerShare"] = min((receiver.cpu_seconds() - worked) / sent["seconds"], 1)
    after = {}

    def settled():
        after.update(receiver.counts())
        return after["received"] - before["received"] >= sent["delivered"]
    wait_for(settled, 2)
    received = after["received"] - before["received"]
    busy = after["busy"] - before["busy"]
    sent["received"] = received
    # What the ring took and the receiver did not see would be lost as well.
    sent["lost"] += max(sent["delivered"] - received, 0)
    sent["ratePps"] = sent["delivered"] / max(sent["seconds"], 1e-9)
    sent["receiverTicks"] = busy / max(received, 1)
    sent["receiverBusy"] = busy / (sent["seconds"] * sent["ticksPerSecond"])
    sent["recordsDropped"] = after["dropped"] - before["dropped"]
    return sent


def lossless(trial):
    return trial["lost"] == 0 and trial["late"] == 0


def outcome(trial):
    text = "no loss"
    if not lossless(trial):
        text = f"lost {trial['lost']:,} of {trial['delivered'] + trial['lost']:,}"
    if trial["late"]:
        text += f", generator late with {trial['late']:,}"
    if trial["workerShare"] < 0.95:
        text += f"; the worker had its core for {trial['workerShare']:.0%} of the time only"
    return text


def search(generator, receiver, options, say):
    """The highest rate without loss (RFC 2544, section 26.1). A rate counts as carried where one of
    `attempts` trials at it is without loss: on a shared machine the others tell of the
    neighbours. Returns the best trial, or None, and the lowest rate that failed with its trial."""
    fastest = max((run(generator, receiver, options, 0, 1) for _ in range(options.attempts)),
                  key=lambda trial: trial["ratePps"])
    say(f"  unpaced {fastest['ratePps'] / 1e6:.2f} Mpps, the generator"
        f" {fastest['busyShare']:.0%} busy")
    low, high, top = 0.0, None, options.top * 1e6
    rate = min(top, fastest["ratePps"])
    best = failed = None
    while high is None or high - low > max(options.resolution / 100 * high, LEAST_STEP):
        for _ in range(options.attempts):
            trial = run(generator, receiver, options, rate, options.trial_seconds)
            say(f"  {rate / 1e6:6.2f} Mpps: {outcome(trial)}")
            if lossless(trial):
                break
        if lossless(trial):
            low, best = rate, trial
        else:
            high, failed = rate, trial
        if rate >= top and lossless(trial):
            break
        # Upwards until something is lost, then by halves.
        rate = min(top, rate * 1.2) if high is None else (low + high) / 2
    return {"name": receiver.name, "best": best, "failed": failed, "unpaced": fastest}


def fill(generator, rate):
    """Has every flow begin."""
    connected = generator.ask("wait 30")
    if not connected["connected"]:
        raise BenchError("the receiver did not connect to the generator's socket")
    generator.ask(f"fill {rate:.0f}")


def soak(bed, options, say):
    """A rate for a time with Redis as sink, and every record held against what was sent."""
    bed.start_redis()
    generator = bed.generator(options.nap)
    engine = Engine(bed, "redis")
    checker = bed.checker()
    say(f"soak: {options.rate} Mpps for {options.seconds:.0f} s, {options.flows:,} flows,"
        f" {options.new:,} new a second")
    fill(generator, min(options.rate * 1e6, 5e6))
    processes = {"generator": generator.process.pid, "martletd": bed.engine.pid,
                 "redis-server": bed.redis.pid, "checker": checker.process.pid}
    before = {name: thread_seconds(pid) for name, pid in processes.items()}
    clients = bed.clients(max(options.seconds - 1, 1)) if options.clients else None
    trial = run(generator, engine, options, options.rate * 1e6, options.seconds)
    asked = json.loads(clients.communicate(timeout=60)[0] or "{}") if clients else None
    after = {name: thread_seconds(pid) for name, pid in processes.items()}
    counts = engine.counts()
    report = bed.folder / "sent"
    generator.ask(f"report {report}")
    say(f"  sent {trial['delivered']:,}, lost {trial['lost']:,}; ending")
    trial["drainSeconds"] = bed.stop_engine()
    result = checker.ask(str(report))
    shares = {}
    for name, threads in after.items():
        for thread, seconds in threads.items():
            spent = (seconds - before[name].get(thread, 0)) / trial["seconds"]
            is_main = len(threads) == 1 or thread.startswith(name[:15])
            label = name if is_main else f"{name}: {thread}"
            shares[label] = shares.get(label, 0) + spent
    return {"trial": trial, "check": result, "shares": shares, "counts": counts, "asked": asked}


def round_trip(bed):
    """Nanoseconds from one core to the other and back."""
    options = bed.options
    done = subprocess.run(
        bed.program("cores", "--first", str(options.generator_core), "--second",
                    str(options.worker_core)), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["roundTripNanoseconds"]
