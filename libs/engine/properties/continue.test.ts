import fc from "fast-check";
import { expect, test } from "vitest";
import type { EdgeCondition } from "#core/graph.ts";
import type { EndKind } from "#core/states.ts";
import { rulesThatNeedParents, type TriggerRule, triggerRules } from "#core/trigger-rule.ts";
import { referenceEnd, referenceRule } from "#testing/run-reference.ts";
import type { ErrorStrategy } from "../engine-api.ts";
import type { EngineEvent } from "../engine-event.ts";
import type { TaskStatus } from "../execution-report.ts";
import type { TaskDefinition } from "../task-definition.ts";
import { startGated } from "./gated-run.testsuite.ts";
import { choose, type RandomGraph, sorted } from "./graph-relations.testsuite.ts";
import { arbitraryGraph, arbitraryPicks, cases } from "./random-graph.testsuite.ts";
import { arbitraryScripts, engineWith, type LogEntry, type Script, scriptedTask } from "./scripted-task.testsuite.ts";

/** A task of the graph with all that decides how it ends. */
interface Node extends Omit<Script, "pace"> {
  readonly id: string;
  readonly parents: readonly { readonly task: string; readonly on: EdgeCondition }[];
  readonly rule: TriggerRule;
  /** What its `when` says; null: it has none. */
  readonly when: boolean | null;
  readonly retries: number;
  /** Tries that fail before the script is followed. */
  readonly failures: number;
  readonly allowFailure: boolean;
}

type Traits = Omit<Node, "id" | "parents" | "end"> & { readonly on: readonly EdgeCondition[] };

interface End {
  readonly kind: EndKind;
  /** It comes of failures that are allowed, and does no harm to the execution's success. */
  readonly isAllowed: boolean;
}

const arbitraryTraits: fc.Arbitrary<readonly Traits[]> = fc.array(
  fc.record({
    rule: fc.oneof(fc.constant("all_success" as const), fc.constantFrom(...triggerRules)),
    on: fc.array(fc.constantFrom<EdgeCondition>("success", "success", "failure", "completion"), { minLength: 1 }),
    when: fc.constantFrom(null, null, null, null, true, false),
    retries: fc.nat(2),
    failures: fc.constantFrom(0, 0, 0, 1, 2),
    allowFailure: fc.constantFrom(false, false, true),
  }),
  { minLength: 20, maxLength: 20 },
);

function nodesOf(graph: RandomGraph, traits: readonly Traits[], scripts: readonly Script[]): readonly Node[] {
  return graph.tasks.map(({ id, dependsOn }, place) => {
    const { rule, on, ...rest } = choose(traits, place);
    const mayUseRule = dependsOn.length > 0 || !rulesThatNeedParents.has(rule);
    const parents = dependsOn.map((task, edge) => ({ task, on: choose(on, edge) }));
    return { id, parents, rule: mayUseRule ? rule : "all_success", ...rest, end: choose(scripts, place).end };
  });
}

/** How every task ends, from the specification's table alone; the order of execution can't matter. */
function referenceEnds(nodes: readonly Node[]): ReadonlyMap<string, End> {
  const ends = new Map<string, End>();
  const endOf = (id: string): End => {
    const known = ends.get(id);
    if (known !== undefined) return known;
    const node = nodes.find((candidate) => candidate.id === id);
    if (node === undefined) throw new Error(`there is no task "${id}"`);
    const seen = node.parents.map(({ task, on }) => ({ kind: referenceEnd(endOf(task).kind, on), of: endOf(task) }));
    const kinds = seen.map(({ kind }) => kind);
    const verdict = referenceRule(node.rule, kinds, 0);
    const kind = verdict === "run" ? ownEnd(node) : verdict;
    if (kind === "wait") throw new Error(`task "${id}" waits for parents that have all ended`);
    const failures = seen.filter((parent) => parent.kind === "failed" || parent.kind === "upstream_failed");
    const isAllowed = kind === "failed" ? node.allowFailure : failures.every(({ of }) => of.isAllowed);
    ends.set(id, { kind, isAllowed: isAllowed && (kind === "failed" || kind === "upstream_failed") });
    return endOf(id);
  };
  for (const { id } of nodes) endOf(id);
  return ends;
}

function ownEnd({ when, failures, retries, end }: Node): EndKind {
  if (when === false) return "skipped";
  if (failures > retries || end === "failure") return "failed";
  return end === "skip" ? "skipped" : "success";
}

/** Rules, edges and ends have many combinations. */
const manyCases = { ...cases, numRuns: 500 };

const statusOf: Readonly<Record<EndKind, TaskStatus>> = {
  success: "SUCCESS",
  failed: "FAILED",
  skipped: "SKIPPED",
  upstream_failed: "SKIPPED",
};

function taskOf(node: Node, script: Script, log: LogEntry[]): TaskDefinition {
  const { handler } = scriptedTask({ id: node.id, dependsOn: [] }, script, log);
  const { when } = node;
  return {
    id: node.id,
    dependsOn: node.parents,
    triggerRule: node.rule,
    retry: { maxRetries: node.retries },
    allowFailure: node.allowFailure,
    ...(when === null ? {} : { when: () => when }),
    handler: (context) => {
      if (context.tryNumber <= node.failures) throw new Error(`${node.id} fails at try ${context.tryNumber}`);
      return handler(context);
    },
  };
}

