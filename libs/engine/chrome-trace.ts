import type { ExecutionResult } from "./execution-report.ts";
import { executionTrace, type TracedTask } from "./execution-trace.ts";

/** One bar: times in microseconds, from the execution's start. */
export interface ChromeTraceEvent {
  readonly name: string;
  readonly cat: "task";
  readonly ph: "X";
  readonly ts: number;
  readonly dur: number;
  readonly pid: 1;
  readonly tid: number;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface ChromeTrace {
  readonly displayTimeUnit: "ms";
  readonly traceEvents: readonly ChromeTraceEvent[];
}

/**
 * The tasks that ran, in the Trace Event Format that Perfetto and chrome://tracing open. Tasks that ran at the same time
 * are on different lines, as few as possible.
 */
export function chromeTrace(result: ExecutionResult): ChromeTrace {
  const ran = executionTrace(result)
    .tasks.filter(hasRun)
    .toSorted((a, b) => a.startTime - b.startTime);
  const lines = assignLines(ran);
  const traceEvents = ran.map(
    ({ taskId, startTime, endTime, status, tries, error }, place): ChromeTraceEvent => ({
      name: taskId,
      cat: "task",
      ph: "X",
      ts: (startTime - result.startTime) * 1000,
      dur: Math.max(0, endTime - startTime) * 1000,
      pid: 1,
      tid: lines[place] ?? 1,
      args: error === null ? { status, tries } : { status, tries, error: `${error.name}: ${error.message}` },
    }),
  );
  return { displayTimeUnit: "ms", traceEvents };
}

type RanTask = TracedTask & { readonly startTime: number; readonly endTime: number };

function hasRun(task: TracedTask): task is RanTask {
  return task.startTime !== null && task.endTime !== null;
}

/** A line, from 1, for each task; they are in the order of their starts. A line is free again when its task has ended. */
function assignLines(ran: readonly RanTask[]): Int32Array {
  const endOf = (place: number): number => ran[place]?.endTime ?? 0;
  const byEnd = Array.from(ran.keys()).sort((a, b) => endOf(a) - endOf(b) || a - b);
  const lines = new Int32Array(ran.length);
  const free: number[] = [];
  let lineCount = 0;
  let endedCount = 0;
  ran.forEach(({ startTime }, place) => {
    for (let ended = byEnd[endedCount]; ended !== undefined && ended < place; ended = byEnd[endedCount]) {
      if (endOf(ended) > startTime) break;
      free.push(lines[ended] ?? 1);
      endedCount += 1;
    }
    lines[place] = free.pop() ?? (lineCount += 1);
  });
  return lines;
}
