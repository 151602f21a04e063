import { describe, expect, test } from "vitest";
import type { Connection } from "./connection.ts";
import { targetOf } from "./connection-target.ts";
import { type Connections, createConnections } from "./connections.ts";

const secret = "s3cr3t:/@?";

function connectionsOf(configured: Readonly<Record<string, string>>): Connections {
  return createConnections({ environment: {}, directory: null, configured });
}

function parse(text: string): Connection {
  return connectionsOf({ one: text }).find("one");
}

function problemOf(text: string): string {
  return connectionsOf({ one: text }).list()[0]?.problem ?? "none";
}

describe("addresses", () => {
  test("postgres, with escapes, and every default", () => {
    expect(
      parse(`postgres://me:${encodeURIComponent(secret)}@db.example:6543/shop?sslmode=verify-full&pool_max=3`),
    ).toEqual({
      kind: "postgres",
      name: "one",
      host: "db.example",
      port: 6543,
      user: "me",
      password: secret,
      database: "shop",
      sslMode: "verify-full",
      sslRootCert: null,
      poolMax: 3,
    });
    expect(parse("postgresql:///shop")).toMatchObject({ host: "localhost", port: 5432, user: "", sslMode: "disable" });
    expect(parse("postgres://[::1]/shop")).toMatchObject({ host: "::1" });
    expect(parse("postgres://u@%2Fvar%2Frun%2Fpg/shop")).toMatchObject({ host: "/var/run/pg" });
    expect(parse("postgres:///shop?host=/var/run/pg")).toMatchObject({ host: "/var/run/pg" });
  });

  test("mysql and mariadb", () => {
    expect(parse("mysql://me@db/shop")).toMatchObject({ kind: "mysql", port: 3306, password: "" });
    expect(parse("mariadb://me@db:3307/shop")).toMatchObject({ kind: "mysql", port: 3307 });
  });

  test("kafka, with several brokers; who logs in stands in JSON", () => {
    const plain = { kind: "kafka", name: "one", brokers: ["a:9092", "b.example:9093"], tls: null, sasl: null };
    expect(parse("kafka://a:9092,b.example:9093")).toEqual(plain);
    const sasl = { mechanism: "plain", username: "me", password: secret };
    const fields = { type: "kafka", brokers: ["a:9092", "b.example:9093"], ca_file: "/ca.pem", sasl };
    const tls = { caFile: "/ca.pem", certificateFile: null, keyFile: null };
    expect(parse(JSON.stringify(fields))).toEqual({ ...plain, tls, sasl });
    expect(parse(JSON.stringify({ type: "kafka", brokers: "a:9092", tls: true }))).toMatchObject({
      tls: { caFile: null, certificateFile: null, keyFile: null },
    });
    expect(targetOf(parse(JSON.stringify(fields)))).toBe("kafka://a:9092,b.example:9093");
    for (const wrong of ["kafka://", "kafka://a", `kafka://me:${secret}@a:9092`, "kafka://a:9092,"]) {
      expect(problemOf(wrong)).toMatch(/brokers(\.\d)? must be host:port/);
      expect(problemOf(wrong)).not.toContain(secret);
    }
    expect(problemOf('{"type": "kafka", "brokers": ["a:1"], "key_file": "/k"}')).toContain("certificate_file");
  });

  test("sqlite, absolute or in memory", () => {
    expect(parse("sqlite:///data/a%20b.db")).toEqual({
      kind: "sqlite",
      name: "one",
      path: "/data/a b.db",
      readOnly: false,
    });
    expect(parse("sqlite:/data/a.db?read_only=true")).toMatchObject({ path: "/data/a.db", readOnly: true });
    expect(parse("sqlite::memory:")).toMatchObject({ path: ":memory:" });
    expect(problemOf("sqlite:a.db")).toContain("path must be an absolute path or :memory:");
  });

  test("http: what stands before the @ becomes basic authentication", () => {
    expect(parse("https://me:word@api.example/v1")).toEqual({
      kind: "http",
      name: "one",
      url: "https://api.example/v1",
      headers: {},
      auth: { type: "basic", username: "me", password: "word" },
    });
    expect(parse("http://api.example")).toMatchObject({ auth: null });
  });
});

