"""Machine code is made once, however many processes ask for it at the same time.

Numba's cache is safe for readers only: of two processes that compile a function for different
arguments at once, both may take the same name for their machine code, and one signature then
runs the code of the other.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from numba.core.compiler_lock import global_compiler_lock

from troth.errors import TrothError, Unavailable
from troth.locks import held

PATIENCE_S = 900.0
"""Above what any function takes to compile; after it a process compiles for itself."""

_holding: set[Path] = set()


def compile_once(dispatcher: Any) -> None:
    """Let ``dispatcher`` wait where another process compiles the same function, then load that.

    Its file of locks lies beside the cache's own. A function's callees are compiled while it is
    locked, and no function calls its callers: two processes never wait for each other. Numba's
    own lock comes first, as threads of one process take the two in this order.
    """
    index = Path(dispatcher._cache._cache_file._index_path)
    path = index.with_name(f"{index.name}.lock")
    compile_here = dispatcher.compile

    def compile_or_load(signature: Any) -> Any:
        with global_compiler_lock, ExitStack() as stack:
            _lock(path, stack)
            return compile_here(signature)

    dispatcher.compile = compile_or_load


def _lock(path: Path, stack: ExitStack) -> None:
    if path in _holding:  # it is being compiled for other arguments, further up
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stack.enter_context(held(path, Unavailable("compiled elsewhere"), patience_s=PATIENCE_S))
    except (OSError, TrothError):
        return  # a folder that cannot be written has no writers; and who hangs is not waited for
    _holding.add(path)
    stack.callback(_holding.discard, path)
