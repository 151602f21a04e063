import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPlainCommands } from "./plain-commands.ts";

const accepts = (shell: string, text: string) => spawnSync(shell, ["-n"], { input: text }).status === 0;

describe("plain", () => {
  test.each([
    "true",
    "echo hello  world\n",
    "\n\npython3 ./etl.py --day=2026-11-21 'a b' \"$DAY and ${NAME}\"\n\nls -l *.csv",
    'echo "x=1" >> $MILLRACE_OUTPUT',
    "a=1 b | sort > out 2>&1; c && d || e",
    "",
  ])("%j", (text) => {
    expect(isPlainCommands(text, "bash")).toBe(true);
  });
});

describe("not plain", () => {
  test.each([
    "if true",
    "echo a; done",
    "echo 'a",
    'echo "a',
    'echo "$(date)"',
    "echo `date`",
    "echo a &&",
    "&& echo a",
    "a | | b",
    "a ;; b",
    "a; ; b",
    "a >",
    "a > | b",
    "a > > b",
    "a >1>b",
    "a 2>&1>b",
    "a 2>&1b",
    "f() { a",
    "echo ${a",
    "echo ${a:-b}",
    "echo $((1+",
    "a &",
    "a < b",
    "echo a\\",
    "{ a",
    "! a",
    "# a",
    "[[ a",
  ])("%j", (text) => {
    expect(isPlainCommands(text, "bash")).toBe(false);
  });

  test("what other shells take for plain", () => {
    expect(["sh", "dash", "zsh", "ksh"].map((shell) => isPlainCommands("repeat 2", shell))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("a text that takes long to look at", () => {
    expect(isPlainCommands("a ".repeat(6000), "bash")).toBe(false);
  });
});

test("no text is taken for plain that bash or sh refuses", () => {
  const pieces = [
    ...["a", "b=", "'c d'", '"e $F"', "${G}", "$H", "1", "2", "do", "done", "if", "fi", "then", "in", "case", "time"],
    ...[" ", " ", " ", "\n", ";", "|", "&&", "||", ">", ">>", "2>&1", "&", "'", '"', "(", ")", "{", "}", "!", "\\"],
    ...["#", "<", "`", "$", "*", "~", "-", "=", "\t", "coproc", "function", "[[", "]]", "else", "select", "for"],
  ];
  const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(""));
  let plain = 0;
  fc.assert(
    fc.property(texts, (text) => {
      if (!isPlainCommands(text, "bash")) return;
      plain += 1;
      expect(["bash", "sh"].filter((shell) => !accepts(shell, text))).toEqual([]);
    }),
    { numRuns: 3000 },
  );
  expect(plain).toBeGreaterThan(50);
});
