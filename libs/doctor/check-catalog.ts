/** `problem`: a guarantee does not hold. `warning`: something is late or will be. `info`: work that waits for its operator. */
export type Severity = "problem" | "warning" | "info";

export interface CheckEntry {
  /** What it protects, by the numbers of docs/guarantees.md; null: no guarantee hangs on it. */
  readonly guarantee: string | null;
  readonly severity: Severity;
  readonly looksFor: string;
  /** What a repair does; null: nothing is safe. */
  readonly repair: string | null;
  /** What a person does where no repair has cured it. */
  readonly byHand: string;
}

const tellUs = "see who writes to the database beside Millrace, and report it if nobody does";

/** Every check of the state, by its name. */
export const checkCatalog = {
  missing_instances: {
    guarantee: "G2",
    severity: "problem",
    looksFor: "a run that lacks the row of a task",
    repair: "adds the row: waiting if nothing of it ever ran, failed as `row_lost` if an attempt had begun",
    byHand: "rerun the task with `millrace rerun`",
  },
  incomplete_run: {
    guarantee: "G2",
    severity: "problem",
    looksFor: "a run that lacks rows of fan-out items, of which nothing tells what they were",
    repair: null,
    byHand: "restore the rows from a backup, or archive the run and trigger it again",
  },
  run_counts: {
    guarantee: "G5",
    severity: "problem",
    looksFor:
      "a run whose counts of instances by state, of exempt failures or of held attempts are not what its rows give",
    repair: "counts them again",
    byHand: tellUs,
  },
  run_state: {
    guarantee: "G5",
    severity: "problem",
    looksFor: "a run whose state is not the one that follows from its instances, as when it was edited by hand",
    repair: "derives it again, and publishes the change",
    byHand: "change states with `millrace mark`, `clear`, `cancel` and `rerun` alone",
  },
  run_end: {
    guarantee: "G2",
    severity: "problem",
    looksFor: "a run that goes on though all of its instances have ended, or has ended though some go on",
    repair: "ends it now, or takes its end back",
    byHand: tellUs,
  },
  run_start: {
    guarantee: null,
    severity: "problem",
    looksFor: "a run that does not know that something of it has started",
    repair: "takes the start of its first attempt",
    byHand: tellUs,
  },
  exempt_failure: {
    guarantee: "G5",
    severity: "problem",
    looksFor: "an instance whose failure counts otherwise than its task's `allow_failure` says",
    repair: "sets it by the definition",
    byHand: tellUs,
  },
  parent_counts: {
    guarantee: "G5",
    severity: "problem",
    looksFor: "an instance whose in-degree or counts of its parents' ends are not what the edges and its parents give",
    repair: "counts them again",
    byHand: tellUs,
  },
  fan_out_items: {
    guarantee: "G5",
    severity: "problem",
    looksFor: "a fan-out that counts its items wrongly, goes on without them or has ended before them",
    repair: "counts them again, ends the group with its last item and items whose group has ended",
    byHand: tellUs,
  },
  attempt_holder: {
    guarantee: "G3, G4",
    severity: "problem",
    looksFor: "an instance that is held otherwise than its open attempts say, or runs without one",
    repair: "takes what the attempts say; what runs without an attempt is tried again at no cost",
    byHand: tellUs,
  },
  fence_ahead: {
    guarantee: "G3",
    severity: "problem",
    looksFor: "an instance that runs under another fence than its attempt, so that its outcome will be refused",
    repair: null,
    byHand: "clear the task with `millrace clear RUN TASK`: its attempt is stopped and it begins again",
  },
  ready_not_queued: {
    guarantee: "G2",
    severity: "problem",
    looksFor: "an instance that waits though its rule is decided",
    repair: "lets the rule decide: it is queued, looked at, skipped or failed by its parents",
    byHand: tellUs,
  },
  holder_gone: {
    guarantee: "G10",
    severity: "problem",
    looksFor:
      "an attempt that a worker without a row, or one that is lost or signed off, has held for longer than a lease",
    repair: "gives the attempt up, as the reaper would have",
    byHand: "see that an executor runs and reaches the database",
  },
  timer_overdue: {
    guarantee: "G9",
    severity: "problem",
    looksFor: "a retry or a timeout of a run that has been due for a minute, or a retry without a time",
    repair: "lets it happen",
    byHand: "see that an executor runs and reaches the database",
  },
  evaluation_overdue: {
    guarantee: "G2",
    severity: "warning",
    looksFor: "a task whose `when`, `for_each` or `pool` nobody has looked at for longer than a lease",
    repair: null,
    byHand: "see the executor's log for why it can't be evaluated",
  },
  stale_outputs: {
    guarantee: null,
    severity: "problem",
    looksFor: "outputs of a generation that a rerun has ended",
    repair: "removes them",
    byHand: tellUs,
  },
  unreadable_version: {
    guarantee: null,
    severity: "problem",
    looksFor: "a run that can't be judged: its version is missing, or the rules refuse its rows",
    repair: null,
    byHand: "restore the version from a backup, or archive the run",
  },
  outbox_stuck: {
    guarantee: "G7",
    severity: "warning",
    looksFor: "events that have had no id for a minute: nobody relays them",
    repair: null,
    byHand: "see that an executor runs, and who holds the lease `relay`",
  },
  event_gap: {
    guarantee: "G7",
    severity: "problem",
    looksFor: "a gap or a repeated id among the last 10,000 events",
    repair: null,
    byHand: "readers that resume after an id may have missed events: let them read again from before the gap",
  },
  date_index: {
    guarantee: "G8",
    severity: "problem",
    looksFor: "the unique index of DAG and logical date, and two runs of one date where it is missing",
    repair: null,
    byHand: "archive all but one run of each date, then create the index as `migrations/0001_spine.sql` does",
  },
  lease_far: {
    guarantee: "G10",
    severity: "problem",
    looksFor: "a lease that is held for more than an hour from now: nobody could take it over",
    repair: "lets it end after ten seconds; a holder that lives renews it",
    byHand: "see who holds it",
  },
  slot_idle: {
    guarantee: "G14",
    severity: "problem",
    looksFor: "a slot of a limit that is taken by a run that is over, or by an attempt that nobody has",
    repair: "gives it back",
    byHand: tellUs,
  },
  schedule_overdue: {
    guarantee: null,
    severity: "warning",
    looksFor: "a schedule that should have been looked at five minutes ago",
    repair: null,
    byHand: "see that a scheduler runs, and who holds the lease `scheduler`",
  },
  version_missing: {
    guarantee: null,
    severity: "problem",
    looksFor: "a DAG that is in force without a version of its own",
    repair: null,
    byHand: "save its file again, or remove the file so that the DAG is archived",
  },
  queue_without_worker: {
    guarantee: null,
    severity: "info",
    looksFor: "tasks that have waited for five minutes in a queue that no worker takes from",
    repair: null,
    byHand: "start a worker with `--queues`, or correct the queue in the definition",
  },
  worker_overdue: {
    guarantee: "G10",
    severity: "warning",
    looksFor: "a worker whose lease ended a minute ago and that nobody has declared lost",
    repair: null,
    byHand: "see that an executor runs and reaches the database",
  },
  files_overdue: {
    guarantee: null,
    severity: "warning",
    looksFor:
      "files of artifacts that the store did not remove three times, with what it said, or that nobody has tried to remove for a day",
    repair: null,
    byHand:
      "let the artifact store remove them, as by the rights of its folder or the policy of its bucket; each is tried again by itself, within a day at most",
  },
  files_unknown: {
    guarantee: null,
    severity: "warning",
    looksFor:
      "files in the artifact store, older than 2 days, that no row of the database knows, as after a restore; on demand alone",
    repair: null,
    byHand:
      "see that no other installation keeps its files in the same folder or under the same prefix, then `millrace doctor --remove-unknown-files`; a store that can't be listed needs the right to (`s3:ListBucket`)",
  },
} as const satisfies Readonly<Record<string, CheckEntry>>;

export type CheckName = keyof typeof checkCatalog;

export const checkNames: readonly CheckName[] = Object.keys(checkCatalog) as CheckName[];
