"""Three sentences beside a signal: by Gemini within a budget and under checks, else by a template."""
