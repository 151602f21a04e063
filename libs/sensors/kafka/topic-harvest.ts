import type { TopicMessage } from "#bus/kafka/topic-reader.ts";
import type { MessageView } from "#definition/rendering/render-context.ts";
import { describeError } from "#errors/app-error.ts";
import type { Firing, PassedOver } from "../look.ts";
import { rememberPlaces } from "./partition-places.ts";
import { readMessage } from "./read-message.ts";

/** Reasons that are told apart; what comes later counts with the last of them. */
const maxReasons = 20;

interface Unjudged {
  count: number;
  readonly reason: string;
  readonly partition: number;
  readonly offset: number;
}

/** What one look takes from a topic: events of the messages that match, and a count of those that can't be judged. */
export class TopicHarvest {
  readonly #topic: string;
  readonly #matches: (message: MessageView) => boolean;
  readonly #firings: Firing[] = [];
  readonly #unjudged = new Map<string, Unjudged>();

  constructor(topic: string, matches: (message: MessageView) => boolean) {
    this.#topic = topic;
    this.#matches = matches;
  }

  get firings(): readonly Firing[] {
    return this.#firings;
  }

  /** One entry a reason, with the first message of it. */
  get passedOver(): readonly PassedOver[] {
    return [...this.#unjudged.values()].map(({ count, reason, partition, offset }) => ({
      subject: `${this.#topic}: ${count} message${count === 1 ? "" : "s"}`,
      data: { topic: this.#topic, count, partition, offset },
      reason,
    }));
  }

  take(partition: number, message: TopicMessage): void {
    const read = readMessage(partition, message);
    if (read.kind === "unreadable") return this.#passOver(read.reason, partition, message.offset);
    let isMatch = false;
    try {
      isMatch = this.#matches(read.view);
    } catch (thrown) {
      return this.#passOver(describeError(thrown), partition, message.offset);
    }
    if (isMatch) this.#firings.push(this.#firingOf(read.view));
  }

  #firingOf({ timestamp, ...view }: MessageView): Firing {
    const { partition, offset } = view;
    const at = timestamp === null ? null : new Date(timestamp).toISOString();
    return {
      event: {
        subject: `${this.#topic}[${partition}]@${offset}`,
        data: { topic: this.#topic, ...view, timestamp: at },
      },
      patch: { put: rememberPlaces([{ partition, offset: offset + 1 }]), drop: [] },
    };
  }

  #passOver(why: string, partition: number, offset: number): void {
    const isNew = !this.#unjudged.has(why) && this.#unjudged.size < maxReasons;
    const reason = isNew || this.#unjudged.has(why) ? why : ([...this.#unjudged.keys()].at(-1) ?? why);
    const known = this.#unjudged.get(reason);
    if (known === undefined) this.#unjudged.set(reason, { count: 1, reason, partition, offset });
    else known.count += 1;
  }
}
