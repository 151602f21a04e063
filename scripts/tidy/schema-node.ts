/** A part of the JSON Schema of definitions, as far as the reference reads it. */
export interface SchemaNode {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly patternErrorMessage?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly propertyNames?: SchemaNode;
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly anyOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
  readonly if?: SchemaNode;
  readonly then?: SchemaNode;
  readonly else?: SchemaNode;
  readonly $ref?: string;
}

export interface DefinitionSchema {
  readonly definitions: Readonly<Record<string, SchemaNode>>;
}

export const schemaPath = "gen/schemas/dag.json";

/** The schema that `npm run gen` wrote; one without definitions where there is none. */
export function readDefinitionSchema(text: string | null): DefinitionSchema {
  return JSON.parse(text ?? '{"definitions": {}}') as DefinitionSchema;
}

/** The schemas that hold where `type` has a value, by the value. */
export function byType(node: SchemaNode | undefined): ReadonlyMap<string, SchemaNode> {
  const rules = (node?.allOf ?? []).flatMap(({ if: condition, then }): [string, SchemaNode][] => {
    const type = condition?.properties?.["type"]?.const;
    return typeof type === "string" && then !== undefined ? [[type, then]] : [];
  });
  return new Map(rules);
}

/** Keys that must be there, also those that are asked for once all keys are known. */
export function requiredKeys({ required = [], allOf = [] }: SchemaNode): ReadonlySet<string> {
  const late = allOf.filter(({ if: condition }) => condition?.propertyNames !== undefined);
  return new Set([...required, ...late.flatMap(({ then }) => then?.required ?? [])]);
}
