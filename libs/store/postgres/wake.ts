import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Client, type Notification } from "pg";
import { describeError } from "#errors/app-error.ts";
import type { Wake, WakeTopic } from "#ports/wake.ts";
import type { Logger } from "#telemetry/logger.ts";
import { toDatabaseError } from "./database-errors.ts";
import { addDetail, type WakeBatch, WakeHub, wakeTopics } from "../wake-hub.ts";

const channel = "millrace";
const connectDeadlineMs = 10_000;
const answerDeadlineMs = 10_000;
const firstPauseMs = 100;
const maxPauseMs = 5000;
/** A look whether the connection still answers: a peer that vanished without a word is found by it. */
const probeIntervalMs = 30_000;

export interface PostgresWake extends Wake {
  close(): Promise<void>;
}

/**
 * Hints by LISTEN and NOTIFY on a connection of its own. Listeners of this process are told at once, others by a
 * NOTIFY that gathers what came while the last one was under way. While the connection is away hints are lost, so
 * after each reconnection every topic is told once.
 */
export async function createWake(options: { connectionString: string; logger: Logger }): Promise<PostgresWake> {
  const wake = new WakeConnection(options.connectionString, options.logger);
  await wake.open();
  return {
    notify: (topic, detail) => wake.hub.notify(topic, detail),
    listen: (topic, listener, isSole) => wake.hub.listen(topic, listener, isSole),
    close: () => wake.close(),
  };
}

class WakeConnection {
  readonly hub: WakeHub;
  readonly #connectionString: string;
  readonly #logger: Logger;
  /** Our own NOTIFYs come back to us; they begin with this. */
  readonly #origin = randomBytes(6).toString("hex");
  readonly #stopping = new AbortController();
  #client: Client | null = null;
  #pending = new Map<WakeTopic, Set<string>>();
  #isSending = false;
  #reconnecting: Promise<void> = Promise.resolve();
  #probe: NodeJS.Timeout | null = null;

  constructor(connectionString: string, logger: Logger) {
    this.#connectionString = connectionString;
    this.#logger = logger;
    this.hub = new WakeHub({
      onError: (error) => logger.error({ error: describeError(error) }, "a listener of hints failed"),
      forward: (batch) => this.#send(batch),
    });
  }

  async open(): Promise<void> {
    await this.#connect();
    this.#probe = setInterval(() => void this.#client?.query("SELECT 1").catch(() => undefined), probeIntervalMs);
    this.#probe.unref();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    if (this.#probe !== null) clearInterval(this.#probe);
    this.hub.close();
    await this.#reconnecting;
    await this.#client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const client = new Client({
      connectionString: this.#connectionString,
      application_name: "millrace wake",
      connectionTimeoutMillis: connectDeadlineMs,
      query_timeout: answerDeadlineMs,
      keepAlive: true,
      pipeline: true,
    });
    // A connection can report its death several times; the first report starts the search for another.
    const onLoss = (): void => {
      if (this.#client !== client || this.#stopping.signal.aborted) return;
      this.#client = null;
      void client.end().catch(() => undefined);
      this.#reconnecting = this.#reconnect();
    };
    client.on("error", onLoss);
    client.on("end", onLoss);
    client.on("notification", (message) => this.#receive(message));
    try {
      await client.connect();
      // A NOTIFY is a commit of its own: nothing is lost with a hint, so that none waits for the disk.
      await client.query(`SET synchronous_commit = off; LISTEN ${channel}`);
    } catch (error) {
      void client.end().catch(() => undefined);
      throw toDatabaseError(error);
    }
    this.#client = client;
  }

  async #reconnect(): Promise<void> {
    this.#logger.warn("the connection for hints was lost; scans go on, hints come late");
    for (let pauseMs = firstPauseMs; !this.#stopping.signal.aborted; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
      await delay(pauseMs * (0.5 + Math.random()), undefined, { signal: this.#stopping.signal, ref: false }).catch(
        () => undefined,
      );
      if (this.#stopping.signal.aborted) return;
      try {
        await this.#connect();
      } catch (error) {
        this.#logger.debug({ error: describeError(error) }, "the connection for hints is not back yet");
        continue;
      }
      this.#logger.info("the connection for hints is back");
      for (const topic of wakeTopics) this.hub.deliver(topic, "");
      return;
    }
  }

  #receive(message: Notification): void {
    const [origin, topic, ...detail] = (message.payload ?? "").split(" ");
    if (origin === this.#origin) return;
    const known = wakeTopics.find((one) => one === topic);
    if (known !== undefined) this.hub.deliver(known, detail.join(" "));
  }

  #send(batch: WakeBatch): void {
    for (const [topic, details] of batch) for (const detail of details) addDetail(this.#pending, topic, detail);
    if (!this.#isSending) void this.#sendPending();
  }

  async #sendPending(): Promise<void> {
    this.#isSending = true;
    while (this.#pending.size > 0 && this.#client !== null) {
      const payloads = [...this.#pending].flatMap(([topic, details]) =>
        [...details].map((detail) => `${this.#origin} ${topic} ${detail}`.trimEnd()),
      );
      this.#pending = new Map();
      try {
        await this.#client.query({
          name: "notify",
          text: `SELECT pg_notify('${channel}', payload) FROM unnest($1::text[]) AS payload`,
          values: [payloads],
        });
      } catch (error) {
        this.#logger.debug({ error: describeError(error) }, "hints were lost; scans find the work");
      }
    }
    // Hints that have no connection are dropped: whoever reconnects looks at everything.
    if (this.#client === null) this.#pending = new Map();
    this.#isSending = false;
  }
}
