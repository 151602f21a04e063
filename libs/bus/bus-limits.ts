/** Of an encoded ticket; real ones have about 100 bytes. */
export const maxTicketBytes = 16 * 1024;

/** Of an encoded event. Below the broker's own limit of a message, 1 MiB by default. */
export const maxEventBytes = 512 * 1024;

/** What a poison message hands on of its value; the rest is cut. */
export const maxPoisonBytes = 64 * 1024;

/** A longer key of a poison message is left out. */
export const maxPoisonKeyBytes = 4 * 1024;

/** Names and values of the headers that are handed on of a poison message; those behind are left out. */
export const maxPoisonHeaderBytes = 16 * 1024;

/** Messages of one partition that wait to be done; at this number the partition is left alone until some are. */
export const maxInHand = 1000;

/** Messages of one topic that wait to be sent; more are refused, so that a broker that is away costs no memory. */
export const maxWaitingRecords = 50_000;
