import { type Context, Hono } from 'hono';
import type { Logger } from '../../base/logger.ts';
import { refusalOfAct } from '../api/refusals.ts';
import { type OpsEnv, requireOperator } from '../auth.ts';
import { problemOf } from '../problem.ts';
import { circuitActions } from './circuit-action.ts';
import { deadLetterActions } from './dead-letter-action.ts';
import { type Desk, show } from './desk.ts';
import { indexPage } from './index-page.ts';
import { outboxActions } from './outbox-action.ts';
import { troubleBox } from './page.ts';
import { repairAction } from './repair-action.ts';
import { resendAction } from './resend-action.ts';
import { runPages } from './run-pages.ts';

export interface ActionDeps extends Desk {
  readonly logger: Logger;
  readonly isRedisReady: () => boolean;
}

/** `/act`: forms for the operator, without script; the acts are those of the API. */
export function actionRoutes({ logger, isRedisReady, ...desk }: ActionDeps): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  routes.onError((error, c: Context<OpsEnv>) => {
    const refusal = refusalOfAct(error);
    if (refusal === undefined) logger.error({ err: error, path: c.req.path }, 'request failed');
    const trouble = refusal ?? problemOf(error, isRedisReady());
    return show(c, trouble.title, troubleBox(trouble), { trouble });
  });
  routes.use(requireOperator());
  routes.use(async (c, next) => {
    await next();
    if (c.req.method !== 'POST') return;
    logger.info({ actor: c.get('person').name, act: c.req.path, status: c.res.status }, 'operator write');
  });
  routes.get('/', (c) => indexPage(c, desk));
  routes.route('/circuit', circuitActions(desk));
  routes.route('/dead-letters/repair', repairAction(desk));
  routes.route('/dead-letters', deadLetterActions(desk));
  routes.route('/runs', runPages(desk));
  routes.route('/resend', resendAction(desk));
  routes.route('/outbox', outboxActions(desk));
  return routes;
}
