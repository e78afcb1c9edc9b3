import type { ActLinks } from '../page/html/act-links.ts';
import { groupLink } from './dead-letter-action.ts';
import { queryOf } from './fields.ts';
import { repairLink } from './repair-action.ts';

/** Where the page leads to the forms. */
export const ACT_LINKS: ActLinks = {
  all: '/act',
  circuit: (act) => `/act/circuit/${act}`,
  deadLetters: (group) => groupLink('replay', group),
  repair: (jobId, state) => (state === 'dead' ? repairLink(jobId) : undefined),
  sale(jobId, state) {
    const query = queryOf({ id: [jobId] });
    if (state === 'dead') return `/act/dead-letters/replay${query}`;
    return state === 'delivered' || state === 'flagged' ? `/act/resend${query}` : undefined;
  },
};
