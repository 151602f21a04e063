import {
  type Attempt,
  type LogLine,
  type TaskInstance,
  TaskState,
  type UsageNow,
  type WaitReason,
} from "#gen/millrace/v1/task_service_pb.js";
import type { HttpResponse } from "#rpc/http/exchange.ts";
import { usageText } from "#rpc/usage-text.ts";
import { durationText, facts, table, timeText } from "./elements.ts";
import { type Html, html } from "./html.ts";
import { renderPage } from "./layout.ts";
import type { PageClients, PageView } from "./page-context.ts";
import { outputShown, readLeftBehind, renderLeftBehind } from "./left-behind.ts";
import { dagPath, logPath, runPath } from "./paths.ts";
import { taskMark } from "./state-mark.ts";
import { waitText } from "./wait-text.ts";

/** Lines in the page; the rest is a click away as text. */
const linesShown = 2_000;
const reloadSeconds = 10;

/** States that another one follows. */
const unended = new Set([TaskState.NONE, TaskState.QUEUED, TaskState.RUNNING, TaskState.UP_FOR_RETRY]);

/** `/tasks/{task_instance_id}/logs`: an instance, its attempts, and the log of one of them. */
export async function showLog({ clients, ids, query, signal }: PageView): Promise<HttpResponse> {
  const [id = ""] = ids;
  const attempt = readAttempt(query.get("attempt"));
  const [{ taskInstance: instance }, { attempts }] = await Promise.all([
    clients.tasks.getTaskInstance({ id, xcomLength: outputShown }, { signal }),
    clients.tasks.listAttempts({ id }, { signal }),
  ]);
  if (instance === undefined) throw new TypeError("the answer has no task instance");
  const [{ lines, isCut }, left, { explanation }] = await Promise.all([
    readLines(clients, { id, attempt, signal }),
    readLeftBehind(clients, instance, signal),
    // A success waits for nothing.
    instance.state === TaskState.SUCCESS
      ? { explanation: undefined }
      : clients.tasks.explainTaskInstance({ id }, { signal }),
  ]);
  const isRunning = instance.state === TaskState.RUNNING && (attempt === 0 || attempt === instance.tryNumber);
  const hasEnded = !unended.has(instance.state);
  const whole = `${instance.logPath}${attempt === 0 ? "" : `?attempt=${attempt}`}`;
  const main = html`<h1 class="mono">${instance.taskId}</h1><div id="facts" data-live>${instanceFacts(instance, explanation?.reasons ?? [])}</div>
${attempts.length > 1 && html`<h2>Attempts</h2>${attemptTable(id, attempts)}`}
<div id="left" data-live>${renderLeftBehind(instance, left)}</div>
<h2>Log${attempt === 0 ? "" : ` of attempt ${attempt}`}</h2>
${isCut && html`<div class="notice">The first ${linesShown} lines; <a href="${whole}">the whole log</a> is text.</div>`}
${logText(instance, { attempt, lines, isRunning: isRunning && !isCut })}<p><a href="${whole}">as text</a></p>`;
  return renderPage({
    title: `log of ${instance.taskId}`,
    trail: [
      { text: instance.dagId, href: dagPath(instance.dagId) },
      { text: "run", href: runPath(instance.dagId, instance.dagRunId) },
      { text: instance.taskId, href: logPath(id) },
    ],
    main,
    events: hasEnded ? null : `?dag_run_id=${encodeURIComponent(instance.dagRunId)}`,
    ...(hasEnded ? {} : { reloadSeconds }),
  });
}

function readAttempt(text: string | null): number {
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) : 0;
}

async function readLines(
  clients: PageClients,
  options: { id: string; attempt: number; signal: AbortSignal },
): Promise<{ lines: readonly LogLine[]; isCut: boolean }> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const lines: LogLine[] = [];
  for await (const message of clients.tasks.streamLogs({ id: options.id, attempt: options.attempt }, { signal })) {
    lines.push(...message.lines);
    if (lines.length > linesShown) break;
  }
  stop.abort();
  return { lines: lines.slice(0, linesShown), isCut: lines.length > linesShown };
}

function instanceFacts(instance: TaskInstance, reasons: readonly WaitReason[]): Html {
  return html`<p>${taskMark(instance.state)} <span class="soft">${instance.stateReason}</span></p>
${facts([
  ["why", waitText(reasons)],
  ["operator", instance.operator],
  ["try", `${instance.tryNumber} of ${instance.maxTries}`],
  ["queue", instance.queue],
  ["worker", instance.workerId],
  ["began", timeText(instance.startDate)],
  ["ended", timeText(instance.endDate)],
  ["took", durationText(instance.durationMs)],
  ["exit code", instance.exitCode ?? null],
  ["error", instance.error === undefined ? instance.lastError : `${instance.error.code}: ${instance.error.message}`],
  ["uses", instance.usage === undefined ? null : usageText(instance.usage)],
  ["used", instance.state === TaskState.RUNNING ? null : usageText(usedBy(instance))],
])}`;
}

/** What an attempt that has ended used. */
function usedBy({ cpuMs, memoryPeakBytes }: Pick<Attempt, "cpuMs" | "memoryPeakBytes">): Partial<UsageNow> {
  return {
    ...(cpuMs === undefined ? {} : { cpuMs }),
    ...(memoryPeakBytes === undefined ? {} : { memoryPeakBytes }),
  };
}

function attemptTable(id: string, attempts: readonly Attempt[]): Html {
  const rows = attempts.map((attempt) => [
    html`<a href="${logPath(id)}?attempt=${attempt.attemptNumber}">${attempt.attemptNumber}</a>`,
    taskMark(attempt.state),
    durationText(attempt.durationMs),
    attempt.workerId,
    attempt.exitCode ?? attempt.signal,
    usageText(usedBy(attempt)),
    html`<span class="wrap">${attempt.retryReason} ${attempt.errorMessage}</span>`,
  ]);
  return table(["attempt", "ended", "took", "worker", "exit", "used", "why"], rows);
}

/** A running log carries the address from which the script goes on; another one is swapped like the rest of the page. */
function logText(
  instance: TaskInstance,
  { attempt, lines, isRunning }: { attempt: number; lines: readonly LogLine[]; isRunning: boolean },
): Html {
  const after = String(lines.at(-1)?.number ?? 0);
  const tail = `${instance.logPath}?follow=true&attempt=${attempt === 0 ? instance.tryNumber : attempt}`;
  const attributes = isRunning ? html` data-log="${tail}" data-after="${after}"` : html` id="log" data-live`;
  const rows = lines.map(
    (line) => html`<span class="${line.source}">${line.text}
</span>`,
  );
  const empty = lines.length === 0 && !isRunning && html`<span class="system">no lines</span>`;
  return html`<pre class="log" tabindex="0"${attributes}>${rows}${empty}</pre>`;
}
