import type { Next } from "#middleware/chain.ts";
import type { TaskContext } from "./task-context.ts";

/** What a middleware around an attempt gets. */
export interface OperatorMiddlewareContext extends TaskContext {
  /** The task's kind of work; of a function with its handler's name: `function:send_email`. */
  readonly operatorType: string;
  /** Runs what is below; rejects with what fails there, also when the operator only says so. */
  readonly next: Next;
  /** Replaces the output `return_value` of an attempt that ends well. */
  readonly setResult: (value: unknown) => void;
}

/** Runs around attempts, as the middlewares of the engine do around its tasks. */
export type OperatorMiddleware = (context: OperatorMiddlewareContext) => unknown;

/** A middleware with the kind of work that it is for; null: for all. `function` stands for every handler. */
export interface PlacedMiddleware {
  readonly type: string | null;
  readonly middleware: OperatorMiddleware;
}
