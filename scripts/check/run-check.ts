import { type CheckStep, checkSteps } from "./steps.ts";

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** Runs every step, also after a failed one, and prints a line for each; a failed one shows its output below. */
export async function runCheck(steps: readonly CheckStep[] = checkSteps): Promise<Tally> {
  let failed = 0;
  for (const step of steps) {
    const startedAt = performance.now();
    const { code, output } = await step.run().catch((error: unknown) => ({ code: 1, output: `${String(error)}\n` }));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    process.stdout.write(`${code === 0 ? "pass" : "FAIL"}  ${step.name.padEnd(16)} ${seconds.padStart(5)} s\n`);
    if (code === 0) continue;
    failed += 1;
    process.stdout.write(`${output.trimEnd().replaceAll(/^/gm, "      ")}\n`);
  }
  return { passed: steps.length - failed, failed };
}
