/** Exit code of inline code that does not compile; nothing of it has run. */
export const notCompiledExitCode = 126;

/**
 * Runs the file in its first argument as `__main__`. Unlike `python3 FILE` it leaves the start directory in front of
 * the module path, as `python3 -c` does; tracebacks show the file alone and not this launcher.
 */
export const pythonLauncher: string = `
import sys
del sys.argv[0]
__file__ = sys.argv[0]
def _show(kind, error, trace, show=sys.excepthook):
    rest = trace.tb_next if trace and trace.tb_next else trace
    show(kind, error.with_traceback(rest), rest)
sys.excepthook = _show
del _show
try:
    with open(__file__, encoding="utf-8") as _code:
        _code = compile(_code.read(), __file__, "exec")
except (SyntaxError, ValueError):
    import traceback
    traceback.print_exc(limit=0)
    sys.exit(${notCompiledExitCode})
del sys
exec(globals().pop("_code"))
`.trim();
