/** Bounds of a definition; a file beyond one of them is refused with a message that names it. */
export const definitionLimits = {
  /** Bytes of UTF-8. */
  fileBytes: 1024 * 1024,
  /** Lists and maps within each other. */
  nesting: 64,
  tasks: 10_000,
  /** What `limit` of a `for_each` may be at most: items of one task. */
  items: 10_000,
  /** Times that an alias is followed, nested ones counted each time. */
  aliases: 100,
  /** Values of a file once its aliases are followed. */
  values: 500_000,
  /** Problems reported of one file. */
  problems: 1_000,
  /** Expressions of one file. */
  expressions: 20_000,
  /** Turns of the loops of one evaluation. */
  expressionSteps: 100_000,
  /** Substitutions, or parts of formatted strings, within each other in code that holds expressions. */
  codeNesting: 50,
  /** Problems reported of one text. */
  problemsOfText: 100,
  /** Characters of one expression. */
  expressionLength: 10_000,
  /** Bytes of an environment variable with its name and both separators, as Linux has it. */
  environmentEntryBytes: 131_072,
  /** Entries of one schedule. */
  scheduleEntries: 100,
  /** `max_catchup`. */
  catchup: 10_000,
  /** Milliseconds of `jitter`. */
  jitterMs: 24 * 60 * 60 * 1000,
  /** `pause_after_failures`. */
  countedFailures: 1_000,
  /** Milliseconds; about 27 years, so that no sum of durations leaves the safe integers. */
  durationMs: 10_000 * 24 * 60 * 60 * 1000,
} as const;
