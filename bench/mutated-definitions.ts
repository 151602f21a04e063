import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { planOf } from "#definition/plan-of.ts";
import { compileDefinition } from "#definition/rendering/compile-definition.ts";
import { describeError } from "#errors/app-error.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { type ReadDefinition, readDefinition } from "#services/parser/read-definition.ts";
import { mutateGently } from "#testing/gently-mutated-text.ts";
import { mutateText, seededRandom } from "#testing/mutated-text.ts";

const examples = new URL("../examples/", import.meta.url).pathname;
const dayMs = 86_400_000;

/** Above one of them the run fails: the 99th percentile, and MiB that the whole process ever held. */
const p99BoundMs = 50;
const memoryBoundMb = 256;

/** The heap that the parser may have, in MiB: beyond it the run dies. It is a process of its own, which loads nothing else. */
const heapLimits = ["--max-old-space-size=96", "--max-semi-space-size=8"];

/** Of the files: those with one or two changes after which much still is a definition; the others are broken harshly. */
const gentleShare = 0.5;
const maxNamedCrashes = 20;
const progressEvery = 10_000;

/**
 * Mutated files through the parser, each read and checked as a file of the folder is: none may throw, or be refused as one
 * that the check could not cope with. What is accepted must compile.
 */
export async function benchMutatedDefinitions(count: number, firstSeed: number): Promise<void> {
  const child = fork(new URL(import.meta.url), [String(count), String(firstSeed)], { execArgv: heapLimits });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (code === null) console.error(`the process died of ${signal}`);
  process.exitCode = code ?? 1;
}

function checkMutated(count: number, firstSeed: number): void {
  const files = readdirSync(examples, { recursive: true, encoding: "utf8" }).filter((name) =>
    /^[^.]+\.yaml$/.test(name),
  );
  const texts = files.map((name) => readFileSync(join(examples, name), "utf8"));
  const times = new Float64Array(count);
  const rules = { operators: operatorSchemas, maxTaskTimeoutMs: dayMs };
  const found = { gentle: { valid: 0, invalid: 0 }, harsh: { valid: 0, invalid: 0 } };
  let crashes = 0;
  let slowest = { ms: 0, seed: 0 };
  for (let index = 0; index < count; index += 1) {
    const seed = firstSeed + index;
    const random = seededRandom(seed);
    const how = random() < gentleShare ? "gentle" : "harsh";
    const mutate = how === "gentle" ? mutateGently : mutateText;
    const content = Buffer.from(mutate(texts[seed % texts.length] ?? "", random));
    const start = performance.now();
    const read = readDefinition(content, "mutated.yaml", rules);
    const ms = performance.now() - start;
    times[index] = ms;
    if (ms > slowest.ms) slowest = { ms, seed };
    found[how][read.kind] += 1;
    const crash = crashOf(read);
    if (crash !== null) {
      crashes += 1;
      if (crashes <= maxNamedCrashes) console.error(`seed ${seed} of ${files[seed % files.length]}: ${crash}`);
    }
    if ((index + 1) % progressEvery === 0) console.error(`${index + 1} of ${count} files`);
  }
  times.sort();
  const at = (share: number): number => Number((times[Math.floor(count * share)] ?? 0).toFixed(2));
  const maxRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
  const figure = {
    count,
    firstSeed,
    crashes,
    ...found,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    slowest,
    maxRssMb,
  };
  console.log(JSON.stringify({ ...figure, heapLimits }));
  if (crashes > 0 || figure.p99Ms >= p99BoundMs || maxRssMb >= memoryBoundMb) process.exitCode = 1;
}

/** What a file made the check or, once accepted, what follows it throw; null: nothing. */
function crashOf(read: ReadDefinition): string | null {
  if (read.kind === "invalid") return read.problems.find(({ code }) => code === "NOT_CHECKED")?.message ?? null;
  try {
    compileDefinition(read.definition, operatorSchemas);
    planOf(read.definition);
    return null;
  } catch (thrown) {
    return `accepted, but does not compile: ${describeError(thrown)}`;
  }
}

if (import.meta.main) {
  const [count = 0, firstSeed = 1] = process.argv.slice(2).map(Number);
  checkMutated(count, firstSeed);
}
