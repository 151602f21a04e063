import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);
const maxAnswerBytes = 64 * 1024 * 1024;

/** `millrace run FILE`: milliseconds between the start of its first task and the end of its last. */
export async function bashRunMs(file: string, slots: number): Promise<number> {
  const args = ["bin/millrace.js", "run", file, "--slots", String(slots), "--output", "json"];
  const { stdout } = await execute(process.execPath, args, { maxBuffer: maxAnswerBytes });
  const run = JSON.parse(stdout) as { state: string; start_date: string; end_date: string };
  if (run.state !== "success") throw new Error(`the run of ${file} ended as ${run.state}`);
  return Date.parse(run.end_date) - Date.parse(run.start_date);
}
