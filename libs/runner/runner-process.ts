import { attemptDirectories } from "./attempt-directories.ts";
import { findCgroupSupport } from "./cgroup.ts";
import { RunnerAttempt } from "./runner-attempt.ts";
import { hostMonotonicMs, type RunnerMessage, type RunnerRequest } from "./runner-protocol.ts";

/**
 * The runner: a small process that starts attempts and reads their output, so that neither a flood of output nor a
 * slow start delays the session. It lives as long as its channel to the session process: when that closes, whatever
 * the cause, it kills every tree and ends.
 */
const dataDir = process.argv[2] ?? ".";
const support = findCgroupSupport();
const attempts = new Map<string, RunnerAttempt>();
let leaseTimer: NodeJS.Timeout | undefined;

function send(message: RunnerMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function handle(request: RunnerRequest): void {
  if (request.kind === "lease") {
    armLease(request.deadlineMs);
    return;
  }
  if (request.kind === "open") {
    const directories = attemptDirectories(dataDir, request.attempt);
    const { attempt: token, logMaxBytes, credit, captureStdout } = request;
    const masked = request.masked.map((form) => Buffer.from(form, "base64"));
    const cgroupParent = support.parent;
    attempts.set(
      token,
      new RunnerAttempt({ token, directories, cgroupParent, logMaxBytes, credit, captureStdout, masked, send }),
    );
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
      void attempt.close().finally(() => attempts.delete(request.attempt));
      return;
  }
}

/** The session process may be frozen: then its lease ends here (G4). */
function armLease(deadlineMs: number): void {
  clearTimeout(leaseTimer);
  leaseTimer = setTimeout(killAll, Math.max(0, deadlineMs - hostMonotonicMs()));
}

function killAll(): void {
  for (const attempt of attempts.values()) attempt.stop(0);
}

process.on("message", (request) => handle(request as RunnerRequest));
process.on("disconnect", () => {
  clearTimeout(leaseTimer);
  killAll();
  for (const attempt of attempts.values()) void attempt.close();
});
// A signal to the whole group, as a terminal sends it, is for the session process to answer.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
send({ kind: "ready", missing: support.parent === null ? support.missing : null });
