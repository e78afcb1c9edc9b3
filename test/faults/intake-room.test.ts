import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { aSale } from '../support/outbox.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';
import { aTill, headOf, openHalf, PUSH, startIntake, tokenOf } from './intake-stand.ts';

/** Of the 256 MB that the bodies of all may take together they leave less than one more needs. */
const SLOW_TILLS = 29;
const BODY_BYTES = 9_000_000;
/** As a line of the log has it. */
const ERROR = 50;

let stand: FaultStand;

beforeAll(async () => {
  stand = await startFaultStand();
});
afterAll(() => stand.close());

it('[88] an intake is busy where half-sent bodies fill its room, and takes the sale once they are gone', async () => {
  const token = await tokenOf(stand);
  const { intake, url } = await startIntake(stand);
  const till = aTill(url, token);
  const large = JSON.stringify(aSale('T-1')).padStart(BODY_BYTES);
  const head = headOf(token, PUSH, 'application/json', BODY_BYTES + 1);
  const slow = await Promise.all(Array.from({ length: SLOW_TILLS }, () => openHalf(url, head, BODY_BYTES)));

  await eventually(async () => {
    const { status, retryAfter, type } = await till.postText(large);
    expect({ status, retryAfter, type }).toEqual({
      status: 503,
      retryAfter: '1',
      type: expect.stringMatching(/busy$/),
    });
  }, 30_000);
  expect((await till.post(aSale('T-2'))).status).toBe(202);

  for (const socket of slow) socket.destroy();
  await eventually(async () => expect((await till.postText(large)).status).toBe(202), 30_000);
  expect(intake.logs.filter(({ level = 0 }) => level >= ERROR)).toEqual([]);
  await intake.stop();
});
