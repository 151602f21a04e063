import { expect, it } from "vitest";
import { serviceNames } from "./cluster-options.ts";
import { serviceArguments, serviceEnvironment } from "./service-command.ts";

const peers = {
  parser: ["http://127.0.0.1:1"],
  scheduler: ["http://127.0.0.1:2"],
  executor: ["http://127.0.0.1:3", "http://127.0.0.1:4"],
};
const connections = { databaseUrl: "postgres://database", kafkaBrokers: ["127.0.0.1:5", "127.0.0.1:6"] };

it("gives each service its own folder and port, and the addresses of those that it calls", () => {
  const lines = serviceNames.map((service) =>
    serviceArguments({ service, name: `${service}-2`, port: 9, folder: "/cluster", dagsFolder: "/dags" }, peers).join(
      " ",
    ),
  );
  expect(lines).toEqual([
    "start parser --port 9 --data-dir /cluster/parser-2 --dags /dags",
    "start scheduler --port 9 --data-dir /cluster/scheduler-2 --dags /dags",
    "start executor --port 9 --data-dir /cluster/executor-2 --dags /dags --scheduler http://127.0.0.1:2",
    "start worker --port 9 --data-dir /cluster/worker-2 --dags /dags --worker-id worker-2 --executors http://127.0.0.1:3,http://127.0.0.1:4",
    "start gateway --port 9 --data-dir /cluster/gateway-2 --dags /dags --parser http://127.0.0.1:1 --scheduler http://127.0.0.1:2 --executors http://127.0.0.1:3,http://127.0.0.1:4",
  ]);
});

it("never tells a worker of the database, and only who uses them of the brokers", () => {
  const names = (service: (typeof serviceNames)[number]): readonly string[] =>
    Object.keys(serviceEnvironment(service, connections));
  const kafka = ["KAFKA_BROKERS", "MILLRACE_EXECUTOR_BACKEND"];
  expect(Object.fromEntries(serviceNames.map((service) => [service, names(service)]))).toEqual({
    parser: ["DATABASE_URL"],
    scheduler: ["DATABASE_URL", "KAFKA_BROKERS"],
    executor: ["DATABASE_URL", ...kafka],
    worker: kafka,
    gateway: ["DATABASE_URL"],
  });
  expect(serviceEnvironment("executor", { ...connections, kafkaBrokers: [] })).toEqual({
    DATABASE_URL: "postgres://database",
  });
});
