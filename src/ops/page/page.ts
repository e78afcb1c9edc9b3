import { Hono } from 'hono';
import * as z from 'zod';
import { isKnownStore } from '../../events/recent.ts';
import type { OpsEnv, Role } from '../auth.ts';
import { askPostgres } from './asked.ts';
import { SCRIPT, STYLE } from './assets.ts';
import type { ActLinks } from './html/act-links.ts';
import { overviewPage, type Picture, pictureOf } from './html/overview.ts';
import { salePage } from './html/sale.ts';
import { storePage } from './html/store.ts';
import { createLive } from './live.ts';
import { createReader, type Reader, type ReaderDeps, type Seen } from './reader.ts';
import { type SalePageDeps, seeSale } from './sale-page.ts';
import { seeStore } from './store-page.ts';

export interface OpsPageDeps extends ReaderDeps, Omit<SalePageDeps, keyof ReaderDeps> {
  /** Where operators act; null: only the command line does. */
  readonly acts: ActLinks | null;
}

/** The operations page, and all that it leads to. */
export interface OpsPage {
  readonly routes: Hono<OpsEnv>;
  /** How many browsers follow a stream of events. */
  followers(): number;
  /** Ends these streams. */
  close(): void;
}

export function createOpsPage(deps: OpsPageDeps): OpsPage {
  const reader = createReader(deps);
  const actsOf = (role: Role) => (role === 'operator' ? deps.acts : null);
  const picture = remembered((seen, role) => pictureOf(seen, actsOf(role)));
  const look = async (role: Role) => picture(await reader.look(), role);
  const live = createLive({ look });

  const routes = new Hono<OpsEnv>();
  routes.get('/', async (c) => {
    const person = c.get('person');
    return c.html(overviewPage(await look(person.role), person, actsOf(person.role)));
  });
  routes.get('/live/now', async (c) => c.json(await look(c.get('person').role)));
  routes.get('/live', (c) => {
    const browser = /^[\w-]{0,64}$/.exec(c.req.query('browser') ?? '')?.[0] ?? '';
    const { outgoing } = c.env;
    const stream = live.follow({ role: c.get('person').role, browser, cut: () => outgoing.destroy() });
    // By 204 a browser is told not to try again.
    if (stream === null) return c.body(null, 204);
    return c.body(stream, 200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  });
  routes.route('/', lookupRoutes(deps, reader, actsOf));
  for (const { url, type, text } of [STYLE, SCRIPT]) {
    routes.get(url, (c) => c.body(text, 200, { 'content-type': type }));
  }
  return { routes, followers: () => live.size(), close: () => live.close() };
}

/** Whoever looks for one sale or one store. */
function lookupRoutes(
  deps: OpsPageDeps,
  reader: Reader,
  actsOf: (role: Role) => ActLinks | null,
): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  routes.get('/search', async (c) => {
    const name = (c.req.query('q') ?? '').trim();
    if (name === '') return c.redirect('/', 303);
    const isStore = await isStoreName(deps, reader, name);
    return c.redirect(`/${isStore ? 'stores' : 'sales'}/${encodeURIComponent(name)}`, 303);
  });
  routes.get('/sales/:id', async (c) => {
    const wanted = {
      id: c.req.param('id'),
      locationId: c.req.query('location'),
      date: dateIn(c.req.query('date')),
    };
    const seen = await seeSale(deps, wanted, c.req.query('search') === 'all' ? 'always' : 'where-unknown');
    const person = c.get('person');
    return c.html(salePage(seen, person, actsOf(person.role)), seen.sales.length === 0 ? 404 : 200);
  });
  routes.get('/stores/:id', async (c) => {
    const date = dateIn(c.req.query('date')) ?? new Date().toISOString().slice(0, 10);
    const seen = await seeStore({ ...deps, reader }, c.req.param('id'), date);
    return c.html(storePage(seen, c.get('person')));
  });
  return routes;
}

async function isStoreName({ database }: OpsPageDeps, reader: Reader, name: string): Promise<boolean> {
  const { outbox, stores } = await reader.look();
  if (outbox.value?.stores.has(name)) return true;
  if (stores.value?.stores.some(({ locationId }) => locationId === name)) return true;
  const known = await askPostgres(database.read((tx) => isKnownStore(tx, name)));
  return 'told' in known && known.told;
}

function dateIn(text: string | undefined): string | undefined {
  return z.iso.date().safeParse(text).data;
}

/** Rendered once for all who see the same. */
function remembered(render: (seen: Seen, role: Role) => Promise<Picture>) {
  const rendered = new WeakMap<Seen, Map<Role, Promise<Picture>>>();
  return (seen: Seen, role: Role): Promise<Picture> => {
    const ofRoles = rendered.get(seen) ?? new Map<Role, Promise<Picture>>();
    rendered.set(seen, ofRoles);
    const found = ofRoles.get(role) ?? render(seen, role);
    ofRoles.set(role, found);
    return found;
  };
}
