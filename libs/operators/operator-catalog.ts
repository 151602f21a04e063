import { closestName } from "#core/closest-name.ts";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { createFunctionOperator } from "./function-operator.ts";
import type { PlacedMiddleware } from "./middleware-context.ts";
import type { Operator } from "./operator.ts";
import { withMiddlewares } from "./operator-middleware.ts";
import { builtInOperators, createRegistry, operatorSchemas, type RegistryEntry } from "./registry.ts";
import type { FunctionHandler } from "./task-context.ts";

/** The kinds of work that a process knows. */
export interface OperatorCatalog {
  /** Those that definitions may name. */
  readonly schemas: OperatorSchemas;
  /** Those that run here, as a worker tells executors. */
  readonly types: readonly string[];
  readonly find: (type: string) => Operator | undefined;
}

export interface CatalogParts {
  /** The built-in operators that run here; null: all. */
  readonly builtIn?: readonly string[] | null;
  readonly added?: readonly RegistryEntry[];
  readonly functions?: ReadonlyMap<string, FunctionHandler>;
  readonly middlewares?: readonly PlacedMiddleware[];
}

/** Throws `INVALID_CONFIG` for an added type that exists already, and for a built-in one that does not. */
export function createCatalog(parts: CatalogParts = {}): OperatorCatalog {
  const { builtIn = null, added = [], functions = new Map<string, FunctionHandler>(), middlewares = [] } = parts;
  for (const { operator } of added) {
    if (operatorSchemas.has(operator.type)) throw taken(operator.type);
  }
  const own = createRegistry(added);
  const schemas = new Map([...operatorSchemas, ...[...own].map(([type, { schema }]) => [type, schema] as const)]);
  const known = new Map([...builtInOperators].map(([type, { operator }]) => [type, operator]));
  const chosen =
    builtIn === null ? [...known.values()] : builtIn.map((type) => known.get(type) ?? unknown(type, known));
  const operators = [
    ...chosen,
    ...added.map(({ operator }) => operator),
    ...[...functions].map(([name, handler]) => createFunctionOperator(name, handler)),
  ];
  const byType = new Map(operators.map((operator) => [operator.type, withMiddlewares(operator, middlewares)]));
  return { schemas, types: [...byType.keys()], find: (type) => byType.get(type) };
}

/** What every process knows that has no plugins. */
export const builtInCatalog: OperatorCatalog = createCatalog();

function taken(type: string): AppError {
  return new AppError("INVALID_CONFIG", `there is an operator ${type} already; give the added one another type`);
}

function unknown(type: string, known: ReadonlyMap<string, Operator>): never {
  const near = closestName(type, known.keys());
  const advice = near === null ? `there are ${[...known.keys()].join(", ")}` : `did you mean ${near}?`;
  throw new AppError("INVALID_CONFIG", `there is no built-in operator ${type}; ${advice}`);
}
