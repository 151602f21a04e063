import assert from "node:assert/strict";
import { type DescField, type DescMethod, type DescService, getOption, ScalarType } from "@bufbuild/protobuf";
import { http as httpOption } from "#gen/google/api/annotations_pb.js";
import type { HttpRule } from "#gen/google/api/http_pb.js";

/** One REST route of a method, as its `google.api.http` annotation says. */
export interface Route {
  readonly verb: string;
  /** As annotated, e.g. `/api/v1/dags/{dag_id}`. */
  readonly path: string;
  readonly segments: readonly Segment[];
  readonly method: DescMethod;
  /** Whether a JSON body fills the request. */
  readonly hasBody: boolean;
  /** The field of bytes that the whole body becomes, whatever it holds; null: the body is JSON, or there is none. */
  readonly rawBodyField: DescField | null;
  /** The field of the response that is the answer's body; null: the whole message. */
  readonly responseField: DescField | null;
}

/** A fixed word of a path, or the request field that stands in its place. */
export type Segment =
  | { readonly kind: "word"; readonly text: string }
  | { readonly kind: "field"; readonly field: DescField };

/** All routes of the services, those with fixed words first where two fit a path. Fails on an annotation it can't serve. */
export function buildRoutes(services: readonly DescService[]): readonly Route[] {
  const routes = services.flatMap((service) => service.methods.flatMap(routesOf));
  const shapes = new Set<string>();
  for (const route of routes) {
    const shape = `${route.verb} ${route.segments.map((part) => (part.kind === "word" ? part.text : "{}")).join("/")}`;
    assert(!shapes.has(shape), `two methods are annotated with ${shape}`);
    shapes.add(shape);
  }
  return routes.sort(bySpecificity);
}

function routesOf(method: DescMethod): readonly Route[] {
  const rule = getOption(method, httpOption);
  if (rule.pattern.case === undefined) return [];
  return [rule, ...rule.additionalBindings].map((binding) => toRoute(method, binding));
}

function toRoute(method: DescMethod, rule: HttpRule): Route {
  const { pattern } = rule;
  const where = `${method.parent.typeName}.${method.name}`;
  assert(pattern.case !== undefined, `${where} has a binding without a path`);
  const segments = pattern.value
    .split("/")
    .slice(1)
    .map((text): Segment => {
      const name = /^\{(\w+)\}$/.exec(text)?.[1];
      if (name === undefined) return { kind: "word", text };
      return { kind: "field", field: fieldNamed(method.input.fields, name, where) };
    });
  const responseField = rule.responseBody === "" ? null : fieldNamed(method.output.fields, rule.responseBody, where);
  assert(responseField === null || responseField.fieldKind === "message", `${where}: response_body is no message`);
  return {
    verb: pattern.case.toUpperCase(),
    path: pattern.value,
    segments,
    method,
    hasBody: rule.body === "*",
    rawBodyField: rawBodyField(method, rule.body, where),
    responseField,
  };
}

function rawBodyField(method: DescMethod, name: string, where: string): DescField | null {
  if (name === "" || name === "*") return null;
  const field = fieldNamed(method.input.fields, name, where);
  assert(field.fieldKind === "scalar" && field.scalar === ScalarType.BYTES, `${where}: only bytes can be a whole body`);
  return field;
}

function fieldNamed(fields: readonly DescField[], name: string, where: string): DescField {
  const field = fields.find((candidate) => candidate.name === name);
  assert(field !== undefined, `${where}: its annotation names ${name}, which is no field`);
  return field;
}

function bySpecificity(a: Route, b: Route): number {
  const rank = (route: Route) => route.segments.map((part) => (part.kind === "word" ? "0" : "1")).join("");
  return rank(a).localeCompare(rank(b));
}
