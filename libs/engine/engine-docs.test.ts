import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, parse, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/**
 * docs/engine.md is a row of whole programs. A `ts` or `js` block is one; the `text` block that follows is all that it
 * prints, and a program without one prints nothing. Each runs as a process of its own, against the sources.
 */
interface Program {
  readonly line: number;
  readonly heading: string;
  readonly code: string;
  readonly fileName: string;
  readonly output: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const entry = fileURLToPath(new URL("./engine-exports.ts", import.meta.url));
const programDeadlineMs = 20_000;

const programs = readPrograms(await readFile(join(root, "docs/engine.md"), "utf8"));
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-engine-docs-"));
  const specifier = JSON.stringify(relative(folder, entry).replaceAll("\\", "/"));
  for (const { fileName, code } of programs) {
    await writeFile(join(folder, fileName), code.replaceAll('from "millrace"', `from ${specifier}`));
  }
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(strictProject()));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("the page has a program for every feature", () => {
  expect(programs.length).toBeGreaterThanOrEqual(20);
});

test("the programs keep the strict rules of TypeScript", async () => {
  const { code, stdout } = await run(join(root, "node_modules/typescript/bin/tsc"), ["-p", ".", "--pretty", "false"]);

  expect(stdout).toBe("");
  expect(code).toBe(0);
});

describe.each(programs)("docs/engine.md line $line, $heading", ({ fileName, output }) => {
  test("prints what the page says", async () => {
    const finished = await run(fileName, []);

    expect(finished).toEqual({ stdout: output, stderr: "", code: 0 });
  });
});

function readPrograms(page: string): readonly Program[] {
  const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(({ 1: language = "", 2: body = "", index }) => {
    const above = page.slice(0, index);
    return { language, body, line: above.split("\n").length, heading: above.match(/^#+ .*$/gm)?.at(-1) ?? "" };
  });
  return blocks.flatMap(({ language, body, line, heading }, place) => {
    if (language !== "ts" && language !== "js") return [];
    const next = blocks[place + 1];
    const output = next?.language === "text" ? next.body : "";
    return [{ line, heading, code: body, fileName: `line-${line}.m${language}`, output }];
  });
}

/** What a user's project may look like; the types of Node are those of the checkout. */
function strictProject(): object {
  return {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: {
      composite: false,
      declaration: false,
      emitDeclarationOnly: false,
      noEmit: true,
      lib: ["es2024", "dom"],
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
      rootDir: parse(root).root,
    },
    include: ["*.mts"],
  };
}

interface Finished {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the folder, or a script by its path, with this Node. */
function run(script: string, args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { cwd: folder, timeout: programDeadlineMs };
    execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr });
    });
  });
}
