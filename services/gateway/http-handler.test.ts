import { expect, test } from "vitest";
import { memoryStore, openGateway } from "./gateway-harness.testsuite.ts";

test("the schema of definitions is there for editors, whatever page asks", async () => {
  const { url } = await openGateway(memoryStore()).serve();
  const answer = await fetch(`${url}/schemas/dag.json`);
  expect(answer.status).toBe(200);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "content-type": "application/schema+json; charset=utf-8",
    "access-control-allow-origin": "*",
  });
  expect(await answer.json()).toMatchObject({
    $schema: "http://json-schema.org/draft-07/schema#",
    definitions: expect.any(Object),
  });
  const posted = await fetch(`${url}/schemas/dag.json`, { method: "POST" });
  expect(posted.status).toBe(405);
  expect(posted.headers.get("allow")).toBe("GET, HEAD");
});
