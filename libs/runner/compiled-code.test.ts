import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const run = promisify(execFile);
const module_ = new URL("./compiled-code.ts", import.meta.url).href;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-compiled-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What a program says that has loaded the module under these variables. */
async function ask(expression: string, environment: Readonly<Record<string, string>>): Promise<unknown> {
  const program = `
    import { getCompileCacheDir } from "node:module";
    const { compiledCodeVariables } = await import(${JSON.stringify(module_)});
    process.stdout.write(JSON.stringify(${expression} ?? null));`;
  const args = ["--input-type=module", "-e", program];
  const { stdout } = await run(process.execPath, args, { env: { PATH: "/usr/bin:/bin", ...environment } });
  return JSON.parse(stdout);
}

test("a process that is given them keeps its code in the same folder", async () => {
  const cache = { NODE_COMPILE_CACHE: join(folder, "cache") };
  expect(await ask("compiledCodeVariables()", cache)).toEqual(cache);
});

test("there are none without a cache", async () => {
  expect(await ask("compiledCodeVariables()", { NODE_DISABLE_COMPILE_CACHE: "1" })).toEqual({});
});
