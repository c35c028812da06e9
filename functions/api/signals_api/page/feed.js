// Asking the API again only for what may have changed: tags, lifetimes and troubles.

const LONGEST_WAIT = 60;
const SHORTEST_WAIT = 2;

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
  const response = await reach(path, known ? { "If-None-Match": known.tag } : {});
  if (response.status === 304 && known) return { ...known, holds: lifetime(response), changed: false };
  const body = await bodyOf(response);
  const answer = { body, tag: response.headers.get("ETag"), holds: lifetime(response), changed: true };
  if (answer.tag) held.set(path, answer);
  return answer;
}

async function reach(path, headers) {
  try {
    return await fetch(path, { headers, cache: "no-store" });
  } catch {
    throw new Trouble("The server cannot be reached.");
  }
}

async function bodyOf(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    throw new Trouble(`The server's answer cannot be read (${response.status}).`);
  }
  if (response.ok) return body;
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  throw new Trouble(body.detail || `The server answered ${response.status}.`, retryAfter);
}

/** For how many seconds an answer holds; null where it does not say. */
function lifetime(response) {
  const found = /max-age=(\d+)/.exec(response.headers.get("Cache-Control") || "");
  return found ? Number(found[1]) : null;
}

/** In how many seconds to ask again after these answers: when the first of them may have changed. */
export function nextAsk(answers) {
  const lifetimes = answers.map((answer) => answer.holds).filter((seconds) => seconds !== null);
  return Math.min(LONGEST_WAIT, Math.max(SHORTEST_WAIT, ...[Math.min(...lifetimes) + 1]));
}

/** In how many seconds to try again after so many failures in a row. */
export function nextTry(failures, trouble) {
  return Math.min(30, Math.max(trouble.retryAfter || 0, 3 * 2 ** (failures - 1)));
}
