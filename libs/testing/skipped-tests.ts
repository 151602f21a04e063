import { appendFileSync } from "node:fs";

/** Names the file in which test files leave what they skip; `npm test` shows it at its end. */
export const skipsVariable = "MILLRACE_TEST_SKIPS";

/** The end of a longer reason says most. */
const reasonLength = 300;

/** Says on one line that tests are skipped, because this host does not let them run. */
export function saySkipped(tests: string, reason: string): void {
  const said = reason.trim().replaceAll(/\s+/g, " ");
  const line = `${tests}, because ${said.length > reasonLength ? `…${said.slice(-reasonLength)}` : said}`;
  process.stderr.write(`SKIPPED: ${line}\n`);
  const path = process.env[skipsVariable];
  if (path !== undefined) appendFileSync(path, `${line}\n`);
}

/** The same for tests whose program is not on this machine. Under CI it throws: less would be tested without a word. */
export function saySkippedWithout(tests: string, reason: string): void {
  if (process.env["CI"] === "true") throw new Error(`${tests} can't run, because ${reason}`);
  saySkipped(tests, reason);
}
