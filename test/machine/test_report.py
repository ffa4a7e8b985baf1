"""How much of the machine a process uses."""

import mmap

from moa_depth_ros.machine.report import resident_bytes


def test_memory_counts_once_it_is_used():
    size = 2**28
    before = resident_bytes()
    with mmap.mmap(-1, size) as memory:  # only reserved
        assert resident_bytes() - before < size / 4
        memory.write(bytes(size))
        assert resident_bytes() - before > size * 3 / 4
