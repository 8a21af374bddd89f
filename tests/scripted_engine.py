"""An engine that answers from a script: what all such engines of the tests share."""


class ScriptedEngine:
    """Holds every model, counts words as tokens, and remembers what it was asked. Say how it generates."""

    context = 6

    def __init__(self):
        self.asked = []

    def disagreement(self, fingerprint):
        return None

    def load(self, folder, revision):
        pass

    def sleep(self):
        pass

    def fits(self, prompt):
        return self.count_tokens(prompt) < self.context

    def count_tokens(self, prompt):
        return len(prompt.split())
