import { z } from "zod";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import { toFailure } from "../http/http-outcome.ts";
import type { Operator, OperatorContext, OperatorResult } from "../operator.ts";
import { textOf } from "../operator-fields.ts";
import { noticeTimeoutMs, postNotice } from "./post-notice.ts";

/** Posts a message to the incoming webhook of a connection; its address is a key and is never shown. */
export const slackOperator: Operator = {
  type: "slack",
  inProcess: true,
  async execute(context): Promise<OperatorResult> {
    try {
      return await post(context);
    } catch (error) {
      if (error instanceof AppError) return toFailure(error);
      throw error;
    }
  },
};

async function post(context: OperatorContext): Promise<OperatorResult> {
  const { config, host, keepSecret } = context;
  const { name, url } = host.connections.find(textOf(config, "connection"), "slack");
  keepSecret(url);
  const { text, blocks } = config;
  const body = Buffer.from(JSON.stringify({ text, ...(blocks === undefined ? {} : { blocks }) }));
  const headers = { "content-type": "application/json", "user-agent": "millrace" };
  return postNotice(context, { method: "POST", url, headers, body }, `the connection ${name}`);
}

export const slackSchema: OperatorSchema = {
  fields: z.strictObject({
    connection: z.string().min(1).describe("A named connection of type slack: the address of an incoming webhook."),
    text: z.string().min(1).max(40_000).describe("The message, in Slack's mrkdwn; also what notifications show."),
    blocks: z.array(z.json()).max(50).optional().describe("Blocks of Slack's Block Kit in place of the text."),
  }),
  code: {},
  description: "A message to Slack, through an incoming webhook.",
  defaultTimeoutMs: noticeTimeoutMs,
  hookDefaults: { text: "{{ ended.message }}" },
};
