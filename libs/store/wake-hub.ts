import type { Wake, WakeTopic } from "#ports/wake.ts";

/** Complete by its type: a topic that is not here is never told to other processes. */
const topics: Readonly<Record<WakeTopic, true>> = {
  created: true,
  evaluations: true,
  queued: true,
  ended: true,
  outbox: true,
  events: true,
  definitions: true,
  stops: true,
  logs: true,
  schedules: true,
  drains: true,
  backfills: true,
  sensors: true,
  room: true,
};

export const wakeTopics: readonly WakeTopic[] = Object.keys(topics) as WakeTopic[];

/** With more details than this at once a topic is told without: its listeners look at everything. */
const maxDetails = 200;

/** Hints gathered within one turn: details by topic; an empty detail stands for everything. */
export type WakeBatch = ReadonlyMap<WakeTopic, ReadonlySet<string>>;

interface Entry {
  readonly tell: (detail: string) => void;
  readonly isSole: () => boolean;
}

/**
 * Listeners of this process. Hints of one turn are gathered and told together in a microtask, each pair of topic and
 * detail once; `forward` gets what others need to be told.
 */
export class WakeHub implements Wake {
  readonly #listeners = new Map<WakeTopic, Set<Entry>>();
  readonly #onError: (error: unknown) => void;
  readonly #forward: (batch: WakeBatch) => void;
  #gathered = new Map<WakeTopic, Set<string>>();
  #closed = false;

  constructor(options: { onError: (error: unknown) => void; forward?: (batch: WakeBatch) => void }) {
    this.#onError = options.onError;
    this.#forward = options.forward ?? (() => undefined);
  }

  notify(topic: WakeTopic, detail = ""): void {
    if (this.#closed) return;
    if (this.#gathered.size === 0) queueMicrotask(() => this.#flush());
    addDetail(this.#gathered, topic, detail);
  }

  listen(topic: WakeTopic, tell: (detail: string) => void, isSole: () => boolean = () => false): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners);
    // An entry of its own, so that one listener may listen twice and end each by itself.
    const entry = { tell, isSole };
    listeners.add(entry);
    return () => listeners.delete(entry);
  }

  /** Tells the listeners of this process alone. */
  deliver(topic: WakeTopic, detail: string): void {
    for (const { tell } of this.#listeners.get(topic) ?? []) {
      try {
        tell(detail);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
  }

  #flush(): void {
    const batch = this.#gathered;
    this.#gathered = new Map();
    if (this.#closed) return;
    const others = [...batch].filter(
      ([topic]) => ![...(this.#listeners.get(topic) ?? [])].some(({ isSole }) => isSole()),
    );
    if (others.length > 0) this.#forward(new Map(others));
    for (const [topic, details] of batch) for (const detail of details) this.deliver(topic, detail);
  }
}

/** Adds to a batch; a topic with an empty detail, or with too many, has that one alone. */
export function addDetail(batch: Map<WakeTopic, Set<string>>, topic: WakeTopic, detail: string): void {
  const details = batch.get(topic) ?? new Set();
  batch.set(topic, details);
  if (details.has("")) return;
  const tellsAll = detail === "" || details.size >= maxDetails;
  if (tellsAll) details.clear();
  details.add(tellsAll ? "" : detail);
}
