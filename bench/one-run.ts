import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Shape } from "./shapes.ts";

const execute = promisify(execFile);

/** `millrace run FILE` as a whole process, its start included; answers milliseconds. */
export async function runOnce(dags: string, shape: Shape): Promise<number> {
  const start = performance.now();
  await execute(process.execPath, ["bin/millrace.js", "run", join(dags, `${shape.name}.yaml`), "--slots", "64"]);
  return performance.now() - start;
}
