import { languageOf } from "../rendering/compile-value.ts";
import { parameterTypes } from "../schema/definition-schema.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { FillScope } from "./fill-expression.ts";
import { fillText, type TextPlace } from "./fill-text.ts";
import type { SourceFindings } from "./source-findings.ts";
import {
  isSourcedList,
  isSourcedMap,
  plainObject,
  type SourcedMap,
  type SourcedNode,
  sourcedNode,
} from "./sourced-tree.ts";

export interface FillOptions {
  readonly scope: FillScope;
  readonly operators: OperatorSchemas;
  readonly findings: SourceFindings;
}

/** Fills the values of a template into its body. What can't be filled is reported and stays as it was written. */
export function fillBody(body: SourcedMap, options: FillOptions): SourcedMap {
  return fillMap(body, (key) => dagPlaces[key] ?? "plain", options);
}

/** Fills a value all of whose texts are of one kind. */
export function fillNode(
  node: SourcedNode,
  place: TextPlace,
  { scope, findings }: Omit<FillOptions, "operators">,
): SourcedNode {
  return fill(node, place, { scope, findings, operators: noOperators });
}

const noOperators: OperatorSchemas = new Map();

/** What stands at a key: texts of one kind, or a structure with places of its own. */
type Place = TextPlace | "parameters" | "tasks" | "task" | "default_task_config" | "for_each" | "concurrency";

const dagPlaces: Readonly<Record<string, Place>> = {
  parameters: "parameters",
  default_task_config: "default_task_config",
  tasks: "tasks",
  concurrency: "concurrency",
  sensors: "rendered",
  on_success: "task",
  on_failure: "task",
};

/** Of a task, its defaults, or a hook. */
const taskPlaces: Readonly<Record<string, Place>> = {
  parameters: "rendered",
  environment: "rendered",
  when: "bare",
  for_each: "for_each",
  pool: "rendered",
  on_success: "task",
  on_failure: "task",
};

const entryPlaces: Readonly<Partial<Record<Place, Readonly<Record<string, Place>>>>> = {
  default_task_config: taskPlaces,
  for_each: { items: "bare", key: "bare" },
  concurrency: { key: "bare" },
};

/** Structures: the value of a parameter may be part of them, but not be one. */
const structures: ReadonlySet<Place> = new Set(["tasks", "task"]);

function fill(node: SourcedNode, place: Place, options: FillOptions): SourcedNode {
  const { value } = node;
  if (typeof value === "string") return fillScalar(node, value, place, options);
  if (isSourcedList(value)) {
    const itemPlace = place === "tasks" ? "task" : place;
    return { ...node, value: value.map((item) => fill(item, itemPlace, options)) };
  }
  if (!isSourcedMap(value)) return node;
  if (place === "task") return { ...node, value: fillTask(value, options) };
  if (place === "tasks") return { ...node, value: fillMap(value, () => "task", options) };
  if (place === "parameters") return { ...node, value: fillParameters(value, options) };
  const places = entryPlaces[place];
  const inner = places === undefined ? place : "plain";
  return { ...node, value: fillMap(value, (key) => places?.[key] ?? inner, options) };
}

function fillMap(map: SourcedMap, placeOf: (key: string) => Place, options: FillOptions): SourcedMap {
  const entries = [...map].map(([key, item]) => {
    if (/\{\{\s*\./.test(key)) {
      const hint = "write a list with `id:`, or give the whole map as a parameter";
      const finding = { code: "INVALID_KEY", message: "a template expression can't stand in a key", hint };
      options.findings.add({ ...item.origin, isKey: true }, finding);
    }
    return [key, fill(item, placeOf(key), options)] as const;
  });
  return new Map(entries);
}

/** The kind of work comes first: it says which fields of the operator are code. */
function fillTask(task: SourcedMap, options: FillOptions): SourcedMap {
  const type = task.get("type");
  const filledType = type === undefined ? undefined : fill(type, "plain", options);
  const kind = filledType?.value;
  const code = options.operators.get(typeof kind === "string" ? kind : "")?.code ?? {};
  return fillMapWith(task, (key, node) => {
    if (key === "type") return filledType ?? node;
    if (key !== "operator") return fill(node, taskPlaces[key] ?? "plain", options);
    if (!isSourcedMap(node.value)) return fill(node, "task", options);
    const operator = plainObject(node.value);
    return {
      ...node,
      value: fillMap(
        node.value,
        (name) => {
          const language = languageOf(
            Object.hasOwn(code, name) ? code[name] : undefined,
            operator[name] ?? null,
            operator,
          );
          if (language === "text") return "rendered";
          return language === "sql" ? "sql" : "code";
        },
        options,
      ),
    };
  });
}

function fillMapWith(map: SourcedMap, change: (key: string, node: SourcedNode) => SourcedNode): SourcedMap {
  return new Map([...map].map(([key, node]) => [key, change(key, node)] as const));
}

/** A run's parameters: in the long form only the default is rendered at run time. */
function fillParameters(parameters: SourcedMap, options: FillOptions): SourcedMap {
  return fillMapWith(parameters, (_, node) => {
    if (!isSourcedMap(node.value) || !isLongForm(node.value)) return fill(node, "rendered", options);
    return { ...node, value: fillMap(node.value, (key) => (key === "default" ? "rendered" : "plain"), options) };
  });
}

function isLongForm(parameter: SourcedMap): boolean {
  const type = parameter.get("type")?.value;
  return parameter.has("default") || parameterTypes.some((known) => known === type);
}

function fillScalar(node: SourcedNode, text: string, place: Place, options: FillOptions): SourcedNode {
  const { origin } = node;
  const textPlace = isTextPlace(place) ? place : place === "for_each" ? "bare" : "plain";
  const filled = fillText(text, textPlace, options.scope, (offset, finding) =>
    options.findings.add({ ...origin, offset }, finding),
  );
  if (filled === null) return node;
  const result = sourcedNode(filled.value, origin.source, origin.path);
  if (isSourcedList(result.value) || isSourcedMap(result.value)) {
    if (structures.has(place)) {
      const message = "a parameter's value can't be a task or a part of one that holds code";
      const hint = "write it out, and use parameters for the single values";
      options.findings.add(origin, { code: "UNSAFE_PLACE", message, hint });
      return node;
    }
    return { ...withOrigin(result, node), isMadeUp: filled.isMadeUp };
  }
  return { ...result, origin, spans: filled.spans, isMadeUp: filled.isMadeUp };
}

/** All of a value that was filled in stands where its expression was written. */
function withOrigin(node: SourcedNode, { origin }: SourcedNode): SourcedNode {
  const { value } = node;
  if (isSourcedList(value)) return { origin, value: value.map((item) => withOrigin(item, { origin, value: null })) };
  if (!isSourcedMap(value)) return { origin, value };
  return { origin, value: fillMapWith(value, (_, item) => withOrigin(item, { origin, value: null })) };
}

function isTextPlace(place: Place): place is TextPlace {
  return ["plain", "rendered", "bare", "code", "sql"].includes(place);
}
