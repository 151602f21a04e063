import type { ChaosOptions } from "./chaos-cluster.ts";

/** Short, so that a lost worker is found within seconds. */
export const workerLeaseMs = 2000;
export const schedulerLeaseMs = 2000;
const scanIntervalMs = 500;
const kafkaSessionMs = 2000;
/** A ticket that nobody has claimed by then is offered again: one that is only slow comes twice. */
const redispatchMs = 5000;

const environment = {
  MILLRACE_WORKER_LEASE: `${workerLeaseMs}ms`,
  MILLRACE_WORKER_SLOTS: "4",
  MILLRACE_SCHEDULER_LEASE: `${schedulerLeaseMs}ms`,
  MILLRACE_EXECUTOR_SCAN_INTERVAL: `${scanIntervalMs}ms`,
};

const services = { schedulers: 2, executors: 2, workers: 4, environment } satisfies ChaosOptions;

/** The clusters that scenarios run on; those of one setup share one. */
export const setups = {
  services,
  /** Many hands on the same rows. Together they may open more connections than the server takes, which are a hundred. */
  executors: { ...services, executors: 4, environment: { ...environment, MILLRACE_DATABASE_POOL_MAX: "40" } },
  /** Nobody else can do the work of the one that dies. */
  single: { ...services, schedulers: 1, executors: 1, workers: 1 },
  /** Assignments go by tickets, all of them; what is lost on the way is found within seconds, as a worker is. */
  kafka: {
    ...services,
    environment: {
      ...environment,
      MILLRACE_EXECUTOR_HAND_OFF: "false",
      MILLRACE_EXECUTOR_REDISPATCH_AFTER: `${redispatchMs}ms`,
      MILLRACE_KAFKA_SESSION_TIMEOUT: `${kafkaSessionMs}ms`,
    },
    kafka: true,
  },
  /** Small, because each process is started several times; nobody dies, so neither a slow machine nor a slow link may cost a lease. */
  releases: { ...services, schedulers: 1, workers: 2, environment: { ...environment, MILLRACE_WORKER_LEASE: "15s" } },
  /** Statements go through a pooler in transaction mode. */
  pooler: { ...services, workers: 2, pooler: true },
} as const satisfies Readonly<Record<string, ChaosOptions>>;

export type SetupName = keyof typeof setups;
