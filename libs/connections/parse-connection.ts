import { closestName } from "#core/closest-name.ts";
import { AppError } from "#errors/app-error.ts";
import type { Connection } from "./connection.ts";
import { connectionFields, connectionTypes, toConnection } from "./connection-fields.ts";

/** Address schemes by the type of connection that they mean. */
const schemes: ReadonlyMap<string, (typeof connectionTypes)[number]> = new Map([
  ["postgres:", "postgres"],
  ["postgresql:", "postgres"],
  ["mysql:", "mysql"],
  ["mariadb:", "mysql"],
  ["sqlite:", "sqlite"],
  ["http:", "http"],
  ["https:", "http"],
  ["smtp:", "smtp"],
  ["smtps:", "smtp"],
]);

const maxLength = 64 * 1024;
/** Of mail that is encrypted from the first byte. */
const smtpsPort = 465;

/**
 * Reads a connection as it was given: an address, or JSON with a `type`. Throws INVALID_CONNECTION, which names field and
 * source but never a value, since any of them may be a password put in the wrong place.
 */
export function parseConnection(given: { name: string; text: string; source: string }): Connection {
  const text = given.text.trim();
  if (text.length > maxLength) throw refusal(given, `is longer than ${maxLength} characters`);
  const fields = text.startsWith("{") ? readJson(text, given) : readAddress(text, given);
  const parsed = connectionFields.safeParse(fields);
  if (parsed.success) return toConnection(given.name, parsed.data);
  throw refusal(given, describeIssue(parsed.error.issues[0], fields));
}

type Given = { readonly name: string; readonly source: string };

function readJson(text: string, given: Given): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own message would show a part of the text.
    throw refusal(given, "begins like JSON and is none");
  }
}

function readAddress(text: string, given: Given): Record<string, unknown> {
  const path = /^sqlite:(?:\/\/(?=\/))?([^?#]*)(?:\?(.*))?$/.exec(text);
  if (path !== null) return { type: "sqlite", path: decode(path[1] ?? "", given), ...queryOf(path[2] ?? "") };
  // Several hosts are no URL. Who logs in stands in JSON.
  const [, brokers] = /^kafka:\/\/(.*)$/s.exec(text) ?? [];
  if (brokers !== undefined) return { type: "kafka", brokers };
  const type = URL.canParse(text) ? schemes.get(new URL(text).protocol) : undefined;
  if (type === undefined) {
    throw refusal(
      given,
      "is neither JSON nor an address that begins with postgres:, mysql:, sqlite:, http:, https:, smtp:, smtps: or kafka:",
    );
  }
  const url = new URL(text);
  const user = decode(url.username, given);
  const password = decode(url.password, given);
  if (type === "http") {
    const auth = user === "" && password === "" ? null : { type: "basic", username: user, password };
    url.username = "";
    url.password = "";
    return { type, url: url.href, auth };
  }
  if (type === "smtp" && url.protocol === "smtps:") url.searchParams.set("secure", "true");
  const isImplicitTls = url.searchParams.get("secure") === "true" && type === "smtp";
  return {
    type,
    ...(isImplicitTls ? { port: smtpsPort } : {}),
    ...(url.hostname === "" ? {} : { host: decode(url.hostname.replace(/^\[|\]$/g, ""), given) }),
    ...(url.port === "" ? {} : { port: url.port }),
    user,
    password,
    ...(type === "smtp" ? {} : { database: decode(url.pathname.slice(1), given) }),
    ...queryOf(url.search),
  };
}

function queryOf(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

function decode(text: string, given: Given): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refusal(given, "holds a % that begins no escape; write it as %25");
  }
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

function describeIssue(issue: Issue | undefined, fields: unknown): string {
  const path = issue?.path.map(String).join(".") ?? "";
  if (issue === undefined) return "can't be read";
  const [unknown] = issue.keys ?? [];
  if (issue.code === "unrecognized_keys" && unknown !== undefined) {
    const near = closestName(unknown, knownFields(fields));
    return `has no field ${unknown}${near === null ? "" : `; did you mean ${near}?`}`;
  }
  if (path === "type") return `has no type that is known; it is one of ${connectionTypes.join(", ")}`;
  return path === "" ? issue.message : `has a wrong field: ${path} ${issue.message}`;
}

function knownFields(fields: unknown): readonly string[] {
  const type = typeof fields === "object" && fields !== null && "type" in fields ? fields.type : null;
  const option = connectionFields.options.find(({ shape }) => shape.type.value === type);
  return option === undefined ? [] : Object.keys(option.shape);
}

function refusal({ name, source }: Given, what: string): AppError {
  return new AppError("INVALID_CONNECTION", `the connection ${name} (${source}) ${what}`, {
    details: { connection: name, source },
  });
}
