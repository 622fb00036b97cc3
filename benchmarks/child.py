"""``python -m benchmarks.child MODULE:FUNCTION RESULT ARGUMENTS``: calls a function and writes its result as JSON.

Imports nothing heavy by itself. A process that fails ends with its traceback; another one ends at once, because threads
of gloo that still run while the interpreter is taken down now and then end the process with `terminate called`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.frame import called

if __name__ == "__main__":
    target, result, arguments = sys.argv[1:]
    Path(result).write_text(json.dumps(called(target, *json.loads(arguments))))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
