import { AppError } from "#errors/app-error.ts";

/** The names that one installation uses on a broker, which it may share with others. */
export interface TopicNames {
  readonly events: string;
  ticketsOf(queue: string): string;
  /** Each queue is a group of its own: in one group for several topics, members with other queues would get their partitions. */
  groupOf(queue: string): string;
  /** Whether a topic is one of these. */
  owns(topic: string): boolean;
}

const maxTopicLength = 249;
const topicPattern = /^[A-Za-z0-9_.-]+$/;

export function createTopicNames(prefix: string): TopicNames {
  return {
    events: checkName(`${prefix}.events`),
    ticketsOf: (queue) => checkName(`${prefix}.tasks.${queue}`),
    groupOf: (queue) => checkName(`${prefix}.workers.${queue}`),
    owns: (topic) => topic === `${prefix}.events` || topic.startsWith(`${prefix}.tasks.`),
  };
}

function checkName(name: string): string {
  if (name.length <= maxTopicLength && topicPattern.test(name)) return name;
  const rule = `at most ${maxTopicLength} letters, digits, \`_\`, \`.\` or \`-\``;
  throw new AppError(
    "INVALID_ARGUMENT",
    `${JSON.stringify(name)} can't be a topic: give a queue and prefix of ${rule}`,
  );
}
