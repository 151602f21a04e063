import type { TaskReport } from "./execution-report.ts";

/** `at` is milliseconds since 1970. */
export type EngineEvent =
  | {
      readonly kind: "execution_started";
      readonly executionId: string;
      readonly at: number;
      readonly taskCount: number;
    }
  | {
      readonly kind: "task_started";
      readonly executionId: string;
      readonly at: number;
      readonly taskId: string;
      readonly tryNumber: number;
    }
  | {
      readonly kind: "task_retried";
      readonly executionId: string;
      readonly at: number;
      readonly taskId: string;
      readonly tryNumber: number;
      readonly error: unknown;
      readonly delayMs: number;
    }
  | { readonly kind: "task_ended"; readonly executionId: string; readonly at: number; readonly report: TaskReport }
  | { readonly kind: "execution_ended"; readonly executionId: string; readonly at: number; readonly success: boolean };
