/** One line that an attempt of the ledger task wrote outside the system: `<run> <task> <try> start|end`. */
export interface LedgerLine {
  readonly run: string;
  readonly task: string;
  readonly tryNumber: number;
  readonly what: "start" | "end";
}

/** A definition whose tasks each write a line when they begin and one when they end, 200 ms apart. */
export function ledgerDefinition(id: string, ledger: string): string {
  const command = `echo "$MILLRACE_RUN_ID $MILLRACE_TASK_ID $MILLRACE_TRY_NUMBER start" >> ${ledger}; sleep 0.2; echo "$MILLRACE_RUN_ID $MILLRACE_TASK_ID $MILLRACE_TRY_NUMBER end" >> ${ledger}`;
  const task = (name: string, parents: readonly string[]): string =>
    `  - {id: ${name}, type: bash, dependencies: [${parents.join(", ")}], operator: {bash_command: ${JSON.stringify(command)}}}`;
  const middle = ["b1", "b2", "b3", "b4"];
  const tasks = [task("a", []), ...middle.map((name) => task(name, ["a"])), task("c", middle), task("d", ["c"])];
  return `id: ${id}\ntasks:\n${tasks.join("\n")}\n`;
}

export const ledgerTasks: readonly string[] = ["a", "b1", "b2", "b3", "b4", "c", "d"];

export function parseLedger(text: string): readonly LedgerLine[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [run = "", task = "", tryNumber = "", what = ""] = line.split(" ");
      if (what !== "start" && what !== "end") throw new Error(`not a ledger line: ${line}`);
      return { run, task, tryNumber: Number(tryNumber), what };
    });
}

const parentsOf: Readonly<Record<string, readonly string[]>> = {
  a: [],
  b1: ["a"],
  b2: ["a"],
  b3: ["a"],
  b4: ["a"],
  c: ["b1", "b2", "b3", "b4"],
  d: ["c"],
};

/**
 * What one successful run's lines say against the promises, as sentences; none when all hold. Attempts that were killed
 * have a start and no end.
 */
export function findViolations(lines: readonly LedgerLine[], run: string, maxAttempts: number): readonly string[] {
  const own = lines.filter((line) => line.run === run);
  return ledgerTasks.flatMap((task) => {
    const violations: string[] = [];
    const mine = own.filter((line) => line.task === task);
    const starts = mine.filter((line) => line.what === "start");
    const ends = mine.filter((line) => line.what === "end");
    if (ends.length !== 1) violations.push(`${task} ended ${ends.length} times`);
    if (starts.length > maxAttempts) violations.push(`${task} was started ${starts.length} times`);
    if (new Set(starts.map((line) => line.tryNumber)).size !== starts.length)
      violations.push(`an attempt of ${task} was started twice`);
    if (mine.at(-1)?.what !== "end") violations.push(`an attempt of ${task} began after its success`);
    const firstStart = own.findIndex((line) => line.task === task && line.what === "start");
    for (const parent of parentsOf[task] ?? []) {
      const parentEnd = own.findIndex((line) => line.task === parent && line.what === "end");
      if (parentEnd < 0 || parentEnd > firstStart) violations.push(`${task} began before ${parent} had ended`);
    }
    return violations;
  });
}
