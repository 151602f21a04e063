import { type ClientRequest, type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import type { LookupFunction } from "node:net";
import { AppError, describeError } from "#errors/app-error.ts";
import { readResponseBody } from "./response-body.ts";
import type { ResolvedAddress } from "./outbound-policy.ts";

export interface ExchangeLimits {
  /** Bytes of the body, decoded. */
  readonly responseBytes: number;
  /** Bytes of all response headers. */
  readonly headerBytes: number;
  /** Milliseconds until a connection stands, TLS included. */
  readonly connectMs: number;
}

export interface OutboundResponse {
  readonly status: number;
  readonly statusText: string;
  /** Names in lower case; of several with one name the values are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty where it was not read. */
  readonly body: Buffer;
  /** The address that answered, after redirects. */
  readonly url: string;
}

interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

interface ExchangeOptions {
  /** The only addresses that are connected to; no resolver is asked. */
  readonly addresses: readonly ResolvedAddress[];
  readonly limits: ExchangeLimits;
  /** False: the body of a response with this status is left unread. */
  readonly readBody: (status: number) => boolean;
  readonly signal: AbortSignal;
}

/** One request and its response on a connection of its own, which is closed afterwards. */
export async function exchange(request: ExchangeRequest, options: ExchangeOptions): Promise<OutboundResponse> {
  try {
    return await send(request, options);
  } catch (error) {
    throw toAppError(error, request.url);
  }
}

async function send(request: ExchangeRequest, options: ExchangeOptions): Promise<OutboundResponse> {
  const sent = open(request, options);
  const connecting = watchConnect(sent, request.url, options.limits.connectMs);
  try {
    const message = await answerOf(sent, request.body);
    const status = message.statusCode ?? 0;
    const isRead = options.readBody(status);
    const body = isRead ? await readResponseBody(message, options.limits.responseBytes) : Buffer.alloc(0);
    return {
      status,
      statusText: message.statusMessage ?? "",
      headers: headersOf(message),
      body,
      url: request.url.href,
    };
  } finally {
    clearTimeout(connecting);
    sent.destroy();
  }
}

function open(request: ExchangeRequest, { addresses, limits, signal }: ExchangeOptions): ClientRequest {
  const { url, method, headers, body } = request;
  const start = url.protocol === "https:" ? requestSecure : requestPlain;
  const length = body === null ? {} : { "content-length": String(body.length) };
  return start(url, {
    method,
    headers: { "accept-encoding": "gzip, deflate, br", ...headers, ...length },
    // No pool: a connection that another task opened was admitted for that task.
    agent: false,
    lookup: lookupOf(addresses),
    maxHeaderSize: limits.headerBytes,
    signal,
  });
}

/** Answers with what the policy admitted, whatever name is asked for. */
function lookupOf(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const fitting = addresses.filter(({ family }) => !isOtherFamily(options.family, family));
    const [first] = fitting;
    if (options.all === true) return callback(null, [...fitting]);
    if (first === undefined) return callback(new Error("no address of the wanted family"), "", 0);
    callback(null, first.address, first.family);
  };
}

function isOtherFamily(wanted: number | string | undefined, family: 4 | 6): boolean {
  return wanted === 6 || wanted === "IPv6" ? family !== 6 : (wanted === 4 || wanted === "IPv4") && family !== 4;
}

function answerOf(sent: ClientRequest, body: Buffer | null): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once("response", resolve);
    // Stays: a connection may break again while it is closed.
    sent.on("error", reject);
    sent.end(body ?? undefined);
  });
}

function watchConnect(sent: ClientRequest, url: URL, connectMs: number): NodeJS.Timeout {
  const isSecure = url.protocol === "https:";
  const timer = setTimeout(() => {
    sent.destroy(new AppError("OUTBOUND_UNREACHABLE", `${url.host} took no connection within ${connectMs} ms`));
  }, connectMs);
  sent.once("socket", (socket) => socket.once(isSecure ? "secureConnect" : "connect", () => clearTimeout(timer)));
  return timer;
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}

/** What Node says of certificates that it does not trust. */
const untrusted = /^(CERT_|ERR_TLS_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERR_SSL_)/;

/** What OpenSSL says of an answer that is not TLS. */
const withoutTls = /SSL routines.*(wrong version number|packet length too long|record overflow)/;

/** What Node says of a connection that ends too early. */
const brokenConnections: Readonly<Record<string, string>> = {
  aborted: "broke off in the middle of its answer",
  "socket hang up": "closed the connection without an answer",
};

function toAppError(cause: unknown, { host }: URL): unknown {
  if (cause instanceof AppError || (cause instanceof Error && cause.name === "AbortError")) return cause;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "HPE_HEADER_OVERFLOW") return new AppError("RESPONSE_TOO_LARGE", `${host} sends too large headers`);
  if (code.startsWith("HPE_")) return new AppError("INVALID_RESPONSE", `${host} does not answer in HTTP`, { cause });
  if (code.startsWith("ERR_INVALID_") || code.startsWith("ERR_UNESCAPED"))
    return new AppError("INVALID_ARGUMENT", `the request can't be sent: ${describeError(cause)}`, { cause });
  if (untrusted.test(code)) {
    return new AppError("OUTBOUND_UNTRUSTED", `${host} has a certificate that is not trusted: ${code}`, { cause });
  }
  const reason = describeReason(cause, code);
  if (withoutTls.test(reason))
    return new AppError("INVALID_RESPONSE", `${host} does not answer with TLS; write http:// if it has none`, {
      cause,
    });
  const broken = brokenConnections[reason];
  if (broken !== undefined) return new AppError("OUTBOUND_UNREACHABLE", `${host} ${broken}`, { cause });
  return new AppError("OUTBOUND_UNREACHABLE", `${host} can't be reached: ${reason}`, { cause });
}

/** Of several addresses that were tried none has a message of its own. */
function describeReason(cause: unknown, code: string): string {
  if (cause instanceof AggregateError) return cause.errors.map(describeError).join("; ");
  const message = describeError(cause);
  return message === "" ? code : message;
}
