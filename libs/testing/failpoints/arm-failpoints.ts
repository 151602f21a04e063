import { appendFileSync } from "node:fs";
import { onFailpoint } from "#failpoints/failpoint.ts";
import { hitsVariable, parsePlan, planVariable } from "./failpoint-plan.ts";

/**
 * Loaded by `node --import` in front of the program: does at each failpoint what the plan in the environment says. Works
 * synchronously, so that nothing else of the process happens in between.
 */
const plan = parsePlan(process.env[planVariable] ?? "");
const hitsFile = process.env[hitsVariable];
const counts = new Map<string, number>();

onFailpoint((name) => {
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  if (hitsFile !== undefined) appendFileSync(hitsFile, `${name}\n`);
  const action = plan.find((planned) => planned.name === name && planned.hit === count)?.action;
  if (action === undefined) return;
  if (action.kind === "error") throw new Error(`planned failure at ${name}`);
  if (action.kind === "pause") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, action.ms);
  else process.kill(process.pid, "SIGKILL");
});
