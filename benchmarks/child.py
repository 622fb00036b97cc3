"""``python -m benchmarks.child MODULE:FUNCTION RESULT ARGUMENTS``: calls a function and writes its result as JSON.

Imports nothing heavy by itself.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.frame import called

if __name__ == "__main__":
    target, result, arguments = sys.argv[1:]
    Path(result).write_text(json.dumps(called(target, *json.loads(arguments))))
