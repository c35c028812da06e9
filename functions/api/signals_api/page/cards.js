// The cards: one signal each, as the extension shows them.

import { inWords, operatorsText } from "./reasons.js";
import { ACTIONS, capital, confidence, currency, decimalsOf, h, lengthOf, percent, price, time } from "./words.js";

/** How far BUY and SELL lie apart. */
const strength = ({ probabilities }) => (probabilities ? Math.abs(probabilities.buy - probabilities.sell) : -1);

/** Current before not; to act on before HOLD; the strongest first. */
export function inOrder(signals) {
  const rank = (signal) => (signal.status !== "ok" ? 2 : signal.action === "HOLD" ? 1 : 0);
  return [...signals].sort((a, b) => rank(a) - rank(b) || strength(b) - strength(a));
}

/** A signal whose time has run out since it was judged, as when the API cannot be reached. */
export function judgedAt(signal, now) {
  if (signal.status !== "ok" || Date.parse(signal.expires_at) > now) return signal;
  return { ...signal, status: "stale", reasons: [`expired at ${signal.expires_at}`] };
}

/** Put these signals into the list; cards that say the same as before stay, and focus with them. */
export function showCards(list, signals, now, open) {
  const before = new Map([...list.children].map((item) => [item.dataset.symbol, item]));
  const focused = list.contains(document.activeElement) ? document.activeElement.closest("li").dataset.symbol : null;
  const items = signals.map((signal) => {
    const says = JSON.stringify(signal);
    const known = before.get(signal.symbol);
    if (known && known.says === says) return known;
    const item = h("li", { "data-symbol": signal.symbol }, card(signal, now, open));
    item.says = says;
    return item;
  });
  if (items.length === list.children.length && items.every((item, i) => item === list.children[i])) return;
  list.replaceChildren(...items);
  if (focused) list.querySelector(`li[data-symbol="${CSS.escape(focused)}"] button`)?.focus();
}

function card(signal, now, open) {
  const current = signal.status === "ok";
  return h(
    "article",
    { class: `card ${current ? signal.action.toLowerCase() : "past"}`, "aria-labelledby": `name-${signal.symbol}` },
    h(
      "header",
      {},
      h(
        "h3",
        { id: `name-${signal.symbol}` },
        h(
          "button",
          { type: "button", class: "open", "aria-haspopup": "dialog", onclick: () => open(signal.symbol) },
          h("span", { class: "ticker" }, signal.symbol),
          signal.name === signal.symbol ? null : h("span", { class: "name" }, signal.name),
        ),
      ),
      verdict(signal),
    ),
    current ? null : standing(signal, now),
    limits(signal),
    signal.price === null ? null : figures(signal),
    signal.probabilities && chances(signal),
    foot(signal, now),
  );
}

/** Action and confidence; of a signal that is not current, what it last was; of none, a dash. */
export function verdict(signal) {
  const { word, mark } = ACTIONS[signal.action];
  if (signal.price === null) return h("p", { class: "verdict none" }, h("span", { class: "action" }, "No signal"));
  const current = signal.status === "ok";
  return h(
    "p",
    { class: "verdict" },
    h("span", { class: "action" }, h("span", { "aria-hidden": "true" }, `${mark} `), current ? word : `was ${word}`),
    h("span", { class: "confidence" }, confidence(signal), h("span", { class: "hidden" }, " confidence")),
  );
}

/** Why it is not current, in the reader's words, and since or until when. */
export function standing(signal, now) {
  const others = operatorsText(signal);
  const opens = signal.next_open ? [" It opens ", time(signal.next_open, now), "."] : null;
  const closed = signal.status === "market_closed" ? ["The market is closed: this is the last signal.", opens] : null;
  const expired = signal.status === "stale" && others.length < signal.reasons.length;
  const since = expired ? ["Not current since ", time(signal.expires_at, now), "."] : null;
  const why = signal.status !== "stale" || others.length ? inWords(signal) : "";
  const parts = [closed, since, why].filter(Boolean);
  return h("p", { class: "status" }, parts.map((part, i) => [i ? " " : "", part]));
}

/** The same in the operator's words, where there are any. */
export function operatorsReasons(signal) {
  const reasons = operatorsText(signal);
  if (signal.status === "ok" || !reasons.length) return null;
  return h("p", { class: "small" }, "Reported: ", sentence(reasons.join("; ")));
}

/** What limits a signal although it is served. */
export function limits({ caveats }) {
  return caveats && caveats.length ? h("p", { class: "status" }, caveats.map(sentence).join(" ")) : null;
}

export const sentence = (words) => `${capital(words)}.`;

function figures(signal) {
  const decimals = decimalsOf(signal.price);
  const figure = (label, value, kind) =>
    h("div", { class: kind }, h("dt", {}, label), h("dd", {}, price(value, decimals)));
  return [
    h("p", { class: "price" }, price(signal.price), " ", h("span", { class: "unit" }, currency(signal.market))),
    h(
      "dl",
      { class: decimals > 6 ? "targets rows" : "targets" },
      figure("Buy target", signal.buy_target, "to-buy"),
      figure("Sell target", signal.sell_target, "to-sell"),
      figure("Stop loss", signal.stop_loss, "to-stop"),
    ),
  ];
}

const kinds = ["sell", "hold", "buy"];
const share = (kind, of) => `${ACTIONS[kind.toUpperCase()].word} ${percent(100 * of[kind])}`;

/** Three shares in words. */
export const shares = (of) => kinds.map((kind) => share(kind, of)).join(", ");

/** The three probabilities, as a bar and in words. */
export function chances({ probabilities }) {
  const bar = h("span", { class: "bar", "aria-hidden": "true" }, kinds.map((kind) => h("span", { class: kind })));
  kinds.forEach((kind, i) => bar.children[i].style.setProperty("flex-grow", String(probabilities[kind])));
  return h("p", { class: "chances" }, bar, kinds.map((kind) => h("span", { class: `word ${kind}` }, share(kind, probabilities))));
}

function foot(signal, now) {
  if (signal.price === null) return null;
  return h(
    "footer",
    {},
    h("span", {}, lengthOf(signal.timeframe), " bar of ", time(signal.bar_close, now)),
    badges(signal),
  );
}

/** What must not be kept silent about. */
export function badges(signal) {
  return [
    signal.simulated ? h("span", { class: "badge", title: "The prices are made up." }, "Simulated") : null,
    signal.in_sample
      ? h("span", { class: "badge", title: "The model was trained on this bar: this says nothing about its skill." }, "Seen in training")
      : null,
  ];
}
