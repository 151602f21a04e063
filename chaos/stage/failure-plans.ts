import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatPlan, hitsVariable, type PlannedFailure, planVariable } from "#testing/failpoints/failpoint-plan.ts";

/** For Node itself, in front of the program: its failpoints then do what the environment says. */
export const armingArguments: readonly string[] = [
  "--import",
  fileURLToPath(import.meta.resolve("#testing/failpoints/arm-failpoints.ts")),
];

/** What is planned at the failpoints of each process, by its name, and what they came to. */
export interface FailurePlans {
  environmentOf(name: string): Readonly<Record<string, string>>;
  /** From its next start on. */
  set(name: string, plan: readonly PlannedFailure[]): void;
  clear(): void;
  /** Names of the failpoints that it has come to, in order, in all its starts. */
  readHits(name: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function createFailurePlans(): Promise<FailurePlans> {
  const plans = new Map<string, readonly PlannedFailure[]>();
  const folder = await mkdtemp(join(tmpdir(), "millrace-hits-"));
  return {
    environmentOf: (name) => ({
      [planVariable]: formatPlan(plans.get(name) ?? []),
      [hitsVariable]: join(folder, name),
    }),
    set: (name, plan) => void plans.set(name, plan),
    clear: () => plans.clear(),
    async readHits(name) {
      const text = await readFile(join(folder, name), "utf8").catch(() => "");
      return text.split("\n").filter((line) => line !== "");
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
