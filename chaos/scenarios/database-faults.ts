import { Client } from "pg";
import { setTimeout as delay } from "node:timers/promises";
import { type ConnectionFault, postgresIdle } from "../proxy/connection-fault.ts";
import type { Scenario, Stage } from "../stage/scenario.ts";
import { ordinaryLoad } from "./ordinary-load.ts";

export const restartDatabase: Scenario = {
  setup: "services",
  id: "A5",
  title: "PostgreSQL restarts, is down for up to 2 s, crashes",
  shortMs: 8000,
  load: ordinaryLoad("a5"),
  async fault(stage) {
    const { database } = stage.cluster;
    while (!stage.over.aborted) {
      await stage.pause(stage.random.between(1000, stage.form === "short" ? 2500 : 10_000));
      if (stage.random.chance(0.3)) {
        await database.crash();
        stage.count("crash");
      } else {
        await database.stop();
        await delay(stage.random.between(0, 2000));
        await database.start();
        stage.count("restart");
      }
    }
  },
};

/** The end of a request to PostgreSQL: a Sync message. */
const endOfRequest = Buffer.from([0x53, 0, 0, 0, 4]);

/** A tenth of what executors and schedulers ask is lost on the way there, and half as much on the way back. */
export const loseReplies: Scenario = {
  setup: "services",
  id: "A6",
  title: "executed and error: 5 % of replies lost, 10 % of requests",
  shortMs: 7000,
  load: ordinaryLoad("a6"),
  async fault(stage) {
    const links = [...stage.cluster.links.toDatabase].filter(([name]) => /^(?:executor|scheduler)/.test(name));
    for (const [, link] of links) link.setFault(faultOf(stage, "request", 0.1));
    // Each connection has one fault at a time; they take turns.
    for (let turn = 0; !stage.over.aborted; turn += 1) {
      await stage.pause(500);
      for (const [, link] of links)
        link.setFault(turn % 2 === 0 ? faultOf(stage, "reply", 0.05) : faultOf(stage, "request", 0.1));
    }
  },
};

function faultOf(stage: Stage, lose: ConnectionFault["lose"], share: number): ConnectionFault {
  return {
    lose,
    request: endOfRequest,
    replyEnd: postgresIdle,
    isHit: () => {
      const isHit = stage.random.chance(share);
      if (isHit) stage.count(`${lose} lost`);
      return isHit;
    },
  };
}

/** What the server itself answers to a write, in turn: serialization failure, deadlock, statement timeout. */
const injectedCodes: readonly string[] = ["40001", "40P01", "57014"];

const installText = `CREATE SEQUENCE chaos_failures;
CREATE FUNCTION chaos_fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF random() < 0.02 THEN
    RAISE EXCEPTION 'injected' USING ERRCODE = (ARRAY['${injectedCodes.join("', '")}'])[1 + nextval('chaos_failures') % 3];
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER chaos_fail AFTER INSERT OR UPDATE ON dag_runs FOR EACH ROW EXECUTE FUNCTION chaos_fail()`;

const removeText = "DROP TRIGGER chaos_fail ON dag_runs; DROP FUNCTION chaos_fail(); DROP SEQUENCE chaos_failures";

export const failTransactions: Scenario = {
  setup: "services",
  id: "A7",
  title: "2 % of transactions fail: serialization, deadlock, timeout",
  shortMs: 6000,
  load: ordinaryLoad("a7"),
  async fault(stage) {
    const client = new Client({ connectionString: stage.cluster.databaseUrl });
    await client.connect();
    try {
      await client.query(installText);
      await stage.pause(Number.MAX_SAFE_INTEGER);
      const [row] = (await client.query<{ count: number }>("SELECT last_value::int AS count FROM chaos_failures")).rows;
      for (let failure = 0; failure < (row?.count ?? 0); failure += 1) stage.count("failed write");
      await client.query(removeText);
    } finally {
      await client.end();
    }
  },
  check: ({ facts }) =>
    facts.runs.flatMap(({ runId, attempts }) =>
      attempts
        .filter(({ errorCode }) => errorCode === "invalid_outcome")
        .map(({ taskId }) => `run ${runId}: a passing failure of the database reached ${taskId}`),
    ),
};
