import assert from "node:assert/strict";
import type { OperatorSchema, OperatorSchemas } from "#ports/operator-schema.ts";
import { bashOperator, bashSchema } from "./bash-operator.ts";
import { httpOperator, httpSchema } from "./http/http-operator.ts";
import { noopOperator, noopSchema } from "./noop-operator.ts";
import type { Operator } from "./operator.ts";
import { pythonOperator, pythonSchema } from "./python-operator.ts";
import { sqlOperator, sqlSchema } from "./sql/sql-operator.ts";
import { testFailOperator, testFailSchema } from "./test-fail-operator.ts";
import { testFlakyOperator, testFlakySchema } from "./test-flaky-operator.ts";
import { testSleepOperator, testSleepSchema } from "./test-sleep-operator.ts";

/** An operator with what a definition's check needs to know of it. */
export interface RegistryEntry {
  readonly operator: Operator;
  readonly schema: OperatorSchema;
}

/** The operators by type name; a second one of a name is refused. */
export function createRegistry(entries: readonly RegistryEntry[]): ReadonlyMap<string, RegistryEntry> {
  const registry = new Map<string, RegistryEntry>();
  for (const entry of entries) {
    const { type } = entry.operator;
    assert(!registry.has(type), `operator type ${type} is registered twice`);
    registry.set(type, entry);
  }
  return registry;
}

const builtIn = createRegistry([
  { operator: bashOperator, schema: bashSchema },
  { operator: pythonOperator, schema: pythonSchema },
  { operator: sqlOperator, schema: sqlSchema },
  { operator: httpOperator, schema: httpSchema },
  { operator: noopOperator, schema: noopSchema },
  { operator: testFailOperator, schema: testFailSchema },
  { operator: testSleepOperator, schema: testSleepSchema },
  { operator: testFlakyOperator, schema: testFlakySchema },
]);

/** The operator types with the schemas of their fields. */
export const operatorSchemas: OperatorSchemas = new Map([...builtIn].map(([type, { schema }]) => [type, schema]));

export function findOperator(type: string): Operator | undefined {
  return builtIn.get(type)?.operator;
}
