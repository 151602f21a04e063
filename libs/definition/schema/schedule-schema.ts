import { z } from "zod";
import { parseDuration } from "#schedule/duration.ts";
import { durationSchema as duration } from "./duration-schema.ts";
import { definitionLimits } from "../limits.ts";

/*
 * The shape of `schedule:`. What its texts mean is checked where they are read.
 */

const oneOrMore = z.union([z.string(), z.array(z.string()).min(1).max(definitionLimits.scheduleEntries)]);

/** Keys that say when; an entry of a list may hold them too. */
const timing = {
  cron: oneOrMore.optional().describe("Five fields or a macro such as `@daily`, or a list of them."),
  every: oneOrMore.optional().describe("An interval such as `15m`."),
  at: oneOrMore.optional().describe("A single time such as `2026-12-24 14:30`, in the schedule's zone."),
  timezone: z.string().optional().describe("An IANA zone; the definition's by default."),
  start_date: z
    .string()
    .optional()
    .describe("Nothing fires before it; slots since then that were not made count as missed."),
  end_date: z.string().optional().describe("Nothing fires after it; a date is included as a whole."),
  dst: z
    .strictObject({
      gap: z.enum(["shift", "next", "skip"]).optional().describe("A time that the clocks skip; `shift` by default."),
      overlap: z.enum(["first", "both"]).optional().describe("A time that comes twice; `first` by default."),
    })
    .optional()
    .describe("What a fixed time does when the clocks change."),
};

const entry = z.union([z.string(), z.strictObject(timing)]);
const entries = z.array(entry).min(1).max(definitionLimits.scheduleEntries);

export const scheduleSchema = z.union([
  z.string(),
  z.strictObject({
    ...timing,
    entries: entries.optional().describe("Several of them, each with a zone and bounds of its own."),
    catchup: z.enum(["none", "latest", "all"]).optional().describe("Slots that were missed; `latest` by default."),
    max_catchup: z
      .int()
      .min(1)
      .max(definitionLimits.catchup)
      .optional()
      .describe("Missed slots made at most; 100 by default."),
    overlap: z
      .enum(["allow", "skip", "queue", "cancel_running"])
      .optional()
      .describe("A slot that comes while the last run goes on; `allow` by default."),
    jitter: duration
      .refine((text) => (parseDuration(text) ?? 0) <= definitionLimits.jitterMs, "must be at most 1d")
      .optional()
      .describe("The longest delay of a slot; none by default."),
    pause_after_failures: z
      .int()
      .min(1)
      .max(definitionLimits.countedFailures)
      .optional()
      .describe("Failed runs in a row that pause the definition; never by default."),
  }),
  entries,
  z.null(),
]);
