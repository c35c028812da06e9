"""Small AWS services that several packages use."""
