import assert from "node:assert/strict";
import type { OperatorSchema, OperatorSchemas } from "#ports/operator-schema.ts";
import { approvalSchema } from "./approval-operator.ts";
import { bashOperator, bashSchema } from "./bash-operator.ts";
import { containerOperator, containerSchema } from "./container-operator.ts";
import { functionSchema } from "./function-operator.ts";
import { httpOperator, httpSchema } from "./http/http-operator.ts";
import { noopOperator, noopSchema } from "./noop-operator.ts";
import { emailOperator, emailSchema } from "./notify/email-operator.ts";
import { slackOperator, slackSchema } from "./notify/slack-operator.ts";
import { webhookOperator, webhookSchema } from "./notify/webhook-operator.ts";
import type { Operator } from "./operator.ts";
import { pythonOperator, pythonSchema } from "./python-operator.ts";
import { sqlOperator, sqlSchema } from "./sql/sql-operator.ts";
import { testFailOperator, testFailSchema } from "./test-fail-operator.ts";
import { testFlakyOperator, testFlakySchema } from "./test-flaky-operator.ts";
import { testSleepOperator, testSleepSchema } from "./test-sleep-operator.ts";
import { triggerDagSchema } from "./trigger-dag-operator.ts";
import { waitSchema } from "./wait-operator.ts";

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

/** Those that run on every worker. */
export const builtInOperators: ReadonlyMap<string, RegistryEntry> = createRegistry([
  { operator: bashOperator, schema: bashSchema },
  { operator: pythonOperator, schema: pythonSchema },
  { operator: containerOperator, schema: containerSchema },
  { operator: sqlOperator, schema: sqlSchema },
  { operator: httpOperator, schema: httpSchema },
  { operator: emailOperator, schema: emailSchema },
  { operator: slackOperator, schema: slackSchema },
  { operator: webhookOperator, schema: webhookSchema },
  { operator: noopOperator, schema: noopSchema },
  { operator: testFailOperator, schema: testFailSchema },
  { operator: testSleepOperator, schema: testSleepSchema },
  { operator: testFlakyOperator, schema: testFlakySchema },
]);

/** Kinds of work that only wait: an executor does it (services/executor/wait-kinds.ts), and no worker ever gets it. */
const waiting: readonly (readonly [string, OperatorSchema])[] = [
  ["wait", waitSchema],
  ["approval", approvalSchema],
  ["trigger_dag", triggerDagSchema],
];

/** Kinds of work that only those workers run that bring them along. */
const brought: readonly (readonly [string, OperatorSchema])[] = [["function", functionSchema]];

/** The operator types with the schemas of their fields. */
export const operatorSchemas: OperatorSchemas = new Map([
  ...[...builtInOperators].map(([type, { schema }]) => [type, schema] as const),
  ...waiting,
  ...brought,
]);

export function findOperator(type: string): Operator | undefined {
  return builtInOperators.get(type)?.operator;
}
