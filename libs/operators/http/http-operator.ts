import { z } from "zod";
import { AppError } from "#errors/app-error.ts";
import { sendOutside } from "#outbound/outbound-request.ts";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorContext, OperatorResult } from "../operator.ts";
import { orExpression, textOf } from "../operator-fields.ts";
import { judgeResponse, toFailure } from "./http-outcome.ts";
import { buildRequest, keysOf, methods } from "./http-request.ts";
import { type ExpectedStatus, parseExpectedStatus } from "./expected-status.ts";

const defaultTimeoutMs = 5 * 60 * 1000;
const defaultOutput = "body";
/** The attempt's own timeout comes first, unless it has none. */
const longestRequestMs = 24 * 60 * 60 * 1000;
const limits = { responseBytes: 4 * 1024 * 1024, headerBytes: 16 * 1024, connectMs: 10_000 };

/** Sends one request, and leaves status, headers and body of the response as outputs. */
export const httpOperator: Operator = {
  type: "http",
  inProcess: true,
  async execute(context): Promise<OperatorResult> {
    try {
      return await send(context);
    } catch (error) {
      if (error instanceof AppError) return toFailure(withWayOut(error, context.config["response_output"] !== false));
      throw error;
    }
  },
};

/** A body that is too long is mostly one that nobody needs as an output. */
function withWayOut(error: AppError, isOutput: boolean): AppError {
  if (error.details["max_bytes"] === undefined || !isOutput) return error;
  const message = `${error.message}; set response_output: false, or fetch it into a file with bash`;
  return new AppError(error.code, message, { cause: error });
}

async function send({ config, host, signal, log, keepSecret }: OperatorContext): Promise<OperatorResult> {
  const request = buildRequest(config, host.connections);
  // A server may answer with what it was sent.
  for (const secret of keysOf(request)) keepSecret(secret);
  const expected: ExpectedStatus = parseExpectedStatus(config["expected_status"]);
  const output = config["response_output"];
  const response = await sendOutside(request, {
    policy: host.outbound,
    limits,
    timeoutMs: longestRequestMs,
    followRedirects: config["follow_redirects"] !== false,
    // The body of an answer that nobody expected explains it.
    isExpected: (status) => expected.includes(status),
    readBody: (status) => output !== false || !expected.includes(status),
    signal,
  });
  log("system", `${request.method} ${withoutQuery(response.url)}: ${response.status} ${response.statusText}`.trimEnd());
  return judgeResponse(response, {
    method: request.method,
    expected,
    output: output === false ? null : textOf(config, "response_output", defaultOutput),
  });
}

/** Queries may hold keys. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

const text = z.string();

export const httpSchema: OperatorSchema = {
  fields: z
    .strictObject({
      method: orExpression(z.enum(methods), `one of ${methods.join(", ")}`)
        .optional()
        .describe("GET by default, POST with a body."),
      url: text.min(1).optional().describe("The address, or with a connection what follows its own."),
      connection: text.min(1).optional().describe("A named connection of type http: address, headers and auth."),
      headers: z
        .record(text, z.union([text, z.number(), z.boolean()]))
        .optional()
        .describe("Headers by name."),
      body: z.json().optional().describe("Text is sent as it is, anything else as JSON."),
      auth: z
        .discriminatedUnion("type", [
          z.strictObject({ type: z.literal("basic"), username: text, password: text }),
          z.strictObject({ type: z.literal("bearer"), token: text }),
        ])
        .optional()
        .describe("Basic or bearer authentication."),
      expected_status: z
        .union(
          [statusField(), z.array(statusField()).min(1)],
          "must be a status such as 200, a class such as 2xx, or a list of these",
        )
        .optional()
        .describe("The statuses that are a success; 2xx by default."),
      response_output: orExpression(
        z.union([z.literal(false), text.regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,199}$/)]),
        "the name of an output, or false to leave the body away",
      )
        .optional()
        .describe("The output that takes the body; `body` by default."),
      follow_redirects: z.boolean().optional().describe("True by default; every redirect obeys the outbound policy."),
    })
    .check(({ value, issues }) => {
      if (value.url !== undefined || value.connection !== undefined) return;
      issues.push({ code: "custom", message: "needs `url`, `connection` or both", input: value, path: [] });
    }),
  code: {},
  description: "One HTTP request.",
  defaultTimeoutMs,
};

function statusField() {
  return orExpression(
    z.union([z.int().min(100).max(599), text.regex(/^[1-5](xx|\d\d)$/)]),
    "a status such as 200, or a class such as 2xx",
  );
}
