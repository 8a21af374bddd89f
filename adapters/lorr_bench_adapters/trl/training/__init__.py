"""TRL's trainers with the replay loop mixed in. Imports torch and TRL: imported only when training starts."""
