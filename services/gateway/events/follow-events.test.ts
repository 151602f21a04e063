import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { EventLog, PublishedEvent } from "#ports/event-log.ts";
import { WakeHub } from "#store/wake-hub.ts";
import { createEventTail } from "./event-tail.ts";
import { followEvents } from "./follow-events.ts";
import { logger } from "../gateway-harness.testsuite.ts";

/** A log whose reads take a few turns of the loop, as a database's do; ids from 1 without gaps. */
function openLog(options: { turns?: () => number; firstId?: number } = {}) {
  const all: PublishedEvent[] = [];
  const wake = new WakeHub({ onError: () => undefined });
  const counts = { reads: 0, failNext: false };
  const delay = async () => {
    for (let turn = options.turns?.() ?? 0; turn > 0; turn -= 1) await new Promise(setImmediate);
  };
  const events: EventLog = {
    publish: () => Promise.resolve(null),
    async readAfter({ afterId, limit, filter }) {
      counts.reads += 1;
      const isFailing = counts.failNext;
      counts.failNext = false;
      await delay();
      if (isFailing) throw new Error("database away");
      const found = all.filter(
        (event) => event.id > afterId && (filter.dagId === undefined || event.dagId === filter.dagId),
      );
      await delay();
      return found.slice(0, limit);
    },
    async lastId() {
      await delay();
      return all.length;
    },
  };
  const publish = (count: number, dagId = "a") => {
    for (let i = 0; i < count; i += 1) all.push(eventOf(all.length + 1, dagId));
    wake.notify("events");
  };
  const tail = createEventTail({ events, wake, logger });
  onTestFinished(() => tail.stop());
  return { events, wake, tail, publish, counts, all };
}

function eventOf(id: number, dagId: string): PublishedEvent {
  const names = { eventType: "dag_run.running", resourceType: "dag_run", resourceId: "r", dagRunId: "r" };
  return { id, ...names, dagId, at: 0, data: {}, correlationId: null };
}

/** Reads until so many events came; answers their ids. */
async function take(stream: AsyncIterator<readonly PublishedEvent[]>, count: number): Promise<number[]> {
  const ids: number[] = [];
  while (ids.length < count) {
    const step = await stream.next();
    if (step.done === true) break;
    ids.push(...step.value.map((event) => event.id));
  }
  return ids;
}

function follow(log: ReturnType<typeof openLog>, afterId: number | null, dagId?: string) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const filter = dagId === undefined ? {} : { dagId };
  return { stream: followEvents(log, { afterId, filter, signal: stop.signal }), stop };
}

