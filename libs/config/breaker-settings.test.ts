import { expect, test } from "vitest";
import { defaultPolicies } from "#breakers/default-policies.ts";
import { toBreakerPolicy } from "./breaker-settings.ts";
import { resolveSettings } from "./settings.ts";

test("breakers without settings have the default policies", () => {
  const { breakers } = resolveSettings({ environment: {}, flags: {}, file: null });
  expect(toBreakerPolicy(breakers.database)).toEqual(defaultPolicies.database);
  expect(toBreakerPolicy(breakers.kafka)).toEqual(defaultPolicies.kafka);
  expect(toBreakerPolicy(breakers.host)).toEqual(defaultPolicies.host);
});

test("each can be set", () => {
  const environment = { MILLRACE_BREAKERS_HOST_OPEN: "5s", MILLRACE_BREAKERS_HOST_FAILURE_PERCENT: "100" };
  const { breakers } = resolveSettings({ environment, flags: {}, file: null });
  expect(toBreakerPolicy(breakers.host)).toMatchObject({ openMs: 5000, opens: { failureRatio: 1, calls: 15 } });
});
