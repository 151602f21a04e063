/** When a file fires. */
export const fileTriggers = ["file_created", "file_modified", "file_deleted"] as const;
export type FileTrigger = (typeof fileTriggers)[number];

/** What of a query's result fires. */
export const sqlModes = ["new_rows", "row_count", "result_change"] as const;
export type SqlMode = (typeof sqlModes)[number];

/** How a run has to end. */
export const awaitedStates = ["success", "failed", "cancelled"] as const;
export type AwaitedState = (typeof awaitedStates)[number];
