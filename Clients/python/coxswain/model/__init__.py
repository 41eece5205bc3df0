"""A deliberately plain engine, its adapter to the session rules, and a judge that knows messages only."""
