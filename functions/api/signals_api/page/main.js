// The page: what is asked for, what is shown, and when to look again.

import { inOrder, judgedAt, sentence, showCards } from "./cards.js";
import { showDetail } from "./detail.js";
import { ask, askOnce, nextAsk, nextTry } from "./feed.js";
import { ACTIONS, MARKETS, ageOf, date, h, hour, lengthOf, time, titled } from "./words.js";

const $ = (id) => document.getElementById(id);
const filters = $("filters");
const dialog = $("detail");

const shown = {
  signals: [],
  markets: [],
  /** When the server last answered, by its own clock. */
  at: null,
  /** The server's clock against this page's: in a replay they are years apart. */
  ahead: 0,
  timeframes: [],
  /** The timeframe of an overview that was asked for without one. */
  usual: "",
  asset: null,
  detail: {},
};
const chosen = { timeframe: "", market: "", action: "" };
let failures = 0;
let timer = 0;
let round = 0;
let due = 0;
/** When the last rounds began. */
const rounds = [];

const serverNow = () => Date.now() + shown.ahead;

// ------------------------------------------------------------------ asking

/** Ask for everything that may have changed, show it, and decide when to ask again. */
async function refresh() {
  clearTimeout(timer);
  const mine = ++round;
  rounds.push(Date.now());
  rounds.splice(0, rounds.length - 9);
  try {
    const holds = await load(mine);
    if (mine !== round) return;
    failures = 0;
    tell(null);
    later(nextAsk(holds, rounds, Date.now()));
  } catch (trouble) {
    if (mine !== round) return;
    failures += 1;
    const wait = nextTry(failures, trouble);
    tell(`${trouble.message} Trying again in ${wait} seconds.`);
    later(wait);
  }
  show();
}

/** A page that nobody sees asks nothing: it does so when it is seen again. */
function later(seconds) {
  due = Date.now() + 1000 * seconds;
  clearTimeout(timer);
  timer = setTimeout(() => document.visibilityState === "visible" && refresh(), 1000 * seconds);
}

/** The seconds for which the overview of this round holds; a later round takes its place. */
async function load(mine) {
  const listed = askOnce("/v1/assets").then(({ body }) => offer(body.timeframes), () => null);
  if (chosen.timeframe && !shown.timeframes.length) await listed;
  const { timeframe } = chosen;
  const named = timeframe && timeframe !== shown.usual;
  const [overview] = await Promise.all([
    ask(named ? `/v1/overview?timeframe=${encodeURIComponent(timeframe)}` : "/v1/overview"),
    shown.asset && loadDetail(),
  ]);
  if (mine !== round) return 0;
  const { body, now } = overview;
  if (!named) shown.usual = body.timeframe;
  chosen.timeframe = body.timeframe;
  if (!shown.timeframes.length) offer([body.timeframe]);
  shown.signals = body.signals.map((one) => ({ ...one, timeframe: body.timeframe }));
  shown.markets = body.markets;
  shown.at = now;
  shown.ahead = now - Date.now();
  return overview.holds;
}

/** What only the open asset shows. Each part comes, or not, for itself. */
async function loadDetail() {
  const { asset } = shown;
  const { timeframe } = chosen;
  const of = `timeframe=${encodeURIComponent(timeframe)}`;
  const parts = {
    full: [`/v1/signals/${asset}?${of}`, (body) => body.signals[0]],
    explanation: [`/v1/explanations?${of}&symbols=${asset}`, (body) => body.explanations[0]],
    market: [`/v1/markets/${asset}`, (body) => body],
    past: [`/v1/signals/${asset}/history?${of}&limit=78`, (body) => body.signals],
  };
  const found = { missing: [] };
  await Promise.all(
    Object.entries(parts).map(async ([name, [path, pick]]) => {
      try {
        found[name] = pick((await ask(path)).body);
      } catch {
        found[name] = shown.detail[name];
        found.missing.push(name);
      }
    }),
  );
  if (asset === shown.asset && timeframe === chosen.timeframe) shown.detail = found;
}

async function openedDetail() {
  await loadDetail();
  show();
}

// ------------------------------------------------------------------ showing

function show() {
  const now = serverNow();
  const signals = shown.signals.map((one) => (judgedAt(one, now)));
  const wanted = inOrder(signals).filter(
    (one) =>
      (!chosen.market || one.market === chosen.market) &&
      (!chosen.action || (one.action === chosen.action && one.price !== null)),
  );
  showCards($("cards"), wanted, now, choose);
  $("nothing").hidden = wanted.length > 0 || signals.length === 0;
  if (signals.length) setText($("summary"), counted(wanted));
  if (shown.at) {
    showAge(signals, now);
    showMarkets(shown.markets, now);
  }
  showOrigin(signals);
  showNotice(signals);
  const detailed = signals.find((one) => one.symbol === shown.asset);
  if (dialog.open && detailed) {
    const says = JSON.stringify([detailed, shown.detail]);
    if (dialog.says !== says) {
      dialog.says = says;
      const { full } = shown.detail;
      const same = full && full.timeframe === detailed.timeframe && full.bar_close === detailed.bar_close;
      const signal = same ? { ...full, ...detailed } : detailed;
      $("detail-title").textContent = titled(detailed);
      showDetail($("detail-body"), { ...shown.detail, signal, now });
    }
  }
}

