import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { compileDefinition } from "../rendering/compile-definition.ts";
import { parseDefinition } from "../parse-definition.ts";
import { type RenderedTask, renderTask } from "../rendering/render-task.ts";
import { scanShell } from "./shell-scanner.ts";

const value = "{{ x }}";

/** The places of the expressions: `"V"`, `V`, `'"V"'`, or `no: reason`. */
function placesOf(text: string): string[] {
  return scanShell(text).holes.map(({ place }) => {
    if (place.kind === "shell") return `${place.before}V${place.after}`;
    return place.kind === "refused" ? "no" : place.kind;
  });
}

describe("the places of the table", () => {
  test.each([
    ["a bare word", `echo ${value}`, ['"V"']],
    ["part of a word", `echo --name=${value}.txt`, ['"V"']],
    ["two in one word", `echo ${value}${value}`, ['"V"', '"V"']],
    ["double quotes", `echo "a ${value} b"`, ["V"]],
    ["single quotes", `echo 'a ${value} b'`, [`'"V"'`]],
    ["an unquoted here-document", `cat <<EOF\n${value} '${value}'\nEOF\necho ${value}`, ["V", "V", '"V"']],
    ["a here-document with tabs", `cat <<-EOF\n\t${value}\n\tEOF\necho ${value}`, ["V", '"V"']],
    ["two here-documents of a line", `cat <<A <<B\n${value}\nA\n"${value}"\nB\necho ${value}`, ["V", "V", '"V"']],
    ["a here-string", `cat <<< ${value}`, ['"V"']],
    ["a comment", `# ${value} {{ open\necho a#${value} # ${value}`, ['"V"']],
    ["an assignment", `x=${value} y="${value}"`, ['"V"', "V"]],
    ["an export", `export X=${value} "Y=${value}"`, ['"V"', "V"]],
    ["a redirection", `cat < ${value} > ${value} 2>&1`, ['"V"', '"V"']],
    ["a substitution", `x=$(date -d ${value} "${value}") ${value}`, ['"V"', "V", '"V"']],
    ["a substitution in double quotes", `echo "$(echo '${value}') ${value}"`, [`'"V"'`, "V"]],
    ["a process substitution", `diff <(sort ${value}) ${value}`, ['"V"', '"V"']],
    ["a list", `a=(${value} "${value}")`, ['"V"', "V"]],
    ["a loop", `for i in ${value}; do echo ${value}; done`, ['"V"', '"V"']],
    ["a case", `case ${value} in ${value}) echo ${value};; esac`, ['"V"', '"V"', '"V"']],
    ["a test", `if [ ${value} -eq 3 ]; then echo ${value}; fi`, ['"V"', '"V"']],
    ["a test on text", `[[ ${value} == "${value}" ]] && echo ${value}`, ['"V"', "V", '"V"']],
    ["arguments after code", `bash -c 'echo "$1"' _ ${value}`, ['"V"']],
    ["options of a script", `python3 train.py -c ${value}`, ['"V"']],
    ["a module's options", `python3 -m pip install -r ${value}`, ['"V"']],
    ["the input of a script", `python3 load.py <<EOF\n${value}\nEOF`, ["V"]],
    ["a variable of awk", `awk -v x=${value} '{print x}' ${value}`, ['"V"', '"V"']],
    ["a pipe to a program", `echo ${value} | sort | uniq`, ['"V"']],
  ])("%s", (_, text, places) => {
    expect(scanShell(text).issues).toEqual([]);
    expect(placesOf(text)).toEqual(places);
  });
});

describe("places where a value could become code, or that can't be told", () => {
  test.each([
    ["arithmetic", `echo $((1 + ${value}))`],
    ["an arithmetic command", `for ((i = 0; i < ${value}; i++)); do :; done`],
    ["old arithmetic", `echo $[${value}]`],
    ["a quoted here-document", `cat <<'EOF'\n${value}\nEOF`],
    ["a substitution in a here-document", `cat <<EOF\n$(echo ${value})\nEOF`],
    ["a here-document for a shell", `bash <<EOF\n${value}\nEOF`],
    ["a here-document through a pipe", `cat <<EOF | bash\n${value}\nEOF`],
    ["a pipe to a shell", `echo "${value}" | tr a b |\n  bash -s`],
    ["a parameter expansion", `echo \${a:-${value}}`],
    ["backquotes", `echo \`date ${value}\``],
    ["escaped quotes", `echo $'${value}'`],
    ["translated quotes", `echo $"${value}"`],
    ["after a backslash", `echo \\${value}`],
    ["after a backslash in quotes", `echo "\\${value}"`],
    ["after a dollar", `echo $${value}`],
    ["a subscript", `a[${value}]=1`],
    ["eval", `if true; then eval "${value}"; fi`],
    ["eval of a substitution", `eval "$(echo ${value})"`],
    ["let", `let ${value}`],
    ["trap", `trap '${value}' EXIT`],
    ["a declared name", `export ${value}`],
    ["a declared number", `declare -i x=${value}`],
    ["printf -v", `printf -v ${value} x`],
    ["a number in a test", `[[ ${value} -gt 3 ]]`],
    ["code for a shell", `sudo bash -lc "echo ${value}"`],
    ["code after a redirection", `bash 2>&1 >log -c ${value}`],
    ["code after an option with a value", `bash -o pipefail -c ${value}`],
    ["code for Python", `python3 -c "print('${value}')"`],
    ["code for Perl", `perl -ne 'print ${value}'`],
    ["a program of awk", `awk '{ print ${value} }' file`],
    ["sourced output", `source <(echo ${value})`],
    ["a case within a substitution", `x=$(case a in a) echo ${value};; esac)`],
    ["a quote in an expansion in quotes", `echo "\${a:-'}" ${value}`],
  ])("%s", (_, text) => {
    expect(placesOf(text)).toEqual(["no"]);
  });

  test("an open quote makes the places of expressions unknown", () => {
    expect(scanShell(`echo it's ${value}`).issues).toMatchObject([{ code: "UNSAFE_PLACE", offset: 7 }]);
    expect(scanShell("echo it's fine").issues).toEqual([]);
  });

  test("an open expression is reported where it begins", () => {
    expect(scanShell("echo {{ x ").issues).toMatchObject([{ code: "UNBALANCED_BRACES", offset: 5 }]);
  });
});

