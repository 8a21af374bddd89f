"""The stages that make preference pairs: sampled, imported, or drawn anew between replays."""
