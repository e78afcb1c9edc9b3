// The page is whole without this. It tells times in the reader's zone, and follows what happens: by a stream of
// events, or by asking now and then where it is not given one.
(() => {
  const POLL_MS = 5_000;
  const SILENCE_MAX_MS = 10_000;
  const STREAM_AGAIN_MS = 60_000;

  const zoneOf = (date) => {
    const minutes = -date.getTimezoneOffset();
    const two = (value) => String(Math.floor(value)).padStart(2, '0');
    return `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  };
  const two = (value) => String(value).padStart(2, '0');
  const dayOf = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clockOf = (date) => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const localOf = (date) => {
    const day = dayOf(date) === dayOf(new Date()) ? '' : `${dayOf(date)} `;
    return `${day}${clockOf(date)} ${zoneOf(date)}`;
  };

  function tellTimes(within) {
    for (const time of within.querySelectorAll('time[datetime]')) {
      const date = new Date(time.dateTime);
      if (time.dataset.as === 'title') time.title = `${dayOf(date)} ${clockOf(date)} ${zoneOf(date)}`;
      else time.textContent = localOf(date);
    }
  }

  tellTimes(document);
  const light = document.getElementById('live');
  if (light === null) return;

  const said = document.getElementById('said');
  let heardAt = performance.now();
  let source = null;
  let polling = 0;
  let refusedAt = Number.NEGATIVE_INFINITY;

  function show(state) {
    const text = { on: 'live', poll: 'every 5 s', off: 'not up to date' }[state];
    if (light.dataset.state !== state) light.dataset.state = state;
    if (light.textContent !== text) light.textContent = text;
  }

  /** What has the focus keeps it, by the address that it leads to; where that is gone, its section has it. */
  function replace(element, content) {
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    const href = focused?.getAttribute('href');
    element.innerHTML = content;
    tellTimes(element);
    if (focused === null) return;
    for (const link of element.querySelectorAll('a[href]')) {
      if (link.getAttribute('href') === href) return link.focus({ preventScroll: true });
    }
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
  }

  /** What a person has marked stays until it is marked no more. */
  function isMarked(element) {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
  }

  function take({ title, kind, sections }) {
    heardAt = performance.now();
    if (title) document.title = title;
    for (const [id, content] of Object.entries(sections)) {
      const element = document.getElementById(`live-${id}`);
      if (element !== null && !isMarked(element)) replace(element, content);
    }
    // Told aloud where it becomes another story, and not at each second of the same.
    if (kind && said !== null && said.dataset.kind !== kind) {
      said.dataset.kind = kind;
      said.textContent = document.querySelector('#live-standing h1')?.textContent ?? '';
    }
  }

  const browser = (() => {
    try {
      const known = localStorage.getItem('browser');
      if (known) return known;
      const fresh = Math.random().toString(36).slice(2);
      localStorage.setItem('browser', fresh);
      return fresh;
    } catch {
      return '';
    }
  })();

  async function poll() {
    clearTimeout(polling);
    if (document.hidden || source !== null) return;
    if (performance.now() - refusedAt > STREAM_AGAIN_MS) {
      follow();
      return;
    }
    try {
      const answer = await fetch('/live/now', { headers: { accept: 'application/json' } });
      if (!answer.ok) throw new Error(String(answer.status));
      take(await answer.json());
      show('poll');
    } catch {
      show('off');
    }
    clearTimeout(polling);
    polling = setTimeout(() => void poll(), POLL_MS);
  }

  function follow() {
    clearTimeout(polling);
    if (document.hidden || source !== null) return;
    const mine = new EventSource(`/live?browser=${encodeURIComponent(browser)}`);
    source = mine;
    mine.addEventListener('message', (event) => {
      take(JSON.parse(event.data));
      show('on');
    });
    mine.addEventListener('error', () => {
      // Else it connects again by itself: the stream ended, or the dashboard is away.
      if (mine.readyState !== EventSource.CLOSED || source !== mine) return;
      source = null;
      refusedAt = performance.now();
      void poll();
    });
  }

  function rest() {
    clearTimeout(polling);
    source?.close();
    source = null;
  }

  /** A tab that nobody sees takes none of the few connections that a browser has. */
  document.addEventListener('visibilitychange', () => (document.hidden ? rest() : follow()));
  addEventListener('pagehide', rest);
  addEventListener('pageshow', (event) => event.persisted && follow());
  setInterval(() => {
    if (!document.hidden && performance.now() - heardAt > SILENCE_MAX_MS) show('off');
  }, 1_000);
  follow();
})();
