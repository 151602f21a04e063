import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorResult } from "./operator.ts";
import { durationField, durationToMs } from "./operator-fields.ts";

const defaultDuration = "10s";
/** The longest time that one timer takes. */
const maxTimerMs = 2 ** 31 - 1;

/** Waits as a job would, and ends at once when it is stopped. */
export const testSleepOperator: Operator = {
  type: "millrace.test.sleep",
  inProcess: true,
  async execute({ config, signal }): Promise<OperatorResult> {
    const given = config["duration"] ?? defaultDuration;
    const durationMs = durationToMs(given);
    if (durationMs === null) {
      return { kind: "failed", code: "configuration", message: `duration ${JSON.stringify(given)} is no duration` };
    }
    await sleep(Math.min(durationMs, maxTimerMs), undefined, { signal });
    return { kind: "success" };
  },
};

export const testSleepSchema: OperatorSchema = {
  fields: z.strictObject({ duration: durationField.optional().describe(`How long; ${defaultDuration} by default.`) }),
  code: {},
  description: "Test double: a job of the given length that respects its timeout and a cancel.",
};
