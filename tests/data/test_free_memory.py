import pytest

from fed_reid.data.free_memory import free_memory

GIB = 2**30


@pytest.fixture
def machine(tmp_path):
    """A machine with 8 GiB free, and a function that puts this process into a control group."""
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable: {8 * GIB // 1024} kB\n")

    def limit(line, folder, **files):
        (proc / "self" / "cgroup").write_text(f"9:cpu:/elsewhere\n{line}\n")
        (groups / folder).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (groups / folder / name.replace("__", ".")).write_text(f"{content}\n")
        return free_memory(proc, groups)

    return limit


def test_of_this_machine():
    free = free_memory()
    assert free is None or free > 2**20


def test_version_2(machine):
    files = {"memory__current": 3 * GIB, "memory__stat": f"anon 1\ninactive_file {GIB}"}
    assert machine("0::/user/job", "user/job", memory__max=4 * GIB, **files) == 2 * GIB
    assert machine("0::/user/job", "user/job", memory__max="max", **files) == 8 * GIB


def test_the_group_around_it_counts_too(machine):
    machine("0::/user/job", "user/job", memory__max="max", memory__current=GIB, memory__stat="inactive_file 0")
    files = {"memory__max": 2 * GIB, "memory__current": GIB, "memory__stat": "inactive_file 0"}
    assert machine("0::/user/job", "user", **files) == GIB


def test_version_1_in_a_container(machine):
    """The path is the host's and is not there; what is mounted is the group itself."""
    files = {
        "memory__limit_in_bytes": 4 * GIB,
        "memory__usage_in_bytes": 5 * GIB,
        "memory__stat": "total_inactive_file 0",
    }
    assert machine("4:memory:/docker/1234", "memory", **files) == 0


def test_no_limit_at_all(machine):
    assert machine("0::/", ".") == 8 * GIB


def test_a_system_that_does_not_say(tmp_path):
    assert free_memory(tmp_path / "nowhere", tmp_path) is None
