import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shouldRestart } from "./restart-compiled.ts";

const stripping = ["NativeModule fs", "NativeModule internal/deps/amaro/dist/index"];

describe("shouldRestart", () => {
  test.each([
    ["types were stripped and the code is kept", { modules: stripping, flags: [], cacheFolder: "/tmp/x" }, true],
    ["everything was in the cache", { modules: ["NativeModule fs"], flags: [], cacheFolder: "/tmp/x" }, false],
    ["there is no cache", { modules: stripping, flags: [], cacheFolder: undefined }, false],
    [
      "it was started again already",
      { modules: stripping, flags: ["--disable-warning=MillraceRestarted"], cacheFolder: "/tmp/x" },
      false,
    ],
  ])("when %s", (_, facts, expected) => {
    expect(shouldRestart(facts)).toBe(expected);
  });
});

describe.skipIf(process.execve === undefined || process.platform === "win32")("restartCompiled", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-restart-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** What each start of the program in one process said: its number, and whether it holds the stripper. */
  async function startsOf(): Promise<readonly { pid: number; strips: boolean }[]> {
    const child = spawn(process.execPath, [join(folder, "program.mjs")], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, "cache"), NODE_OPTIONS: "" },
    });
    const ended = once(child, "exit");
    const chunks = await child.stdout.setEncoding("utf8").toArray();
    expect(await ended).toEqual([0, null]);
    const lines = (chunks as string[]).join("").trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line) as { pid: number; strips: boolean });
  }

  test("the first start replaces itself once, the next finds its code and does not", async () => {
    const module_ = fileURLToPath(new URL("./restart-compiled.ts", import.meta.url));
    await writeFile(
      join(folder, "program.mjs"),
      `import { writeSync } from "node:fs";
      const { restartCompiled } = await import(${JSON.stringify(module_)});
      const strips = process.moduleLoadList.some((name) => name.includes("amaro"));
      writeSync(1, JSON.stringify({ pid: process.pid, strips }) + "\\n");
      restartCompiled();`,
    );
    const first = await startsOf();
    expect(first.map(({ strips }) => strips)).toEqual([true, false]);
    expect(first[0]?.pid).toBe(first[1]?.pid);
    expect((await startsOf()).map(({ strips }) => strips)).toEqual([false]);
  });
});
