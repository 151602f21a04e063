/** What `import … from "millrace/worker"` gives: workers that are programs of one's own, and what plugins are made of. */
export { createWorker, type WorkerProgram } from "./worker-program.ts";
export type { WorkerProgramOptions } from "./worker-program-options.ts";
export type { FunctionContext, FunctionHandler, TaskContext, TaskLogger } from "#operators/task-context.ts";
export type { OperatorMiddleware, OperatorMiddlewareContext } from "#operators/middleware-context.ts";
export type { OperatorPlugin, PluginContext, PluginModule } from "#operators/plugins/operator-plugin.ts";
