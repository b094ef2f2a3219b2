// A consumer group on the messenger's log from Node.js, with the npm package `redis`: what
// docs/consumers.md asks of any client, written out.
//
//     npm ci
//     node consumer.js STORE_URL GROUP NAME
//
// NAME stays the same when the program is started again, and no two that run at once have the same.
// Prints a line for each message that it handles, which may come twice after a crash: an effect should
// be done once for each key, which is the partition and the entry id. What it can't handle any more it
// says on standard error: nothing is missed in silence.

import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createClient, ErrorReply } from 'redis';

const IDLE_MS = 5_000; // longer than COUNT entries take: after it others take over what we hold
const TRIES = 5;
const BLOCK_MS = 500; // shorter than the client's socket time-out
const COUNT = 100;

const [url, group, name] = process.argv.slice(2);
const say = (words) => console.error(words);
let isStopping = false;

const write = promisify(process.stdout.write.bind(process.stdout));

/** Yours. Throw for what should be tried again. It is done when this resolves: console.log would only have
 *  begun then, and an ack before the effect loses what is done last. */
async function handle(key, { room, author, text }) {
  await write(`${key} ${room} ${author}: ${text}\n`);
}

/** One of the store's logs, read with our group. */
class Partition {
  // After a start and after a lost reply: we may hold entries that we do not know of.
  holdsUnknown = true;

  constructor(store, number) {
    this.store = store;
    this.number = number;
    this.log = `messenger:{${number}}:log`;
    this.meta = `messenger:{${number}}:meta`;
    this.facts = `messenger:{${number}}:group:${group}`;
  }

  /** Makes the group where it is not there: at the start of what lives, never at its end. */
  async join() {
    try {
      await this.store.xGroupCreate(this.log, group, '0-0');
    } catch (error) {
      if (/requires the key to exist/.test(error.message)) throw new Error('the messenger has not made the log yet');
      if (!is(error, 'BUSYGROUP')) throw error;
      return; // another has made it
    }
    if (this.epoch) this.say("the group was gone; it is made again at the log's start");
  }

  /** Handles what there is: what we were given before, what others left, what is new. */
  async step(blockMs) {
    try {
      if (this.holdsUnknown) await this.takeOver(0, name);
      this.holdsUnknown = false;
      await this.takeOver(IDLE_MS);
      await this.read(blockMs);
    } catch (error) {
      // The group is not there yet, or it or the log was deleted; Redis 7.0 says UNBLOCKED where later
      // ones say NOGROUP.
      if (!is(error, 'NOGROUP') && !is(error, 'UNBLOCKED')) {
        this.holdsUnknown = true;
        throw error;
      }
      await this.join();
    }
    await this.tell();
  }

  async read(blockMs) {
    const [stream] =
      (await this.store.xReadGroup(group, name, { key: this.log, id: '>' }, { COUNT, BLOCK: blockMs })) ?? [];
    for (const { id, message } of stream?.messages ?? []) await this.take(id, message);
  }

  /**
   * What was handed out and not acked for so long: its consumer died, a reply was lost, or we have failed
   * at it. First we look whether it is still there, for a claim drops what is not without a word.
   */
  async takeOver(idleMs, consumer) {
    const options = { IDLE: idleMs, consumer };
    for (const { id, deliveriesCounter } of await this.store.xPendingRange(this.log, group, '-', '+', COUNT, options)) {
      if (!(await this.store.xRange(this.log, id, id)).length) await this.giveUp(id, 'it is gone');
      else if (deliveriesCounter >= TRIES) await this.giveUp(id, `it was tried ${TRIES} times`);
      else {
        for (const claimed of await this.store.xClaim(this.log, group, name, idleMs, id)) {
          if (claimed) await this.take(id, claimed.message);
        }
      }
    }
  }

  /** Handles one entry, and acks it when it is done; what fails stays pending, and comes again. */
  async take(id, fields) {
    if (isStopping) return; // stays pending too
    if (isForUs(fields)) {
      if (expiresAt(id, fields) <= (await nowMs(this.store))) return this.giveUp(id, 'it has expired');
      try {
        await handle(`${this.number}/${id}`, fields);
      } catch (error) {
        say(`failed at ${this.number}/${id}: ${error}`);
        return;
      }
    }
    await this.store.xAck(this.log, group, id);
  }

  /** Says what is not handled, and only then acks it. */
  async giveUp(id, why) {
    say(`missed ${this.number}/${id}: ${why}`);
    await this.store.xAck(this.log, group, id);
  }

  /** What the group was not even handed, and a new history. After a start we tell it again. */
  async tell() {
    const [epoch, trimmedTo] = await this.store.hmGet(this.meta, ['epoch', 'trimmed_to']);
    // The messenger counts for each group what expired before it was handed out.
    const expired = await this.store.hGet(this.facts, 'expired_unprocessed');
    if (epoch && this.epoch && epoch !== this.epoch) this.say('the log began anew');
    if (expired && expired !== this.expired) this.say(`${expired} entries have expired unread by now`);
    if (trimmedTo && trimmedTo !== this.trimmedTo) {
      this.say(`somebody has cut the log up to ${trimmedTo}; what was unread is missed`);
    }
    Object.assign(this, { epoch: epoch ?? this.epoch, expired, trimmedTo });
  }

  say(words) {
    say(`partition ${this.number}: ${words}`);
  }
}

/** A message: unknown types are for others, and what breaks the contract can't be handled. */
function isForUs({ type, room, author, text, ttl }) {
  const isWhole = [room, author, text].every((value) => value !== undefined);
  return type === 'message.posted' && isWhole && /^\d+$/.test(ttl);
}

const expiresAt = (id, { ttl }) => Number(id.split('-')[0]) + Number(ttl);

/** The store's clock decides. */
async function nowMs(store) {
  const [seconds, micros] = await store.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

const is = (error, code) => error instanceof ErrorReply && error.message.startsWith(code);

async function work(store) {
  const partitions = [];
  while (!isStopping) {
    try {
      const count = Number(await store.hGet('messenger:{0}:meta', 'partitions'));
      for (let number = 0; number < count; number++) {
        partitions[number] ??= new Partition(store, number);
        await partitions[number].step(Math.floor(BLOCK_MS / count));
      }
      if (!count) throw new Error('no messenger has used it yet');
    } catch (error) {
      if (isStopping) return;
      if (error instanceof ErrorReply && !is(error, 'LOADING')) throw error;
      say(`the store is away: ${error.message}`);
      await sleep(1_000);
    }
  }
}

const store = createClient({
  ...(url.startsWith('unix://') ? {} : { url }),
  socket: {
    ...(url.startsWith('unix://') ? { path: url.slice('unix://'.length) } : {}),
    socketTimeout: 5_000,
    reconnectStrategy: 500, // for ever, also after a time-out
  },
});
store.on('error', () => {}); // the command that waits fails with it too
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    isStopping = true;
    if (!store.isReady) store.destroy(); // nothing waits for a store that is away
  });
}
store.connect().catch(() => {});
await work(store);
if (store.isOpen) store.destroy();
