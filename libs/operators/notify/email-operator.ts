import type { Socket } from "node:net";
import { z } from "zod";
import { AppError, describeError } from "#errors/app-error.ts";
import type { SmtpConnection } from "#connections/notice-connection.ts";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import { toFailure } from "../http/http-outcome.ts";
import type { Operator, OperatorContext, OperatorResult } from "../operator.ts";
import { orExpression, textOf } from "../operator-fields.ts";
import { connectToMailServer } from "./mail-socket.ts";
import { noticeTimeoutMs } from "./post-notice.ts";

/** What the mail library says of a failure. */
interface MailFailure {
  readonly code?: string;
  /** The server's answer, e.g. 550. */
  readonly responseCode?: number;
  readonly message: string;
}

const unreachableCodes: ReadonlySet<string> = new Set(["ECONNECTION", "ETIMEDOUT", "ESOCKET", "EPROTOCOL"]);
/** What OpenSSL says of an answer that is not TLS. */
const withoutTls = /SSL routines.*wrong version number/;
/** A name in quotes, which may hold a comma: other commas stand between addresses. */
const quoted = /"(?:[^"\\]|\\.)*"/g;
/** Whether it is one in all ways the server judges; without an `@` the library leaves it out without a word. */
const addressForm = /[^\s@<>]@[^\s@<>]/;

/** Sends one mail through the server of a connection. */
export const emailOperator: Operator = {
  type: "email",
  inProcess: true,
  async execute(context): Promise<OperatorResult> {
    try {
      return await send(context);
    } catch (error) {
      if (error instanceof AppError) return toFailure(error);
      throw error;
    }
  },
};

async function send({ config, host, keepSecret, signal, log }: OperatorContext): Promise<OperatorResult> {
  const connection = host.connections.find(textOf(config, "connection"), "smtp");
  if (connection.password.length > 3) keepSecret(connection.password);
  const from = textOf(config, "from", connection.from);
  if (from === "") {
    const message = `nobody sends the mail: give \`from\`, or the connection ${connection.name} a \`from\``;
    return { kind: "failed", code: "configuration", message };
  }
  const recipients = { to: listOf(config["to"]), cc: listOf(config["cc"]), bcc: listOf(config["bcc"]) };
  const wrong = findWrongAddress({ from: [from], ...recipients });
  if (wrong !== null) return { kind: "failed", code: "configuration", message: wrong };
  const { text, html } = config;
  const { createTransport } = await import("nodemailer");
  const socket = await connectToMailServer(connection, signal).catch((error: unknown) =>
    toUnreachable(error, connection),
  );
  signal.throwIfAborted();
  if ("kind" in socket) return socket;
  const transport = createTransport({ ...transportOf(connection), getSocket: given(socket) });
  try {
    const content = { ...(typeof text === "string" ? { text } : {}), ...(typeof html === "string" ? { html } : {}) };
    const sent = await transport.sendMail({ from, ...recipients, subject: textOf(config, "subject"), ...content });
    log("system", `mail to ${sent.accepted.length} of ${sent.accepted.length + sent.rejected.length} recipients taken`);
    return { kind: "success", outputs: { message_id: sent.messageId, rejected: sent.rejected.map(String) } };
  } catch (error) {
    signal.throwIfAborted();
    return toMailFailure(connection, error as MailFailure);
  } finally {
    transport.close();
    socket.destroy();
  }
}

/** As the library asks for a socket. */
function given(connection: Socket) {
  return (_options: unknown, take: (error: null, found: { readonly connection: Socket }) => void) =>
    take(null, { connection });
}

function findWrongAddress(fields: Readonly<Record<string, readonly string[]>>): string | null {
  for (const [field, entries] of Object.entries(fields)) {
    const wrong = entries.find(
      (entry) =>
        !entry
          .replaceAll(quoted, "")
          .split(",")
          .every((one) => addressForm.test(one)),
    );
    if (wrong !== undefined) return `${field}: "${wrong}" is no mail address; write one such as ops@example.com`;
  }
  return null;
}

function toUnreachable(error: unknown, { name, host, port }: SmtpConnection): OperatorResult {
  const message = `the mail server ${host}:${port} of the connection ${name} can't be reached: ${reasonOf(error)}`;
  return { kind: "failed", code: "connection", message };
}

/** Of several addresses that were tried none has a message of its own. */
function reasonOf(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(describeError).join("; ") : describeError(error);
}

/** Fields hold data, never files or addresses to fetch. */
function transportOf({ host, port, secure, user, password }: SmtpConnection): object {
  const auth = user === "" ? {} : { auth: { user, pass: password } };
  const patience = { greetingTimeout: 10_000, socketTimeout: noticeTimeoutMs };
  return { host, port, secure, ...auth, ...patience, disableFileAccess: true, disableUrlAccess: true };
}

/** An answer of the 400s may be another next time; one of the 500s, as a wrong password, may not. */
function toMailFailure({ name }: SmtpConnection, { code = "", responseCode, message }: MailFailure): OperatorResult {
  if (withoutTls.test(message)) {
    const problem = `the server of the connection ${name} does not begin with TLS; write smtp:// in place of smtps://, or name its port for TLS`;
    return { kind: "failed", code: "configuration", message: problem };
  }
  const said = `the mail was not taken by the connection ${name}: ${message}`;
  if (responseCode !== undefined)
    return { kind: "failed", code: "smtp_status", message: said, retryable: responseCode < 500 };
  const isUnreachable = unreachableCodes.has(code);
  return { kind: "failed", code: isUnreachable ? "connection" : "configuration", message: said };
}

function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" ? [value] : [];
}

const recipients = orExpression(
  z.union([z.string().min(3), z.array(z.string().min(3)).min(1).max(100)]),
  "an address, or a list of addresses",
);

export const emailSchema: OperatorSchema = {
  fields: z
    .strictObject({
      connection: z.string().min(1).describe("A named connection of type smtp."),
      to: recipients.describe("An address, or a list."),
      cc: recipients.optional().describe("Copies."),
      bcc: recipients.optional().describe("Copies that the others don't see."),
      from: z.string().min(3).optional().describe("The sender; the connection's by default."),
      subject: z.string().min(1).max(998).describe("One line."),
      text: z.string().optional().describe("The mail as text."),
      html: z.string().optional().describe("The mail as HTML, beside the text or alone."),
    })
    .check(({ value, issues }) => {
      if (value.text !== undefined || value.html !== undefined) return;
      issues.push({ code: "custom", message: "needs `text`, `html` or both", input: value, path: [] });
    }),
  code: {},
  description: "One mail, through an SMTP server.",
  defaultTimeoutMs: noticeTimeoutMs,
  hookDefaults: {
    subject: "{{ run.dag_id }} {{ ended.task_id | default('') }} {{ ended.state }}",
    text: "{{ ended.message }}",
  },
};
