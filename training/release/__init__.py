"""From fitted models to a served revision: repository, card, gate, publishing."""
