import { spawnSync } from "node:child_process";
import { findMissingKafkaTool, prepareKafkaJars } from "#testing/kafka/kafka-jars.ts";
import { runCheck } from "./check/run-check.ts";
import { installDebianPackages } from "./test/debian-packages.ts";
import { runVitest, type VitestResult } from "./test/run-vitest.ts";

/** Programs that tests start, with what they are for. */
const REQUIRED_TOOLS: Readonly<Record<string, string>> = {
  bash: "tests of the bash operator",
  git: "the tidy rules, which list the checkout's files",
  python3: "tests of the python operator",
};

const filters = process.argv.slice(2);
sayMissingTools();
if (filters.length === 0) {
  installDebianPackages((line) => void process.stdout.write(`${line}\n`));
  await prepareKafka();
}
const results = filters.length === 0 ? await runEverything() : await runMatching();
const passed = results.reduce((sum, tally) => sum + tally.passed, 0);
const failed = results.reduce((sum, tally) => sum + tally.failed, 0);
const ranNothing = passed + failed === 0;
if (ranNothing) process.stdout.write(`no test matches ${filters.join(" ")}\n`);
saySkipped(results.flatMap(({ skipped }) => skipped));
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 || ranNothing ? 1 : 0;

async function runEverything(): Promise<readonly VitestResult[]> {
  process.stdout.write("npm test: 1. check (each step counts as a test)  2. unit tests  3. end-to-end tests\n");
  process.stdout.write("\n1. check\n");
  const check = await runCheck();
  process.stdout.write("\n2. unit tests\n");
  const unit = await runVitest("unit", []);
  process.stdout.write("\n3. end-to-end tests, on real processes and an embedded PostgreSQL\n");
  const endToEnd = await runVitest("e2e", []);
  return [{ ...check, skipped: [] }, unit, endToEnd];
}

/** With arguments, only the test files whose path contains one of them; options of vitest are passed on. */
async function runMatching(): Promise<readonly VitestResult[]> {
  process.stdout.write(`npm test: test files that match ${filters.join(" ")}\n`);
  return [await runVitest("unit", filters), await runVitest("e2e", filters)];
}

function sayMissingTools(): void {
  for (const [tool, use] of Object.entries(REQUIRED_TOOLS)) {
    if (spawnSync(tool, ["--version"]).error === undefined) continue;
    process.stdout.write(`${tool} is missing: install it for ${use}, which fail without it\n`);
  }
}

/** In the last lines, where nobody overlooks it. */
function saySkipped(skipped: readonly string[]): void {
  if (skipped.length === 0) return;
  process.stdout.write("\nskipped, with the reasons first:\n");
  for (const line of new Set(skipped)) process.stdout.write(`  ${line}\n`);
}

/** Fetches the broker of the bus's tests before any of them waits for it; what fails here they say again, louder. */
async function prepareKafka(): Promise<void> {
  const missing = findMissingKafkaTool();
  if (missing !== null) {
    process.stdout.write(`there will be no tests with Apache Kafka: ${missing}\n`);
    return;
  }
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  await prepareKafkaJars(say).catch((error: unknown) => say(String(error)));
}
