import { z } from "zod";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import { parseWallText, startOf, wallTextForms } from "#schedule/wall-text.ts";
import { openZone } from "#schedule/zone.ts";
import { durationField, durationToMs, exactlyOneOf, orExpression } from "./operator-fields.ts";

/** What a wait waits for, in milliseconds; instants are since 1970. */
export type TimeWait =
  | { readonly kind: "duration"; readonly durationMs: number }
  | { readonly kind: "until"; readonly untilAt: number }
  /** The condition is looked at in this rhythm. */
  | { readonly kind: "condition"; readonly pollMs: number };

const defaultPoll = "30s";
/** A shorter rhythm would keep the database busy with looking. */
const minPollMs = 1000;

/** Reads the rendered fields of `wait`; `timezone` is what a time without an offset is of. Throws VALUE_UNUSABLE. */
export function readTimeWait(config: Readonly<Record<string, unknown>>, timezone: string): TimeWait {
  const { duration, until } = config;
  if (duration !== undefined) return { kind: "duration", durationMs: readDuration("duration", duration) };
  if (until !== undefined) return { kind: "until", untilAt: readInstant("until", until, timezone) };
  const pollMs = readDuration("poll_interval", config["poll_interval"] ?? defaultPoll);
  return { kind: "condition", pollMs: Math.max(pollMs, minPollMs) };
}

/** Milliseconds of a rendered duration. Throws VALUE_UNUSABLE that names the field. */
export function readDuration(field: string, value: unknown): number {
  const durationMs = durationToMs(value);
  if (durationMs !== null) return durationMs;
  throw new AppError(
    "VALUE_UNUSABLE",
    `\`${field}\` is ${JSON.stringify(value)}, which is no duration; write 10m or 1d`,
  );
}

/** A rendered date or time as milliseconds since 1970. Throws VALUE_UNUSABLE that names the field. */
export function readInstant(field: string, value: unknown, timezone: string): number {
  const wall = typeof value === "string" ? parseWallText(value) : null;
  if (wall !== null) return startOf(wall, openZone(timezone));
  throw new AppError(
    "VALUE_UNUSABLE",
    `\`${field}\` is ${JSON.stringify(value)}, which is no time; write ${wallTextForms}`,
  );
}

/** A date, or a date and a time with or without an offset. */
export const instantField: z.ZodType = orExpression(
  z.string().refine((text) => parseWallText(text) !== null, `must be a time such as ${wallTextForms}`),
  `a time such as ${wallTextForms}`,
);

export const waitSchema: OperatorSchema = {
  fields: z
    .strictObject({
      duration: durationField.optional().describe("How long, from when it begins to wait."),
      until: instantField.optional().describe("Until this time; without an offset in the zone of the definition."),
      condition: orExpression(z.boolean(), "true or false")
        .optional()
        .describe("An expression in `{{ … }}`; the wait ends once it is true."),
      poll_interval: durationField
        .optional()
        .describe(`Time between two looks at \`condition\`; ${defaultPoll} by default, 1s at least.`),
    })
    .check(exactlyOneOf(["duration", "until", "condition"])),
  code: {},
  description: "Waits for a time or a condition, without a slot.",
  runsIn: "executor",
};
