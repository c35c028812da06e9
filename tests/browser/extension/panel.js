// What the published extension does on its panel, with the API's address as ?api=.

const api = new URLSearchParams(location.search).get("api");
const $ = (id) => document.getElementById(id);

function post(path, body) {
  return fetch(api + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }).then((response) => response.json());
}

function list(id, lines) {
  $(id).replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
}

try {
  const first = await fetch(`${api}/v1/signals?timeframe=15m`);
  const { signals } = await first.json();
  list("signals", signals.map((one) => `${one.symbol} ${one.action} ${one.status}`));
  const again = await fetch(`${api}/v1/signals?timeframe=15m`, {
    cache: "no-store",
    headers: { "If-None-Match": first.headers.get("ETag") },
  });
  $("again").textContent = String(again.status);
  const { analysis } = await post("/analyze_trader_type", {
    user_data: { name: "Ada" },
    user_profile: { risk_score: 5 },
    trader_type: "day_trader",
  });
  list("predictions", analysis.predictions.map((one) => `${one.ticker} ${one.action} ${one.confidence} ${one.current_price}`));
  const [best] = analysis.predictions;
  const told = await post("/recommend_stock", { stock_name: best.ticker, user_profile: {}, ml_output: best });
  $("explanation").textContent = told.gemini_explanation;
  $("state").textContent = "done";
} catch (error) {
  $("state").textContent = `refused: ${error.message}`;
}
