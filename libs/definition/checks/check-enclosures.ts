import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { isJsonObject, ownValue } from "../json.ts";
import type { Json, JsonObject } from "../model.ts";
import type { Report, TaskOutline } from "../outline.ts";
import type { Finding } from "../problem-list.ts";

const keys = ["isolation", "image", "network", "filesystem", "allow_paths"] as const;
type Key = (typeof keys)[number];

/** Refuses what a task says of its surroundings where that would have no effect, or could not be had. */
export function checkEnclosures(
  root: JsonObject,
  tasks: readonly TaskOutline[],
  { operators, report }: { readonly operators: OperatorSchemas; readonly report: Report },
): void {
  const given = ownValue(root, "default_task_config");
  const defaults = isJsonObject(given) ? given : {};
  for (const { body, path } of tasks) {
    const type = ownValue(body, "type");
    const schema = typeof type === "string" ? operators.get(type) : undefined;
    if (typeof type !== "string" || schema === undefined) continue;
    const effective = (key: Key): Json | undefined => ownValue(body, key) ?? ownValue(defaults, key);
    const isOwnContainer = schema.encloses === "container";
    const isContainer = isOwnContainer || effective("isolation") === "container";
    const operator = ownValue(body, "operator");
    const fields = isJsonObject(operator) ? operator : {};
    const tell = (key: string, finding: Finding): void => report([...path, key], finding, "key");
    if (schema.encloses === undefined) {
      for (const key of keys) if (Object.hasOwn(body, key)) tell(key, noEffect(key, `on the kind of work \`${type}\``));
      continue;
    }
    const network = ownValue(fields, "network") ?? effective("network");
    const place = { isContainer, isConfined: effective("filesystem") === "confined", hasNetwork: network !== "none" };
    checkKeys(body, { ...place, isOwnContainer, tell });
    if (isContainer && !isOwnContainer && effective("image") === undefined) {
      const hint = "name the image, for example `image: python:3.13-slim`";
      report(path, { code: "MISSING_KEY", message: "`isolation: container` needs `image`", hint });
    }
    checkPackages(fields, place, (key, finding) => report([...path, "operator", key], finding, "key"));
  }
}

interface Place {
  readonly isContainer: boolean;
  readonly isConfined: boolean;
  readonly hasNetwork: boolean;
}

interface KeyCheck extends Place {
  /** The kind of work is always a container. */
  readonly isOwnContainer: boolean;
  readonly tell: (key: string, finding: Finding) => void;
}

function checkKeys(body: JsonObject, { isContainer, isOwnContainer, isConfined, tell }: KeyCheck): void {
  const has = (key: Key): boolean => Object.hasOwn(body, key);
  if (isOwnContainer) {
    for (const key of ["isolation", "image"] as const)
      if (has(key)) tell(key, noEffect(key, "on a `container`, which has its image under `operator`"));
  } else if (has("image") && !isContainer) tell("image", noEffect("image", "without `isolation: container`"));
  if (isContainer) {
    for (const key of ["filesystem", "allow_paths"] as const)
      if (has(key)) tell(key, noEffect(key, "in a container, which sees its image and the attempt's folders alone"));
  } else if (has("allow_paths") && !isConfined) {
    tell("allow_paths", noEffect("allow_paths", "without `filesystem: confined`"));
  }
}

/** A virtualenv is of the host; one that is made for requirements is made outside the attempt's folders, from an index. */
function checkPackages(fields: JsonObject, place: Place, tell: (key: string, finding: Finding) => void): void {
  const hint = "take an image that has the packages";
  for (const key of ["virtualenv", "requirements"]) {
    if (!Object.hasOwn(fields, key)) continue;
    if (place.isContainer) {
      tell(key, { code: "INVALID_VALUE", message: `\`${key}\` is of the host, and a container does not see it`, hint });
    } else if (key === "requirements" && (place.isConfined || !place.hasNetwork)) {
      const why = place.isConfined
        ? "a confined process may not write it"
        : "without a network no package can be fetched";
      const message = `the worker makes a virtualenv for \`requirements\`, and ${why}`;
      tell(key, { code: "INVALID_VALUE", message, hint: "make one beforehand and name it as `virtualenv`" });
    }
  }
}

function noEffect(key: string, where: string): Finding {
  return { code: "INVALID_KEY", message: `\`${key}\` has no effect ${where}`, hint: "remove it" };
}
