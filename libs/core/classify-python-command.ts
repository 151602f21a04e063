/** What a `python_command` holds: a script with arguments, a command line for the shell, or Python code. */
export type PythonCommandKind = "script" | "command_line" | "inline";

const knownRunners: ReadonlySet<string> = new Set([
  "python",
  "python3",
  "pypy3",
  "uv",
  "poetry",
  "pipenv",
  "hatch",
  "conda",
]);
const numberedPython = /^python3\.\d+$/;
/** A word of plain path characters with a slash; `a//b` is a division. */
const path = /^(?!.*\/\/)[\w.~+@%-]*\/[\w.~+@%/-]*$/;
/** One word; an expression counts as a part of the word that it stands in. */
const firstWord = /^\s*((?:\{\{[\s\S]*?\}\}|\S)+)/;

/**
 * Classifies the text as written, before expressions are rendered: by its first word alone, never by what is installed.
 * A first word that is quoted or holds an expression is inline code, so that no value can choose what is run. For the
 * same reason rendered inline code is handed on as `python_code` and not classified again.
 */
export function classifyPythonCommand(text: string): PythonCommandKind {
  const word = firstWord.exec(text)?.[1] ?? "";
  if (/["'`]|\{\{/.test(word)) return "inline";
  if (word.endsWith(".py")) return "script";
  return knownRunners.has(word) || numberedPython.test(word) || path.test(word) ? "command_line" : "inline";
}
