// Why a signal is not current, in the reader's words. The detail shows the operator's text.

const WORDS = {
  no_data: "No prices have come for this bar.",
  bad_data: "The prices that came look wrong, so there is no signal of them.",
  no_model: "There is no model for this asset and timeframe yet.",
  stale: "No newer signal has come.",
};

/** What every reader understands, by the signal's status; nothing where the status says all. */
export const inWords = ({ status }) => WORDS[status] || "";

/** What the operator is told; expiry and closing are said in words already. */
export function operatorsText({ reasons }) {
  return reasons.filter((reason) => !reason.startsWith("expired at") && reason !== "the market is closed");
}
