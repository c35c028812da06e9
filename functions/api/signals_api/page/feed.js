// Asking the API only for what may have changed, and not too often: tags, lifetimes, rounds and troubles.

/** Rounds in a window of so many seconds, however short the answers' lifetimes are. */
const MOST_ROUNDS = 4;
const WINDOW = 300;
/** Seconds from a bar's close until its signals are stored, and over how many more the readers spread. */
const STORED_AFTER = 25;
const SPREAD = 20;
const SHORTEST_WAIT = 30;
const FIRST_TRY = 3;
const LONGEST_TRY = 300;
/** Seconds after which a request that has no answer is given up. */
const PATIENCE = 8;

/** What went wrong, in words for the reader; retryAfter in seconds where the API said so. */
export class Trouble extends Error {
  constructor(message, retryAfter = null) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

const held = new Map();

/** The answer to a path: from what is held where the API says that it still stands, else anew. */
export async function ask(path) {
  const known = held.get(path);
  const given = new AbortController();
  const timer = setTimeout(() => given.abort(), 1000 * PATIENCE);
  try {
    const response = await reach(path, known ? { "If-None-Match": known.tag } : {}, given.signal);
    const fresh = { holds: lifetime(response), asked: Date.now(), now: serverTime(response) };
    const unchanged = response.status === 304 && known;
    const answer = unchanged
      ? { ...known, ...fresh }
      : { body: await bodyOf(response, given.signal), tag: response.headers.get("ETag"), ...fresh };
    if (answer.tag) held.set(path, answer);
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

/** The same, without a request for as long as the last answer holds. */
export async function askOnce(path) {
  const known = held.get(path);
  return known && Date.now() < known.asked + 1000 * known.holds ? known : ask(path);
}

async function reach(path, headers, signal) {
  try {
    return await fetch(path, { headers, signal, cache: "no-store" });
  } catch {
    if (signal.aborted) throw late();
    // A gateway that throttles answers without CORS headers: a browser shows that as a network error.
    throw new Trouble("The server cannot be reached, or too many ask it at once.");
  }
}

const late = () => new Trouble(`The server did not answer within ${PATIENCE} seconds.`);

async function bodyOf(response, signal) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    if (signal.aborted) throw late();
    throw new Trouble(`The server's answer cannot be read (${response.status}).`, waitOf(response));
  }
  if (response.ok) return body;
  throw new Trouble(body.detail || `The server answered ${response.status}.`, waitOf(response));
}

const waitOf = (response) => Number(response.headers.get("Retry-After")) || null;

/** The server's time in milliseconds: as it was answered, and for how long a cache has held it since. */
function serverTime({ headers }) {
  return Date.parse(headers.get("X-Now")) + 1000 * (Number(headers.get("Age")) || 0);
}

/** For how many seconds an answer holds; 0 where it does not say. */
function lifetime(response) {
  const found = /max-age=(\d+)/.exec(response.headers.get("Cache-Control") || "");
  return found ? Number(found[1]) : 0;
}

/** In how many seconds to ask again, given for how many the answer holds and when rounds began (ms).
 *
 * An answer changes when a bar closes, but its signals come a little later; and readers spread, so that
 * not all ask in the same second.
 */
export function nextAsk(holds, rounds, now) {
  const spread = SPREAD * Math.random();
  const wait = holds > SHORTEST_WAIT ? holds + STORED_AFTER : SHORTEST_WAIT;
  const oldest = rounds.at(-MOST_ROUNDS);
  const free = oldest === undefined ? 0 : (oldest - now) / 1000 + WINDOW;
  return Math.max(wait, free) + spread;
}

/** In how many whole seconds to try again after so many failures in a row; readers spread here too. */
export function nextTry(failures, trouble) {
  const wait = Math.min(LONGEST_TRY, FIRST_TRY * 2 ** (failures - 1));
  return Math.ceil(Math.max(trouble.retryAfter || 0, wait) * (1 + Math.random() / 2));
}
