import { LRUCache } from "lru-cache";
import type { SecretSource } from "#secrets/secret-source.ts";

/** Senders need not be known to ask for a secret: a source is asked again after so long at the earliest. */
const keptMs = 10_000;
const maxKept = 1000;
const deadlineMs = 10_000;

/** Secrets of webhooks, each read once for all requests of a few seconds. A failure is not kept. */
export function createHookSecrets(source: SecretSource): (name: string) => Promise<string> {
  const kept = new LRUCache<string, Promise<string>>({ max: maxKept, ttl: keptMs });
  return (name) => {
    const known = kept.get(name);
    if (known !== undefined) return known;
    const read = source.read(name, AbortSignal.timeout(deadlineMs));
    kept.set(name, read);
    read.catch(() => kept.delete(name));
    return read;
  };
}