/** How old the data are, and when the next come. */
function showAge(signals, now) {
  const newest = signals.map((one) => one.bar_close).filter(Boolean).sort().at(-1);
  const length = 60_000 * parseInt(chosen.timeframe, 10);
  const open = shown.markets.some((market) => market.open);
  const next = open ? ` Next bar closes in ${ageOf(length - (now % length))}.` : "";
  if (!newest) return $("updated").replaceChildren(next.trim());
  return $("updated").replaceChildren("Newest bar ", time(newest, now), `, ${ageOf(now - Date.parse(newest))} ago.`, next);
}

/** Only a change of words is said aloud. */
function setText(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function counted(signals) {
  const current = signals.filter((one) => one.status === "ok");
  const each = Object.entries(ACTIONS)
    .map(([action, { word }]) => [current.filter((one) => one.action === action).length, word.toLowerCase()])
    .map(([count, word]) => `${count} ${word}`);
  const past = signals.length - current.length;
  return `${current.length} current: ${each.join(", ")}${past ? `; ${past} not current` : ""}.`;
}

function showMarkets(markets, now) {
  const items = markets.map(({ market, open, next_open, fresh_share }) => {
    const state = open ? "open" : "closed";
    return h(
      "li",
      { class: fresh_share !== null && fresh_share < 1 ? `${state} lacking` : state },
      h("span", { class: "dot", "aria-hidden": "true" }),
      h("strong", {}, MARKETS[market]),
      ` ${state}`,
      next_open ? h("span", { class: "opens" }, ", opens ", time(next_open, now)) : null,
      open && fresh_share !== null ? h("span", { class: "fresh" }, ` · ${Math.round(100 * fresh_share)} % current`) : null,
    );
  });
  const words = items.map((item) => item.textContent).join();
  if ($("markets").says !== words) {
    $("markets").says = words;
    $("markets").replaceChildren(...items);
  }
}

/** Prices that are not of now are never left to be taken for such. */
function showOrigin(signals) {
  const priced = signals.filter((one) => one.price !== null);
  const simulated = priced.some((one) => one.simulated);
  const replayed = priced.some((one) => one.price_source.startsWith("replay"));
  $("origin").hidden = !(simulated || replayed);
  setText(
    $("origin"),
    simulated
      ? "Simulated market: every price on this page is made up."
      : `Replay of recorded candles: this page shows ${date(serverNow())}, not today.`,
  );
}

/** What is to be known of signals that are current: that they are as they were read a while ago. */
function showNotice(signals) {
  const reasons = new Set(signals.filter((one) => one.status === "ok").flatMap((one) => one.reasons));
  $("notice").hidden = reasons.size === 0;
  setText($("notice"), [...reasons].map(sentence).join(" "));
}

function tell(words) {
  const known = shown.at && words ? ` Shown is what was known at ${hour(shown.at)}.` : "";
  $("trouble").hidden = !words;
  setText($("trouble-text"), words ? `${words}${known}` : "");
  if (words && !shown.signals.length) setText($("summary"), "No signals yet.");
}

// ------------------------------------------------------------------ choosing

/** A button for each timeframe that the API has; the first is chosen where nothing else was. */
function offer(timeframes) {
  if (!timeframes.includes(chosen.timeframe)) chosen.timeframe = timeframes[0];
  if (timeframes.join() === shown.timeframes.join()) return;
  shown.timeframes = timeframes;
  const buttons = timeframes.map((timeframe) => {
    const box = { type: "radio", name: "timeframe", value: timeframe, checked: timeframe === chosen.timeframe };
    return h("label", {}, h("input", box), h("span", {}, lengthOf(timeframe)));
  });
  $("timeframes").replaceChildren($("timeframes").firstElementChild, ...buttons);
}

function choose(symbol) {
  Object.assign(shown, { asset: symbol, detail: {} });
  dialog.says = "";
  $("detail-title").textContent = titled(shown.signals.find((one) => one.symbol === symbol));
  if (!dialog.open) dialog.showModal();
  $("detail-body").scrollTop = 0;
  remember();
  show();
  openedDetail();
}

function remember() {
  const query = new URLSearchParams();
  if (shown.timeframes.length && chosen.timeframe !== shown.timeframes[0]) query.set("timeframe", chosen.timeframe);
  for (const name of ["market", "action"]) if (chosen[name]) query.set(name, chosen[name]);
  if (shown.asset) query.set("asset", shown.asset);
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
}

function recall() {
  const query = new URLSearchParams(location.search);
  chosen.timeframe = query.get("timeframe") ?? "";
  for (const name of ["market", "action"]) {
    const box = [...filters.elements].find((each) => each.name === name && each.value === (query.get(name) ?? ""));
    if (box) box.checked = true;
    chosen[name] = filters.elements[name].value;
  }
}

filters.addEventListener("change", (event) => {
  chosen[event.target.name] = event.target.value;
  remember();
  shown.detail = { market: shown.detail.market };
  if (event.target.name === "timeframe") refresh();
  else show();
});
filters.addEventListener("submit", (event) => event.preventDefault());
$("retry").addEventListener("click", refresh);
$("detail-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("close", () => {
  shown.asset = null;
  remember();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && Date.now() >= due) refresh();
});
addEventListener("online", refresh);
$("show-all").addEventListener("click", () => {
  for (const name of ["market", "action"]) {
    for (const box of filters.elements[name]) box.checked = box.value === "";
    chosen[name] = "";
  }
  remember();
  show();
  $("cards").focus();
});
setInterval(() => shown.signals.length && show(), 5000);

recall();
await refresh();
const linked = new URLSearchParams(location.search).get("asset");
if (shown.signals.some((one) => one.symbol === linked)) choose(linked);