const operators: OperatorSchemas = new Map([
  [
    "bash",
    {
      fields: z.strictObject({ bash_command: z.string() }),
      code: { bash_command: "shell" as const },
      description: "shell",
    },
  ],
]);

const folder = mkdtempSync(join(tmpdir(), "shell-values-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const script = [
  "printf '%s\\0' {{ params.v }} pre{{ params.v }}post \"in {{ params.v }} out\" 'in {{ params.v }} out' \"$(printf %s {{ params.v }}; printf x)\"",
  "cat <<EOF",
  "{{ params.v }}",
  "EOF",
].join("\n");

function render(text: string): RenderedTask {
  const source = `id: x\nparameters: {v: {type: string}}\ntasks: [{id: a, type: bash, operator: {bash_command: ${JSON.stringify(script)}}}]`;
  const { definition, problems } = parseDefinition(source, { file: "x", operators, maxTaskTimeoutMs: 1000 });
  if (definition === null) throw new Error(JSON.stringify(problems));
  return renderTask(compileDefinition(definition, operators), 0, {
    params: { v: text },
    logicalAt: 0,
    intervalStartAt: 0,
    intervalEndAt: 0,
    now: 0,
    timezone: "UTC",
    run: { dag_run_id: "r", dag_id: "x", run_type: "manual", start_date: null },
    taskInstance: { task_id: "a", try_number: 1, max_tries: 1 },
    outputs: () => undefined,
    tempDir: folder,
  });
}

/** What a real shell makes of the rendered script. */
function run({ operator, values }: RenderedTask): string {
  return execFileSync("bash", ["--norc", "-eu", "-c", operator["bash_command"] as string], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8", ...values },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function expectUnchanged(text: string): void {
  const expected = [text, `pre${text}post`, `in ${text} out`, `in ${text} out`, `${text}x`]
    .map((part) => `${part}\0`)
    .join("");
  expect(run(render(text))).toBe(`${expected}${text}\n`);
  expect(readdirSync(folder)).toEqual([]);
}

describe("values in a real shell", () => {
  test.each([
    "plain",
    "",
    "two words  and * ? [a]",
    "it's",
    'say "hi"',
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "a\ntouch pwned\nEOF\ntouch pwned",
    "EOF",
    "\\",
    "\\'\\\"\\\\",
    "a[$(touch pwned)]",
    "$HOME ${PATH} $((1+1)) $MILLRACE_VALUE_1",
    "-n",
    "~",
    "!!",
    "ünïcödé 🎈 ‮",
    "\t tab \r return",
    "{{ params.v }}",
  ])("%j arrives unchanged", (text) => {
    expectUnchanged(text);
  });

  test("any text arrives unchanged", () => {
    const nasty = fc.constantFrom(
      "'",
      '"',
      "$(",
      ")",
      "`",
      ";",
      "\n",
      "\\",
      "$",
      "{{",
      "}}",
      "EOF",
      " ",
      "#",
      "&",
      "|",
      "touch pwned",
      "é",
      "🎈",
    );
    const texts = fc
      .array(fc.oneof(nasty, fc.string({ unit: "grapheme", maxLength: 5 })), { maxLength: 8 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        texts.filter((text) => !text.includes("\0")),
        expectUnchanged,
      ),
      { numRuns: 60 },
    );
  });

  test.each([
    ["NUL", "a\0b", "holds a NUL character, which no environment variable can"],
    ["half of a character", "a\ud800b", "holds half of a character (a lone surrogate)"],
    ["too much", "x".repeat(131_072), "is too large for an environment variable (131090 bytes, the limit is 131072)"],
  ])("%s is refused by name", (_, text, why) => {
    expect(() => render(text)).toThrow(`the value of {{ params.v }} ${why}`);
  });

  test("the largest value that an environment variable holds arrives", () => {
    const text = "x".repeat(131_072 - "MILLRACE_VALUE_1=".length - 1);
    expect(run(render(text)).startsWith(text)).toBe(true);
  });
});
