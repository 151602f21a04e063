import { describe, expect, test } from "vitest";
import { allowsAddress, allowsHost, parseAllowRule } from "./allow-rule.ts";

describe("parseAllowRule", () => {
  test.each([
    ["127.0.0.1/32", "127.0.0.1", 80, true],
    ["127.0.0.1/32", "127.0.0.2", 80, false],
    ["127.0.0.1", "127.0.0.1", 9000, true],
    ["10.0.0.0/8", "10.200.3.4", 443, true],
    ["10.0.0.0/8:443", "10.200.3.4", 80, false],
    ["10.1.2.3:8080", "10.1.2.3", 8080, true],
    ["10.1.2.3:8080", "10.1.2.3", 8081, false],
    ["[::1]:8080", "::1", 8080, true],
    ["[::1]:8080", "::1", 8081, false],
    ["fd00::/8", "fd12::1", 80, true],
    ["::1", "::1", 1, true],
    ["127.0.0.1/32", "::ffff:127.0.0.1", 80, false],
  ])("%s, asked for %s and port %d: %s", (entry, address, port, isAllowed) => {
    expect(allowsAddress(parseAllowRule(entry), address, port)).toBe(isAllowed);
  });

  test.each([
    ["localhost:8080", "localhost", 8080, true],
    ["localhost:8080", "localhost", 8081, false],
    ["LOCALHOST", "localhost", 1, true],
    ["localhost", "localhost.", 1, true],
    ["*.corp.example", "api.corp.example", 443, true],
    ["*.corp.example", "a.b.corp.example", 443, true],
    ["*.corp.example", "corp.example", 443, false],
    ["*.corp.example", "evilcorp.example", 443, false],
    ["*.corp.example:443", "api.corp.example", 80, false],
    ["corp.example", "api.corp.example", 80, false],
    ["127.0.0.1/32", "localhost", 80, false],
  ])("%s, asked for %s and port %d: %s", (entry, host, port, isAllowed) => {
    expect(allowsHost(parseAllowRule(entry), host, port)).toBe(isAllowed);
  });

  test.each([
    "",
    "http://example.com",
    "10.0.0.0/33",
    "::/129",
    "host:0",
    "host:99999",
    "host/8",
    "*",
    "*.",
    "a..b",
    "2130706433",
    "0x7f.1",
    "10.0.0.300",
    "[host]:80",
  ])("refuses %j", (entry) => {
    expect(() => parseAllowRule(entry)).toThrow(/outbound\.allow: ".*" is not a network such as/);
  });
});