describe("a stream of events", () => {
  test("without an id begins with what comes after it is open", async () => {
    const log = openLog();
    log.publish(5);
    const { stream } = follow(log, null);
    expect((await stream.next()).value).toEqual([]);
    log.publish(3);
    expect(await take(stream, 3)).toEqual([6, 7, 8]);
  });

  test("after an id has all that came since, then what comes, beyond one page too", async () => {
    const log = openLog();
    log.publish(1_234);
    const { stream } = follow(log, 3);
    expect(await take(stream, 1_231)).toEqual(Array.from({ length: 1_231 }, (_, i) => i + 4));
    log.publish(2);
    expect(await take(stream, 2)).toEqual([1_235, 1_236]);
  });

  test("with a filter has its own events alone", async () => {
    const log = openLog();
    log.publish(3, "a");
    log.publish(2, "b");
    const { stream } = follow(log, 0, "b");
    expect(await take(stream, 2)).toEqual([4, 5]);
    log.publish(1, "a");
    log.publish(1, "b");
    expect(await take(stream, 1)).toEqual([7]);
  });

  test("after an id of another database goes on from now", async () => {
    const log = openLog();
    log.publish(2);
    const { stream } = follow(log, 9_999);
    await stream.next();
    log.publish(1);
    expect(await take(stream, 1)).toEqual([3]);
  });

  test("has no gap and no duplicate, however reads, publishing and joining fall together", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 20 }),
        fc.array(fc.record({ count: fc.integer({ min: 1, max: 400 }), turns: fc.nat(6) }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.array(fc.record({ joinAt: fc.nat(12), after: fc.option(fc.nat(300)) }), { minLength: 1, maxLength: 4 }),
        async (latencies, bursts, clients) => {
          let call = 0;
          const log = openLog({ turns: () => latencies[(call += 1) % latencies.length] ?? 0 });
          const total = bursts.reduce((sum, burst) => sum + burst.count, 0);
          const stop = new AbortController();
          const results: Promise<void>[] = [];
          const join = (after: number | null) => async () => {
            const stream = followEvents(log, { afterId: after, filter: {}, signal: stop.signal });
            await stream.next();
            const ids: number[] = [];
            while (ids.at(-1) !== total + 1) ids.push(...(await take(stream, 1)));
            const first = after === null ? (ids[0] ?? 0) : Math.min(after, ids[0] ?? 0) + 1;
            expect(ids).toEqual(Array.from({ length: total + 2 - first }, (_, i) => first + i));
          };
          for (const [place, burst] of bursts.entries()) {
            for (const client of clients)
              if (client.joinAt === place)
                results.push(join(client.after === null ? null : Math.min(client.after, log.all.length))());
            for (let turn = burst.turns; turn > 0; turn -= 1) await new Promise(setImmediate);
            log.publish(burst.count);
          }
          for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
          log.publish(1);
          await Promise.all(results);
          stop.abort();
          await log.tail.stop();
        },
      ),
      { numRuns: 60 },
    );
  });

  test("that is not read loses its place with where to go on, and others don't notice", async () => {
    const log = openLog();
    const slow = follow(log, null).stream;
    const quick = follow(log, null).stream;
    await slow.next();
    await quick.next();
    for (let round = 0; round < 5; round += 1) {
      log.publish(400);
      expect((await take(quick, 400)).length).toBe(400);
    }
    await expect(take(slow, 2_000)).rejects.toMatchObject({ code: "STREAM_TOO_SLOW", details: { resume_after: 0 } });
    expect(await take(follow(log, 0).stream, 2_000)).toEqual(log.all.map((event) => event.id));
  });

  test("that catches up reads from the log what did not fit beside it", async () => {
    const log = openLog();
    log.publish(2_000);
    const { stream } = follow(log, 0);
    expect(await take(stream, 500)).toHaveLength(500);
    const reads = log.counts.reads;
    log.publish(1_500);
    await expect.poll(() => log.counts.reads).toBeGreaterThan(reads + 3);
    log.publish(10);
    expect(await take(stream, 3_010)).toEqual(Array.from({ length: 3_010 }, (_, i) => i + 501));
  });

  test("survives a log that fails for a moment", async () => {
    const log = openLog();
    const { stream } = follow(log, null);
    await stream.next();
    await expect.poll(() => log.counts.reads).toBeGreaterThan(0);
    log.counts.failNext = true;
    log.publish(1);
    expect(await take(stream, 1)).toEqual([1]);
  });
});

describe("the tail", () => {
  test("reads for all clients at once, and not at all for none", async () => {
    const log = openLog();
    const streams = Array.from({ length: 20 }, () => follow(log, null));
    for (const { stream } of streams) await stream.next();
    const before = log.counts.reads;
    log.publish(10);
    for (const { stream } of streams) expect(await take(stream, 10)).toHaveLength(10);
    expect(log.counts.reads - before).toBeLessThan(6);

    for (const { stream, stop } of streams) {
      stop.abort();
      await stream.return(undefined);
    }
    await log.tail.stop();
    const idle = log.counts.reads;
    log.publish(1);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(log.counts.reads).toBe(idle);
  });

  test("begins anew for whoever comes after all have left", async () => {
    const log = openLog({ turns: () => 2 });
    for (let round = 0; round < 10; round += 1) {
      const { stream } = follow(log, null);
      await stream.next();
      log.publish(1);
      expect(await take(stream, 1)).toEqual([log.all.length]);
      await stream.return(undefined);
    }
  });
});
