import { setImmediate } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { calls, contenders } from "./contenders.ts";
import { createShape } from "./graph-shape.ts";
import type { ContenderTask, Prepared } from "./measured-contender.ts";

/** Short runs are repeated for so long: a clock can't tell them apart. */
const minSampleMs = 20;

const { mode, name, shape: shapeName, size } = workerData as ContenderTask;
const shape = createShape(shapeName, size);
const prepare = contenders[mode][name];
if (prepare === undefined) throw new Error(`there is no contender ${name}`);

/** Bytes that are reachable in this thread; what a first collection frees may be seen only in the next turn. */
async function usedBytes(): Promise<number> {
  globalThis.gc?.();
  await setImmediate();
  globalThis.gc?.();
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

const bytesBefore = await usedBytes();
const startedAt = performance.now();
const run = prepare(shape);
const prepareMs = performance.now() - startedAt;
const graphBytes = (await usedBytes()) - bytesBefore;
const bytesOfGraph = await usedBytes();
const kept = await run();
const resultBytes = (await usedBytes()) - bytesOfGraph;
if (calls.count !== size) throw new Error(`${calls.count} of ${size} tasks were called`);

parentPort?.on("message", () => {
  void measure().then((ms) => parentPort?.postMessage(ms, []));
});
const prepared: Prepared = { prepareMs, graphBytes, resultBytes: kept === undefined ? 0 : resultBytes };
parentPort?.postMessage(prepared, []);

async function measure(): Promise<number> {
  const start = performance.now();
  for (let runs = 1; ; runs += 1) {
    await run();
    const ms = performance.now() - start;
    if (ms >= minSampleMs) return ms / runs;
  }
}
