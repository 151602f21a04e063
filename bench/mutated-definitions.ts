import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { operatorSchemas } from "#operators/registry.ts";
import { readDefinition } from "#services/parser/read-definition.ts";
import { mutateText, seededRandom } from "#testing/mutated-text.ts";

const examples = new URL("../examples/", import.meta.url).pathname;
const dayMs = 86_400_000;

/** Above one of them the run fails: the 99th percentile, and MiB that the whole process ever held. */
const p99BoundMs = 50;
const memoryBoundMb = 256;

/** The heap that the parser may have, in MiB: beyond it the run dies. */
const heapLimits = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16 } as const;

interface Work {
  readonly count: number;
  readonly firstSeed: number;
}

/**
 * Mutated files through the parser, each read and checked as a file of the folder is: none may throw, or be refused as one
 * that the check could not cope with.
 */
export async function benchMutatedDefinitions(count: number, firstSeed: number): Promise<void> {
  const workerData: Work = { count, firstSeed };
  const worker = new Worker(new URL(import.meta.url), { workerData, resourceLimits: heapLimits });
  const [code] = (await once(worker, "exit")) as [number];
  process.exitCode = code;
}

function checkMutated({ count, firstSeed }: Work): void {
  const files = readdirSync(examples, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
  const texts = files.map((name) => readFileSync(join(examples, name), "utf8"));
  const times = new Float64Array(count);
  const rules = { operators: operatorSchemas, maxTaskTimeoutMs: dayMs };
  const found = { valid: 0, invalid: 0, crashes: 0 };
  let slowest = { ms: 0, seed: 0 };
  for (let index = 0; index < count; index += 1) {
    const seed = firstSeed + index;
    const content = Buffer.from(mutateText(texts[seed % texts.length] ?? "", seededRandom(seed)));
    const start = performance.now();
    const read = readDefinition(content, "mutated.yaml", rules);
    const ms = performance.now() - start;
    times[index] = ms;
    if (ms > slowest.ms) slowest = { ms, seed };
    found[read.kind] += 1;
    const crash = read.kind === "invalid" ? read.problems.find(({ code }) => code === "NOT_CHECKED") : undefined;
    if (crash !== undefined) {
      found.crashes += 1;
      console.error(`seed ${seed} of ${files[seed % files.length]}: ${crash.message}`);
    }
  }
  times.sort();
  const at = (share: number): number => Number((times[Math.floor(count * share)] ?? 0).toFixed(2));
  const maxRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
  const figure = { count, firstSeed, ...found, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), slowest, maxRssMb };
  console.log(JSON.stringify({ ...figure, ...heapLimits }));
  if (found.crashes > 0 || figure.p99Ms >= p99BoundMs || maxRssMb >= memoryBoundMb) process.exitCode = 1;
}

if (!isMainThread) checkMutated(workerData as Work);
