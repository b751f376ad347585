"""How much memory a process may still take: of the machine, and of the control group that a cluster set."""

from __future__ import annotations

from pathlib import Path

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def free_memory(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Bytes that can be taken without swapping; None where the system does not say (not Linux).

    Args:
        proc: Where the kernel lists processes and memory.
        cgroups: Where control groups are mounted, of version 1 or 2.
    """
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:
        return None
    free = next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    for group in _memory_groups(proc, cgroups):
        left = _left_in(group)
        if left is not None:
            free = min(free, left)
    return max(0, free)


def _memory_groups(proc: Path, cgroups: Path) -> list[Path]:
    """Folders of the control groups that this process is in, and of those around them."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    groups = []
    for line in lines:  # such as 4:memory:/docker/1234 (version 1) or 0::/user.slice (version 2)
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        mount = cgroups / "memory" if controllers else cgroups
        inner = mount / path.lstrip("/")
        # Inside of a container the path is the host's, and what is mounted is the group itself.
        groups += [folder for folder in (inner, *inner.parents) if folder == mount or mount in folder.parents]
    return groups


def _left_in(group: Path) -> int | None:
    """Bytes until the limit of one group; file pages that the kernel would drop count as free. None without a limit."""
    for limit_file, usage_file, dropped in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            limit = (group / limit_file).read_text().strip()
            used = int((group / usage_file).read_text())
            statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        except OSError:
            continue
        return None if limit == "max" else int(limit) - used + int(statistics.get(dropped, 0))
    return None
