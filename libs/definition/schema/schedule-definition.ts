import type { ScheduleSpec } from "#schedule/schedule.ts";
import type { SchedulePolicy } from "#schedule/schedule-policy.ts";

/** When a definition runs, and what to do with each slot; what is absent is as by default (`policyOf`). */
export interface ScheduleDefinition extends ScheduleSpec, Partial<SchedulePolicy> {}