const arbitraryNodes = fc
  .tuple(arbitraryGraph, arbitraryTraits, arbitraryScripts)
  .map(([graph, traits, scripts]) => ({ scripts, nodes: nodesOf(graph, traits, scripts) }));

/** Executes the nodes and compares every end, and the execution's success, with the reference. */
async function expectReferenceEnds(
  nodes: readonly Node[],
  scripts: readonly Script[],
  errorStrategy: ErrorStrategy,
): Promise<void> {
  const log: LogEntry[] = [];
  const engine = engineWith(
    nodes.map((node, place) => taskOf(node, choose(scripts, place), log)),
    { errorStrategy },
  );

  const { reports, success } = await engine.execute();

  const ends = [...referenceEnds(nodes)];
  const found = ends.map(([id]) => [id, reports.get(id)?.status]);
  expect(found).toEqual(ends.map(([id, { kind }]) => [id, statusOf[kind]]));
  expect(success).toBe(ends.every(([, { kind, isAllowed }]) => kind === "success" || isAllowed));
  const unwanted = new Set(nodes.filter(({ when }) => when === false).map(({ id }) => id));
  expect(log.filter(({ taskId }) => unwanted.has(taskId))).toEqual([]);
}

test("Property: millrace-engine: with continue every task ends as its rule and its parents' ends say", () =>
  fc.assert(
    fc.asyncProperty(arbitraryNodes, async ({ scripts, nodes }) => {
      await expectReferenceEnds(nodes, scripts, "continue");
    }),
    manyCases,
  ));

test("Property: millrace-engine: with fail-fast failures that are allowed propagate as with continue", () =>
  fc.assert(
    fc.asyncProperty(arbitraryNodes, async ({ scripts, nodes }) => {
      const allowing = nodes.map((node) => ({ ...node, allowFailure: true }));

      await expectReferenceEnds(allowing, scripts, "fail-fast");
    }),
    manyCases,
  ));

test("Property: millrace-engine: with continue a task starts only when the ends so far let its rule run", () =>
  fc.assert(
    fc.asyncProperty(arbitraryNodes, async ({ scripts, nodes }) => {
      const ends = referenceEnds(nodes);
      const ended = new Set<string>();
      const early: string[] = [];
      const observe = (event: EngineEvent): void => {
        if (event.kind === "task_ended") ended.add(event.report.taskId);
        if (event.kind !== "task_started") return;
        const node = nodes.find(({ id }) => id === event.taskId);
        if (node === undefined) throw new Error(`there is no task "${event.taskId}"`);
        const over = node.parents.filter(({ task }) => ended.has(task));
        const seen = over.map(({ task, on }) => referenceEnd(ends.get(task)?.kind ?? "failed", on));
        if (referenceRule(node.rule, seen, node.parents.length - over.length) !== "run") early.push(node.id);
      };
      const engine = engineWith(
        nodes.map((node, place) => taskOf(node, choose(scripts, place), [])),
        { errorStrategy: "continue", observer: observe },
      );

      await engine.execute();

      expect(ended.size).toBe(nodes.length);
      expect(early).toEqual([]);
    }),
    manyCases,
  ));

/** The tasks that have started or may start by their rules, given how those that were called have ended. */
function referenceStarted(nodes: readonly Node[], called: ReadonlyMap<string, EndKind>): readonly string[] {
  const ends = new Map(called);
  const started = new Set<string>();
  for (let known = -1; known < ends.size + started.size; ) {
    known = ends.size + started.size;
    for (const { id, parents, rule } of nodes) {
      if (ends.has(id) && !called.has(id)) continue;
      const over = parents.filter(({ task }) => ends.has(task));
      const seen = over.map(({ task, on }) => referenceEnd(ends.get(task) ?? "failed", on));
      const verdict = referenceRule(rule, seen, parents.length - over.length);
      if (verdict === "run") started.add(id);
      else if (verdict !== "wait" && !started.has(id)) ends.set(id, verdict);
    }
  }
  return [...started];
}

test("Property: millrace-engine: with continue a task starts as soon as the ends so far let its rule run", () =>
  fc.assert(
    fc.asyncProperty(arbitraryNodes, arbitraryPicks, async ({ nodes }, picks) => {
      const called = new Map<string, EndKind>();
      const tasks = nodes.map(({ id, parents, rule }) => ({ id, dependsOn: parents, triggerRule: rule }));
      const run = await startGated({ tasks }, { errorStrategy: "continue" });

      for (let step = 0; run.open.size > 0; step += 1) {
        expect(sorted(run.started)).toEqual(sorted(referenceStarted(nodes, called)));
        const next = choose([...run.open], choose(picks, step));
        const isFailure = choose(picks, step) % 3 === 0;
        called.set(next, isFailure ? "failed" : "success");
        await (isFailure ? run.fail(next, new Error(`${next} failed`)) : run.succeed(next));
      }

      expect(sorted(run.started)).toEqual(sorted(referenceStarted(nodes, called)));
      expect(run.hasReturned()).toBe(true);
    }),
    manyCases,
  ));
