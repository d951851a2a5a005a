"""pip, as it is, except that it resolves for a component's CPython and not for the one that runs it.

pip has `--python-version` and `--platform` for the choice of wheels, but decides environment markers
(`; python_version < "3.12"`) by its own interpreter, and refuses sources of packages next to these options. Both are
corrected here, for the pinned version of pip that runs this. What builds a source is an ordinary pip of its own
process.
"""

import sys

from pip._internal.cli import cmdoptions
from pip._internal.cli.main import main
from pip._vendor.packaging import markers

# What the interpreter in a component says of itself.
COMPONENT = {
    "implementation_name": "cpython",
    "implementation_version": "3.14.0",
    "os_name": "posix",
    "platform_machine": "wasm32",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "wasi",
    "platform_version": "",
    "python_full_version": "3.14.0",
    "python_version": "3.14",
    "sys_platform": "wasi",
}

if __name__ == "__main__":
    markers.default_environment = lambda: dict(COMPONENT)
    cmdoptions.check_dist_restriction = lambda options, check_target=False: None
    sys.exit(main())
