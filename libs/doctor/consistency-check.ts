import type { Decision } from "#core/decision.ts";
import type { RunAggregate } from "#core/run-model.ts";
import { describeError } from "#errors/app-error.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Clock } from "#ports/clock.ts";
import type { RunSnapshot, StrayLimits } from "#ports/consistency-store.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { type CheckName, checkCatalog } from "./check-catalog.ts";
import type { Finding } from "./finding.ts";
import { pause } from "./pause.ts";
import { type CheckCursor, initialCursor, type RunBatch, readBatch } from "./read-batch.ts";
import { RunLooks } from "./run-looks.ts";
import { checkStrayFiles, type FilesLook } from "./stray-files.ts";

export interface ConsistencyCheckOptions {
  readonly store: Pick<Store, "consistency" | "retention">;
  /** Null: no files are kept here. */
  readonly artifacts: ArtifactStore | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What passes by itself in a cluster that works has done so after this: longer than a lease and two scans. */
  readonly patienceMs: number;
  /** Does what follows a repair's commit: assignments, stop orders, evaluations, wakes. */
  readonly onRepaired: (run: RunAggregate, decision: Decision) => void;
}

export interface CheckPage {
  /** At most `maxFindings`; `findingCount` has all. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
  readonly checkedRuns: number;
  /** Null: all runs were looked at. */
  readonly next: CheckCursor | null;
  readonly checkedFiles: number;
  /**
   * Where files go on that there was no time for, or where a look that failed began; null: all were looked at, or none was
   * asked for.
   */
  readonly nextFiles: string | null;
}

export interface CheckRequest {
  /** Null: from the beginning, with what is beside runs. */
  readonly cursor: CheckCursor | null;
  readonly repair: boolean;
  /** Whether it also looks at all files of artifacts, which may take long, and whose removal is for a person to ask for. */
  readonly files: "skip" | "count" | "remove";
  /** It goes on behind this file, with files alone; absent: not a page of files. */
  readonly filesAfter?: string;
  /** At most so many runs are looked at; the page may end a batch later. */
  readonly maxRuns: number;
  readonly signal: AbortSignal;
}

/** Looks at the state, twice, and repairs what is safe. */
export type CheckConsistency = (request: CheckRequest) => Promise<CheckPage>;

/** A transition that was under way at the first look is over at the second, in milliseconds. */
const secondLookMs = 1000;
const maxFindings = 500;
const maxStraysPerKind = 100;
const maxRequestsForgotten = 10_000;
/** A lease that was shortened; all holders renew theirs in less. */
const shortLeaseMs = 10_000;

const strayLimits: StrayLimits = {
  outboxMs: 60_000,
  leaseMs: 3_600_000,
  scheduleMs: 300_000,
  queueMs: 300_000,
  workerMs: 60_000,
  filesMs: 86_400_000,
  fileFailures: 3,
};

export function createConsistencyCheck(options: ConsistencyCheckOptions): CheckConsistency {
  return async (request) => {
    const isOfFiles = request.filesAfter !== undefined;
    const isFirst = request.cursor === null && !isOfFiles;
    const strays = isFirst ? await checkStrays(options, request) : [];
    const files = isFirst || isOfFiles ? await checkFiles(options, request) : noFiles;
    const runs = isOfFiles ? noRuns : await checkRuns(options, request);
    const findings = [...strays, ...files.findings, ...runs.findings];
    for (const finding of findings) logFinding(options.logger, finding);
    return {
      findings: findings.slice(0, maxFindings),
      findingCount: findings.length,
      checkedRuns: runs.checkedRuns,
      next: runs.next,
      checkedFiles: files.checkedFiles,
      nextFiles: files.next,
    };
  };
}

const noFiles: FilesLook = { findings: [], checkedFiles: 0, next: null };
const noRuns: RunsLook = { findings: [], checkedRuns: 0, next: null };

/** A look that fails keeps nobody from the rest, and is told; the next one begins where it did. */
async function checkFiles(
  { store, artifacts }: ConsistencyCheckOptions,
  { files, filesAfter: after = "", signal }: CheckRequest,
): Promise<FilesLook> {
  if (artifacts === null || files === "skip") return noFiles;
  try {
    return await checkStrayFiles({ store, artifacts }, { after, remove: files === "remove", signal });
  } catch (error) {
    signal.throwIfAborted();
    const place = after === "" ? "" : ` behind ${after}`;
    const detail = `files of artifacts${place} were not looked at: ${describeError(error)}`;
    const subject = { dagRunId: null, subject: "", count: 0 };
    return {
      checkedFiles: 0,
      next: after,
      findings: [{ check: "files_unknown", ...subject, detail, outcome: "failed" }],
    };
  }
}

async function checkStrays(
  { store: { consistency }, clock }: ConsistencyCheckOptions,
  { repair, signal }: CheckRequest,
): Promise<readonly Finding[]> {
  if (repair) await consistency.forgetRequests(maxRequestsForgotten);
  const first = await consistency.listStrays(strayLimits, maxStraysPerKind);
  if (first.length === 0) return [];
  await pause(clock, secondLookMs, signal);
  const seen = new Set(first.map(({ kind, subject }) => `${kind}/${subject}`));
  const second = await consistency.listStrays(strayLimits, maxStraysPerKind);
  const strays = second.filter(({ kind, subject }) => seen.has(`${kind}/${subject}`));
  const isLeaseFar = strays.some(({ kind }) => kind === "lease_far");
  const shortened = repair && isLeaseFar ? await consistency.shortenLeases(strayLimits.leaseMs, shortLeaseMs) : [];
  const hasIdleSlots = strays.some(({ kind }) => kind === "slot_idle");
  const freed = repair && hasIdleSlots ? await consistency.freeIdleSlots(maxStraysPerKind) : [];
  return strays.map(({ kind, subject, detail }): Finding => {
    const isSafe = checkCatalog[kind].repair !== null;
    const isDone = kind === "slot_idle" ? freed.includes(subject) : shortened.includes(subject);
    const outcome = isDone && isSafe ? "repaired" : isSafe ? "possible" : "by_hand";
    return { check: kind, dagRunId: null, subject, count: 1, detail, outcome };
  });
}

