import { z } from "zod";
import type { Connection } from "./connection.ts";

const defaultPoolMax = 10;
const text = z.string("must be text");
const filled = text.min(1, "must not be empty");

/** A number, or its text as an address has it. */
function whole(max: number) {
  return z
    .union([z.int(), text.regex(/^\d{1,9}$/).transform(Number)], "must be a whole number")
    .pipe(z.int().min(1, "must be at least 1").max(max, `must be at most ${max}`));
}

const flag = z.union(
  [z.boolean(), z.enum(["true", "false"]).transform((word) => word === "true")],
  "must be true or false",
);

function serverFields(port: number) {
  return {
    host: filled.default("localhost"),
    port: whole(65_535).default(port),
    user: text.default(""),
    password: text.default(""),
    database: text.default(""),
    sslmode: z
      .enum(["disable", "require", "verify-full"], "must be disable, require or verify-full")
      .default("disable"),
    sslrootcert: filled.regex(/^\//, "must be an absolute path").nullable().default(null),
    pool_max: whole(1000).default(defaultPoolMax),
  };
}

const httpAuth = z.discriminatedUnion(
  "type",
  [
    z.strictObject({ type: z.literal("basic"), username: text, password: text }),
    z.strictObject({ type: z.literal("bearer"), token: filled }),
  ],
  "must have the type basic, with username and password, or bearer, with token",
);

const pemFile = filled.regex(/^\//, "must be an absolute path").nullable().default(null);
const brokerForm = /^[^\s,/:@]+:\d{1,5}$/;
const broker = text.regex(brokerForm, "must be host:port");

const kafkaFields = {
  brokers: z.union(
    [z.array(broker).min(1), text.transform((listed) => listed.split(",")).pipe(z.array(broker))],
    "must be host:port, one or more",
  ),
  tls: flag.default(false),
  ca_file: pemFile,
  certificate_file: pemFile,
  key_file: pemFile,
  sasl: z
    .strictObject(
      {
        mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]),
        username: filled,
        password: filled,
      },
      "must have mechanism (plain, scram-sha-256 or scram-sha-512), username and password",
    )
    .nullable()
    .default(null),
};

/** The fields of a connection by its type, as JSON has them; an address is read into the same. */
export const connectionFields = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("postgres"), ...serverFields(5432) }),
  z.strictObject({ type: z.literal("mysql"), ...serverFields(3306) }),
  z.strictObject({
    type: z.literal("sqlite"),
    path: filled.regex(/^(\/|[A-Za-z]:[\\/]|:memory:$)/, "must be an absolute path or :memory:"),
    read_only: flag.default(false),
  }),
  z.strictObject({
    type: z.literal("http"),
    url: text.refine(isBaseUrl, "must be an http or https address without a query, user name or password"),
    headers: z.record(z.string(), text).default({}),
    auth: httpAuth.nullable().default(null),
  }),
  z.strictObject({
    type: z.literal("smtp"),
    host: filled.default("localhost"),
    port: whole(65_535).default(587),
    secure: flag.default(false),
    user: text.default(""),
    password: text.default(""),
    from: text.default(""),
  }),
  z.strictObject({
    type: z.literal("slack"),
    url: text.refine(isBaseUrl, "must be the https address of an incoming webhook"),
  }),
  z
    .strictObject({ type: z.literal("kafka"), ...kafkaFields })
    .refine((fields) => (fields.certificate_file === null) === (fields.key_file === null), {
      path: ["key_file"],
      message: "and certificate_file go together",
    }),
]);

/** The types that there are. */
export const connectionTypes = [
  "postgres",
  "mysql",
  "sqlite",
  "http",
  "smtp",
  "slack",
  "kafka",
] as const satisfies readonly Connection["kind"][];

function isBaseUrl(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, search, hash, username, password } = new URL(address);
  return /^https?:$/.test(protocol) && `${search}${hash}${username}${password}` === "";
}

/** The fields as the rest of the program has them. */
export function toConnection(name: string, fields: z.output<typeof connectionFields>): Connection {
  switch (fields.type) {
    case "postgres":
    case "mysql": {
      const { type, sslmode, sslrootcert, pool_max, ...rest } = fields;
      return { kind: type, name, ...rest, sslMode: sslmode, sslRootCert: sslrootcert, poolMax: pool_max };
    }
    case "sqlite":
      return { kind: "sqlite", name, path: fields.path, readOnly: fields.read_only };
    case "http":
      return { kind: "http", name, url: fields.url, headers: fields.headers, auth: fields.auth };
    case "smtp": {
      const { type: kind, ...rest } = fields;
      return { kind, name, ...rest };
    }
    case "slack":
      return { kind: "slack", name, url: fields.url };
    case "kafka": {
      const { brokers, tls, ca_file: caFile, certificate_file: certificateFile, key_file: keyFile, sasl } = fields;
      const isEncrypted = tls || caFile !== null || certificateFile !== null;
      return { kind: "kafka", name, brokers, tls: isEncrypted ? { caFile, certificateFile, keyFile } : null, sasl };
    }
  }
}
