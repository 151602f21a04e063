import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { dagSchema, parameterSchema, parameterTypes, taskBodySchema, taskSchema } from "./definition-schema.ts";
import { dagIdForm, taskIdForm } from "./id-forms.ts";
import { hookSchema } from "./hook-schema.ts";
import { isJsonObject, isList } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { Json, JsonObject } from "../model.ts";
import { sensorSchema } from "./sensor-schema.ts";
import { mapSchemas, orExpression, preciseSchema, ruleOf, withRules } from "./precise-schema.ts";
import { instanceFileSchema, templateFileSchema } from "../templates/template-schema.ts";

/**
 * The format of definitions, of templates and of their instances as JSON Schema (draft-07) for editors: shapes, names
 * and the fields of each kind of work. What needs more than one value to judge (graph, expressions, zones, cron), and the
 * body of a template, only the checks of files look at.
 */
export function definitionJsonSchema(operators: OperatorSchemas): JsonObject {
  const dag = toJsonSchema(dagSchema);
  const { operatorFields: byType, hookFields, parts } = operatorFields(operators);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    ...ruleOf({ required: ["template"] }, refTo("template")),
    else: { ...ruleOf({ required: ["from_template"] }, refTo("instance")), else: refTo("dag") },
    definitions: {
      dag: withProperties(dag, {
        tasks: tasksSchema,
        sensors: sensorsSchema,
        ...hookProperties("the run"),
        parameters: {
          type: "object",
          description: "Defaults or schemas of the run's parameters.",
          additionalProperties: refTo("parameter"),
        },
      }),
      template: toJsonSchema(templateFileSchema),
      instance: withProperties(toJsonSchema(instanceFileSchema), { id: dagIdForm }),
      task: taskDefinition(taskSchema, operators),
      taskBody: taskDefinition(taskBodySchema, operators),
      hook: hookDefinition,
      hookTask: withoutType(taskType(toJsonSchema(hookSchema), operators, "hookFields")),
      operatorFields: byType,
      hookFields,
      sensor: toJsonSchema(sensorSchema),
      parameter: ruleOf(longFormMark, refTo("longParameter")),
      longParameter: longParameter(),
      ...parts,
    },
  };
}

const tasksSchema: JsonObject = {
  description: "The tasks: a list, or a map from id to task.",
  type: ["array", "object"],
  minItems: 1,
  maxItems: definitionLimits.tasks,
  items: refTo("task"),
  minProperties: 1,
  maxProperties: definitionLimits.tasks,
  propertyNames: taskIdForm,
  additionalProperties: refTo("taskBody"),
};

const sensorsSchema: JsonObject = {
  description: "What makes a run when it changes.",
  type: "array",
  maxItems: definitionLimits.sensors,
  items: refTo("sensor"),
};

/** Of an output a type name, or the long form of a parameter. */
const declaredOutputs: JsonObject = {
  description: "What a success leaves, and of what type: checked before it counts.",
  type: "object",
  maxProperties: definitionLimits.outputs,
  additionalProperties: {
    ...ruleOf({ type: "string" }, { enum: [...parameterTypes] }),
    else: { type: ["string", "object"], ...refTo("longParameter") },
  },
};

function taskDefinition(schema: z.ZodType, operators: OperatorSchemas): JsonObject {
  const own = { outputs: declaredOutputs, ...hookProperties("the task") };
  return taskType(withProperties(toJsonSchema(schema), own), operators, "operatorFields");
}

/** What its fields are depends on the kind of work. */
function taskType(task: JsonObject, operators: OperatorSchemas, fields: "operatorFields" | "hookFields"): JsonObject {
  const types = [...operators].map(([type, { description }]) => ({ type, description }));
  const typed = withProperties(task, {
    type: {
      description: "The kind of work.",
      enum: types.map(({ type }) => type),
      markdownEnumDescriptions: types.map(({ description }) => description),
    },
    operator: { description: "The fields of the kind of work." },
  });
  return withRules(typed, [refTo(fields)]);
}

function hookProperties(of: string): JsonObject {
  return {
    on_success: { description: `What runs when ${of} has succeeded.`, ...refTo("hook") },
    on_failure: { description: `What runs when ${of} has failed.`, ...refTo("hook") },
  };
}

/** An address to post to, or a task. */
const hookDefinition: JsonObject = {
  type: ["string", "object"],
  ...ruleOf(
    { type: "string" },
    {
      pattern: String.raw`^https?://.|\{\{`,
      patternErrorMessage: "must be an address that begins with http:// or https://, or a task",
    },
  ),
  else: refTo("hookTask"),
};