type RunsLook = Pick<CheckPage, "findings" | "checkedRuns" | "next">;

async function checkRuns(options: ConsistencyCheckOptions, request: CheckRequest): Promise<RunsLook> {
  const { consistency } = options.store;
  const looks = new RunLooks();
  const findings: Finding[] = [];
  let cursor: CheckCursor | null = request.cursor ?? initialCursor;
  let checkedRuns = 0;
  while (cursor !== null && checkedRuns < request.maxRuns) {
    request.signal.throwIfAborted();
    const batch: RunBatch = await readBatch(consistency, cursor, request.maxRuns - checkedRuns);
    for (const snapshot of batch.runs) looks.note(snapshot);
    findings.push(...batch.unreadable.map(toUnreadable));
    checkedRuns += batch.runs.length + batch.unreadable.length;
    cursor = batch.next;
  }
  await waitForSecondLook(options, looks, request.signal);
  for (const runKey of looks.runKeys()) {
    request.signal.throwIfAborted();
    findings.push(...(await lookAgain(options, { looks, runKey, repair: request.repair })));
  }
  return { findings, checkedRuns, next: cursor };
}

/** What is under way is over after a second; only for what is left then, and may pass by itself, the rest is waited. */
async function waitForSecondLook(
  { store: { consistency }, clock, patienceMs }: ConsistencyCheckOptions,
  looks: RunLooks,
  signal: AbortSignal,
): Promise<void> {
  if (looks.isEmpty) return;
  await pause(clock, secondLookMs, signal);
  for (const runKey of looks.runsThatMayPass()) {
    signal.throwIfAborted();
    const { runs } = await consistency.readRuns([runKey]);
    for (const snapshot of runs) looks.narrow(snapshot);
  }
  const isPatient = looks.runsThatMayPass().length > 0 && patienceMs > secondLookMs;
  if (isPatient) await pause(clock, patienceMs - secondLookMs, signal);
}

interface SecondLook {
  readonly looks: RunLooks;
  readonly runKey: number;
  readonly repair: boolean;
}

/** Judges one run again; a repair is decided on what is there while nobody else can write it. */
async function lookAgain(options: ConsistencyCheckOptions, look: SecondLook): Promise<readonly Finding[]> {
  const { looks, runKey, repair } = look;
  const { consistency } = options.store;
  const page = await consistency.readRuns([runKey]);
  const [snapshot] = page.runs;
  if (snapshot === undefined) return page.unreadable.map(toUnreadable);
  const { problems, decision } = looks.confirm(snapshot);
  if (problems.length === 0) return [];
  const isSafe = decision !== null || snapshot.staleOutputs.length > 0;
  const outcome = isSafe && repair ? await repairRun(options, look) : "possible";
  return summarize(snapshot, problems).map((finding) => ({
    ...finding,
    outcome: checkCatalog[finding.check].repair === null || !isSafe ? "by_hand" : outcome,
  }));
}

async function repairRun(
  { store: { consistency }, logger, onRepaired }: ConsistencyCheckOptions,
  { looks, runKey }: SecondLook,
): Promise<Finding["outcome"]> {
  try {
    const repair = await consistency.repairRun(runKey, (snapshot) => looks.confirm(snapshot).decision);
    if (repair.kind === "busy") return "busy";
    if (repair.kind === "applied" && repair.decision !== null) onRepaired(repair.run, repair.decision);
    return "repaired";
  } catch (error) {
    logger.error({ err: error, run_key: runKey }, "a repair was not written; nothing has changed");
    return "failed";
  }
}

/** One finding for each check that a run fails. */
function summarize(
  { run }: RunSnapshot,
  problems: readonly { readonly check: CheckName; readonly detail: string }[],
): readonly Omit<Finding, "outcome">[] {
  const shown = 3;
  const { runId } = run.run;
  return [...Map.groupBy(problems, ({ check }) => check)].map(([check, all]) => {
    const details = all.slice(0, shown).map(({ detail }) => detail);
    if (all.length > shown) details.push(`and ${all.length - shown} more`);
    return { check, dagRunId: runId, subject: runId, count: all.length, detail: details.join("; ") };
  });
}

function toUnreadable({ runId, error }: { runId: string; error: string }): Finding {
  return { check: "unreadable_version", dagRunId: runId, subject: runId, count: 1, detail: error, outcome: "by_hand" };
}

function logFinding(logger: Logger, { check, subject, count, detail, outcome, dagRunId }: Finding): void {
  const { severity } = checkCatalog[check];
  const about = dagRunId === null ? { subject } : { dag_run_id: dagRunId };
  const fields = { check, ...about, count, detail, outcome };
  if (outcome === "repaired") logger.warn(fields, "the consistency check repaired what was not as it should be");
  else if (severity === "info") logger.info(fields, "the consistency check found something to know");
  else logger.warn(fields, "the consistency check found something that is not as it should be");
}
