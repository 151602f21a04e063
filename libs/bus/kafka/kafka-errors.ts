import { AppError, describeError } from "#errors/app-error.ts";

/** Deeper chains of causes are cut. */
const maxCauses = 10;

/** The innermost error; kafkajs wraps what it has retried. */
export function rootOf(thrown: unknown): unknown {
  let root = thrown;
  for (let depth = 0; depth < maxCauses && root instanceof Error && root.cause instanceof Error; depth += 1) {
    root = root.cause;
  }
  return root;
}

/** The protocol's name of the error, e.g. `UNKNOWN_TOPIC_OR_PARTITION`; null: it is none of the protocol. */
export function protocolTypeOf(thrown: unknown): string | null {
  const root = rootOf(thrown);
  return root instanceof Error && "type" in root && typeof root.type === "string" ? root.type : null;
}

/** What trying again can't cure: a wrong password, a missing right, a message that the broker refuses. */
export function isFinal(thrown: unknown): boolean {
  const root = rootOf(thrown);
  if (root instanceof Error && root.name === "KafkaJSSASLAuthenticationError") return true;
  const type = protocolTypeOf(thrown);
  return type !== null && root instanceof Error && "retriable" in root && root.retriable === false;
}

/** `BUS_UNAVAILABLE`, with what was tried and why it failed. */
export function toBusError(what: string, thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError("BUS_UNAVAILABLE", `${what}: ${describeError(rootOf(thrown))}`, { cause: thrown });
}
