"""What the line-rate bench starts and takes down again: processes, sockets, hugepages."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
SENSOR = "linerate"
CLOSED_SECONDS = 2
UDP_SECONDS = 30
RECORD_RING_SLOTS = 262144


class BenchError(Exception):
    """What the bench cannot do, in one line."""


class Hugepages:
    """Has enough of them while the bench runs, and gives back what it has added."""

    def __init__(self):
        self.before = int(HUGEPAGES.read_text())

    def reserve(self, megabytes):
        """At least so many that nobody uses."""
        free = self.free()
        wanted = (megabytes + 1) // 2
        reserved = int(HUGEPAGES.read_text())
        if free < wanted:
            try:
                HUGEPAGES.write_text(str(reserved + wanted - free))
            except PermissionError:
                pass
        if self.free() < wanted:
            self.restore()
            raise BenchError(
                f"{wanted} hugepages of 2 MiB are needed, {self.free()} are free; reserve them"
                f" with `echo {reserved + wanted - free} > {HUGEPAGES}`")

    @staticmethod
    def free():
        for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("HugePages_Free:"):
                return int(line.split()[1])
        return 0

    def restore(self):
        if int(HUGEPAGES.read_text()) > self.before:
            HUGEPAGES.write_text(str(self.before))


class Process:
    """A program of the bench's own: commands as lines in, answers as lines of JSON out."""

    def __init__(self, name, command, log, nice=0):
        self.name = name
        self.log = log
        with open(log, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True, bufsize=1,
                preexec_fn=(lambda: os.nice(nice)) if nice else None)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            tail = pathlib.Path(self.log).read_text(encoding="utf-8")[-1500:].strip()
            raise BenchError(f"{self.name} ended ({self.process.wait()}): {tail}")
        return json.loads(line)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        found = self.answer()
        if "error" in found:
            raise BenchError(f"{self.name}: {found['error']}")
        return found

    def stop(self, seconds=30):
        """Asks it to end; kills it where it does not."""
        if self.process.poll() is None:
            try:
                self.process.stdin.write("quit\n")
                self.process.stdin.close()
            except OSError:
                pass
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


def thread_seconds(pid):
    """CPU seconds of each of a process's threads so far, by name."""
    found = {}
    tick = os.sysconf("SC_CLK_TCK")
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            text = task.read_text()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        fields = text[text.rindex(")") + 2:].split()
        found[name] = found.get(name, 0) + (int(fields[11]) + int(fields[12])) / tick
    return found


