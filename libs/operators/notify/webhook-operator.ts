import { createHmac } from "node:crypto";
import { z } from "zod";
import { AppError } from "#errors/app-error.ts";
import type { OutboundRequest } from "#outbound/outbound-request.ts";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import { toFailure } from "../http/http-outcome.ts";
import { buildRequest, keysOf } from "../http/http-request.ts";
import type { Operator, OperatorContext, OperatorResult } from "../operator.ts";
import { textOf } from "../operator-fields.ts";
import { noticeTimeoutMs, postNotice } from "./post-notice.ts";

/** Posts JSON that the receiver can check: the signature is the one that Millrace's own webhooks ask for. */
export const webhookOperator: Operator = {
  type: "webhook",
  inProcess: true,
  async execute(context): Promise<OperatorResult> {
    try {
      return await postNotice(context, signedRequest(context, Date.now()), null);
    } catch (error) {
      if (error instanceof AppError) return toFailure(error);
      throw error;
    }
  },
};

function signedRequest(context: OperatorContext, now: number): OutboundRequest {
  const { attempt, config, environment, host, keepSecret } = context;
  const { dagRunId, dagId, taskId, tryNumber } = attempt;
  const own = { dag_id: dagId, dag_run_id: dagRunId, task_id: taskId, try_number: tryNumber };
  const { url, connection, headers } = config;
  const request = buildRequest(
    { url, connection, headers, body: config["body"] ?? own, method: "POST" },
    host.connections,
  );
  for (const secret of keysOf(request)) keepSecret(secret);
  const delivery = environment["MILLRACE_IDEMPOTENCY_KEY"] ?? `${dagRunId}/${taskId}/${tryNumber}`;
  const key = textOf(config, "signing_key");
  const timestamp = String(Math.floor(now / 1000));
  const signed = key === "" ? {} : { "x-millrace-signature": `sha256=${sign(key, { timestamp, delivery, request })}` };
  const named = { "x-millrace-timestamp": timestamp, "x-millrace-delivery": delivery };
  return { ...request, headers: { ...request.headers, ...named, ...signed } };
}

function sign(key: string, signed: { timestamp: string; delivery: string; request: OutboundRequest }): string {
  const { timestamp, delivery, request } = signed;
  return createHmac("sha256", key)
    .update(`${timestamp}.${delivery}.`)
    .update(request.body ?? "")
    .digest("hex");
}

export const webhookSchema: OperatorSchema = {
  fields: z
    .strictObject({
      url: z.string().min(1).optional().describe("The address, or with a connection what follows its own."),
      connection: z.string().min(1).optional().describe("A named connection of type http: address, headers and auth."),
      headers: z
        .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
        .optional()
        .describe("Headers by name."),
      body: z.json().optional().describe("Sent as JSON, text as it is; by default the ids of run and task."),
      signing_key: z.string().min(1).optional().describe("What signs the request; write `{{ secrets.name }}`."),
    })
    .check(({ value, issues }) => {
      if (value.url !== undefined || value.connection !== undefined) return;
      issues.push({ code: "custom", message: "needs `url`, `connection` or both", input: value, path: [] });
    }),
  code: {},
  description: "A signed HTTP POST that tells another system.",
  defaultTimeoutMs: noticeTimeoutMs,
  hookDefaults: {
    body: {
      dag_id: "{{ run.dag_id }}",
      dag_run_id: "{{ run.dag_run_id }}",
      execution_date: "{{ execution_date | iso }}",
      task_id: "{{ ended.task_id }}",
      state: "{{ ended.state }}",
      error: "{{ ended.error }}",
      duration_ms: "{{ ended.duration_ms }}",
      failed_count: "{{ ended.failed_count }}",
      failed_tasks: "{{ ended.failed_tasks }}",
      message: "{{ ended.message }}",
    },
  },
};
