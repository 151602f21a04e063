import { setTimeout as delay } from "node:timers/promises";
import type { SqlSession } from "./sql-session.ts";

/** An unused session is closed after this time, in milliseconds. */
const idleMs = 30_000;
/** How long a session may take to forget its last user, in milliseconds. */
const resetTimeoutMs = 5000;

/** Sessions of one connection, at most `max` of them. Who waits is served in order. */
export class SessionPool {
  readonly #open: () => Promise<SqlSession>;
  readonly #max: number;
  readonly #idle: { readonly session: SqlSession; readonly timer: NodeJS.Timeout }[] = [];
  readonly #lent = new Set<SqlSession>();
  readonly #waiting: PromiseWithResolvers<SqlSession>[] = [];
  /** Lent, idle, and being opened or reset. */
  #count = 0;
  #isRetired = false;

  constructor(options: { open: () => Promise<SqlSession>; max: number }) {
    this.#open = options.open;
    this.#max = options.max;
  }

  /** Throws what opening a session throws, or the reason of the signal; a session that comes too late goes to the next. */
  take(signal: AbortSignal): Promise<SqlSession> {
    signal.throwIfAborted();
    const request = this.#request();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        const place = this.#waiting.indexOf(request);
        if (place !== -1) this.#waiting.splice(place, 1);
        request.promise.then(
          (session) => this.giveBack(session),
          () => undefined,
        );
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      request.promise.then((session) => {
        if (signal.aborted) return;
        signal.removeEventListener("abort", onAbort);
        this.#lent.add(session);
        resolve(session);
      }, reject);
    });
  }

  /** The next user gets it as if it were new; one that is broken, or can't forget, is closed. */
  async giveBack(session: SqlSession): Promise<void> {
    this.#lent.delete(session);
    const isClean = !session.isBroken && !this.#isRetired && (await wasReset(session));
    if (!isClean || session.isBroken || this.#isRetired) {
      await this.#drop(session);
      return;
    }
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#keep(session);
    else waiting.resolve(session);
  }

  /** Lends no more, and closes sessions as they come back. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    const idle = this.#idle.splice(0);
    for (const { timer } of idle) clearTimeout(timer);
    await Promise.all(idle.map(({ session }) => this.#drop(session)));
  }

  /** Closes all, those in use too. */
  async close(): Promise<void> {
    await this.retire();
    await Promise.all([...this.#lent].map((session) => session.close()));
  }

  #request(): PromiseWithResolvers<SqlSession> {
    const request = Promise.withResolvers<SqlSession>();
    const kept = this.#takeIdle();
    if (kept !== null) request.resolve(kept);
    else if (this.#count < this.#max) request.resolve(this.#openOne());
    else this.#waiting.push(request);
    return request;
  }

  #takeIdle(): SqlSession | null {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      clearTimeout(kept.timer);
      if (!kept.session.isBroken) return kept.session;
      void this.#drop(kept.session);
    }
    return null;
  }

  async #openOne(): Promise<SqlSession> {
    this.#count += 1;
    try {
      return await this.#open();
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  async #drop(session: SqlSession): Promise<void> {
    await session.close();
    this.#leave();
  }

  /** There is room for one more: who waits longest opens it. */
  #leave(): void {
    this.#count -= 1;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.resolve(this.#openOne());
  }

  #keep(session: SqlSession): void {
    const timer = setTimeout(() => {
      const place = this.#idle.findIndex((kept) => kept.session === session);
      if (place !== -1) this.#idle.splice(place, 1);
      void this.#drop(session);
    }, idleMs);
    timer.unref();
    this.#idle.push({ session, timer });
  }
}

async function wasReset(session: SqlSession): Promise<boolean> {
  const controller = new AbortController();
  const late = delay(resetTimeoutMs, false, { signal: controller.signal }).catch(() => false);
  const done = session.reset().then(
    () => true,
    () => false,
  );
  const result = await Promise.race([done, late]);
  controller.abort();
  return result;
}
