import { expect, test } from "vitest";
import { compileMatch } from "./compile-match.ts";
import type { MessageView } from "./render-context.ts";

const message: MessageView = {
  key: "shop-1",
  value: { total: 150, items: [{ sku: "a" }], status: "paid" },
  headers: { "x-type": "order" },
  partition: 3,
  offset: 42,
  timestamp: Date.UTC(2026, 0, 31, 2),
};

test.each([
  ["value.total > 100", true],
  ["value.total > 100.5", true],
  ["value.total > 200", false],
  ['key.startsWith("shop-") && headers["x-type"] == "order"', true],
  ["partition == 3 && offset >= 42", true],
  ['timestamp < timestamp("2026-02-01T00:00:00Z")', true],
  ['value.items.exists(value, value.sku == "a")', true],
  ["has(value.refund)", false],
  ["value.refund.total > 1", false],
  ['value.status in ["paid", "sent"]', true],
])("%s is %s", (text, expected) => {
  expect(compileMatch(text)(message)).toBe(expected);
});

test("a message that lacks what is read does not match, and neither does an empty one", () => {
  expect(compileMatch("value.total > 100")({ ...message, value: null })).toBe(false);
  expect(compileMatch("value.total > 100")({ ...message, value: {} })).toBe(false);
  expect(compileMatch("value.total > 100")({ ...message, value: "not { json" })).toBe(false);
  expect(compileMatch('headers["x-none"] == "a"')(message)).toBe(false);
});

test.each([
  ["value.status > 5", message],
  ["value.total", message],
])("%s can't judge everything", (text, view) => {
  expect(() => compileMatch(text)(view)).toThrow(expect.objectContaining({ code: "EXPRESSION_FAILED" }));
});

test("one message takes no longer than others may wait", () => {
  const view = { ...message, value: Array.from({ length: 500 }, () => 1) };
  const isMatch = compileMatch("value.all(a, value.all(b, a == b))");
  expect(() => isMatch(view)).toThrow("it takes more than 100000 steps");
});
