"""Git's credential helper: the secret of the notebook's repository, for that repository's server alone.

`STUDIUM_GIT_URL` is the repository, `STUDIUM_GIT_SECRET` the name of the variable with the secret, `STUDIUM_GIT_USERNAME` who
it belongs to. Git asks on standard input for a protocol and a host.
"""

import os
import sys
from urllib.parse import urlsplit


def main(arguments: list[str]) -> int:
    if arguments[:1] != ["get"]:
        return 0  # nothing is stored or erased here
    asked = dict(line.rstrip("\n").partition("=")[::2] for line in sys.stdin if "=" in line)
    mine = urlsplit(os.environ.get("STUDIUM_GIT_URL", ""))
    if (asked.get("protocol"), asked.get("host", "").lower()) != (mine.scheme, mine.netloc.lower()):
        return 0
    name = os.environ.get("STUDIUM_GIT_SECRET", "")
    value = os.environ.get(name, "") if name else ""
    if not value:
        if name:
            print(
                f"This run is not given the secret {name}: choose Use beside it on the notebook's page.",
                file=sys.stderr,
            )
        return 0
    if "\n" in value.strip():
        print(f"The secret {name} has several lines; git takes one.", file=sys.stderr)
        return 0
    print(f"username={os.environ.get('STUDIUM_GIT_USERNAME') or 'git'}\npassword={value.strip()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
