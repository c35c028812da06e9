// Numbers, times and elements as people read them. Text from the API only ever becomes text, never markup.

export const ACTIONS = {
  BUY: { word: "Buy", mark: "▲" },
  SELL: { word: "Sell", mark: "▼" },
  HOLD: { word: "Hold", mark: "●" },
};
export const MARKETS = { stocks: "Stocks", crypto: "Crypto" };

/** The minutes of a timeframe, e.g. of 15m. */
export const minutesOf = (timeframe) => parseInt(timeframe, 10);
export const lengthOf = (timeframe) => `${minutesOf(timeframe)} min`;

/** Who wrote an explanation: the template, or a language model by its name. */
export function author({ source }) {
  if (source === "none") return null;
  return source === "template" ? "From a template" : `Written by ${capital(source)}`;
}

export const capital = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1)}`;

/** Cents from 10 up, six significant digits below: as the API rounds prices. */
export function decimalsOf(price) {
  return price >= 10 || price <= 0 ? 2 : 5 - Math.floor(Math.log10(price));
}

export function price(value, decimals = decimalsOf(value)) {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Whole per cent, halves to the even one: as the explanations round them. */
export function percent(value) {
  const whole = Number(value.toFixed(4)).toLocaleString("en-US", { maximumFractionDigits: 0, roundingMode: "halfEven" });
  return `${whole} %`;
}

/** Three significant digits. */
export const figure = (value) => String(Number(value.toPrecision(3)));

/** A signal's confidence in per cent, rounded once: the API's has been rounded to a tenth before. */
export function confidence({ probabilities, action }) {
  return percent(100 * probabilities[action.toLowerCase()]);
}

/** What a market's prices are in. */
export const currency = (market) => (market === "stocks" ? "USD" : "USDT");

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const year = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

export const hour = (moment) => clock.format(new Date(moment));
export const date = (moment) => year.format(new Date(moment));

/** The time of day, with the day where that is another than now's. */
export function when(moment, now) {
  const [then, today] = [new Date(moment), new Date(now)];
  const apart = Math.abs(then - today);
  if (then.toDateString() === today.toDateString()) return clock.format(then);
  if (apart < 6 * 86_400_000) return `${weekday.format(then)} ${clock.format(then)}`;
  return `${day.format(then)} ${clock.format(then)}`;
}

/** A stretch of milliseconds in its largest unit. */
export function ageOf(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 2 * 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

/** An asset's symbol and name; once where both are alike. */
export const titled = ({ symbol, name }) => (name && name !== symbol ? `${symbol} ${name}` : symbol);

/** A time element: short to the eye, whole in its title. */
export function time(moment, now) {
  return h("time", { datetime: moment, title: full.format(new Date(moment)) }, when(moment, now));
}

/** An HTML element; attributes that are null or false are left out, children that are null too. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
