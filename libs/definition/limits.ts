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
  /**
   * Steps of one evaluation, and of all that one rendering of a task evaluates: turns of loops, and the reading and writing of
   * texts and lists. They take about half a second, and are enough for a loop over 100,000 entries.
   */
  expressionSteps: 500_000,
  /** Steps of all trials of one file together, and of one judgment of a message, of which there are many in a row. */
  shortSteps: 100_000,
  /** Characters of a regular expression. */
  patternLength: 1_000,
  /** Instructions of a compiled regular expression. */
  patternSize: 1_000,
  /** Characters of the text times instructions of the regular expression: a match takes less than 50 ms. */
  patternWork: 250_000,
  /** Substitutions, or parts of formatted strings, within each other in code that holds expressions. */
  codeNesting: 50,
  /** Problems reported of one text. */
  problemsOfText: 100,
  /** Operators, calls and lists of one expression within each other; in `a + b + c` the first is within the second. */
  expressionNesting: 400,
  /** Characters of one expression. */
  expressionLength: 10_000,
  /** Bytes of an environment variable with its name and both separators, as Linux has it. */
  environmentEntryBytes: 131_072,
  /** Entries of one schedule. */
  scheduleEntries: 100,
  /** `max_catchup`. */
  catchup: 10_000,
  /** `sensors` of one definition. */
  sensors: 100,
  /** `batch_size` of a sensor. */
  sensorBatch: 10_000,
  /** Declared `outputs` of one task: as many as a task may leave. */
  outputs: 256,
  /** Runs that may trigger each other in a row by `trigger_dag`; a longer row is taken for a loop. */
  triggerDepth: 20,
  /** `webhooks` of one definition. */
  webhooks: 20,
  /** Milliseconds of `jitter`. */
  jitterMs: 24 * 60 * 60 * 1000,
  /** `pause_after_failures`. */
  countedFailures: 1_000,
  /** Templates that extend each other, or stand within each other by `include`. */
  templateDepth: 32,
  /** Templates that one instance includes, those within others counted too. */
  includes: 1_000,
  /** Choices of versions that are tried until all templates of an instance agree. */
  templateRounds: 100,
  /** Milliseconds; about 27 years, so that no sum of durations leaves the safe integers. */
  durationMs: 10_000 * 24 * 60 * 60 * 1000,
} as const;

/** `max_active_runs` of a definition that says nothing. */
export const defaultActiveRuns = 16;
