import assert from "node:assert/strict";
import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  DescService,
  Message,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../http/exchange.ts";
import { matchRoute, type RouteMatch } from "./match-route.ts";
import { parseBody } from "./parse-body.ts";
import { readRequest } from "./read-request.ts";
import { buildRoutes } from "./route-table.ts";
import { messageToJson } from "./write-json.ts";

/** What a method's annotation can't say. */
export interface RestRules {
  /** Header name (lower case) → the request field that it stands for; it wins over a query parameter. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Names of filter terms that also work as query parameters. */
  readonly filterTerms?: readonly string[];
  /** Status and headers by the response; 200 unless given. */
  readonly respond?: (response: Message) => {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** The field of the response that is the answer's body, where that depends on the response. */
  readonly responseField?: (response: Message) => string;
  /** How a stream of messages becomes an answer. `messages` ends with the client. */
  readonly renderStream?: (messages: AsyncIterable<Message>, request: HttpRequest) => Promise<HttpResponse>;
}

export interface RestOptions {
  readonly services: readonly DescService[];
  /** Where the handlers are, usually in this process. */
  readonly transport: Transport;
  readonly rules: ReadonlyMap<DescMethod, RestRules>;
}

/** Serves the annotated routes of the services: JSON in and out, by `messageToJson` and `readRequest`. */
export function createRestHandler(options: RestOptions): HttpHandler {
  const routes = buildRoutes(options.services);
  for (const { method } of routes) {
    const isServed = method.methodKind === "unary" || options.rules.get(method)?.renderStream !== undefined;
    assert(isServed, `${method.name} streams and has no rule for its rendering`);
  }
  return async (request) => {
    if (request.method === "OPTIONS") return answerOptions(request, routes);
    const match = matchRoute(routes, request.method, request.path);
    const rules = options.rules.get(match.route.method) ?? {};
    const message = await readMessage(request, match, rules);
    return match.route.method.methodKind === "unary"
      ? callUnary(options.transport, match, message, request, rules)
      : callStream(options.transport, match, message, request, rules);
  };
}

async function readMessage(request: HttpRequest, match: RouteMatch, rules: RestRules): Promise<Message> {
  const headerFields = new Map<string, string>();
  for (const [header, field] of Object.entries(rules.headers ?? {})) {
    const text = request.header(header);
    if (text !== null) headerFields.set(field, text);
  }
  const isReading = request.method === "GET" || request.method === "HEAD";
  const bytes = isReading ? new Uint8Array() : await request.readBody();
  const { rawBodyField } = match.route;
  const body = rawBodyField === null ? parseBody(bytes) : {};
  if (!match.route.hasBody && Object.keys(body).length > 0) {
    throw new AppError("INVALID_ARGUMENT", `${request.method} ${match.route.path} takes no body; use query parameters`);
  }
  const rawBody = rawBodyField === null ? null : { field: rawBodyField, bytes };
  const filterTerms = rules.filterTerms ?? [];
  return readRequest({ match, query: request.query, body, rawBody, headerFields, filterTerms });
}

async function callUnary(
  transport: Transport,
  match: RouteMatch,
  message: Message,
  request: HttpRequest,
  rules: RestRules,
): Promise<HttpResponse> {
  const { route } = match;
  const method = route.method as DescMethodUnary;
  const call = await transport.unary(method, request.signal, undefined, callHeaders(request), message);
  const { status, headers } = rules.respond?.(call.message) ?? { status: 200 };
  const field = rules.responseField?.(call.message) ?? route.responseField?.name ?? null;
  const json = pickJson(method.output, call.message, field);
  return { status, headers: { "content-type": "application/json", ...headers }, body: `${JSON.stringify(json)}\n` };
}

/**
 * The stream ends with the client, however its rendering ends. Its first message is awaited, so that a refusal has its
 * status: handlers send one at once.
 */
async function callStream(
  transport: Transport,
  match: RouteMatch,
  message: Message,
  request: HttpRequest,
  rules: RestRules,
): Promise<HttpResponse> {
  const method = match.route.method as DescMethodStreaming;
  const call = await transport.stream(method, request.signal, undefined, callHeaders(request), only(message));
  const messages = call.message[Symbol.asyncIterator]();
  const first = await messages.next();
  assert(rules.renderStream !== undefined);
  return rules.renderStream(resume(first, messages), request);
}

async function* resume(first: IteratorResult<Message>, rest: AsyncIterator<Message>): AsyncGenerator<Message> {
  for (let step = first; step.done !== true; step = await rest.next()) yield step.value;
}

function callHeaders(request: HttpRequest): Headers {
  const headers = new Headers({ "x-request-id": request.id });
  const traceparent = request.header("traceparent");
  if (traceparent !== null) headers.set("traceparent", traceparent);
  return headers;
}

async function* only(message: Message): AsyncGenerator<Message> {
  yield message;
}

/** The response, or the one field of it that is the answer's body. */
function pickJson(desc: DescMessage, message: Message, field: string | null): unknown {
  if (field === null) return messageToJson(desc, message);
  const reflected = reflect(desc, message);
  const picked = reflected.fields.find((candidate) => candidate.name === field);
  assert(picked?.fieldKind === "message");
  return messageToJson(picked.message, reflected.get(picked).message);
}

function answerOptions(request: HttpRequest, routes: ReturnType<typeof buildRoutes>): HttpResponse {
  try {
    matchRoute(routes, "OPTIONS", request.path);
  } catch (thrown) {
    const allow = thrown instanceof AppError ? thrown.details["allow"] : undefined;
    if (!Array.isArray(allow)) throw thrown;
    return { status: 204, headers: { allow: allow.join(", ") }, body: null };
  }
  throw new AppError("ROUTE_NOT_FOUND", `no route ${request.path}`);
}
