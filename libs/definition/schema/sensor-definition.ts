import type { SensorText } from "./sensor-text.ts";
import type { AwaitedState, FileTrigger, SqlMode } from "./sensor-words.ts";

/** What every sensor has. Durations in milliseconds. */
interface SensorBasis {
  readonly id: string;
  readonly pollIntervalMs: number;
  /** For one poll as a whole. */
  readonly timeoutMs: number;
  /** Rows of an event, or events of a poll, at most. */
  readonly batchSize: number;
  /**
   * What decides the meaning of what it remembers, as text: a sensor whose source stays the same goes on where it was,
   * any other begins anew.
   */
  readonly source: string;
}

/** Fires per file of a folder. */
export interface FileSensor extends SensorBasis {
  readonly type: "file";
  /** A relative one begins at the folder of the definitions. */
  readonly directory: string;
  readonly pattern: string;
  readonly trigger: FileTrigger;
  readonly minSize: number;
  readonly stabilizationMs: number;
  readonly isRecursive: boolean;
}

/** Fires when the result of a query changes. */
export interface SqlSensor extends SensorBasis {
  readonly type: "sql";
  /** A named connection, or an address, which is one reference to a secret or variable. */
  readonly connection: { readonly name: string } | { readonly address: SensorText };
  readonly mode: SqlMode;
  readonly query: string;
  /** Of `new_rows`; null: another mode. */
  readonly orderColumn: string | null;
}

/** Fires when a response becomes as it should be, or changes. */
export interface HttpSensor extends SensorBasis {
  readonly type: "http";
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, SensorText>>;
  readonly body: string | null;
  readonly expectedStatus: readonly number[];
  readonly contentPattern: string | null;
  readonly firesOn: "condition" | "change";
  /** Paths into a JSON body; null: the whole body. */
  readonly responseFields: readonly string[] | null;
  readonly requestTimeoutMs: number;
  readonly retryAttempts: number;
}

/** Fires per object of a bucket that is new or has changed. */
export interface S3Sensor extends SensorBasis {
  readonly type: "s3";
  readonly bucket: string;
  readonly prefix: string;
  readonly endpoint: string;
  readonly region: string;
  /** Null: requests are not signed. */
  readonly credentials: { readonly accessKeyId: SensorText; readonly secretAccessKey: SensorText } | null;
}

/** Fires per run of another definition that has ended. */
export interface DagSensor extends SensorBasis {
  readonly type: "dag";
  readonly dagId: string;
  readonly states: readonly AwaitedState[];
  readonly delayMs: number;
}

/** Fires per message of a topic. */
export interface KafkaSensor extends SensorBasis {
  readonly type: "kafka";
  /** A named connection; null: the brokers of the settings. */
  readonly connection: string | null;
  readonly topic: string;
  /** Which messages fire, a bare expression; null: all. */
  readonly match: string | null;
}

/** A checked sensor: defaults filled in, plain JSON, stored with the version. */
export type SensorDefinition = FileSensor | SqlSensor | HttpSensor | S3Sensor | DagSensor | KafkaSensor;
export type SensorType = SensorDefinition["type"];
