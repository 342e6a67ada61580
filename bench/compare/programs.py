"""The programs that bench/compare sets side by side: how each is called, what it found.

Each is called as its manual says for reading a file, for flows, with its result in a file. A Result
counts what stands in that result: packets and bytes summed over all flows, never what the program
claims to have read, where it writes flows to a file.
"""

import dataclasses
import json
import pathlib
import re
import shutil
import subprocess
import typing

import common


@dataclasses.dataclass
class Result:
    """Sums over all flows; None where the program does not tell. `layer`: what `bytes` measures."""

    flows: int | None = None
    packets: int | None = None
    bytes: int | None = None
    layer: str = "ip"  # or "frame"


@dataclasses.dataclass
class Call:
    """What a program is called with: the capture, a fresh folder for its output, a UDP port that
    takes everything and answers nothing."""

    file: str
    out: pathlib.Path
    port: int


@dataclasses.dataclass
class Program:
    name: str
    note: str
    executable: str
    command: typing.Callable[[Call], list[str]]
    found: typing.Callable[[Call], Result]
    version: list[str] = dataclasses.field(default_factory=lambda: ["--version"])
    inner: bool = False  # counts what tunnels and ICMP errors carry besides what carries it
    prefix: bool = False  # runs on the first packets only: minutes otherwise
    counts: tuple[str, ...] = ("ip_packets",)  # the facts of describe.c that its packets add up to
    reads_only: bool = False  # finds no flows: a floor to compare with

    def expected(self, truth):
        """How many packets its flows should hold, by what describe.c counted."""
        return sum(truth[name] for name in self.counts)

    def path(self):
        """Where its executable is; None where it is not installed."""
        return shutil.which(self.executable)

    def version_line(self):
        """What it says its version is, in one line."""
        try:
            done = subprocess.run(
                [self.path(), *self.version], capture_output=True, text=True, timeout=20,
                check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return "unknown"
        said = (done.stdout + done.stderr).splitlines()
        lines = [line for line in said if re.search(r"\d\.\d", line)]
        return lines[0].strip().partition(". ")[0].rstrip(".") if lines else "unknown"


def output_of(call, name="stdout"):
    """What the program printed, or wrote to `name`."""
    path = call.out / name
    return path.read_text(errors="replace") if path.exists() else ""


def number(pattern, text):
    """The number that `pattern`'s group finds in `text`, None where it finds none."""
    match = re.search(pattern, text, re.MULTILINE)
    return int(match.group(1).replace(",", "")) if match else None


def sums_of_eve(path):
    """Sums over the `flow` records of an EVE file: bytes are whole frames."""
    flows = packets = octets = 0
    if not path.exists():
        return Result(layer="frame")
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if '"event_type":"flow"' not in line:
                continue
            flow = json.loads(line)["flow"]
            flows += 1
            packets += flow["pkts_toserver"] + flow["pkts_toclient"]
            octets += flow["bytes_toserver"] + flow["bytes_toclient"]
    return Result(flows, packets, octets, "frame")


def softflowd(flows_at_most):
    """Its records go to a port that takes none of them: the cheapest collector there is. `-c none`:
    with a control socket, 1.1.0 waits on it for ever when it reads a file."""

    def command(call):
        more = ["-m", str(flows_at_most)] if flows_at_most else []
        return ["softflowd", "-r", call.file, "-n", f"127.0.0.1:{call.port}", "-v", "9",
                "-c", "none", "-p", str(call.out / "pid"), *more]

    return command


def found_softflowd(call):
    said = output_of(call)
    by_protocol = re.findall(r"^ +\S.* \(\d+\): +(\d+) +(\d+) ", said, re.MULTILINE)
    return Result(
        number(r"^Flows exported: \d+ \((\d+) records\)", said),
        sum(int(packets) for _, packets in by_protocol),
        sum(int(octets) for octets, _ in by_protocol),
    )


def sums_of_nfdump(folder):
    """Sums over the files that nfcapd or nfpcapd wrote to `folder`."""
    done = subprocess.run(["nfdump", "-R", str(folder), "-q", "-I"], capture_output=True, text=True,
                          check=False)
    return Result(number(r"^Flows: (\d+)", done.stdout), number(r"^Packets: (\d+)", done.stdout),
                  number(r"^Bytes: (\d+)", done.stdout))


def flow_folder(call):
    folder = call.out / "flows"
    folder.mkdir(exist_ok=True)
    return str(folder)


def found_ndpi(call):
    """Its own totals: the CSV of 4.2 leaves out every second flow."""
    said = output_of(call)
    return Result(number(r"Unique flows: +(\d+)", said), number(r"IP packets: +(\d+)", said),
                  number(r"IP bytes: +(\d+)", said), "frame")


def found_tshark(call):
    flows = packets = 0
    for line in output_of(call).splitlines():
        if "<->" in line:
            # A <-> B, frames and bytes (with a unit) each way and in all, start, duration.
            numbers = re.findall(r"(?<= )(\d+) +\d+ ?(?:bytes|kB|MB|GB)", line)
            flows += 1
            packets += int(numbers[-1]) if numbers else 0
    return Result(flows, packets)


SURICATA = """%YAML 1.1
---
# Flow records alone; tables for as many flows as the capture holds; no checksums, no rules.
max-pending-packets: 10000
outputs:
  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [flow]}
flow: {memcap: 8gb, hash-size: 1048576, prealloc: 100000}
defrag: {memcap: 1gb}
stream: {memcap: 4gb, checksum-validation: no, reassembly: {memcap: 4gb}}
"""


def suricata(call):
    settings = call.out / "suricata.yaml"
    settings.write_text(SURICATA)
    return ["suricata", "-c", str(settings), "-r", call.file, "-l", str(call.out), "-k", "none",
            "-S", "/dev/null", "--runmode", "autofp"]


def zeek(call):
    return ["zeek", "-b", "-C", "-r", call.file, f"Log::default_logdir={call.out}",
            "base/protocols/conn"]


def found_zeek(call):
    """conn.log: bytes are of the network layer."""
    flows = packets = octets = 0
    fields = []
    path = call.out / "conn.log"
    if not path.exists():
        return Result()
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("#fields"):
                fields = line.rstrip("\n").split("\t")[1:]
            if line.startswith("#"):
                continue
            row = dict(zip(fields, line.rstrip("\n").split("\t")))
            flows += 1
            packets += sum(int(row[name]) for name in ("orig_pkts", "resp_pkts")
                           if row[name] != "-")
            octets += sum(int(row[name]) for name in ("orig_ip_bytes", "resp_ip_bytes")
                          if row[name] != "-")
    return Result(flows, packets, octets)


def found_ipfixprobe(call):
    """Its text, a biflow a line; what it parsed stands in the table it prints at its end."""
    path = call.out / "flows.txt"
    if not path.exists():
        return Result()
    with path.open("rb") as lines:
        return Result(sum(1 for line in lines if b"->" in line))


def filled(arguments):
    """A command that is `arguments` with {file} and {out} filled in."""
    return lambda call: [part.format(file=call.file, out=call.out) for part in arguments]


def reads_files(martlet):
    """Whether this Martlet has the command `read`."""
    try:
        done = subprocess.run([martlet, "read", "--help"], capture_output=True, timeout=20,
                              check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def installed(martlet=None, martlet_arguments=None, also=()):
    """All programs in the order of the table, and the reasons why some are left out.

    `martlet`: Martlet's binary; `martlet_arguments`: what it is called with, {file} and {out}
    filled in; `also`: (name, argument list) of more that are only timed.
    """
    nothing = lambda call: Result()
    programs = [
        Program("cat", "reading alone: cat to /dev/null", "cat",
                lambda call: ["cat", call.file], nothing, reads_only=True),
        Program("mapread", "reading alone: mapped, a word of each cache line",
                common.tool("mapread"), lambda call: [common.tool("mapread"), call.file], nothing,
                reads_only=True),
    ]
    missing = []
    if martlet is None:
        missing.append("martlet: not given, name the binary with --martlet")
    elif not reads_files(martlet):
        missing.append(f"martlet: {martlet} has no command 'read'")
    else:
        arguments = martlet_arguments or ["read", "{file}", "--format", "eve",
                                          "--output", "{out}/eve.json"]
        programs.append(Program("martlet", "EVE flow records to a file", martlet,
                                filled([martlet, *arguments]),
                                lambda call: sums_of_eve(call.out / "eve.json")))
    programs += [
        Program("softflowd", "2,000,000 flows at most, none expires early; NetFlow 9 to a port "
                "that discards", "softflowd", softflowd(2_000_000), found_softflowd, ["-h"]),
        Program("softflowd-8192", "its default of 8,192 flows: expires the oldest early",
                "softflowd", softflowd(None), found_softflowd, ["-h"]),
        Program("nfpcapd", "timeouts 300 and 60 s, nfdump files", "nfpcapd",
                lambda call: ["nfpcapd", "-r", call.file, "-w", flow_folder(call)],
                lambda call: sums_of_nfdump(call.out / "flows"), ["-V"]),
        Program("ipfixprobe", "text to a file", "ipfixprobe",
                lambda call: ["ipfixprobe", "-i", f"pcap;file={call.file}", "-s", "cache;size=20",
                              "-o", f"text;file={call.out}/flows.txt"],
                found_ipfixprobe),
        Program("ndpiReader", "with layer 7; CSV to a file", "ndpiReader",
                lambda call: ["ndpiReader", "-i", call.file, "-v", "0",
                              "-C", f"{call.out}/flows.csv"],
                found_ndpi, ["-h"]),
        Program("ndpiReader-T1", "gives up on layer 7 after a packet of each flow; CSV to a file",
                "ndpiReader",
                lambda call: ["ndpiReader", "-i", call.file, "-v", "0", "-T", "1", "-U", "1",
                              "-C", f"{call.out}/flows.csv"],
                found_ndpi, ["-h"]),
        Program("suricata", "EVE flow records alone to a file, no rules", "suricata", suricata,
                lambda call: sums_of_eve(call.out / "eve.json"), ["-V"]),
        Program("zeek", "conn.log alone", "zeek", zeek, found_zeek),
        Program("tshark", "conversation tables of TCP and UDP", "tshark",
                lambda call: ["tshark", "-n", "-r", call.file, "-q", "-z", "conv,tcp",
                              "-z", "conv,udp"],
                found_tshark, prefix=True, inner=True, counts=("tcp_packets", "udp_packets")),
    ]
    programs += [Program(name, "only timed", arguments[0], filled(arguments), nothing,
                         reads_only=True) for name, arguments in also]
    missing += [f"{program.name}: not installed" for program in programs if not program.path()]
    return [program for program in programs if program.path()], missing