/** The fields of `operator` by the value of `type`, and what they refer to; of an unknown kind of work nothing is known. */
function operatorFields(operators: OperatorSchemas): {
  readonly operatorFields: JsonObject;
  /** The same for hooks, some of which say something by themselves. */
  readonly hookFields: JsonObject;
  readonly parts: JsonObject;
} {
  const parts: Record<string, Json> = {};
  const hookBranches: JsonObject[] = [];
  const branches = [...operators].map(([type, { fields, description, hookDefaults }]) => {
    const { definitions, ...schema } = ownDefinitions(type, toJsonSchema(fields));
    Object.assign(parts, definitions);
    const operator = { ...mapSchemas(schema, withExpressions), description };
    const isType = { properties: { type: { const: type } }, required: ["type"] };
    if (hookDefaults !== undefined) {
      const optional = withoutRequired(operator, Object.keys(hookDefaults));
      hookBranches.push(ruleOf(isType, { properties: { operator: optional } }));
    }
    return ruleOf(isType, { properties: { operator } });
  });
  const speaking = [...operators].flatMap(([type, { hookDefaults }]) => (hookDefaults === undefined ? [] : [type]));
  const others = {
    ...ruleOf({ properties: { type: { enum: speaking } }, required: ["type"] }, {}),
    else: refTo("operatorFields"),
  };
  return { operatorFields: { allOf: branches }, hookFields: { allOf: [...hookBranches, others] }, parts };
}

/** What refers to it says it. */
function withoutType({ type: _type, ...schema }: JsonObject): JsonObject {
  return schema;
}

/** The schema of a map in which these keys may be missing; what is required stands in its rules. */
function withoutRequired(schema: JsonObject, names: readonly string[]): JsonObject {
  const relax = (rule: JsonObject): JsonObject => {
    const { required } = rule;
    const inner = mapSchemas(rule, (part) => ("required" in part && !("properties" in part) ? relax(part) : part));
    return isList(required)
      ? { ...inner, required: required.filter((name) => typeof name !== "string" || !names.includes(name)) }
      : inner;
  };
  const { allOf } = schema;
  return isList(allOf) ? { ...schema, allOf: allOf.map((rule) => (isJsonObject(rule) ? relax(rule) : rule)) } : schema;
}

/** A schema with the definitions that it refers to named after it, so that several have room beside each other. */
function ownDefinitions(owner: string, schema: JsonObject): JsonObject {
  const rename = ({ $ref, definitions, ...rest }: JsonObject): JsonObject => {
    const named = isJsonObject(definitions)
      ? {
          definitions: Object.fromEntries(
            Object.entries(definitions).map(([name, part]) => [`${owner}.${name}`, part]),
          ),
        }
      : {};
    const referring = typeof $ref === "string" ? refTo(`${owner}.${$ref.slice("#/definitions/".length)}`) : {};
    return mapSchemas({ ...rest, ...named, ...referring }, rename);
  };
  return rename(schema);
}

/** In the place of any value that is no text may stand an expression, which gives it. */
function withExpressions(schema: JsonObject): JsonObject {
  const { type } = schema;
  const takesText = (isList(type) ? type : [type]).includes("string");
  if ((type === undefined && !("enum" in schema)) || takesText) return schema;
  return orExpression(mapSchemas(schema, withExpressions));
}

/** A map with a known type name is the long form; anything else is a default. */
const longFormMark: JsonObject = {
  type: "object",
  properties: { type: { enum: [...parameterTypes] } },
  required: ["type"],
};

function longParameter(): JsonObject {
  const schema = toJsonSchema(parameterSchema);
  const items = { ...ruleOf({ type: "string" }, { enum: [...parameterTypes] }), else: refTo("longParameter") };
  const constraints = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const { validation: _validation, ...others } = constraints;
  const validation = { type: "object", properties: { ...others, items }, additionalProperties: false };
  return withProperties(schema, { items, validation });
}

function withProperties(schema: JsonObject, properties: JsonObject): JsonObject {
  const known = schema["properties"];
  return { ...schema, properties: { ...(isJsonObject(known) ? known : {}), ...properties } };
}

function refTo(name: string): JsonObject {
  return { $ref: `#/definitions/${name}` };
}

type JsonSchema = z.core.JSONSchema.JSONSchema;

function toJsonSchema(schema: z.ZodType): JsonObject {
  const { $schema: _schema, ...found } = z.toJSONSchema(schema, {
    target: "draft-07",
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const rules = choicesOf(zodSchema).flatMap((names) =>
        choiceRules(names, Object.keys(jsonSchema.properties ?? {})),
      );
      if (rules.length > 0) jsonSchema.allOf = [...(jsonSchema.allOf ?? []), ...(rules as JsonSchema[])];
    },
  });
  return preciseSchema(found as unknown as JsonObject);
}

/** The names of which exactly one must be given, as the checks of a schema carry them. */
function choicesOf(schema: z.core.$ZodType): (readonly string[])[] {
  return (schema._zod.def.checks ?? []).flatMap(({ _zod }) => {
    const check: unknown = Reflect.get(_zod, "check");
    const names = typeof check === "function" && "exactlyOneOf" in check ? check.exactlyOneOf : undefined;
    return Array.isArray(names) ? [names as readonly string[]] : [];
  });
}

function choiceRules(names: readonly string[], known: readonly string[]): JsonObject[] {
  const errorMessage = `exactly one of ${names.join(", ")} is needed`;
  const others = known.filter((name) => !names.includes(name));
  const missing = ruleOf({ propertyNames: { enum: others } }, { required: names.slice(0, 1), errorMessage });
  const doubled = names.flatMap((name, place) =>
    names
      .slice(place + 1)
      .map((other) => ruleOf({ required: [name] }, { properties: { [other]: false }, errorMessage })),
  );
  return [missing, ...doubled];
}
