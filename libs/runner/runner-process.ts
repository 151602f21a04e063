import type { UsageNow } from "./attempt-limits.ts";
import { attemptDirectories } from "./attempt-directories.ts";
import { findCgroupSupport, type CgroupSupport, type Controller } from "./cgroup-support.ts";
import { LimitWatch } from "./limit-watch.ts";
import { createMessageBatch } from "./message-batch.ts";
import { RunnerAttempt } from "./runner-attempt.ts";
import { hostMonotonicMs, type RunnerMessage, type RunnerRequest } from "./runner-protocol.ts";
import { openSpareDirectories } from "./spare-directories.ts";

/**
 * The runner: a small process that starts attempts and reads their output, so that neither a flood of output nor a
 * slow start delays the session. It lives as long as its channel to the session process: when that closes, whatever
 * the cause, it kills every tree and ends.
 */
const dataDir = process.argv[2] ?? ".";
const support = findCgroupSupport({ delegates: true });
const watch = new LimitWatch();
const spares = openSpareDirectories(dataDir);
const attempts = new Map<string, RunnerAttempt>();
let leaseTimer: NodeJS.Timeout | undefined;

const outbox = createMessageBatch<RunnerMessage>((messages) => {
  if (process.connected) process.send?.(messages, undefined, undefined, () => {});
});
const { add: send, addLate: sendLate } = outbox;

function handle(request: RunnerRequest): void {
  if (request.kind === "lease") {
    armLease(request.deadlineMs);
    return;
  }
  if (request.kind === "measure") {
    const usages = [...attempts].flatMap(([token, { usageNow }]) => (usageNow === null ? [] : [[token, usageNow]]));
    send({ kind: "measured", usages: Object.fromEntries(usages) as Readonly<Record<string, UsageNow>> });
    return;
  }
  if (request.kind === "open") {
    const directories = attemptDirectories(dataDir, request.attempt);
    const { attempt: token, logMaxBytes, credit, captureStdout, limits, enclosure } = request;
    const masked = request.masked.map((form) => Buffer.from(form, "base64"));
    const facts = { token, directories, logMaxBytes, credit, captureStdout, masked };
    const onClosed = (): unknown => attempts.delete(token);
    const telling = { send, sendLate, onClosed };
    attempts.set(token, new RunnerAttempt({ ...facts, ...telling, support, limits, enclosure, watch, spares }));
    return;
  }
  const attempt = attempts.get(request.attempt);
  if (attempt === undefined) return;
  switch (request.kind) {
    case "start":
      attempt.start(request.process, request.options);
      return;
    case "stop":
      attempt.stop(request.graceMs);
      return;
    case "credit":
      attempt.addCredit(request.amount);
      return;
    case "close":
      void attempt.close();
      return;
  }
}

/** What is done in place of what the host lacks. */
function insteadOf(found: CgroupSupport): string {
  const has = (name: Controller): boolean => found.parent !== null && found.controllers.has(name);
  return [
    ...(found.parent === null ? ["processes are found by their groups and parents"] : []),
    ...(has("memory") ? [] : ["memory is watched"]),
    ...(has("pids") ? [] : ["the number of processes is watched"]),
    ...(has("cpu") ? [] : ["cpu is not limited"]),
  ].join(", ");
}

/** The session process may be frozen: then its lease ends here (G4). */
function armLease(deadlineMs: number): void {
  clearTimeout(leaseTimer);
  leaseTimer = setTimeout(killAll, Math.max(0, deadlineMs - hostMonotonicMs()));
}

function killAll(): void {
  for (const attempt of attempts.values()) attempt.stop(0);
}

process.on("message", (requests) => {
  for (const request of requests as readonly RunnerRequest[]) handle(request);
});
process.on("disconnect", () => {
  clearTimeout(leaseTimer);
  killAll();
  for (const attempt of attempts.values()) void attempt.close();
});
// A signal to the whole group, as a terminal sends it, is for the session process to answer.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
send({ kind: "ready", missing: support.missing, instead: insteadOf(support) });
