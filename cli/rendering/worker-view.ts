import { type ResourceAmounts, type ResourceName, resourceNames } from "#core/resource-amounts.ts";
import { amountText } from "#core/resource-text.ts";
import type { GetWorkerResponse, Queue, Worker, WorkerResources } from "#gen/millrace/v1/worker_admin_service_pb.js";
import { usageText } from "#rpc/usage-text.ts";
import type { Color, Paint } from "./paint.ts";
import { timestampMillis, workerStatusWord } from "./proto-words.ts";
import { type Cell, renderTable } from "./table.ts";
import { durationText, instantText } from "./time-text.ts";

interface ViewOptions {
  /** Wall clock, milliseconds since 1970. */
  readonly now: number;
  readonly paint: Paint;
  readonly width: number | null;
}

/** Workers as a table, in the order given. */
export function renderWorkers(workers: readonly Worker[], { now, ...options }: ViewOptions): readonly string[] {
  return renderTable({
    columns: [
      { title: "WORKER", flexible: true },
      { title: "STATUS" },
      { title: "BUSY", align: "right" },
      { title: "QUEUES", flexible: true },
      { title: "CPU", align: "right" },
      { title: "MEMORY", align: "right" },
      { title: "DISK", align: "right" },
      { title: "HEARTBEAT", align: "right" },
      { title: "VERSION" },
      { title: "DETAILS", flexible: true },
    ],
    rows: workers.map((worker) => [
      { text: worker.workerId },
      statusCell(worker.status),
      { text: `${worker.activeTasks.length} of ${worker.slots}` },
      { text: worker.queues.join(", ") },
      ...usageCells(worker),
      { text: ago(timestampMillis(worker.lastHeartbeat), now) },
      { text: worker.version },
      { text: worker.statusReason },
    ]),
    ...options,
  });
}

/** One worker: facts, what it has, its starts. */
export function renderWorker({ worker, incarnations }: GetWorkerResponse, options: ViewOptions): readonly string[] {
  if (worker === undefined) return [];
  const { now, paint } = options;
  const labels = Object.entries(worker.labels).map(([name, value]) => `${name}=${value}`);
  const status = statusCell(worker.status);
  const facts: readonly (readonly [name: string, value: string])[] = [
    ["host", worker.hostname],
    ["version", worker.version],
    ["queues", worker.queues.join(", ")],
    ["labels", labels.join(", ")],
    ["slots", `${worker.availableSlots} of ${worker.slots} free`],
    ["free", resourcesText(worker)],
    ["can do", worker.hostCapabilities.join(", ")],
    ["heartbeat", ago(timestampMillis(worker.lastHeartbeat), now)],
    ["last task", ago(timestampMillis(worker.lastTaskCompleted), now)],
    ["executor", worker.executorId],
    ["status", worker.statusReason],
  ];
  return [
    `${paint("plain", worker.workerId, "bold")}  ${paint(status.color ?? "plain", status.text)}`,
    ...facts.filter(([, value]) => value !== "").map(([name, value]) => `${paint("gray", name.padEnd(10))}${value}`),
    ...renderActiveTasks(worker, options),
    "",
    ...renderTable({
      columns: [
        { title: "START" },
        { title: "STATUS" },
        { title: "ENDED" },
        { title: "SUCCEEDED", align: "right" },
        { title: "FAILED", align: "right" },
        { title: "VERSION" },
      ],
      rows: incarnations.map((start) => [
        { text: momentText(timestampMillis(start.startDate)) },
        statusCell(start.status),
        { text: momentText(timestampMillis(start.endDate)) },
        { text: String(start.succeeded) },
        { text: String(start.failed) },
        { text: start.version },
      ]),
      ...options,
    }),
  ];
}

/** Queues as a table, in the order given. */
export function renderQueues(queues: readonly Queue[], options: Omit<ViewOptions, "now">): readonly string[] {
  return renderTable({
    columns: [
      { title: "QUEUE", flexible: true },
      { title: "WAITING", align: "right" },
      { title: "OLDEST", align: "right" },
      { title: "WORKERS", align: "right" },
      { title: "FREE SLOTS", align: "right" },
    ],
    rows: queues.map((queue): readonly Cell[] => [
      { text: queue.queue },
      { text: `${queue.depth}${queue.hasMore ? "+" : ""}` },
      { text: queue.oldestWaitMs === undefined ? "" : durationText(Number(queue.oldestWaitMs)) },
      { text: String(queue.workers), color: queue.workers === 0 && queue.depth > 0n ? "red" : "plain" },
      { text: `${queue.availableSlots} of ${queue.slots}` },
    ]),
    ...options,
  });
}

function renderActiveTasks({ activeTasks }: Worker, { now, ...options }: ViewOptions): readonly string[] {
  if (activeTasks.length === 0) return [];
  const table = renderTable({
    columns: [
      { title: "TASK", flexible: true },
      { title: "RUN", flexible: true },
      { title: "ATTEMPT", align: "right" },
      { title: "SINCE", align: "right" },
      { title: "USES", flexible: true },
    ],
    rows: activeTasks.map((task) => [
      { text: task.mapIndex === undefined ? task.taskId : `${task.taskId}[${task.mapIndex}]` },
      { text: task.dagRunId },
      { text: String(task.tryNumber) },
      { text: ago(timestampMillis(task.startDate), now) },
      { text: usageText(task.usage ?? {}) },
    ]),
    ...options,
  });
  return ["", ...table];
}

const statusStyles: Readonly<Record<string, readonly [icon: string, color: Color]>> = {
  starting: ["○", "blue"],
  healthy: ["●", "green"],
  degraded: ["▲", "yellow"],
  draining: ["▼", "yellow"],
  recovering: ["○", "blue"],
  lost: ["✗", "red"],
  stopped: ["■", "gray"],
};

function statusCell(status: Worker["status"]): Cell {
  const word = workerStatusWord(status);
  const [icon, color] = statusStyles[word] ?? ["?", "gray"];
  return { text: `${icon} ${word}`, color };
}

function usageCells({ resourceUsage }: Worker): readonly Cell[] {
  const { cpuPercent, memoryPercent, diskPercent } = resourceUsage ?? {};
  return [cpuPercent, memoryPercent, diskPercent].map((percent) => ({
    text: percent === undefined ? "" : `${Math.round(percent)} %`,
    color: percent !== undefined && percent >= nearlyFullPercent ? "yellow" : "plain",
  }));
}

/** What is left of what it has. */
function resourcesText({ resources, availableResources }: Worker): string {
  const [total, left] = [resources, availableResources].map(toAmounts);
  if (total === undefined || left === undefined) return "";
  const named = resourceNames.filter((name) => total[name] > 0);
  return named.map((name) => `${words[name]} ${amountText(left, name)} of ${amountText(total, name)}`).join(", ");
}

const words: Readonly<Record<ResourceName, string>> = {
  milliCpus: "cpu",
  memoryBytes: "memory",
  diskBytes: "disk",
  gpus: "gpus",
};

function toAmounts(given: WorkerResources | undefined): ResourceAmounts {
  const { cpu = 0, memoryBytes = 0n, diskBytes = 0n, gpus = 0 } = given ?? {};
  return {
    milliCpus: Math.round(cpu * 1000),
    memoryBytes: Number(memoryBytes),
    diskBytes: Number(diskBytes),
    gpus,
  };
}

const nearlyFullPercent = 90;

function ago(at: number | null, now: number): string {
  return at === null ? "" : `${durationText(Math.max(0, now - at))} ago`;
}

function momentText(at: number | null): string {
  return at === null ? "" : instantText(at);
}
