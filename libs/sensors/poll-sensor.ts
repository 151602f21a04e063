import type { SensorDefinition } from "#definition/schema/sensor-definition.ts";
import { pollDag } from "./dag/poll-dag.ts";
import { pollFiles } from "./file/poll-files.ts";
import { pollHttp } from "./http/poll-http.ts";
import { pollTopic } from "./kafka/poll-topic.ts";
import type { Look, LookResult } from "./look.ts";
import { pollBucket } from "./s3/poll-bucket.ts";
import { pollSql } from "./sql/poll-sql.ts";

/**
 * One look of a sensor at what it watches: what it saw since the state that it is given, and what it remembers then.
 * Nothing is written. Throws an AppError with what keeps it from looking, or the reason of the signal.
 */
export function pollSensor(sensor: SensorDefinition, look: Look): Promise<LookResult> {
  switch (sensor.type) {
    case "file":
      return pollFiles(sensor, look);
    case "sql":
      return pollSql(sensor, look);
    case "http":
      return pollHttp(sensor, look);
    case "s3":
      return pollBucket(sensor, look);
    case "dag":
      return pollDag(sensor, look);
    case "kafka":
      return pollTopic(sensor, look);
  }
}
