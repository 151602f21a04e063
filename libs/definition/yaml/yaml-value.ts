import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from "yaml";
import { closestName } from "#core/closest-name.ts";
import { definitionLimits } from "../limits.ts";
import type { Json } from "../model.ts";
import { type ProblemList, proposal } from "../problem-list.ts";
import { isExact } from "./plain-scalar.ts";
import { tooDeep } from "./yaml-document.ts";
import type { YamlTree } from "./yaml-tree.ts";

/**
 * The JSON of a YAML tree; what JSON can't hold becomes a problem and null. It is not complete when an alias could not
 * be followed or a limit stopped the reading: then nothing can be said about the rest.
 */
export function toJson(
  { plain, nodes }: YamlTree,
  problems: ProblemList,
): { readonly value: Json; readonly isComplete: boolean } {
  if (plain !== undefined) return { value: plain, isComplete: true };
  const conversion = new Conversion(problems);
  return { value: conversion.node(nodes().contents, 0), isComplete: conversion.isComplete };
}

/** Tags of the core schema; every other one is an error, since a tag may change what a value means. */
const knownTags = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`),
);

class Conversion {
  readonly #problems: ProblemList;
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  isComplete = true;
  #aliasesFollowed = 0;
  #values = 0;
  #isStopped = false;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  node(node: Node | null, depth: number): Json {
    this.#values += 1;
    if (node === null || this.#isStopped) return null;
    if (depth > definitionLimits.nesting) return this.#stop(node, tooDeep);
    if (this.#values > definitionLimits.values) return this.#stop(node, tooManyValues);
    if (isAlias(node)) return this.#alias(node, depth);
    this.#checkTag(node);
    if (isScalar(node)) return this.#scalar(node);
    this.#open.add(node);
    let value: Json = null;
    if (isMap(node)) value = this.#map(node, depth);
    else if (isSeq(node)) value = node.items.map((item) => this.node(item as Node, depth + 1));
    this.#open.delete(node);
    this.#remember(node);
    return value;
  }

  #map(map: YAMLMap, depth: number): Json {
    const object: Record<string, Json> = {};
    for (const pair of map.items) {
      const key = pair.key as Node | null;
      const name = this.#keyName(key, map);
      if (name === null) continue;
      if (Object.hasOwn(object, name)) {
        this.#problems.add(offsetOf(key ?? map), {
          code: "DUPLICATE_KEY",
          message: `the key \`${name}\` stands here twice`,
        });
        continue;
      }
      object[name] = this.node((pair.value ?? null) as Node | null, depth + 1);
    }
    return object;
  }

  #keyName(key: Node | null, map: YAMLMap): string | null {
    if (key === null) return "";
    if (!isScalar(key)) {
      this.#problems.add(offsetOf(map), {
        code: "INVALID_KEY",
        message: "a key is a list, a map or an alias",
        hint: map.flow === true ? 'put text with an expression in quotes: "{{ … }}"' : "keys are text",
      });
      return null;
    }
    this.#checkTag(key);
    this.#remember(key);
    const name = typeof key.value === "string" ? key.value : (key.source ?? "");
    if (name === "__proto__") {
      this.#problems.add(offsetOf(key), { code: "INVALID_KEY", message: "the key `__proto__` is not allowed" });
      return null;
    }
    return name;
  }

  #scalar(node: Scalar): Json {
    this.#remember(node);
    const value = node.value;
    if (typeof value === "number") {
      if (isExact(value)) return value;
      this.#problems.add(offsetOf(node), {
        code: "INVALID_NUMBER",
        message: `the number ${node.source ?? String(value)} can't be kept exactly`,
        hint: "put it in quotes to keep it as text",
      });
      return null;
    }
    if (value === null || typeof value === "boolean" || typeof value === "string") return value;
    return null;
  }

  #alias(alias: Alias, depth: number): Json {
    const target = this.#anchors.get(alias.source);
    if (target === undefined) {
      this.isComplete = false;
      const near = closestName(alias.source, this.#anchors.keys());
      const isOpen = [...this.#open].some((node) => "anchor" in node && node.anchor === alias.source);
      this.#problems.add(offsetOf(alias), {
        code: "UNKNOWN_ALIAS",
        message: isOpen
          ? `the alias \`*${alias.source}\` stands within itself`
          : `no anchor \`&${alias.source}\` stands before this alias`,
        hint: near === null ? "" : proposal(`*${near}`),
      });
      return null;
    }
    this.#aliasesFollowed += 1;
    if (this.#aliasesFollowed > definitionLimits.aliases) return this.#stop(alias, tooManyAliases);
    return this.node(target, depth);
  }

  /** An anchor counts from the end of its node on; a later one of the same name replaces it. */
  #remember(node: Node): void {
    if ("anchor" in node && typeof node.anchor === "string") this.#anchors.set(node.anchor, node);
  }

  #checkTag(node: Node): void {
    if (isAlias(node) || node.tag === undefined || knownTags.has(node.tag)) return;
    this.#problems.add(offsetOf(node), {
      code: "UNKNOWN_TAG",
      message: `the tag \`${node.tag.replace("tag:yaml.org,2002:", "!!")}\` is not known`,
      hint: "remove the tag, or put text that begins with `!` in quotes",
    });
  }

  /** Beyond a limit nothing more is read: one problem instead of a flood. */
  #stop(node: Node, finding: Parameters<ProblemList["add"]>[1]): null {
    if (!this.#isStopped) this.#problems.add(offsetOf(node), finding);
    this.#isStopped = true;
    this.isComplete = false;
    return null;
  }
}

function offsetOf(node: Node): { offset: number } {
  return { offset: node.range?.[0] ?? 0 };
}

const tooManyAliases = {
  code: "TOO_MANY_ALIASES",
  message: `aliases are followed more than ${definitionLimits.aliases} times`,
  hint: "write the values out, or use `default_task_config`",
};

const tooManyValues = {
  code: "TOO_MANY_VALUES",
  message: `the file holds more than ${definitionLimits.values} values once its aliases are followed`,
  hint: "use fewer aliases",
};
