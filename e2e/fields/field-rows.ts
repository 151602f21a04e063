import type { FieldRow } from "./field-row.ts";
import { dagRows } from "./dag-rows.ts";
import { limitRows } from "./limit-rows.ts";
import { noticeRows } from "./notice-rows.ts";
import { operatorRows } from "./operator-rows.ts";
import { parameterRows } from "./parameter-rows.ts";
import { priorityRows } from "./priority-rows.ts";
import { retryRows } from "./retry-rows.ts";
import { scheduleRows } from "./schedule-rows.ts";
import { sensorRows } from "./sensor-rows.ts";
import { taskRows } from "./task-rows.ts";
import { templateRows } from "./template-rows.ts";
import { waitRows } from "./wait-rows.ts";
import { hookRows } from "./hook-rows.ts";

/** The table: what shows each field of the format on one server. */
export const fieldRows: readonly FieldRow[] = [
  ...dagRows,
  ...scheduleRows,
  ...limitRows,
  ...taskRows,
  ...priorityRows,
  ...retryRows,
  ...parameterRows,
  ...templateRows,
  ...operatorRows,
  ...noticeRows,
  ...waitRows,
  ...sensorRows,
  ...hookRows,
];
