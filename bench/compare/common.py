"""What the scripts of bench/compare share: compiled helpers, sizes, prefixes of captures, tables."""

import os
import pathlib
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / ".build-compare"

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def fail(message):
    """Ends the program with `message` on standard error, status 1."""
    sys.exit(f"{os.path.basename(sys.argv[0])}: {message}")


def byte_count(text):
    """`3G`, `500M`, `1234` as bytes; K, M, G and T are powers of 1,024."""
    unit = text[-1:].upper() if not text[-1:].isdigit() else ""
    try:
        value = float(text[: len(text) - len(unit)]) * UNITS[unit]
    except (KeyError, ValueError):
        raise ValueError(f"{text!r} is no size: write 3G, 500M or bytes") from None
    if not 0 < value < 1 << 50:
        raise ValueError(f"{text!r} is out of range")
    return int(value)


def tool(name):
    """The path of `name`.c compiled; compiles it where the sources are newer than the program."""
    program = BUILD / name
    sources = [HERE / f"{name}.c", HERE / "frames.h", HERE / "readdress.h"]
    if not program.exists() or program.stat().st_mtime < max(s.stat().st_mtime for s in sources):
        BUILD.mkdir(exist_ok=True)
        compiler = os.environ.get("CC", "cc")
        command = [compiler, "-O2", "-Wall", "-Wextra", "-o", program, sources[0]]
        if subprocess.run(command, check=False).returncode != 0:
            fail(f"{compiler} could not compile {sources[0]}")
    return str(program)


def facts(text):
    """`name<TAB>number` lines as a dictionary of integers."""
    pairs = (line.split("\t") for line in text.splitlines() if "\t" in line)
    return {name: int(value) for name, value in pairs}


def describe(capture):
    """What describe.c counts in `capture`: packets, bytes, IP, conversations."""
    done = subprocess.run([tool("describe"), capture], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        fail(f"{capture} cannot be described")
    return facts(done.stdout.decode())


def cut(source, target, packets):
    """The first `packets` packets of the classic pcap `source` as `target`."""
    with open(source, "rb") as file, open(target, "wb") as copy:
        header = file.read(24)
        copy.write(header)
        order = "<" if header[:1] in b"\xd4\x4d" else ">"
        for _ in range(packets):
            record = file.read(16)
            if len(record) < 16:
                break
            copy.write(record)
            copy.write(file.read(struct.unpack(order + "8xI4x", record)[0]))


def table(rows, markdown=False):
    """`rows` of strings, the head first, as text; all columns but the first stand to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells).rstrip())
        if number == 0:
            if markdown:
                rule = ["-" * (widths[0] + 2)] + [f"{'-' * (width + 1)}:" for width in widths[1:]]
                lines.append(f"|{'|'.join(rule)}|")
            else:
                lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)
