"""The one exception that a user's mistake raises; the doors print it as a sentence and exit with status 2."""


class UserError(Exception):
    """Something the user can mend: a path, a file, a config value.

    The message is one clear sentence that names the file or the config key, what was found and what was expected.
    """
