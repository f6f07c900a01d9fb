"""`python -m salary_kedro.serving.ports PORT COMMAND ...`: tells in one line of a taken port."""

import socket
import sys

HOST = "127.0.0.1"


def check_port(port: str, *commands: str) -> str | None:
    """Tell what keeps a server from listening on a port of 127.0.0.1; None if nothing does.

    Args:
        port: Port number, 1 to 65535, as text.
        commands: The commands to suggest, with another port.
    """
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        return f"port '{port}' is not a number from 1 to 65535"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(port)))
        except PermissionError:
            return f"port {port} needs rights that you do not have; choose one above 1023"
        except OSError:
            run = ", and ".join(f"`{command}`" for command in commands)
            return f"port {port} is in use; stop the program that uses it, or run {run}"
    return None


if __name__ == "__main__":
    if problem := check_port(*sys.argv[1:]):
        sys.exit(f"Error: {problem}")
