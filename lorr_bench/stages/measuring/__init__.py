"""The stages that measure a model: answers, their grades, lm-eval, and facts about the problems."""
