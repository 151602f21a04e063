import { readFileSync } from "node:fs";
import { toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { type ErrorCode, errorCatalog } from "#errors/catalog.ts";
import { wasNotSent } from "./app-error-transport.ts";
import { fromConnectError, toConnectError } from "./connect-error.ts";
import { httpStatusOf } from "./http/http-status.ts";

/** As a client gets it: details are bytes there. */
function overTheWire(error: ConnectError): ConnectError {
  const received = new ConnectError(error.rawMessage, error.code);
  received.details = error.details.map((detail) => {
    if (!("desc" in detail)) return detail;
    return { type: detail.desc.typeName, value: toBinary(detail.desc, detail.value as never) };
  });
  return received;
}

describe("an error of the catalogue", () => {
  test.each(Object.keys(errorCatalog) as ErrorCode[])("%s comes back as itself, with an HTTP status", (code) => {
    const error = new AppError(code, "what, which; then what", {
      details: { dag_id: "a", list: [1, null], at: undefined },
    });
    const back = fromConnectError(overTheWire(toConnectError(error, "q1")));
    expect(back).toMatchObject({ code, message: "what, which; then what", details: { dag_id: "a", list: [1, null] } });
    expect(httpStatusOf(back)).toBeGreaterThanOrEqual(400);
  });
});

describe("an error of the protocol", () => {
  test.each([
    [Code.Unavailable, "PEER_UNAVAILABLE"],
    [Code.DeadlineExceeded, "TIMEOUT"],
    [Code.ResourceExhausted, "BODY_TOO_LARGE"],
    [Code.InvalidArgument, "INVALID_ARGUMENT"],
    [Code.Unimplemented, "ROUTE_NOT_FOUND"],
    [Code.DataLoss, "INTERNAL"],
  ])("with code %i is %s", (code, expected) => {
    expect(fromConnectError(new ConnectError("x", code)).code).toBe(expected);
  });

  test("from a broken connection is PEER_UNAVAILABLE, whatever code it got", () => {
    const cause = Object.assign(new Error("gone"), { code: "ERR_HTTP2_SESSION_ERROR" });
    expect(fromConnectError(new ConnectError("x", Code.Internal, undefined, undefined, cause)).code).toBe(
      "PEER_UNAVAILABLE",
    );
    expect(fromConnectError(new TypeError("bug")).code).toBe("INTERNAL");
  });
});

test.each([
  [{ code: "ECONNREFUSED" }, true],
  [{ code: "ENOTFOUND" }, true],
  [{ code: "ETIMEDOUT", syscall: "connect" }, true],
  [{ code: "ETIMEDOUT", syscall: "read" }, false],
  [{ code: "ECONNRESET" }, false],
])("a failure %j shows that nothing was sent: %s", (fields, expected) => {
  const cause = Object.assign(new Error("x"), fields);
  expect(wasNotSent(new ConnectError("x", Code.Unavailable, undefined, undefined, cause))).toBe(expected);
});

test("docs/errors.md has the status of every kind, in HTTP and gRPC", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  for (const code of Object.keys(errorCatalog) as ErrorCode[]) {
    if (code === "METHOD_NOT_ALLOWED") continue;
    const error = new AppError(code, "");
    const status = Code[toConnectError(error, "").code]?.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
    expect(page).toContain(`| ${error.kind} | ${httpStatusOf(error)} | ${status} |`);
  }
});
