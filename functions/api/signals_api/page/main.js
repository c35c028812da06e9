// The page: what is asked for, what is shown, and when to look again.

import { inOrder, judgedAt, sentence, showCards } from "./cards.js";
import { showDetail } from "./detail.js";
import { ask, nextAsk, nextTry } from "./feed.js";
import { ACTIONS, MARKETS, date, h, hour, lengthOf, time } from "./words.js";

const $ = (id) => document.getElementById(id);
const filters = $("filters");
const dialog = $("detail");

const shown = {
  signals: [],
  explanations: new Map(),
  state: null,
  /** The server's clock against this page's: in a replay they are years apart. */
  ahead: 0,
  names: new Map(),
  timeframes: [],
  asset: null,
  market: null,
  past: null,
};
const chosen = { timeframe: "", market: "", action: "" };
let failures = 0;
let timer = 0;
let round = 0;

const serverNow = () => Date.now() + shown.ahead;

// ------------------------------------------------------------------ asking

/** Ask for everything that may have changed, show it, and decide when to ask again. */
async function refresh() {
  clearTimeout(timer);
  const mine = ++round;
  try {
    const wait = await load();
    if (mine !== round) return;
    failures = 0;
    tell(null);
    timer = setTimeout(refresh, 1000 * wait);
  } catch (trouble) {
    if (mine !== round) return;
    failures += 1;
    const wait = nextTry(failures, trouble);
    tell(`${trouble.message} Trying again in ${wait} seconds.`);
    timer = setTimeout(refresh, 1000 * wait);
  }
  show();
}

async function load() {
  if (!shown.timeframes.length) offer((await ask("/v1/assets")).body.timeframes);
  const { timeframe, asset } = { ...chosen, asset: shown.asset };
  const answers = await Promise.all([
    ask(`/v1/signals?timeframe=${timeframe}`),
    ask(`/v1/explanations?timeframe=${timeframe}`),
    ask("/v1/assets"),
    ask("/v1/markets"),
    ...(asset ? [ask(`/v1/markets/${asset}`), ask(`/v1/signals/${asset}/history?timeframe=${timeframe}&limit=78`)] : []),
  ]);
  const [signals, explanations, assets, state, market, past] = answers;
  if (timeframe !== chosen.timeframe || asset !== shown.asset) return 0;
  offer(assets.body.timeframes);
  shown.names = new Map(assets.body.assets.map(({ symbol, name }) => [symbol, name]));
  shown.signals = signals.body.signals;
  shown.explanations = new Map(explanations.body.explanations.map((one) => [one.symbol, one]));
  shown.state = state.body;
  shown.ahead = Date.parse(state.body.now) - Date.now();
  if (asset) [shown.market, shown.past] = [market.body, past.body.signals];
  return nextAsk([signals, explanations]);
}

// ------------------------------------------------------------------ showing

function show() {
  const now = serverNow();
  const signals = shown.signals.map((one) => ({ ...judgedAt(one, now), name: shown.names.get(one.symbol) || "" }));
  const wanted = inOrder(signals).filter(
    (one) =>
      (!chosen.market || one.market === chosen.market) &&
      (!chosen.action || (one.action === chosen.action && one.price !== null)),
  );
  showCards($("cards"), wanted, shown.explanations, now, choose);
  $("nothing").hidden = wanted.length > 0 || signals.length === 0;
  if (signals.length) setText($("summary"), counted(wanted));
  if (shown.state) {
    $("updated").replaceChildren("As of ", time(shown.state.now, now));
    showMarkets(shown.state.markets, now);
  }
  showOrigin(signals);
  showNotice(signals);
  const detailed = signals.find((one) => one.symbol === shown.asset);
  if (dialog.open && detailed) {
    const says = JSON.stringify([detailed, shown.explanations.get(shown.asset), shown.market, shown.past]);
    if (dialog.says !== says) {
      dialog.says = says;
      const explanation = shown.explanations.get(shown.asset);
      showDetail($("detail-body"), { signal: detailed, explanation, market: shown.market, past: shown.past, now });
    }
  }
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
  const known = shown.state && words ? ` Shown is what was known at ${hour(shown.state.now)}.` : "";
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
  Object.assign(shown, { asset: symbol, market: null, past: null });
  dialog.says = "";
  $("detail-title").textContent = `${symbol} ${shown.names.get(symbol) || ""}`;
  if (!dialog.open) dialog.showModal();
  $("detail-body").scrollTop = 0;
  remember();
  show();
  refresh();
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
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
setInterval(() => shown.signals.length && show(), 5000);

recall();
await refresh();
const linked = new URLSearchParams(location.search).get("asset");
if (shown.names.has(linked)) choose(linked);
