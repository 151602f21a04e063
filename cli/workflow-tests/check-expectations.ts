import { closestName } from "#core/closest-name.ts";
import type { Instance } from "#core/run-model.ts";
import { isEqual } from "#definition/json.ts";
import type { Json } from "#definition/model.ts";
import { type Path, proposal } from "#definition/problem-list.ts";
import { type MockedRun, nameOf } from "./mocked-run.ts";
import type { Expectations } from "./test-schema.ts";

/** An expectation that did not come true; the path is from the test. */
export interface Failure {
  readonly path: Path;
  readonly message: string;
}

/** Everything that happened otherwise than expected, in the order of the keys. */
export function checkExpectations(expected: Expectations, mocked: MockedRun): readonly Failure[] {
  const view = new RunView(mocked);
  const failures: Failure[] = [];
  const check = (path: Path, message: string | null): void => {
    if (message !== null) failures.push({ path: ["expect", ...path], message });
  };
  if (expected.refused !== undefined) check(["refused"], "expected the run to be refused, but it was made");
  if (expected.state !== undefined) check(["state"], view.checkState(expected.state));
  for (const [name, state] of Object.entries(expected.tasks ?? {})) check(["tasks", name], view.checkTask(name, state));
  for (const [name, count] of Object.entries(expected.attempts ?? {}))
    check(["attempts", name], view.checkAttempts(name, count));
  if (expected.order !== undefined) check(["order"], view.checkOrder(expected.order));
  for (const [name, outputs] of Object.entries(expected.outputs ?? {})) {
    for (const [key, value] of Object.entries(outputs))
      check(["outputs", name, key], view.checkOutput(name, key, value as Json));
  }
  for (const [name, variables] of Object.entries(expected.environment ?? {})) {
    for (const [key, value] of Object.entries(variables))
      check(["environment", name, key], view.checkVariable(name, key, value));
  }
  return failures;
}

class RunView {
  readonly #mocked: MockedRun;
  readonly #instances: ReadonlyMap<string, Instance>;

  constructor(mocked: MockedRun) {
    this.#mocked = mocked;
    this.#instances = new Map(mocked.run.instances.map((instance) => [nameOf(mocked.run, instance), instance]));
  }

  checkState(expected: string): string | null {
    const { state } = this.#mocked.run.run;
    if (state === expected) return null;
    const causes = [...this.#instances].flatMap(([name, instance]) =>
      instance.state === "failed" ? [`${name} failed${causeOf(instance)}`] : [],
    );
    const shown = causes.slice(0, 3).join("; ");
    return `expected the run to be ${expected}, but it is ${state}${shown === "" ? "" : `: ${shown}`}`;
  }

  checkTask(name: string, expected: string): string | null {
    const instance = this.#instances.get(name);
    if (instance === undefined) return this.#noInstance(name);
    if (instance.state === expected) return null;
    return `expected ${name} to be ${expected}, but it is ${instance.state}${causeOf(instance)}`;
  }

  checkAttempts(name: string, expected: number): string | null {
    const instance = this.#instances.get(name);
    if (instance === undefined) return this.#noInstance(name);
    if (instance.tryNumber === expected) return null;
    return `expected ${name} to have ${expected} attempt(s), but it has ${instance.tryNumber}${causeOf(instance)}`;
  }

  /** The named ones must have started, each after the one before it; what started in between does not matter. */
  checkOrder(expected: readonly string[]): string | null {
    // The group of a fan-out starts with its first item.
    const started = [...new Set(this.#mocked.started.flatMap((name) => [name.replace(/\[.*$/, ""), name]))];
    let last = -1;
    for (const [place, name] of expected.entries()) {
      const at = started.indexOf(name);
      if (at === -1) return `expected ${name} to start, but it did not; started: ${this.#mocked.started.join(", ")}`;
      if (at <= last) {
        return `expected ${name} to start after ${expected[place - 1] ?? ""}, but it started before; the order was ${this.#mocked.started.join(", ")}`;
      }
      last = at;
    }
    return null;
  }

  checkOutput(name: string, key: string, expected: Json): string | null {
    const left = this.#outputsOf(name);
    if (!left.has(key)) {
      const keys = left.size === 0 ? "it left none" : `it left ${[...left.keys()].join(", ")}`;
      return `expected ${name} to leave the output ${key}, but ${keys}`;
    }
    const actual = left.get(key);
    if (isEqual(actual, expected)) return null;
    return `expected the output ${key} of ${name} to be ${JSON.stringify(expected)}, but it is ${JSON.stringify(actual)}`;
  }

  checkVariable(name: string, key: string, expected: string): string | null {
    const environment = this.#mocked.environments.get(name);
    if (environment === undefined) return `expected ${name} to have the variable ${key}, but it never started`;
    const actual = Object.hasOwn(environment, key) ? environment[key] : undefined;
    if (actual === expected) return null;
    if (actual !== undefined)
      return `expected the variable ${key} of ${name} to be ${JSON.stringify(expected)}, but it is ${JSON.stringify(actual)}`;
    const names = Object.keys(environment);
    return `expected ${name} to have the variable ${key}, but it has ${names.length === 0 ? "none" : names.join(", ")}`;
  }

  #noInstance(name: string): string {
    const group = `${name.replace(/\[.*$/, "")}[`;
    const items = [...this.#instances.keys()].filter((each) => each.startsWith(group));
    const near = proposal(closestName(name, items));
    return `there is no ${name}: ${items.length === 0 ? "it has no items" : `the items are ${items.slice(0, 10).join(", ")}`}${near === "" ? "" : ` (${near})`}`;
  }

  /** By key; of a fan-out the list of what its items left, as tasks below see it. */
  #outputsOf(name: string): ReadonlyMap<string, Json> {
    const found = new Map<string, Json>();
    const instance = this.#instances.get(name);
    if (instance === undefined) return found;
    const id = name.replace(/\[.*$/, "");
    for (const { name: task, mapIndex, key, json } of this.#mocked.outputs) {
      if (task !== id) continue;
      const value = JSON.parse(json) as Json;
      if (mapIndex === instance.mapIndex) found.set(key, value);
      else if (instance.mapIndex === null && mapIndex !== null) {
        const list =
          (found.get(key) as Json[] | undefined) ?? Array.from({ length: instance.itemsTotal }, (): Json => null);
        list[mapIndex] = value;
        found.set(key, list);
      }
    }
    return found;
  }
}

function causeOf({ state, reason, lastError }: Instance): string {
  if (state === "success") return "";
  const parts = [reason === null ? "" : `(${reason})`, state === "failed" && lastError !== null ? lastError : ""];
  const text = parts.filter((part) => part !== "").join(" ");
  return text === "" ? "" : ` ${text}`;
}
