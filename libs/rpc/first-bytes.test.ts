import { describe, expect, test } from "vitest";
import { versionOf } from "./first-bytes.ts";
import { findPortHolder, listeningInodes } from "./port-holder.ts";

describe("the first bytes of a connection", () => {
  test.each([
    ["PRI * HTTP/2.0\r\n\r\n", "2"],
    ["PRI", "2"],
    ["PR", null],
    ["P", null],
    ["", null],
    ["POST / HTTP/1.1", "1.1"],
    ["PUT", "1.1"],
    ["PRO", "1.1"],
    ["GET / HTTP/1.1", "1.1"],
    ["G", "1.1"],
    ["\u0016\u0003\u0001", "1.1"],
  ])("%j speak %s", (text, version) => expect(versionOf(Buffer.from(text, "latin1"))).toBe(version));
});

describe("the holder of a port", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 20 4 30 10 -1
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000 100 0 0 10 0
`;

  test("is looked for among sockets that listen on it", () => {
    expect(listeningInodes(table, 8080)).toEqual(["4711"]);
    expect(listeningInodes(table, 80)).toEqual(["4713"]);
    expect(listeningInodes(table, 443)).toEqual([]);
  });

  test("is nobody when nobody listens", async () => {
    expect(await findPortHolder(1)).toBeNull();
  });
});
