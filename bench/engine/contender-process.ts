import { setImmediate } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import { calls, contenders, type Prepare } from "./contenders.ts";
import { createShape } from "./graph-shape.ts";
import type { ContenderTask, Prepared } from "./measured-contender.ts";

/** Short runs are repeated for so long: a clock can't tell them apart. */
const minSampleMs = 20;

const { mode, name, shape: shapeName, size } = JSON.parse(process.argv[2] ?? "{}") as ContenderTask;
const shape = createShape(shapeName, size);
const prepare: Prepare | undefined = (contenders[mode] as Readonly<Record<string, Prepare>>)[name];
if (prepare === undefined) throw new Error(`there is no contender ${name}`);

const bytesBefore = await usedBytes();
const startedAt = performance.now();
const run = prepare(shape);
const prepareMs = performance.now() - startedAt;
const bytesOfGraph = await usedBytes();
const kept = await run();
const resultBytes = kept === undefined ? 0 : (await usedBytes()) - bytesOfGraph;
if (calls.count !== size) throw new Error(`${calls.count} of ${size} tasks were called`);

process.on("message", () => {
  void measure().then((ms) => process.send?.(ms));
});
process.send?.({ prepareMs, graphBytes: bytesOfGraph - bytesBefore, resultBytes } satisfies Prepared);

async function measure(): Promise<number> {
  const start = performance.now();
  for (let runs = 1; ; runs += 1) {
    await run();
    const ms = performance.now() - start;
    if (ms >= minSampleMs) return ms / runs;
  }
}

/** Bytes that are reachable; what a first collection frees may be seen only in the next turn. */
async function usedBytes(): Promise<number> {
  globalThis.gc?.();
  await setImmediate();
  globalThis.gc?.();
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
