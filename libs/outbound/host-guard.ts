import type { BreakerPolicy } from "#breakers/breaker-options.ts";
import { type CircuitBreaker, createBreaker } from "#breakers/circuit-breaker.ts";
import { AppError } from "#errors/app-error.ts";
import type { BreakerStatus } from "#ports/breaker-status.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";
import { HostThrottle } from "./host-throttle.ts";
import type { OutboundResponse } from "./outbound-exchange.ts";

/** Hosts that are remembered; of more, those that were asked longest ago are forgotten. */
const maxHosts = 500;

/** What stands between this process and the hosts that its tasks ask: one breaker and one pace for each. */
export interface HostGuard {
  readonly breakers: readonly BreakerStatus[];
  /** Throws OUTBOUND_UNREACHABLE, at once, for a host that has failed too often. */
  run(url: URL, exchange: () => Promise<OutboundResponse>, asked: Asked): Promise<OutboundResponse>;
}

interface Asked {
  readonly signal: AbortSignal;
  /** Statuses that whoever asks wants: such an answer is no trouble of the host, also of the 500s. */
  readonly isExpected: (status: number) => boolean;
}

interface Host {
  readonly breaker: CircuitBreaker;
  readonly throttle: HostThrottle;
}

/** An answer that says that the host is in trouble. */
class TroubledResponse extends Error {
  readonly response: OutboundResponse;

  constructor(response: OutboundResponse) {
    super(`${response.status} ${response.statusText}`.trimEnd());
    this.response = response;
  }
}

export function createHostGuard(options: {
  readonly policy: BreakerPolicy;
  readonly clock: Clock;
  readonly logger: Logger;
}): HostGuard {
  const hosts = new Map<string, Host>();
  const hostOf = (name: string): Host => {
    const host = hosts.get(name) ?? createHost(name, options);
    hosts.delete(name);
    hosts.set(name, host);
    const [oldest] = hosts.keys();
    if (hosts.size > maxHosts && oldest !== undefined) hosts.delete(oldest);
    return host;
  };
  return {
    get breakers() {
      return [...hosts.values()].map(({ breaker }) => breaker.status);
    },
    async run(url, exchange, { signal, isExpected }) {
      const { breaker, throttle } = hostOf(url.host);
      await throttle.turn(signal);
      try {
        return await breaker.run(async () => judge(await exchange(), { throttle, isExpected }));
      } catch (thrown) {
        if (thrown instanceof TroubledResponse) return thrown.response;
        throw thrown;
      }
    },
  };
}

function createHost(name: string, { policy, clock, logger }: Parameters<typeof createHostGuard>[0]): Host {
  const breaker = createBreaker({
    name: `host ${name}`,
    policy,
    isFailure: isHostTrouble,
    refuse: (cause, retryInMs) =>
      new AppError("OUTBOUND_UNREACHABLE", `${name} is left alone for ${retryInMs} ms more: ${cause}`, {
        details: { retry_in_ms: retryInMs },
      }),
    clock,
    logger,
  });
  return { breaker, throttle: new HostThrottle(clock) };
}

/** A host that says how it wants to be asked is not in trouble: it is asked less. */
function judge(
  response: OutboundResponse,
  { throttle, isExpected }: { readonly throttle: HostThrottle; readonly isExpected: Asked["isExpected"] },
): OutboundResponse {
  const retryAfter = response.headers["retry-after"];
  if (response.status === 429 || (response.status === 503 && retryAfter !== undefined)) {
    throttle.slowDown(retryAfterMs(retryAfter));
    return response;
  }
  if (response.status >= 500 && !isExpected(response.status)) throw new TroubledResponse(response);
  return response;
}

/** No answer, or none in time. A certificate, an address or an answer that can't be used are no trouble of the host. */
function isHostTrouble(error: unknown): boolean {
  if (error instanceof TroubledResponse) return true;
  if (error instanceof AppError) return error.code === "OUTBOUND_UNREACHABLE";
  return error instanceof Error && error.cause instanceof Error && error.cause.name === "TimeoutError";
}

/** Seconds, or a date; null: none, or neither. */
function retryAfterMs(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}