class Bed:
    """One arrangement: a generator on one core, a receiver on another."""

    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="martlet-linerate."))
        self.vhost = self.folder / "vhost.sock"
        self.control = self.folder / "control.sock"
        self.redis_socket = self.folder / "redis.sock"
        self.processes = []
        self.engine = None
        self.redis = None

    # Programs

    def program(self, *arguments):
        return [f"{self.options.bin}/martlet-linerate", *arguments]

    def flow_options(self):
        options = self.options
        words = ["--size", options.size, "--tcp", options.tcp, "--ipv6", options.ipv6]
        return words + (["--silent"] if options.silent else [])

    def start(self, name, command, nice=0):
        process = Process(name, command, self.folder / f"{name}.log", nice)
        self.processes.append(process)
        process.first = process.answer()
        return process

    def generator(self, nap):
        options = self.options
        command = self.program(
            "send", "--socket", self.vhost, "--core", options.generator_core, "--flows",
            options.flows, "--patience", options.patience, "--nap", nap, *self.flow_options())
        if options.zipf:
            command += ["--zipf", options.zipf]
        return self.start("generator", command)

    def player(self, capture, nap):
        """Plays a capture; what it has of it stands in its first answer."""
        options = self.options
        return self.start("player", self.program(
            "play", "--capture", capture, "--socket", self.vhost, "--core",
            options.generator_core, "--patience", options.patience, "--nap", nap))

    def device(self):
        options = self.options
        return (f"net_virtio_user0,path={self.vhost},queues=1,queue_size={options.descriptors},"
                f"{options.device_options}")

    def null_receiver(self, touch):
        command = self.program(
            "receive", "--device", self.device(), "--core", self.options.worker_core,
            "--descriptors", self.options.descriptors)
        return self.start("receiver", command + (["--touch"] if touch else []))

    def checker(self):
        command = self.program(
            "check", "--redis", self.redis_socket, "--sensor", SENSOR, "--closed-seconds",
            CLOSED_SECONDS, "--udp-seconds", UDP_SECONDS, *self.flow_options())
        return self.start("checker", ["taskset", "-c", str(self.options.generator_core)] + command,
                          nice=10)

    def start_redis(self):
        self.redis = subprocess.Popen(
            ["taskset", "-c", str(self.options.generator_core), "redis-server", "--port", "0",
             "--unixsocket", self.redis_socket, "--save", "", "--appendonly", "no", "--dir",
             self.folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.redis_socket.exists() or self.redis.poll() is not None, 10)
        if self.redis.poll() is not None or not self.redis_socket.exists():
            raise BenchError("redis-server did not come up")

    # martletd

    @staticmethod
    def flow_capacity(options):
        """Live flows, those that wait for a timeout, and a margin: nothing is to be evicted."""
        tcp_wait = 60 if options.silent else CLOSED_SECONDS
        waiting = options.new * (options.tcp * tcp_wait + (1 - options.tcp) * UDP_SECONDS)
        return int((options.flows + waiting) * 1.15) + 4096

    @staticmethod
    def memory_megabytes_of(options):
        """Hugepages for everybody: tables and rings of the engine, packets of both sides."""
        return int(Bed.flow_capacity(options) * 400 / 1e6 + RECORD_RING_SLOTS * 320 / 1e6
                   + options.descriptors * 16 / 1024 + 400)

    def start_engine(self, sink):
        options = self.options
        sinks = {
            "null": "  - {type: 'null'}",
            "redis": f"  - {{type: redis, url: 'unix:{self.redis_socket}', format: eve,"
                     " maxStreamLength: 0, queueMegabytes: 1024, batchRecords: 1024}",
        }[sink]
        self.run_engine(f"""flows:
  capacity: {self.flow_capacity(options)}
  timeouts: {{activeSeconds: 0, closedSeconds: {CLOSED_SECONDS}, udpSeconds: {UDP_SECONDS}}}
records:
  ringSlots: {RECORD_RING_SLOTS}
sinks:
{sinks}
""")

    def run_engine(self, sections):
        """Starts martletd on the queue, with these sections of its configuration, and waits for it."""
        options = self.options
        configuration = self.folder / "martlet.yaml"
        configuration.write_text(f"""sensor: {SENSOR}
drainSeconds: 600
engine:
  workers: 1
  cores: [{options.worker_core}]
  mainCore: {options.generator_core}
  polling: {options.polling}
ports:
  - name: line
    device: "{self.device()}"
    queues: 1
    rxDescriptors: {options.descriptors}
    checksumOffload: false
{sections}control:
  socket: {self.control}
  limits: {{clients: {max(options.clients + 8, 64)}}}
log:
  level: notice
""")
        log = open(self.folder / "martletd.log", "w", encoding="utf-8")
        self.engine = subprocess.Popen(
            [f"{options.bin}/martletd", "--config", configuration], stdout=log, stderr=log)
        log.close()
        wait_for(lambda: self.engine.poll() is not None or self.stats(quiet=True), 60)
        if self.engine.poll() is not None:
            raise BenchError(f"martletd did not come up: {self.engine_log()}")

    def clients(self, seconds):
        """Clients of the control plane on the generator's core; their figures when they have ended."""
        options = self.options
        return subprocess.Popen(
            ["taskset", "-c", str(options.generator_core), sys.executable,
             str(pathlib.Path(__file__).with_name("clients.py")), "--socket", str(self.control),
             "--clients", str(options.clients), "--seconds", str(seconds)],
            stdout=subprocess.PIPE)

    def engine_log(self):
        return (self.folder / "martletd.log").read_text(encoding="utf-8")[-1500:].strip()

    def stats(self, quiet=False):
        """The engine's `stats.get`."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(str(self.control))
                connection.sendall(b'{"jsonrpc":"2.0","id":1,"method":"stats.get"}\n')
                text = b""
                while not text.endswith(b"\n"):
                    part = connection.recv(1 << 16)
                    if not part:
                        raise OSError("the connection was closed")
                    text += part
            return json.loads(text)["result"]
        except (OSError, ValueError, KeyError) as error:
            if quiet:
                return None
            raise BenchError(f"martletd does not answer ({error}): {self.engine_log()}") from error

    def stop_engine(self, seconds=600):
        """The orderly end: every live flow is reported. Returns how long it took."""
        began = time.monotonic()
        self.engine.send_signal(signal.SIGTERM)
        status = self.engine.wait(seconds)
        self.engine = None
        if status != 0:
            raise BenchError(f"martletd ended with {status}: {self.engine_log()}")
        return time.monotonic() - began

    def close(self):
        if self.engine is not None and self.engine.poll() is None:
            self.engine.kill()
            self.engine.wait()
        # The receiver before the generator, which writes into its memory.
        for process in reversed(self.processes):
            process.stop()
        if self.redis is not None:
            self.redis.terminate()
            self.redis.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
