"""Three sentences beside a signal, of true statements that Gemini or the template chose."""
