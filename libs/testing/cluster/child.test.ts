import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Child, type ChildOptions, startChild } from "./child.ts";

/** Stands for a server command: says what it was told, gets ready, and ends on SIGTERM. */
const server = `
process.on("SIGTERM", () => process.exit(7));
console.log(JSON.stringify({ args: process.argv.slice(2), own: process.env.OWN, inherited: process.env.MILLRACE_INHERITED }));
console.log("millrace test is ready at http://127.0.0.1:1234");
setInterval(() => undefined, 1000);
`;
const broken = `console.log("the last words"); process.exit(3);`;
const slow = `console.log("still starting"); setInterval(() => undefined, 1000);`;

let folder = "";
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-child-"));
  await writeFile(join(folder, "server.mjs"), server);
  await writeFile(join(folder, "broken.mjs"), broken);
  await writeFile(join(folder, "slow.mjs"), slow);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function optionsOf(program: string): ChildOptions {
  count += 1;
  return {
    program: join(folder, program),
    args: ["start", "test"],
    cwd: folder,
    logFile: join(folder, `${count}.log`),
  };
}

async function start(options: ChildOptions): Promise<Child> {
  const child = await startChild(options);
  onTestFinished(() => child.kill());
  return child;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a process that is started", () => {
  it("is ready with its ready line, told what it is told and nothing of what configures us", async () => {
    process.env["MILLRACE_INHERITED"] = "yes";
    onTestFinished(() => void delete process.env["MILLRACE_INHERITED"]);
    const child = await start({ ...optionsOf("server.mjs"), environment: { OWN: "1" } });
    expect(child).toMatchObject({ url: "http://127.0.0.1:1234", isRunning: true });
    expect(await child.readLog()).toContain(JSON.stringify({ args: ["start", "test"], own: "1" }));
  });

  it("waits for its own ready line, not for that of an earlier start", async () => {
    const options = optionsOf("server.mjs");
    await (await start(options)).kill();
    const again = startChild({ ...options, program: join(folder, "broken.mjs") });
    await expect(again).rejects.toThrow(/it ended with code 3/);
  });

  it("that ends before gives an error with the end of its log", async () => {
    await expect(startChild(optionsOf("broken.mjs"))).rejects.toThrow(
      /^millrace start test did not get ready: it ended with code 3; its log ends with\nthe last words$/,
    );
  });

  it("is killed when the start is aborted", async () => {
    const stop = new AbortController();
    const options = optionsOf("slow.mjs");
    const outcome = startChild({ ...options, signal: stop.signal }).then(() => "ready", String);
    await expect.poll(() => readFile(options.logFile, "utf8").catch(() => "")).toContain("still starting");
    stop.abort();
    expect(await outcome).toMatch(/it was told to end before; its log ends with\nstill starting$/);
  });

  it("stops by SIGTERM, also when it is frozen", async () => {
    const child = await start(optionsOf("server.mjs"));
    child.signal("SIGSTOP");
    expect(await child.stop()).toBe(7);
    expect(child.isRunning).toBe(false);
  });

  it("ends with our process, also when that is killed", async () => {
    const { program, args, cwd, logFile } = optionsOf("server.mjs");
    const script = `
      import { startChild } from ${JSON.stringify(new URL("./child.ts", import.meta.url).href)};
      const child = await startChild(${JSON.stringify({ program, args, cwd, logFile })});
      console.log(child.pid);
      setInterval(() => undefined, 1000);`;
    const starter = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void starter.kill("SIGKILL"));
    const [line] = (await once(starter.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    starter.kill("SIGKILL");
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });
});
