import { expect } from "vitest";
import type { FieldRow } from "./field-row.ts";

/** Whether and when a task is tried again. */
export const retryRows: readonly FieldRow[] = [
  {
    does: "`retries` is short for `retry.max_retries`, which counts attempts after the first",
    shows: ["task.retries", "task.retry", "task.retry.max_retries"],
    yaml: [
      `id: counted
tasks:
  - {id: short, type: millrace.test.fail, retries: 1, retry: {delay: 50ms}, operator: {}}
  - {id: long, type: millrace.test.fail, retry: {max_retries: 2, delay: 50ms, jitter: 0}, operator: {}}
  - {id: none, type: millrace.test.fail, operator: {}}
`,
    ],
    ends: "failed",
    tasks: { short: { try_number: 2 }, long: { try_number: 3 }, none: { try_number: 1 } },
  },
  {
    does: "`delay` grows by `backoff_multiplier` up to `max_delay`; without `jitter` exactly",
    shows: ["task.retry.delay", "task.retry.backoff_multiplier", "task.retry.max_delay", "task.retry.jitter"],
    yaml: [
      `id: growing
tasks:
  - {id: a, type: millrace.test.fail, retry: {max_retries: 4, delay: 10ms, backoff_multiplier: 3, max_delay: 50ms, jitter: 0}, operator: {}}
  - {id: b, type: millrace.test.fail, retry: {max_retries: 1, delay: 100ms, jitter: 0.5}, operator: {}}
`,
    ],
    ends: "failed",
    async check({ call }, { tasks }) {
      const delays = async (task: string) => {
        const { attempts } = (await call(`taskInstances/${encodeURIComponent(tasks[task]?.id ?? "")}/attempts`)).json;
        const rows = attempts as { attempt_number: number; backoff_delay_ms: number | null }[];
        const ordered = rows.toSorted((one, two) => one.attempt_number - two.attempt_number);
        return ordered.flatMap(({ backoff_delay_ms: delay }) => (delay === null ? [] : [delay]));
      };
      expect(await delays("a")).toEqual([10, 30, 50, 50]);
      const [spread = 0] = await delays("b");
      expect(spread).toBeGreaterThanOrEqual(50);
      expect(spread).toBeLessThanOrEqual(150);
    },
  },
  {
    does: "`retry_exit_codes` and `no_retry_exit_codes` choose by how a process ends",
    shows: ["task.retry.retry_exit_codes", "task.retry.no_retry_exit_codes"],
    yaml: [
      `id: by_code
tasks:
  - {id: named, type: bash, retry: {max_retries: 1, delay: 50ms, retry_exit_codes: [7]}, operator: {bash_command: exit 7}}
  - {id: other, type: bash, retry: {max_retries: 1, delay: 50ms, retry_exit_codes: [7]}, operator: {bash_command: exit 3}}
  - {id: final, type: bash, retry: {max_retries: 1, delay: 50ms, no_retry_exit_codes: [9]}, operator: {bash_command: exit 9}}
`,
    ],
    ends: "failed",
    tasks: { named: { try_number: 2 }, other: { try_number: 1 }, final: { try_number: 1 } },
  },
  {
    does: "`retry_timeout` is the longest time of all attempts together, within `retry` too",
    shows: ["task.retry_timeout", "task.retry.retry_timeout"],
    yaml: [
      `id: long_enough
tasks:
  - {id: a, type: millrace.test.fail, retry_timeout: 600ms, retry: {max_retries: 1000, delay: 200ms, backoff_multiplier: 1}, operator: {}}
  - {id: b, type: millrace.test.fail, retry: {max_retries: 1000, delay: 200ms, backoff_multiplier: 1, retry_timeout: 600ms}, operator: {}}
`,
    ],
    ends: "failed",
    check(_see, { tasks }) {
      for (const id of ["a", "b"]) expect(tasks[id]?.try_number).toBeLessThan(6);
    },
  },
  {
    does: "`idempotent: false` is never tried again once it may have started",
    shows: ["task.idempotent"],
    yaml: [
      `id: only_once
tasks:
  - {id: a, type: bash, idempotent: false, retry: {max_retries: 3, delay: 50ms}, operator: {bash_command: exit 1}}
`,
    ],
    ends: "failed",
    tasks: { a: { try_number: 1 } },
  },
];
