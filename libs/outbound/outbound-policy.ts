import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { AppError } from "#errors/app-error.ts";
import { whyNotPublic } from "./address-kind.ts";
import type { HostGuard } from "./host-guard.ts";
import { allowsAddress, allowsHost, parseAllowRule } from "./allow-rule.ts";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** All addresses of a name, as the system's resolver gives them. */
export type ResolveHost = (host: string) => Promise<readonly ResolvedAddress[]>;

/** Where requests may go. */
export interface OutboundPolicy {
  /**
   * The addresses to connect to, looked up once: whoever connects uses these and asks no resolver again. Throws
   * OUTBOUND_REFUSED, or OUTBOUND_UNREACHABLE when the name has no address.
   */
  admit(url: URL, signal: AbortSignal): Promise<readonly ResolvedAddress[]>;
  /** What spares hosts in trouble; null: every request goes at once. */
  readonly guard: HostGuard | null;
}

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/**
 * Public addresses, and what `allow` names. One refused address refuses the whole name, so that a name with a public
 * and a private address is no way in. Throws INVALID_CONFIG for an entry that can't be read.
 */
export function createOutboundPolicy(options: {
  allow: readonly string[];
  resolve?: ResolveHost;
  guard?: HostGuard;
}): OutboundPolicy {
  const rules = options.allow.map(parseAllowRule);
  const resolve = options.resolve ?? resolveBySystem;
  return {
    guard: options.guard ?? null,
    async admit(url, signal) {
      const port = portOf(url);
      const host = bareHost(url);
      const addresses = await addressesOf(host, resolve, signal);
      if (rules.some((rule) => allowsHost(rule, host, port))) return addresses;
      for (const { address } of addresses) {
        const reason = whyNotPublic(address);
        if (reason === null || rules.some((rule) => allowsAddress(rule, address, port))) continue;
        const shown = host === address ? `${host} is` : `${host} is ${address},`;
        throw refusal(
          `${shown} ${reason}, and tasks may not reach it; the worker's setting outbound.allow can allow it`,
        );
      }
      return addresses;
    },
  };
}

/** Only http and https, without a name and password in the address, which would end up in logs. */
function portOf(url: URL): number {
  const port = defaultPorts[url.protocol];
  if (port === undefined) throw refusal(`${url.protocol}// is neither http nor https`);
  if (url.username !== "" || url.password !== "")
    throw refusal("the address holds a user name or password; give them by `auth`");
  return url.port === "" ? port : Number(url.port);
}

/** WHATWG URLs have every form of an IPv4 address (decimal, octal, hexadecimal) in four decimal parts already. */
function bareHost({ hostname }: URL): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

async function addressesOf(
  host: string,
  resolve: ResolveHost,
  signal: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  const family = isIP(host);
  if (family === 4 || family === 6) return [{ address: host, family }];
  const addresses = await untilAborted(resolve(host), signal);
  if (addresses.length === 0) throw new AppError("OUTBOUND_UNREACHABLE", `${host} has no address`);
  return addresses;
}

async function resolveBySystem(host: string): Promise<readonly ResolvedAddress[]> {
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw new AppError("OUTBOUND_UNREACHABLE", `${host} can't be looked up (${code})`, { cause });
  }
}

/** The system's resolver can't be interrupted; its answer is no longer waited for. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function refusal(message: string): AppError {
  return new AppError("OUTBOUND_REFUSED", message);
}
