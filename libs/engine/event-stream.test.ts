import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import type { EngineEvent } from "./engine-event.ts";

const noop = (): void => undefined;

function describeEvent(event: EngineEvent): string {
  if (event.kind === "task_ended") return `${event.report.taskId} ${event.report.status}`;
  return "taskId" in event ? `${event.kind} ${event.taskId}` : event.kind;
}

async function readAll(events: AsyncIterable<EngineEvent>): Promise<readonly EngineEvent[]> {
  const read: EngineEvent[] = [];
  for await (const event of events) read.push(event);
  return read;
}

describe("events()", () => {
  test("gives all events of the next execution in order, and ends with it", async () => {
    const engine = new Engine({ errorStrategy: "continue" })
      .register({ id: "a", retry: { maxRetries: 1 }, handler: () => Promise.reject(new Error("broken")) })
      .register({ id: "b", dependsOn: ["a"], handler: noop });
    const reading = readAll(engine.events());
    const { executionId } = await engine.execute();
    const events = await reading;
    expect(events.map(describeEvent)).toEqual([
      "execution_started",
      "task_started a",
      "task_retried a",
      "task_started a",
      "a FAILED",
      "b SKIPPED",
      "execution_ended",
    ]);
    expect(new Set(events.map((event) => event.executionId))).toEqual(new Set([executionId]));
    expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).toSorted((a, b) => a - b));
  });

  test("leaves out what began before, and ends with the first of the others", async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let place = 0;
    const engine = new Engine().register({ id: "a", handler: () => gates[place++]?.promise });
    const early = engine.execute();
    const reading = readAll(engine.events());
    const [second, third] = [engine.execute(), engine.execute()];
    gates[0]?.resolve();
    const { executionId: earlyId } = await early;
    gates[2]?.resolve();
    const { executionId } = await third;
    const events = await reading;
    gates[1]?.resolve();
    expect(events.filter(({ kind }) => kind === "execution_started")).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ kind: "execution_ended", executionId });
    expect(events.filter((event) => event.executionId === earlyId)).toEqual([]);
    await second;
  });

  test("waits for events as the execution goes on, and leaving the loop ends it", async () => {
    const gate = Promise.withResolvers<void>();
    const engine = new Engine()
      .register({ id: "a", handler: () => gate.promise })
      .register({ id: "b", dependsOn: ["a"], handler: noop });
    const events = engine.events();
    const execution = engine.execute();
    const seen: string[] = [];
    for await (const event of events) {
      seen.push(describeEvent(event));
      if (event.kind === "task_started") gate.resolve();
      if (event.kind === "task_ended") break;
    }
    await execution;
    expect(seen).toEqual(["execution_started", "task_started a", "a SUCCESS"]);
    expect(await events[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test("serves several readers, each with everything", async () => {
    const engine = new Engine().register({ id: "a", handler: noop });
    const readings = [readAll(engine.events()), readAll(engine.events())];
    await engine.execute();
    const [first = [], second = []] = await Promise.all(readings);
    expect(first).toHaveLength(4);
    expect(second).toEqual(first);
  });

  test("fails a reader that is too far behind, and nobody else", async () => {
    const engine = new Engine();
    for (let place = 0; place < 60_000; place += 1) engine.register({ id: `t${place}`, handler: noop });
    const reading = readAll(engine.events());
    const { success } = await engine.execute();
    await expect(reading).rejects.toMatchObject({ code: "EVENTS_LOST", message: expect.stringContaining("100000") });
    expect(success).toBe(true);
  });
});

describe("the observer", () => {
  test("is told of everything, and what it throws is ignored", async () => {
    const seen: string[] = [];
    const engine = new Engine({
      observer: (event) => {
        seen.push(describeEvent(event));
        throw new Error("observer broken");
      },
    }).register({ id: "a", handler: noop });
    expect((await engine.execute()).success).toBe(true);
    expect(seen).toEqual(["execution_started", "task_started a", "a SUCCESS", "execution_ended"]);
  });

  test.each(["execution_started", "task_started", "task_ended", "task_retried", "execution_ended"])(
    "may abort the execution from within %s",
    async (kind) => {
      const stop = new AbortController();
      let ends = 0;
      const engine = new Engine({
        observer: (event) => {
          if (event.kind === kind) stop.abort("enough");
          if (event.kind === "execution_ended") ends += 1;
        },
      })
        .register({
          id: "a",
          retry: { maxRetries: 1 },
          handler: async ({ tryNumber }) => tryNumber < 2 && Promise.reject(new Error("again")),
        })
        .register({ id: "b", dependsOn: ["a"], handler: noop })
        .register({ id: "c", dependsOn: ["b"], handler: noop });
      const { reports, success } = await engine.execute(stop.signal);
      expect([...reports.values()].filter(({ status }) => status === "PENDING")).toEqual([]);
      expect(ends).toBe(1);
      expect(success).toBe(kind === "execution_ended");
    },
  );
});
