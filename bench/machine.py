"""What a run was measured on, said generically; and what a process used, by the kernel's books (Linux)."""

import os
import platform
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def described() -> dict[str, str | int]:
    """The machine: cores, processor, memory in MiB, kernel and Python."""
    processor = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
    return {
        "cores": os.process_cpu_count() or 1,
        "processor": processor,
        "memoryMiB": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads, ended ones included; in steps of 10 ms."""
    text = Path(f"/proc/{pid}/stat").read_text()
    # The name stands in parentheses and may hold blanks; the fields count from behind it (proc(5)).
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(which: str = "VmRSS") -> float:
    """Memory of this process: VmRSS now, or VmHWM at its highest."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(which)
