import type { ZodType } from "zod";

/** How a field of an operator is treated when expressions stand in it. */
export type CodeLanguage = "shell" | "python" | "python_command" | "sql";

/** What a definition's check needs to know of an operator; the definition library takes a map of these by type name. */
export interface OperatorSchema {
  /** The fields of `operator:`; strict, so that unknown keys are found. */
  readonly fields: ZodType;
  /** Fields whose text is code: a value stands beside them, never in them. */
  readonly code: Readonly<Record<string, CodeLanguage>>;
  readonly description: string;
  /** Retries where the task says nothing. */
  readonly defaultRetries?: number;
  /** Milliseconds; absent: the server's maximum. */
  readonly defaultTimeoutMs?: number;
  /** What can surround its processes: what the task says, or always a container. Absent: nothing, it starts none of its own. */
  readonly encloses?: "process" | "container";
  /** `executor`: it only waits, so that no worker gets it and no slot is held. Absent: it runs on a worker. */
  readonly runsIn?: "executor";
  /** Fields that hold no expression, since they say which workers may run the task. */
  readonly literal?: readonly string[];
  /** Fields of a hook of this kind where it does not give them: a message about what has ended, in expressions. */
  readonly hookDefaults?: Readonly<Record<string, unknown>>;
  /** Fields that hold schemas in the form of `parameters:`. */
  readonly forms?: readonly string[];
}

export type OperatorSchemas = ReadonlyMap<string, OperatorSchema>;
