"""How much memory a test's server takes."""

import os

MEBIBYTE = 1 << 20
# A sanitizer keeps what was freed, and shadows what is not.
SANITIZED_FACTOR = 8


def resident_size(server):
    """Bytes of memory of the server's own process."""
    with open(f"/proc/{server.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_bounded(server, size, mebibytes):
    """Whether the server's growth by `size` bytes is within the limit."""
    with open(f"/proc/{server.process.pid}/maps") as file:
        maps = file.read()
    if "libasan" in maps or "libtsan" in maps:
        mebibytes *= SANITIZED_FACTOR
    return size < mebibytes * MEBIBYTE
