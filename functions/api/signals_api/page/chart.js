// The candle picture: bars, volume, the signals that were given, and the targets of the last one.

import { ACTIONS, confidence, decimalsOf, hour, price, s } from "./words.js";

const HEIGHT = 320;
const VOLUME = 44;
const EDGE = { top: 12, bottom: 24, left: 8 };
const TAG = 17;

/** What is drawn at which bar: each bar with the signal that was given when it closed. */
export function withSignals(bars, past) {
  const given = new Map(past.map((signal) => [signal.bar_close, signal]));
  return bars.map((bar) => ({ ...bar, signal: given.get(bar.close_time) || null }));
}

/** The picture of at least one bar, as wide as given, in pixels. levels are {name, kind, value}. */
export function picture(bars, levels, width, label) {
  const decimals = decimalsOf(bars.at(-1).close);
  const axis = 16 + 7.2 * price(bars.at(-1).close, decimals).length;
  const plot = { left: EDGE.left, right: width - axis, top: EDGE.top, bottom: HEIGHT - EDGE.bottom - VOLUME };
  const values = [...bars.flatMap((bar) => [bar.low, bar.high]), ...levels.map((level) => level.value)];
  const [low, high] = padded(Math.min(...values), Math.max(...values));
  const step = (plot.right - plot.left) / bars.length;
  const x = (i) => plot.left + (i + 0.5) * step;
  const y = (value) => plot.bottom - ((value - low) / (high - low)) * (plot.bottom - plot.top);
  const scale = { plot, low, high, step, x, y, width, decimals };
  const named = apart(levels, scale);
  return s(
    "svg",
    { class: "picture", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": label },
    grid(scale, named),
    hours(bars, scale),
    bars.map((bar, i) => candle(bar, i, scale, Math.max(...bars.map((one) => one.volume)))),
    levels.map((level) => line(level, scale)),
    bars.map((bar, i) => marker(bar, i, scale)),
    named.map((level) => tag(level, scale)),
    s("line", { class: "cursor", y1: plot.top, y2: HEIGHT - EDGE.bottom, visibility: "hidden" }),
  );
}

/** Move the cursor of a picture to a bar. */
export function point(svg, index, count) {
  const width = svg.viewBox.baseVal.width;
  const cursor = svg.querySelector(".cursor");
  const right = Number(svg.querySelector(".grid line").getAttribute("x2"));
  const at = EDGE.left + ((index + 0.5) * (right - EDGE.left)) / count;
  for (const end of ["x1", "x2"]) cursor.setAttribute(end, Math.min(at, width));
  cursor.setAttribute("visibility", "visible");
}

/** The bar under a pointer, as an index. */
export function barAt(svg, clientX, count) {
  const box = svg.getBoundingClientRect();
  const right = Number(svg.querySelector(".grid line").getAttribute("x2"));
  const share = (clientX - box.left - EDGE.left) / (right - EDGE.left);
  return Math.max(0, Math.min(count - 1, Math.floor(share * count)));
}

function padded(low, high) {
  const margin = (high - low || high * 0.001) * 0.06;
  return [low - margin, high + margin];
}

/** Round prices across the picture; their numbers make room for the levels' tags. */
function grid({ plot, low, high, y, decimals }, named) {
  const free = (value) => named.every(({ at }) => Math.abs(at - y(value)) > 0.9 * TAG);
  const number = (value) =>
    s("text", { x: plot.right + 8, y: y(value), "dominant-baseline": "central" }, price(value, decimals));
  return s(
    "g",
    { class: "grid" },
    niceTicks(low, high, 6).map((value) => [
      s("line", { x1: plot.left, x2: plot.right, y1: y(value), y2: y(value) }),
      free(value) ? number(value) : null,
    ]),
  );
}

/** Round numbers between two values. */
function niceTicks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.max(1, Math.floor(high / step) - first + 1) }, (_, i) => (first + i) * step);
}

/** Whole hours where there is room for them. */
function hours(bars, { plot, step, x }) {
  const whole = bars.map((bar, i) => [bar, i]).filter(([bar]) => new Date(bar.close_time).getMinutes() === 0);
  const room = Math.max(1, Math.ceil((56 * whole.length) / (plot.right - plot.left + step)));
  return s(
    "g",
    { class: "hours" },
    whole
      .filter((_, i) => i % room === 0)
      .map(([bar, i]) => s("text", { x: x(i), y: HEIGHT - 8, "text-anchor": "middle" }, hour(bar.close_time))),
  );
}

function candle(bar, i, { step, x, y }, mostVolume) {
  const body = Math.max(1, Math.min(11, step * 0.64));
  const [top, bottom] = [y(Math.max(bar.open, bar.close)), y(Math.min(bar.open, bar.close))];
  const tall = mostVolume ? (VOLUME - 6) * (bar.volume / mostVolume) : 0;
  const left = x(i) - body / 2;
  return s(
    "g",
    { class: `candle ${bar.close >= bar.open ? "rise" : "fall"}` },
    s("line", { x1: x(i), x2: x(i), y1: y(bar.high), y2: y(bar.low) }),
    s("rect", { x: left, y: top, width: body, height: Math.max(1, bottom - top) }),
    s("rect", { class: "volume", x: left, y: HEIGHT - EDGE.bottom - tall, width: body, height: tall }),
  );
}

/** A triangle below a BUY, above a SELL; a HOLD leaves the picture as it is. */
function marker({ signal, high, low }, i, { x, y }) {
  if (!signal || signal.action === "HOLD") return null;
  const buy = signal.action === "BUY";
  const [tip, side] = buy ? [y(low) + 4, 8] : [y(high) - 4, -8];
  const title = `${ACTIONS[signal.action].word} ${hour(signal.bar_close)}, ${confidence(signal)}`;
  return s(
    "path",
    { class: `marker ${buy ? "buy" : "sell"}`, d: `M${x(i)} ${tip}l5 ${side}h-10z` },
    s("title", {}, title),
  );
}

function line({ kind, value }, { plot, y }) {
  return s("line", { class: `level ${kind}`, x1: plot.left, x2: plot.right, y1: y(value), y2: y(value) });
}

/** The levels from the highest down, with where their tags go: moved apart where they would overlap. */
function apart(levels, { y }) {
  let last = -Infinity;
  return [...levels]
    .sort((a, b) => b.value - a.value)
    .map((level) => ({ ...level, at: (last = Math.max(y(level.value), last + TAG)) }));
}

function tag({ name, kind, value, at }, { plot, width, decimals }) {
  return s(
    "g",
    { class: `tag ${kind}` },
    s("title", {}, name),
    s("rect", { x: plot.right + 2, y: at - TAG / 2, width: width - plot.right - 2, height: TAG - 1, rx: 3 }),
    s("text", { x: plot.right + 8, y: at, "dominant-baseline": "central" }, price(value, decimals)),
  );
}
