import type { Definition } from "#definition/model.ts";
import type { Store } from "#ports/store.ts";
import type { WakeTopic } from "#ports/wake.ts";
import { toProgressChange } from "../follow/event-change.ts";
import type { FeedAttempt, FeedLogLine, RunFeed } from "../follow/run-feed.ts";
import type { ProgressChange } from "../follow/run-progress.ts";

const eventsPerRead = 500;
const linesPerRead = 1000;
/** Wakes are hints: after this a look is taken without one. */
const longestWaitMs = 500;
/** Chunks of a log may still be on their way, within this process, when its attempt has ended. */
const lateChunkMs = 50;

/** A run in a store of this process as a feed. */
export function createStoreFeed(
  store: Store,
  { runId, definition }: { runId: string; definition: Definition },
): RunFeed {
  return {
    // Reading costs a function call here, so every attempt's log may be followed at once.
    maxConcurrentLogs: Number.POSITIVE_INFINITY,
    async describe() {
      const tasks = definition.tasks.map(({ id, dependencies }) => ({
        id,
        parents: dependencies.map(({ task }) => task),
      }));
      const run = await store.queries.getRun(runId);
      return { identity: { dagId: definition.id, runId, queuedAt: run?.queuedAt ?? store.now() }, tasks };
    },
    changes: (signal) => readChanges(store, runId, signal),
    logs: (attempt, signal) => readLog(store, attempt, signal),
  };
}

async function* readChanges(
  store: Store,
  runId: string,
  signal: AbortSignal,
): AsyncGenerator<readonly ProgressChange[]> {
  let afterId = 0;
  while (!signal.aborted) {
    const waiting = awaitWake(store, ["events"], { signal, longestMs: longestWaitMs });
    const events = await store.events.readAfter({ afterId, limit: eventsPerRead, filter: { dagRunId: runId } });
    if (events.length === 0) {
      await waiting.done;
      continue;
    }
    waiting.cancel();
    afterId = events.at(-1)?.id ?? afterId;
    const changes = events.map((event) => toProgressChange(event, runId)).filter((change) => change !== null);
    yield await Promise.all(changes.map((change) => withError(store, change)));
    if (changes.some((change) => change.kind === "run" && change.ended)) return;
  }
}

/** Events tell that a task failed, its row tells why. */
async function withError(store: Store, change: ProgressChange): Promise<ProgressChange> {
  if (change.kind !== "task" || change.state !== "failed" || change.error !== null) return change;
  const instance = await store.queries.getInstance(change.instanceId);
  return { ...change, error: instance?.errorMessage ?? instance?.lastError ?? null };
}

async function* readLog(
  store: Store,
  { instanceId, tryNumber }: FeedAttempt,
  signal: AbortSignal,
): AsyncGenerator<readonly FeedLogLine[]> {
  let afterLine = 0;
  let isLast = false;
  while (!signal.aborted) {
    const instance = await store.queries.getInstance(instanceId);
    if (instance === null) return;
    const isOver = instance.state !== "running" || instance.tryNumber !== tryNumber;
    const waiting = isOver
      ? awaitWake(store, ["logs"], { signal, longestMs: lateChunkMs })
      : awaitWake(store, ["logs", "events"], { signal, longestMs: longestWaitMs });
    const { runKey, ordinal, generation } = instance;
    const lines = await store.logs.read({
      attempt: { runKey, ordinal, generation, tryNumber },
      afterLine,
      limit: linesPerRead,
    });
    if (lines.length > 0) {
      waiting.cancel();
      afterLine = lines.at(-1)?.number ?? afterLine;
      isLast = false;
      yield lines;
      continue;
    }
    if (isOver && isLast) return waiting.cancel();
    isLast = isOver;
    await waiting.done;
  }
}

interface Waiting {
  readonly done: Promise<void>;
  readonly cancel: () => void;
}

/** Resolves at the next wake of a topic, after `longestMs`, or with the signal. Begun before a read, it misses nothing. */
function awaitWake(
  store: Store,
  topics: readonly WakeTopic[],
  { signal, longestMs }: { signal: AbortSignal; longestMs: number },
): Waiting {
  const { promise, resolve } = Promise.withResolvers<void>();
  const finish = (): void => {
    clearTimeout(timer);
    signal.removeEventListener("abort", finish);
    for (const end of ends) end();
    resolve();
  };
  const timer = setTimeout(finish, longestMs);
  const ends = topics.map((topic) => store.wake.listen(topic, finish));
  signal.addEventListener("abort", finish, { once: true });
  return { done: promise, cancel: finish };
}
