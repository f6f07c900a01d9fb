"""The port that the service listens at: whether it can be had, and how it is given up."""

import ctypes
import errno
import socket
import struct
import sys

from salary_kedro.errors import UserError

#: Linux's number of it, which Python does not name.
_SO_ATTACH_FILTER = 26
#: Classic BPF, over a TCP header: drop what asks for a new connection (SYN), pass all else.
_NO_NEW_CONNECTION = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x45, 0, 1, 0x02),  # is SYN among them?
    (0x06, 0, 0, 0),  # if so, drop
    (0x06, 0, 0, 0xFFFFFFFF),
)


def check_address(host: str, port: int, family: socket.AddressFamily) -> None:
    """See that a server can listen at an address.

    Raises:
        UserError: if not, with what to do.
    """
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(explain(error, host, port)) from error


def explain(error: OSError, host: str, port: int) -> str:
    """Why nobody can listen at an address, and what to do."""
    if error.errno == errno.EADDRINUSE:
        what = f"port {port} of {host} is in use; stop the program that uses it, or choose another"
        return f"{what} with --port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} needs rights that you do not have; choose one above 1023 with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine has no address {host}; choose one that it has with --host"
    return f"cannot listen at {host}, port {port}: {error.strerror}; see --host and --port"


def refuse_newcomers(listening: socket.socket) -> None:
    """Let no further connection into the queue of a listening socket, in whatever process it is.

    What waits there can then be accepted to the last before the socket is closed: closing it
    resets what still waits. A client that comes meanwhile tries again after a second, and
    is refused by then. Elsewhere than on Linux nothing happens.
    """
    if sys.platform != "linux":
        return
    steps = b"".join(struct.pack("HBBI", *step) for step in _NO_NEW_CONNECTION)
    program = ctypes.create_string_buffer(steps)
    where = struct.pack("HP", len(_NO_NEW_CONNECTION), ctypes.addressof(program))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, where)
    except OSError:  # a sandbox that knows no filters: at worst, some that wait are reset
        return
