import { ConnectError, type Transport } from "@connectrpc/connect";
import type { AppError } from "#errors/app-error.ts";
import { fromConnectError } from "./connect-error.ts";
import { observeStream } from "./stream.ts";

/** The transport, throwing the `AppError` that the other side raised, from calls and from the streams they answer. */
export function withAppErrors(transport: Transport): Transport {
  return {
    async unary(...call) {
      try {
        return await transport.unary(...call);
      } catch (thrown) {
        throw fromConnectError(thrown);
      }
    },
    async stream(...call) {
      try {
        const response = await transport.stream(...call);
        return { ...response, message: observeStream(response.message, streamObserver) };
      } catch (thrown) {
        throw fromConnectError(thrown);
      }
    },
  };
}

const streamObserver = {
  mapError: (thrown: unknown): AppError => fromConnectError(thrown),
  onEnd: () => undefined,
};

/** Whether the failure shows that the other side never saw the request. */
export function wasNotSent(thrown: unknown): boolean {
  if (/\bREFUSED_STREAM\b/.test(ConnectError.from(thrown).rawMessage)) return true;
  const seen = new Set<unknown>();
  for (let current = thrown; current instanceof Error && !seen.has(current); current = current.cause) {
    seen.add(current);
    const { code, syscall } = current as NodeJS.ErrnoException;
    if (code !== undefined && unreachableCodes.has(code)) return true;
    if (code === "ETIMEDOUT" && syscall === "connect") return true;
  }
  return false;
}

const unreachableCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
]);