test("JSON has the same fields", () => {
  expect(parse(`{"type": "postgres", "host": "db", "port": 1, "user": "u", "password": "p", "database": "d"}`)).toEqual(
    parse("postgres://u:p@db:1/d"),
  );
  expect(
    parse(
      `{"type": "http", "url": "https://a.example/", "headers": {"X": "y"}, "auth": {"type": "bearer", "token": "t"}}`,
    ),
  ).toMatchObject({ headers: { X: "y" }, auth: { type: "bearer", token: "t" } });
});

describe("what can't be read is told without any of its values", () => {
  test.each([
    [secret, "is neither JSON nor an address"],
    [`{"type": "postgres", "pasword": "${secret}"}`, "has no field pasword; did you mean password?"],
    [`{"type": "${secret}"}`, "has no type that is known; it is one of postgres, mysql, sqlite, http"],
    [`{"type": "postgres", "password": 5}`, "has a wrong field: password must be text"],
    [`{"password": "${secret}"`, "begins like JSON and is none"],
    [`redis://:${secret}@db/0`, "is neither JSON nor an address"],
    ["postgres://u:%zz@db/x", "holds a % that begins no escape"],
    ["postgres://u@db/x?pool_max=0", "pool_max must be at least 1"],
    ["postgres://u@db/x?sslmode=maybe", "sslmode must be disable, require or verify-full"],
    [`http://api.example/?key=${secret}`, "url must be an http or https address without a query"],
    [`{"type": "http", "url": "https://u:${secret}@a.example/"}`, "url must be an http or https address"],
  ])("%s", (text, problem) => {
    const told = problemOf(text);
    expect(told).toContain(problem);
    expect(told).toContain("the connection one (setting connections.named)");
    expect(told).not.toContain(secret);
  });
});

describe("find and list", () => {
  const connections = connectionsOf({
    Shop: `postgres://me:${encodeURIComponent(secret)}@db/shop`,
    files: "sqlite:/data/a.db",
    broken: "?",
  });

  test("names are compared without case, and a hyphen is an underscore", () => {
    expect(connections.find("SHOP").kind).toBe("postgres");
    expect(connectionsOf({ a_b: "sqlite::memory:" }).find("a-B").kind).toBe("sqlite");
  });

  test("an unknown name is told with the closest one, or with the variable to set", () => {
    expect(() => connections.find("shopp")).toThrow("there is no connection shopp here; did you mean Shop?");
    expect(() => connections.find("warehouse-7")).toThrow("set MILLRACE_CONN_WAREHOUSE_7 where the worker runs");
  });

  test("one of another kind is refused", () => {
    expect(connections.find("files", "sqlite").path).toBe("/data/a.db");
    expect(() => connections.find("files", "http")).toThrow(
      "the connection files is of the type sqlite; what uses it needs http",
    );
  });

  test("the list has no password", () => {
    expect(connections.list()).toEqual([
      {
        name: "Shop",
        kind: "postgres",
        target: "postgres://me@db:5432/shop",
        source: "setting connections.named",
        problem: null,
      },
      {
        name: "broken",
        kind: null,
        target: "",
        source: "setting connections.named",
        problem: expect.stringContaining("neither"),
      },
      {
        name: "files",
        kind: "sqlite",
        target: "sqlite:/data/a.db",
        source: "setting connections.named",
        problem: null,
      },
    ]);
    expect(targetOf(parse("postgres://u:p@[::1]:1/d"))).toBe("postgres://u@[::1]:1/d");
    expect(targetOf(parse("smtps://me:key@mail"))).toBe("smtps://me@mail:465");
    expect(targetOf(parse('{"type": "slack", "url": "https://hooks.slack.com/services/T/B/key"}'))).toBe(
      "https://hooks.slack.com",
    );
  });

  test("a mail server has its port by the kind of encryption, and a sender", () => {
    const plain = { kind: "smtp", host: "mail", port: 587, secure: false, user: "", password: "", from: "" };
    expect(parse("smtp://mail")).toMatchObject(plain);
    expect(parse("smtp://me:key@mail:2525?from=me@x.y")).toMatchObject({ user: "me", port: 2525, from: "me@x.y" });
    expect(parse("smtps://mail")).toMatchObject({ ...plain, port: 465, secure: true });
  });
});
