import { parseArgs } from "node:util";
import { search } from "./search.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";

const usage = `usage: node simulation/main.ts [--seeds N] [--from SEED] [--seconds S] [--tasks N]
       node simulation/main.ts --seed SEED [--tasks N] [--lines N]

Runs the real executors, workers and rules on a simulated clock, network and database, with the faults that each seed
draws, and checks every transaction. A seed that fails is shrunk and shown; --seed replays one with its trace.
`;

const shownLines = 40;
const defaultTasks = 20;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seconds: { type: "string" },
    tasks: { type: "string", default: String(defaultTasks) },
    lines: { type: "string", default: String(shownLines) },
    help: { type: "boolean", default: false },
  },
});

const taskCount = Number(values.tasks);
if (values.help) process.stdout.write(usage);
else if (values.seed === undefined) await searchSeeds();
else await replay(Number(values.seed));

async function searchSeeds(): Promise<void> {
  const seconds = values.seconds === undefined ? {} : { maxMs: Number(values.seconds) * 1000 };
  const progress = (seeds: number): void => void process.stderr.write(`\r${seeds} seeds`);
  const limits = { first: Number(values.from), maxSeeds: Number(values.seeds), taskCount, ...seconds };
  const { seeds, attempts, transactions, elapsedMs, failures } = await search({ ...limits, progress });
  process.stderr.write("\r");
  const perSecond = Math.round((seeds / elapsedMs) * 1000);
  const counts = `${seeds} seeds, ${attempts} attempts, ${transactions} transactions`;
  process.stdout.write(
    `${counts} in ${(elapsedMs / 1000).toFixed(1)} s (${perSecond} seeds/s): ${failures.length} failed\n`,
  );
  const [failure] = failures;
  if (failure === undefined) return;
  process.exitCode = 1;
  for (const { seed, violations } of failures) process.stdout.write(`seed ${seed}: ${violations[0]}\n`);
  const shrunk = await shrink(failure.seed, taskCount);
  if (shrunk === null) return;
  const { options, result } = shrunk;
  process.stdout.write(
    `\nseed ${options.seed} shrunk to ${options.taskCount} tasks with [${result.faults.join(" ")}]:\n${result.trace.slice(-shownLines).join("\n")}\n`,
  );
}

async function replay(seed: number): Promise<void> {
  const { faults, violations, trace, traceHash, lastedMs } = await simulate({ seed, taskCount, keepsTrace: true });
  process.stdout.write(`${trace.slice(-Number(values.lines)).join("\n")}\n`);
  process.stdout.write(`seed ${seed} [${faults.join(" ")}] ${lastedMs.toFixed(0)} ms, trace ${traceHash}\n`);
  for (const violation of violations) process.stdout.write(`violated at ${violation}\n`);
  if (violations.length > 0) process.exitCode = 1;
}
