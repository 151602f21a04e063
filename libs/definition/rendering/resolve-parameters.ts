import { createStepBudget } from "../expressions/evaluation-steps.ts";
import { AppError } from "#errors/app-error.ts";
import { compileDefaults, doublesOf } from "./compile-definition.ts";
import { noShellValues } from "./compile-value.ts";
import { resolveConcurrencyKey } from "./concurrency-key.ts";
import { ownValue } from "../json.ts";
import type { Definition, Json, JsonObject } from "../model.ts";
import { findViolations } from "./parameter-value.ts";
import type { RenderContext } from "./render-context.ts";

/** What is known of a run before it exists. Times are milliseconds since 1970. */
export interface NewRunContext {
  readonly logicalAt: number;
  /** Both default to `logicalAt`. */
  readonly intervalStartAt?: number;
  readonly intervalEndAt?: number;
  readonly now: number;
  readonly runId: string;
  readonly runType: string;
}

export interface ResolvedParameters {
  readonly parameters: JsonObject;
  /** What the run shares a limit by; null: nothing. */
  readonly concurrencyKey: string | null;
  /** One sentence per parameter that the definition does not declare. */
  readonly warnings: readonly string[];
}

interface BrokenRule {
  readonly parameter: string;
  /** The key of the constraint, e.g. `required`, `maximum`. */
  readonly rule: string;
  readonly message: string;
}

/**
 * The parameters of a new run: what is given, else the default, whose expressions are rendered in the order of the
 * definition. Given values are data and never rendered. Throws INVALID_PARAMETERS with every broken rule in
 * `details.violations`.
 */
export function resolveParameters(definition: Definition, given: JsonObject, run: NewRunContext): ResolvedParameters {
  const broken: BrokenRule[] = [];
  // Without prototype, since names may be anything.
  const resolved = Object.create(null) as Record<string, Json>;
  const defaults = compileDefaults(definition.parameters);
  const scope = {
    context: defaultsContext(definition, resolved, run),
    doubles: doublesOf(definition.parameters),
    steps: createStepBudget(),
  };
  for (const [name, parameter] of Object.entries(definition.parameters)) {
    const value = ownValue(given, name) ?? (Object.hasOwn(given, name) ? null : renderDefault(name));
    if (value !== undefined) {
      resolved[name] = value;
      broken.push(...findViolations(value, parameter).map((violation) => ({ parameter: name, ...violation })));
    } else if (parameter.required) {
      broken.push({ parameter: name, rule: "required", message: "is required" });
    }
  }
  const added = Object.keys(given).filter((name) => !Object.hasOwn(definition.parameters, name));
  const undeclared = added.filter((name) => name !== "sensor" || definition.sensors === undefined);
  if (!definition.additionalParameters) {
    broken.push(
      ...undeclared.map((parameter) => ({ parameter, rule: "additional_parameters", message: "is not declared" })),
    );
  }
  if (broken.length > 0) throw invalid(broken);
  for (const name of added) resolved[name] = ownValue(given, name) ?? null;
  const parameters = { ...resolved };
  return {
    parameters,
    concurrencyKey: resolveConcurrencyKey(definition, defaultsContext(definition, parameters, run)),
    warnings: undeclared.map(
      (name) => `the parameter \`${name}\` is not declared by ${definition.id}; it was kept as given`,
    ),
  };

  function renderDefault(name: string): Json | undefined {
    return defaults.get(name)?.render(scope, noShellValues);
  }
}

function defaultsContext(definition: Definition, params: JsonObject, run: NewRunContext): RenderContext {
  return {
    params,
    logicalAt: run.logicalAt,
    intervalStartAt: run.intervalStartAt ?? run.logicalAt,
    intervalEndAt: run.intervalEndAt ?? run.logicalAt,
    now: run.now,
    timezone: definition.timezone,
    run: { dag_run_id: run.runId, dag_id: definition.id, run_type: run.runType, start_date: null },
    taskInstance: { task_id: "", try_number: 0, max_tries: 0 },
    outputs: () => undefined,
    tempDir: "",
  };
}

function invalid(violations: readonly BrokenRule[]): AppError {
  const list = violations.map(({ parameter, rule, message }) => `\`${parameter}\` ${message} (${rule})`).join("; ");
  return new AppError("INVALID_PARAMETERS", `parameters do not fit the definition: ${list}`, {
    details: { violations },
  });
}
