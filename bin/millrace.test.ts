import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ROOT } from "../scripts/process/run-command.ts";

/** A stand-in for the CLI: says what it was given, then waits for a signal or ends with the code it was told. */
const CLI = `
const [command, code]: string[] = process.argv.slice(2);
if (command === "wait") {
  const timer = setInterval(() => {}, 1000);
  process.once("SIGTERM", () => { clearInterval(timer); process.exitCode = 7; });
} else process.exitCode = Number(code);
process.stdout.write(JSON.stringify({ args: process.argv.slice(2), node: process.versions.node }) + "\\n");
`;

const OLD_VERSION = "20.20.2";
/** Makes a Node say that it is an older one. */
const AS_OLDER_NODE = [
  "--import",
  `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"${OLD_VERSION}"}})`,
];

describe("bin/millrace.js", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-launcher-"));
    for (const name of ["bin", "cli", "node_modules/node-here/bin"]) mkdirSync(join(folder, name), { recursive: true });
    copyFileSync(join(ROOT, "bin/millrace.js"), join(folder, "bin/millrace.js"));
    writeJson("package.json", {
      type: "module",
      imports: { "#cli/*.ts": "./cli/*.ts" },
      optionalDependencies: { "other-elsewhere": "1.0.0", "node-elsewhere": "24.0.0", "node-here": "24.0.0" },
    });
    writeFileSync(join(folder, "cli/main.ts"), CLI);
    writeJson("node_modules/node-here/package.json", { name: "node-here", bin: { node: "bin/node" } });
    symlinkSync(process.execPath, join(folder, "node_modules/node-here/bin/node"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function writeJson(path: string, value: unknown): void {
    writeFileSync(join(folder, path), JSON.stringify(value));
  }

  function launch(options: readonly string[], args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [...options, join(folder, "bin/millrace.js"), ...args], { stdio: "pipe" });
  }

  async function firstLine(child: ChildProcess): Promise<unknown> {
    const [chunk] = (await once(child.stdout ?? child, "data")) as [Buffer];
    return JSON.parse(chunk.toString());
  }

  test.each([
    ["a Node that is new enough", []],
    ["an older Node", AS_OLDER_NODE],
  ])("passes arguments and exit code on under %s", async (_, options) => {
    const child = launch(options, ["end", "3", "--flag=a b"]);
    const exit = once(child, "exit");
    expect(await firstLine(child)).toEqual({ args: ["end", "3", "--flag=a b"], node: process.versions.node });
    expect(await exit).toEqual([3, null]);
  });

  test("passes a signal on to the replacement and takes its exit code", async () => {
    const child = launch(AS_OLDER_NODE, ["wait"]);
    const exit = once(child, "exit");
    await firstLine(child);
    child.kill("SIGTERM");
    expect(await exit).toEqual([7, null]);
  });

  test("says what is missing when the packages are not installed", async () => {
    rmSync(join(folder, "node_modules"), { recursive: true });
    const child = launch(AS_OLDER_NODE, ["end", "0"]);
    const exit = once(child, "exit");
    const [chunk] = (await once(child.stderr ?? child, "data")) as [Buffer];
    expect(chunk.toString()).toContain(`needs Node.js 22.18 or newer, this is ${OLD_VERSION}: install`);
    expect(await exit).toEqual([1, null]);
  });
});
