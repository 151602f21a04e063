import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { commands } from "./commands.ts";
import type { CliContext } from "./context.ts";
import { createProgram, runProgram } from "./program.ts";
import { createPaint } from "./rendering/paint.ts";

const docs = readFileSync(new URL("../docs/cli.md", import.meta.url), "utf8");

describe("the program", () => {
  test("its help lists every command with one line", async () => {
    const { output, exitCode } = await run("--help");
    expect(exitCode).toBe(0);
    for (const { name, summary } of commands) expect(output).toMatch(new RegExp(`^  ${name}\\b.*${summary}`, "m"));
  });

  test.each(commands.map(({ name }) => name))("%s explains itself with examples", async (name) => {
    const { output, exitCode } = await run(name, "--help");
    expect(exitCode).toBe(0);
    expect(output).toContain(`Usage: millrace ${name}`);
    expect(output).toContain(`Examples:\n  $ `);
    expect(output).toContain(`millrace ${name}`);
  });

  test("wrong usage ends with 2 and says what is near", async () => {
    const unknown = await run("trigr");
    expect(unknown.exitCode).toBe(2);
    expect(unknown.errors).toContain("Did you mean trigger?");
    expect((await run("show")).exitCode).toBe(2);
    expect((await run("runs", "--limit", "0")).errors).toContain("a whole number from 1");
    expect((await run("runs", "--state", "broken")).errors).toContain("broken is not a state of a run");
  });

  test.each(["backfill", "connections", "dags", "dead-letters", "pools", "sensors", "workers"])(
    "a word that is no command of %s names those that are",
    async (group) => {
      const { errors, exitCode } = await run(group, "daily", "--output", "json");
      expect(exitCode).toBe(2);
      const [, names = ""] = /unknown command 'daily'\n\(after \S+ comes one of: (.+); add --help/.exec(errors) ?? [];
      const paths = names.split(", ").map((name) => `${group} ${name}`);
      expect(paths.toSorted()).toEqual(
        (await commandPaths()).filter((path) => path.startsWith(`${group} `)).toSorted(),
      );
    },
  );

  test("a group that one of its commands stands for takes that one's flags", async () => {
    const { errors } = await run("workers", "--limit", "1", "--server", "http://127.0.0.1:1");
    expect(errors).toContain("no server answers at http://127.0.0.1:1");
  });

  test("an error ends with its code and what to do", async () => {
    const { errors, exitCode } = await run("validate", "no/such/file.yaml");
    expect(exitCode).toBe(2);
    expect(errors).toMatch(
      /^error: can't read no\/such\/file\.yaml: .*\n {2}INVALID_ARGUMENT: Correct the named field\.\n$/,
    );
  });

  test("tells the coming times of a file without a server", async () => {
    const { output, exitCode } = await run("next", "examples/quickstart.yaml");
    expect(exitCode).toBe(0);
    expect(output).toContain("quickstart has no schedule: manual runs only");
    expect((await run("next", "no/such.yaml")).errors).toContain("can't read");
    expect((await run("next", "x", "-n", "0")).errors).toContain("a whole number from 1 to 1000");
    expect((await run("next", "x", "--from", "soon")).errors).toContain("a date, or an RFC 3339 time");
  });

  test("where no server answers, says how to start one", async () => {
    const { errors, exitCode } = await run("runs", "--server", "http://127.0.0.1:1");
    expect(exitCode).toBe(1);
    expect(errors).toContain("no server answers at http://127.0.0.1:1; start one with `millrace dev`");
  });

  test("wrong settings name their source", async () => {
    const { errors, exitCode } = await run("config", "show", "--server", "localhost:8080");
    expect(exitCode).toBe(2);
    expect(errors).toContain("--server");
  });
});

describe("docs/cli.md", () => {
  test("describes every command and subcommand, and no other", async () => {
    const documented = [...docs.matchAll(/^\| `millrace ([a-z][a-z-]*(?: [a-z][a-z-]*)?)/gm)].map(
      (match) => match[1] ?? "",
    );
    expect(documented.toSorted()).toEqual((await commandPaths()).toSorted());
  });

  test("names every flag", async () => {
    const program = await createProgram(
      commands.map(({ name }) => name),
      { context: contextTo([]).context, version: "0" },
    );
    const flags = new Set(
      allCommands(program).flatMap((command) => command.options.map((option) => option.long ?? "")),
    );
    const missing = [...flags].filter(
      (flag) => !["", "--version", "--help"].includes(flag) && !docs.includes(`\`${flag}`),
    );
    expect(missing).toEqual([]);
  });
});

async function commandPaths(): Promise<string[]> {
  const program = await createProgram(
    commands.map(({ name }) => name),
    { context: contextTo([]).context, version: "0" },
  );
  return program.commands.flatMap((command) => {
    const below = command.commands.map((child) => `${command.name()} ${child.name()}`);
    return below.length > 0 ? below : [command.name()];
  });
}

function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap((child) => allCommands(child))];
}

async function run(...args: string[]): Promise<{ output: string; errors: string; exitCode: number }> {
  const written: { stream: "out" | "error"; text: string }[] = [];
  const { context, exitCode } = contextTo(written);
  await runProgram(args, { context, version: "1.2.3" });
  const textOf = (stream: string): string =>
    written
      .filter((each) => each.stream === stream)
      .map(({ text }) => text)
      .join("");
  return { output: textOf("out"), errors: textOf("error"), exitCode: exitCode() };
}

function contextTo(written: { stream: "out" | "error"; text: string }[]): {
  context: CliContext;
  exitCode: () => number;
} {
  let code = 0;
  const paint = createPaint(false);
  const context: CliContext = {
    terminal: {
      write: (text) => void written.push({ stream: "out", text }),
      writeError: (text) => void written.push({ stream: "error", text }),
      isInteractive: false,
      hasStatusLine: false,
      paint,
      paintError: paint,
      columns: () => 200,
      rows: () => 40,
    },
    environment: {},
    directory: process.cwd(),
    now: () => 0,
    onInterrupt: () => () => undefined,
    abort: () => undefined,
    setExitCode: (next) => {
      code = next;
    },
  };
  return { context, exitCode: () => code };
}
