/** How the attempts of a task end: `fails_first` fails its first attempt and no other. */
type Ending = "succeeds" | "fails_first" | "fails";

export interface LedgerTask {
  readonly id: string;
  readonly parents: readonly string[];
  readonly rule: "all_success" | "all_done";
  readonly ending: Ending;
  /** How long an attempt takes; null: it runs no process and writes nothing. */
  readonly seconds: number | null;
  /** Its first attempt writes up to 10 MB of output a second meanwhile. */
  readonly floods?: true;
}

/** A definition whose attempts write to a ledger outside the system, and whose end is known before it runs. */
export interface LedgerDag {
  readonly id: string;
  /** Each after its parents. */
  readonly tasks: readonly LedgerTask[];
  /** 200 ms unless given. */
  readonly retryDelayMs?: number;
  /** Runs are made by the clock instead of by requests. */
  readonly schedule?: LedgerSchedule;
}

/** A slot at `startAt` and every so many milliseconds from there, none at `endAt` or later. */
export interface LedgerSchedule {
  readonly startAt: number;
  readonly endAt: number;
  readonly everyMs: number;
}

/** What a task may use of its own; lost workers cost none of it. */
export const ledgerRetries = 1;

/** An attempt that lives on writes another line so often. */
const beatSeconds = 0.5;
const defaultRetryDelayMs = 200;

/** More lost workers than any schedule of faults makes, so that the end of a run follows from its definition alone. */
export const ledgerInfraRetries = 50;

/** The definition as a file. Each attempt writes a line when it begins and one when it ends. */
export function toDefinition(dag: LedgerDag, ledgerFile: string): string {
  const lines = dag.tasks.map((task) => {
    const { id, parents: dependencies, rule, seconds } = task;
    const work =
      seconds === null
        ? { type: "noop", operator: {} }
        : { type: "bash", operator: { bash_command: commandOf(task, seconds, ledgerFile) } };
    return `  - ${JSON.stringify({ id, dependencies, trigger_rule: rule, ...work })}\n`;
  });
  const defaults = {
    retry: { max_retries: ledgerRetries, delay: `${dag.retryDelayMs ?? defaultRetryDelayMs}ms`, jitter: 0 },
    max_infra_retries: ledgerInfraRetries,
    grace_period: "1s",
  };
  return `id: ${dag.id}\n${scheduleOf(dag)}default_task_config: ${JSON.stringify(defaults)}\ntasks:\n${lines.join("")}`;
}

function scheduleOf({ schedule }: LedgerDag): string {
  if (schedule === undefined) return "";
  const [start_date, end_date] = [schedule.startAt, schedule.endAt - 1].map((at) => new Date(at).toISOString());
  const fields = { every: `${schedule.everyMs}ms`, start_date, end_date, catchup: "all" };
  return `max_active_runs: 1000\nschedule: ${JSON.stringify(fields)}\n`;
}

/** The file has the order of what happened: each line is appended by one write. */
function commandOf({ ending, floods }: LedgerTask, seconds: number, ledgerFile: string): string {
  const write = (what: string): string =>
    `echo "$MILLRACE_IDEMPOTENCY_KEY ${what} $EPOCHREALTIME" >> ${JSON.stringify(ledgerFile)}`;
  const end = {
    succeeds: "exit 0",
    fails: "exit 3",
    // The marker is there as soon as one attempt has ended: what a lost worker interrupted does not count.
    fails_first: `mkdir "${ledgerFile}.$MILLRACE_RUN_ID.$MILLRACE_TASK_ID" 2>/dev/null && exit 3; exit 0`,
  }[ending];
  const part = String.raw`head -c 1000000 /dev/zero | tr '\0' x | fold -w 100; sleep 0.1`;
  // One attempt of it is enough: the next one ends soon.
  const flood = `for part in $(seq $((MILLRACE_TRY_NUMBER == 1 ? ${Math.ceil(seconds * 10)} : 1))); do ${part}; done`;
  const wait = `for beat in $(seq ${Math.floor(seconds / beatSeconds)}); do sleep ${beatSeconds}; ${write("beat")}; done; sleep ${seconds % beatSeconds}`;
  return `${write("start")}; ${floods === true ? flood : wait}; ${write("end")}; ${end}`;
}
