"""What a shell of the tests finds as `textvae` and `python`: hands the command to the server, and ends as it does."""

import json
import os
import re
import socket
import sys


def main() -> int:
    argv = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
    for pattern, options in json.loads(os.environ["DOCUMENTATION_TOY_OPTIONS"]):
        if re.match(pattern, " ".join(argv)) and "--help" not in argv and "--print_config" not in argv:
            argv += options
            break
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ["DOCUMENTATION_SERVER"])
    request = json.dumps({"argv": argv, "cwd": os.getcwd(), "env": dict(os.environ)})
    socket.send_fds(connection, [request.encode()], [0, 1, 2])
    answer = connection.recv(1)
    return answer[0] if answer else 139


if __name__ == "__main__":
    sys.exit(main())
