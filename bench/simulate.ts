import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** Passes its arguments on: `--seeds N`, `--seed N`, `--seconds S`. */
export async function benchSimulate(args: readonly string[]): Promise<void> {
  const main = join(import.meta.dirname, "../simulation/main.ts");
  process.exitCode = spawnSync(process.execPath, [main, ...args], { stdio: "inherit" }).status ?? 1;
}
