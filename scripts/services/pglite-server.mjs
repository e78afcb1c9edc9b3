// The process of the embedded Postgres: `node pglite-server.mjs PORT`, on loopback, until a signal ends it.
//
// PGlite is one backend with one session. The socket server that comes with it lets connections take turns
// message by message. But Parse, Bind and Execute belong together: between them another connection's Bind
// replaces the one unnamed portal that they share, and a client is given another's rows; and what a client
// that dies in between leaves open is everybody's. So here a connection has the backend for itself from
// its first message until the backend says that it is idle again, outside of any transaction.
import { createServer } from 'node:net';
import { PGlite } from '@electric-sql/pglite';

const START_UP = 196_608;
const ENCRYPTION_REQUESTS = new Set([80_877_103, 80_877_104]);
const TERMINATE = 'X'.charCodeAt(0);
const READY_AND_IDLE = Buffer.from('Z\0\0\0\x05I', 'latin1');
/** A statement that can't be parsed. */
const FAILURE = Buffer.from('P\0\0\0\x09\0?\0\0\0', 'latin1');
const SYNC = Buffer.from('S\0\0\0\x04', 'latin1');
const ROLLBACK = Buffer.from('Q\0\0\0\x0drollback\0', 'latin1');

const db = await PGlite.create();
const takeTurn = createTurns();
createServer({ noDelay: true }, (socket) => {
  // Errors also end the loop that reads the socket, which is where they are handled.
  socket.on('error', () => {});
  void serve(socket);
}).listen(Number(process.argv[2]), '127.0.0.1');

async function serve(socket) {
  let endTurn;
  try {
    for await (const message of messagesFrom(socket)) {
      endTurn ??= await takeTurn();
      const answer = Buffer.from(await db.execProtocolRaw(message));
      socket.write(answer);
      if (answer.subarray(-READY_AND_IDLE.length).equals(READY_AND_IDLE)) {
        endTurn();
        endTurn = undefined;
      }
    }
  } catch {
    // The client is gone in the middle of a message, or of an answer.
  }
  if (endTurn) {
    // Sync would commit what was done outside of a transaction, were it not for an error before it.
    for (const message of [FAILURE, SYNC, ROLLBACK]) await db.execProtocolRaw(message);
    endTurn();
  }
  socket.destroy();
}

/** Resolves, in the order of asking, to what ends the turn. */
function createTurns() {
  let last = Promise.resolve();
  return () => {
    const before = last;
    let end;
    last = new Promise((resolve) => {
      end = resolve;
    });
    return before.then(() => end);
  };
}

/** The messages for the backend: all but those that only concern the connection. */
async function* messagesFrom(socket) {
  let received = Buffer.alloc(0);
  let started = false;
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const message = firstMessage(received, started);
      if (!message) break;
      received = received.subarray(message.length);
      if (started) {
        if (message[0] === TERMINATE) return;
        yield message;
      } else if (ENCRYPTION_REQUESTS.has(message.readInt32BE(4))) {
        socket.write('N');
      } else if (message.readInt32BE(4) === START_UP) {
        started = true;
        yield message;
      } else {
        // A request to cancel: there is no second backend that could be interrupted.
        return;
      }
    }
  }
}

/** Until the start-up message is through, messages have a length alone; then a type before it. */
function firstMessage(received, started) {
  const lengthAt = started ? 1 : 0;
  if (received.length < lengthAt + 4) return undefined;
  const end = lengthAt + received.readInt32BE(lengthAt);
  return received.length < end ? undefined : received.subarray(0, end);
}
