// One asset in full: its picture, its targets, what the signal stands on, and the signals before it.

import { badges, chances, limits, operatorsReasons, shares, standing, verdict } from "./cards.js";
import { barAt, picture, point, withSignals } from "./chart.js";
import { ACTIONS, author, confidence, currency, decimalsOf, figure, h, hour, minutesOf, price, time } from "./words.js";

const TRENDS = {
  up: "Above its averages of 9, 21 and 50 bars",
  down: "Below its averages of 9, 21 and 50 bars",
  mixed: "Between its averages of 9, 21 and 50 bars",
};
/** Past signals in the list; the picture has more. */
const SHOWN = 12;

/** Fill the dialog's body. What is undefined is on its way; missing names the parts that did not come. */
export function showDetail(body, { signal, explanation, market, past, missing = [], now }) {
  body.replaceChildren(
    ...[
      summary(signal, now),
      market && market.bars.length ? chart(signal, market, past || []) : placeholder(market, missing),
      missing.length > 0 && h("p", { class: "status" }, "A part of this view did not come. It is asked for again with the next bar."),
      explanation && h("section", {}, h("h3", {}, "Why"), ...why(explanation, signal, now)),
      signal.facts && h("section", {}, h("h3", {}, "What it stands on"), facts(signal)),
      past && past.length ? h("section", {}, h("h3", {}, "Signals so far"), history(past, now)) : null,
      signal.model && origin(signal, now),
    ].filter(Boolean),
  );
}

function summary(signal, now) {
  const current = signal.status === "ok";
  return h(
    "section",
    { class: `summary-of ${current ? signal.action.toLowerCase() : "past"}` },
    h("div", { class: "line" }, verdict(signal), signal.price === null ? null : priceOf(signal, now), badges(signal)),
    current ? null : standing(signal, now),
    operatorsReasons(signal),
    limits(signal),
    signal.probabilities && chances(signal),
  );
}

function priceOf(signal, now) {
  return h(
    "p",
    { class: "price" },
    price(signal.price),
    " ",
    h("span", { class: "unit" }, `${currency(signal.market)} · ${signal.price_source}, `, time(signal.price_time, now)),
  );
}

function placeholder(market, missing) {
  const words = missing.includes("market") ? "The picture cannot be loaded now." : "Loading the picture …";
  return h("p", { class: "no-picture" }, market ? "There are no bars to draw yet." : words);
}

/** The picture with a slider below it: by pointer or by arrow keys, each bar can be read. */
function chart(signal, market, past) {
  const bars = withSignals(market.bars, past);
  const levels = signal.price === null ? [] : levelsOf(signal);
  const frame = h("div", { class: "frame" });
  const output = h("output", { class: "reading" });
  const slider = h("input", {
    type: "range",
    min: "0",
    max: String(bars.length - 1),
    value: String(bars.length - 1),
    "aria-label": "Bar",
  });
  const read = () => {
    const words = reading(bars[Number(slider.value)]);
    slider.setAttribute("aria-valuetext", words);
    output.textContent = words;
    const svg = frame.querySelector("svg");
    if (svg) point(svg, Number(slider.value), bars.length);
  };
  slider.addEventListener("input", read);
  frame.addEventListener("pointermove", (event) => {
    slider.value = String(barAt(frame.querySelector("svg"), event.clientX, bars.length));
    read();
  });
  new ResizeObserver(() => {
    if (!frame.clientWidth) return;
    frame.replaceChildren(picture(bars, levels, frame.clientWidth, label(signal, bars)));
    read();
  }).observe(frame);
  return h("section", { class: "chart" }, frame, slider, output, legend(levels));
}

function levelsOf(signal) {
  return [
    { name: "Sell target", kind: "to-sell", value: signal.sell_target },
    { name: "Price", kind: "last", value: signal.price },
    { name: "Buy target", kind: "to-buy", value: signal.buy_target },
    { name: "Stop loss", kind: "to-stop", value: signal.stop_loss },
  ];
}

function legend(levels) {
  const entry = ({ name, kind, value }) =>
    h("li", { class: kind }, h("span", { class: "key", "aria-hidden": "true" }), `${name} ${price(value)}`);
  return h(
    "ul",
    { class: "legend" },
    levels.map(entry),
    h("li", {}, h("span", { class: "buy-mark", "aria-hidden": "true" }, "▲ "), "buy given"),
    h("li", {}, h("span", { class: "sell-mark", "aria-hidden": "true" }, "▼ "), "sell given"),
  );
}

function label(signal, bars) {
  const [low, high] = [Math.min(...bars.map((bar) => bar.low)), Math.max(...bars.map((bar) => bar.high))];
  return (
    `${bars.length} bars of 5 minutes of ${signal.name}, from ${hour(bars[0].close_time)} to ` +
    `${hour(bars.at(-1).close_time)}, between ${price(low)} and ${price(high)}; the last at ${price(bars.at(-1).close)}`
  );
}

function reading({ close_time, open, high, low, close, signal }) {
  const decimals = decimalsOf(close);
  const [o, hi, lo, c] = [open, high, low, close].map((value) => price(value, decimals));
  const given = signal ? ` · ${ACTIONS[signal.action].word} ${confidence(signal)}` : "";
  return `${hour(close_time)} · open ${o} · high ${hi} · low ${lo} · close ${c}${given}`;
}

function why(explanation, signal, now) {
  const about = explanation.bar_close && explanation.bar_close !== signal.bar_close;
  const writer = author(explanation);
  return [
    h("p", { class: "why" }, explanation.text),
    writer ? h("p", { class: "small" }, writer, about ? [", about the bar of ", time(explanation.bar_close, now)] : "", ".") : null,
  ];
}

/** What the model calls a buy or sell. */
function meaning({ label, threshold, horizon_bars, timeframe }) {
  const within = `within ${horizon_bars * minutesOf(timeframe)} minutes`;
  if (label === "volatility") return `a move of more than ${figure(threshold)} × the usual one ${within}`;
  if (label === "triple_barrier") return `its target is reached before its stop, ${within}`;
  return `a move of more than ${figure(100 * threshold)} % ${within}`;
}

function facts(signal) {
  const { facts: given, class_shares: usual } = signal;
  const rows = [
    ["Trend", TRENDS[given.trend] || given.trend],
    ["RSI (14)", given.rsi.toFixed(1)],
    ["Distance from VWAP", `${figure(given.vwap_pct)} %`],
    ["Volume", `${figure(given.volume_ratio)} × its average`],
    ["A typical bar moves", `${figure(given.atr_pct)} %`],
    ["Volatility of a bar", `${figure(given.volatility_pct)} %`],
    ["Buy or sell means", meaning(signal)],
    ...(usual ? [["In training it was", shares(usual)]] : []),
  ];
  return h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function history(past, now) {
  const heads = ["Bar", "Action", "Confidence", "Price"].map((name) => h("th", { scope: "col" }, name));
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, heads)),
    h("tbody", {}, past.slice(0, SHOWN).map((signal) => row(signal, now))),
  );
}

function row(signal, now) {
  const { word, mark } = ACTIONS[signal.action];
  return h(
    "tr",
    { class: signal.action.toLowerCase() },
    h("td", {}, time(signal.bar_close, now)),
    h("td", { class: "action" }, h("span", { "aria-hidden": "true" }, `${mark} `), word),
    h("td", {}, confidence(signal)),
    h("td", {}, price(signal.price)),
  );
}

function origin(signal, now) {
  const revision = signal.model.revision.slice(0, 12);
  return h("p", { class: "small" }, `Model ${signal.model.id}, revision ${revision} · decided `, time(signal.generated_at, now));
}
