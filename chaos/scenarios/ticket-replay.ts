import { setTimeout as delay } from "node:timers/promises";
import { type ChaosKafka, ticketTopic } from "../stage/chaos-kafka.ts";

interface Replay {
  /** How many were written again, so far. */
  readonly count: () => number;
  readonly stop: () => Promise<void>;
}

/** Writes every ticket again, each as often and as late as `latenessMs` says; what is late meets others out of order. */
export async function startReplay(
  { client }: ChaosKafka,
  options: { readonly isTicket: (valueHex: string) => boolean; readonly latenessMs: () => readonly number[] },
): Promise<Replay> {
  const consumer = client.consumer({ groupId: `chaos-replay-${Date.now()}`, sessionTimeout: 6000 });
  const producer = client.producer();
  const seen = new Set<string>();
  const stopping = new AbortController();
  const sending = new Set<Promise<void>>();
  let count = 0;

  async function sendLate(message: ReplayedMessage, ms: number): Promise<void> {
    await delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
    await producer.send({ topic: ticketTopic, messages: [message] });
    count += 1;
  }

  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topics: [ticketTopic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message: { key, value, headers } }) => {
      const id = value?.toString("hex") ?? "";
      if (!options.isTicket(id) || seen.has(id)) return;
      seen.add(id);
      const message = { key, value, headers: (headers ?? {}) as Record<string, Buffer> };
      for (const ms of options.latenessMs()) {
        const sent = sendLate(message, ms).finally(() => sending.delete(sent));
        sent.catch(() => undefined);
        sending.add(sent);
      }
    },
  });
  return {
    count: () => count,
    async stop() {
      stopping.abort();
      await consumer.disconnect();
      await Promise.allSettled(sending);
      await producer.disconnect();
    },
  };
}

interface ReplayedMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer>;
}
