import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { enableCompileCache } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProcessResult } from "#operators/operator.ts";
import { selectHostVariables } from "#runner/attempt-environment.ts";
import type { RunnerAttemptHandle } from "#runner/runner-attempt-handle.ts";
import { RunnerClient } from "#runner/runner-client.ts";
import { createLogger } from "#telemetry/logger.ts";
import { type Contender, type Figure, formatTable, measureInTurn } from "./measure.ts";

const memoriesMb = [50, 250, 1000];
const spawnsEach = 20;
const treeSize = 1000;
const jobs = 200;
const slots = 2;
const rounds = 5;
const mebibyte = 1024 * 1024;
/** What the operator `bash` runs, with the least of code. */
const shellCommand = ["bash", "-euo", "pipefail", "-c", "true"] as const;

/** A start of a process from workers of several sizes, the kill of a tree of 1,000, and 200 shells beside ninja. */
export async function benchRunner(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-runner-"));
  const environment = selectHostVariables(process.env);
  const logger = createLogger({ level: "warn", format: "text", component: "bench" });
  // As the CLI does: a runner that finds its code compiled is half as large, and starts processes that much faster.
  enableCompileCache();
  const createClient = () => new RunnerClient({ dataDir: folder, environment, logger });
  await compileRunner(new RunnerBench(createClient(), environment));
  const client = createClient();
  const bench = new RunnerBench(client, environment);
  try {
    const spawning = await measureInTurn(
      memoriesMb.map((mb) => ({
        name: `start and end of \`true\`, worker with ${mb} MB`,
        run: () => bench.spawnWith(mb),
      })),
      rounds,
    );
    const killing = await measureInTurn(
      [{ name: `kill of ${treeSize} processes`, run: () => bench.killTree() }],
      rounds,
    );
    const contenders: Contender[] = [{ name: `${jobs} × bash, ${slots} at once`, run: () => bench.runJobs() }];
    if (await hasNinja()) contenders.push(await ninjaContender(folder));
    print([...spawning, ...killing, ...(await measureInTurn(contenders, rounds))]);
  } finally {
    await client.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Leaves the code of a runner in the cache: one that ends writes it there. */
async function compileRunner(bench: RunnerBench): Promise<void> {
  await bench.runOne("true", []);
  await bench.stop();
}

class RunnerBench {
  readonly #client: RunnerClient;
  readonly #environment: Readonly<Record<string, string>>;
  #count = 0;

  constructor(client: RunnerClient, environment: Readonly<Record<string, string>>) {
    this.#client = client;
    this.#environment = environment;
  }

  /** Milliseconds for one process, on average, while this process has so much in memory. */
  async spawnWith(megabytes: number): Promise<number> {
    const ballast = Array.from({ length: megabytes }, () => Buffer.alloc(mebibyte, 1));
    const started = performance.now();
    for (let index = 0; index < spawnsEach; index += 1) await this.runOne("true", []);
    const ms = (performance.now() - started) / spawnsEach;
    if (ballast.length < megabytes) throw new Error("the worker lost its memory");
    return ms;
  }

  /** Milliseconds from the order to the report that nothing lives. */
  async killTree(): Promise<number> {
    const started = Promise.withResolvers<void>();
    const handle = this.#open((text) => {
      if (text.includes("grown")) started.resolve();
    });
    const command = `for i in $(seq ${treeSize - 1}); do sleep 1000 & done; echo grown; wait`;
    const ended = this.#start(handle, "bash", ["-c", command]);
    await started.promise;
    const orderedAt = performance.now();
    handle.stop("cancel", 0);
    await ended;
    const ms = performance.now() - orderedAt;
    await handle.close();
    return ms;
  }

  /** Milliseconds for all jobs, through as many slots as ninja has. */
  async runJobs(): Promise<number> {
    const started = performance.now();
    let left = jobs;
    const [file, ...args] = shellCommand;
    const work = async (): Promise<void> => {
      for (; left > 0; left -= 1) await this.runOne(file, args);
    };
    await Promise.all(Array.from({ length: slots }, work));
    return performance.now() - started;
  }

  async runOne(file: string, args: readonly string[]): Promise<void> {
    const handle = this.#open(() => {});
    const { exitCode, failure } = await this.#start(handle, file, args);
    if (exitCode !== 0) throw new Error(`${file} ended with ${exitCode}: ${failure?.message}`);
    await handle.close();
  }

  stop(): Promise<void> {
    return this.#client.stop();
  }

  #start(handle: RunnerAttemptHandle, file: string, args: readonly string[]): Promise<ProcessResult> {
    return handle.startProcess({ file, args, environment: this.#environment, cwd: handle.directories.work });
  }

  #open(onText: (text: string) => void): RunnerAttemptHandle {
    this.#count += 1;
    return this.#client.open({
      token: `bench-${process.pid}-${this.#count}`,
      logMaxBytes: mebibyte,
      credit: mebibyte,
      captureStdout: false,
      onLog: ({ entries }) => {
        for (const { text } of entries) onText(text);
      },
    });
  }
}

async function hasNinja(): Promise<boolean> {
  const child = spawn("ninja", ["--version"], { stdio: "ignore" });
  return new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}

/** The same number of the same process in a build file, none of which is ever up to date. */
async function ninjaContender(folder: string): Promise<Contender> {
  const targets = Array.from({ length: jobs }, (_, index) => `build job${index}: run`);
  const file = join(folder, "build.ninja");
  await writeFile(file, ["rule run", `  command = ${shellCommand.join(" ")}`, ...targets, ""].join("\n"));
  const run = async (): Promise<number> => {
    const started = performance.now();
    const child = spawn("ninja", ["-C", folder, "-j", String(slots)], { stdio: "ignore" });
    await once(child, "exit");
    return performance.now() - started;
  };
  return { name: `ninja, ${jobs} × bash, ${slots} at once`, run };
}

function print(figures: readonly Figure[]): void {
  for (const figure of figures) console.log(JSON.stringify(figure));
  const rows = figures.map(({ name, medianMs, minMs, maxMs }) => [
    name,
    ...[medianMs, minMs, maxMs].map((ms) => ms.toFixed(1)),
  ]);
  console.log(`\n${formatTable([["what", "median ms", "min", "max"], ...rows])}`);
}
