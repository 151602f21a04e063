import { z } from "zod";
import { describeError } from "#errors/app-error.ts";
import type { Operator, OperatorContext, OperatorResult, StartProcess } from "../operator.ts";
import { runOwnCode, toTaskContext } from "../own-code.ts";
import type { RegistryEntry } from "../registry.ts";
import type { OperatorPlugin, PluginContext } from "./operator-plugin.ts";

const typePattern = /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/;

/** The operator of a plugin as the registry has them. Throws an `Error` that says what is wrong with it. */
export function toRegistryEntry(plugin: OperatorPlugin): RegistryEntry {
  checkPlugin(plugin);
  const { type, code = {}, description = "An operator of a plugin.", defaultRetries, defaultTimeoutMs } = plugin;
  const fields = toZod(plugin);
  const operator: Operator = {
    type,
    inProcess: plugin.usesProcesses !== true,
    execute: (context) => execute(plugin, fields, context),
  };
  const schema = {
    fields,
    code,
    description,
    ...(defaultRetries === undefined ? {} : { defaultRetries }),
    ...(defaultTimeoutMs === undefined ? {} : { defaultTimeoutMs }),
  };
  return { operator, schema };
}

function checkPlugin(plugin: OperatorPlugin): void {
  const { type, execute, schema } = plugin;
  if (typeof type !== "string" || !typePattern.test(type)) {
    throw new Error("its `type` must be letters, digits, dots, hyphens and underscores, beginning with a letter");
  }
  if (typeof execute !== "function") throw new Error("its `execute` must be a function");
  if (typeof schema !== "object" || schema === null) {
    throw new Error("its `schema` must be a schema of zod 4 or a JSON Schema");
  }
}

/** A schema of zod may come from another copy of zod 4 than ours: it is known by what it can do. */
function toZod({ schema }: OperatorPlugin): z.ZodType {
  if ("_zod" in schema && "safeParse" in schema) return schema as z.ZodType;
  if ("safeParse" in schema) throw new Error("its `schema` is of an older zod; zod 4 is needed");
  try {
    return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch (error) {
    throw new Error(`its \`schema\` can't be used as a JSON Schema: ${describeError(error)}`, { cause: error });
  }
}

/** Values of expressions are known only now, so the fields are checked once more. */
function execute(plugin: OperatorPlugin, fields: z.ZodType, context: OperatorContext): Promise<OperatorResult> {
  const checked = fields.safeParse(context.config);
  if (!checked.success) {
    const problems = checked.error.issues.map(({ path, message }) => `operator.${path.join(".")}: ${message}`);
    return Promise.resolve({ kind: "failed", code: "configuration", message: problems.join("; ") });
  }
  const task = toTaskContext(context);
  const own: PluginContext = {
    ...task,
    config: checked.data as PluginContext["config"],
    environment: context.environment,
    runProcess: (process) => runProcess(process, context),
  };
  return runOwnCode(() => plugin.execute(own), task.logger);
}

async function runProcess(
  { file, args = [], environment = {}, cwd, input }: Parameters<PluginContext["runProcess"]>[0],
  context: Pick<OperatorContext, "environment" | "workingDirectory"> & { readonly startProcess: StartProcess },
): ReturnType<PluginContext["runProcess"]> {
  const { exitCode, signal, lastStdoutLine, stderrTail, failure } = await context.startProcess({
    file,
    args,
    environment: { ...context.environment, ...environment },
    cwd: cwd ?? context.workingDirectory,
    ...(input === undefined ? {} : { input }),
  });
  if (failure !== null) throw new Error(`${file}: ${failure.message}`);
  return { exitCode, signal, lastStdoutLine, stderrTail };
}
